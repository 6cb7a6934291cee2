#!/usr/bin/env node
// The command `cw`. Committed as it is, because npm links bin files before anything is built.
// It runs on any Node: an old one gets handed over to the `node` package beside cw, or a sentence that says what to do.
// No static import and no import.meta: a Node too old for them must still reach that sentence.
var runtime = process.versions
var parts = runtime.node.split(".").map(Number)
var tooOld = !runtime.deno && (parts[0] < 22 || (parts[0] === 22 && parts[1] < 19))
var fail = function (line, code) {
  process.stderr.write("cw: " + line + "\n")
  process.exitCode = code
}

if (tooOld) {
  import("./handover.js").then(
    function (handover) {
      handover.run(function () {
        fail(
          "Node.js 22.19 or newer is needed, this is " +
            runtime.node +
            ": install a newer one, or `npm i node@24` beside cw",
          1
        )
      })
    },
    function () {
      fail("Node.js 22.19 or newer is needed, this is " + runtime.node, 1)
    }
  )
} else {
  var only = process.argv.length === 3 ? process.argv[2] : ""
  var builtin = process.getBuiltinModule
  if (only === "--version" || only === "-V") {
    var fs = builtin("node:fs")
    var shim = fs.realpathSync(process.argv[1])
    var file = builtin("node:path").join(shim, "..", "..", "package.json")
    process.stdout.write("cw " + JSON.parse(fs.readFileSync(file, "utf8")).version + "\n")
  } else {
    var cache = builtin("node:module").enableCompileCache
    if (cache) cache()
    // A run over a large fleet makes much short-lived garbage; V8 would answer with a new space of 100 MiB and more.
    // Small runs are over before this.
    if (!runtime.deno) {
      setTimeout(function () {
        var flags = builtin("node:v8").setFlagsFromString
        if (flags) flags("--semi-space-growth-factor=1")
      }, 120).unref()
    }
    import("../dist/cw.js").catch(function (error) {
      if (error && error.code === "ERR_MODULE_NOT_FOUND" && /dist.cw\.js/.test(error.message)) {
        fail("not built yet: run `npm run build`", 1)
      } else throw error
    })
  }
}
