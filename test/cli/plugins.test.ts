import { mkdirSync, readdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { cw, deno, folder, type Options, records, root, start, write } from "./Cw.ts"
import { clusters, pipeline, services, sink } from "./Target.ts"

const inputs = { "clusters.json": clusters, "services.json": services("reviews") }

const small = (type: string): string => `
import { Schema } from "effect"
import * as Same from "effect/Schema"
import { Sink } from "@coddiwomple/core"
export default Sink.make({
  type: ${JSON.stringify(type)},
  summary: "for a test",
  config: Schema.Struct({ path: Schema.optionalKey(Schema.NonEmptyString), count: Schema.optionalKey(Same.Int) }),
  make: () => Sink.write(() => undefined)
})
`

/** cw without a build. */
const bin = join(root, "packages/cli/src/bin.ts")
const sources = deno ? [join(root, "node_modules/.bin/deno"), "run", "-A", bin] : [process.execPath, bin]

/** What validate says of sinks that use these plugins, by the word after `uses:`. */
const findings = async (
  files: Readonly<Record<string, string>>,
  uses: ReadonlyArray<string>,
  more: ReadonlyArray<string> = [],
  options: Options = {}
) => {
  const text = JSON.parse(pipeline()) as { sinks: Record<string, object> }
  text.sinks = Object.fromEntries(uses.map((each, i) => [`s${i}`, { uses: each }]))
  const cwd = folder({ ...inputs, ...files, "pipeline.yaml": JSON.stringify(text, null, 1) })
  const { stdout, stderr } = await cw(["validate", "-o", "json", ...more], { cwd, ...options })
  assert.strictEqual(stderr, "")
  assert.notMatch(stdout, / {4}at /, "a stack trace")
  const all = records(stdout).filter((r) => r.type === "diagnostic") as unknown as ReadonlyArray<{
    readonly code: string
    readonly message: string
    readonly help: string
    readonly node: string
    readonly place: { readonly line: number }
    readonly related?: ReadonlyArray<{
      readonly place?: { readonly file: string; readonly line: number; readonly col?: number }
    }>
  }>
  return new Map(uses.map((each, i) => [each, all.find((d) => d.node === `s${i}`)]))
}

describe("plugins", () => {
  it("runs a loose TypeScript file without node_modules, with the effect of cw itself", async () => {
    const cwd = folder({ ...inputs, "pipeline.yaml": pipeline(), "target.ts": sink })
    assert.deepInclude(await cw(["run"], { cwd }), { code: 0, stdout: "" })
    assert.notInclude(readdirSync(cwd), "node_modules")
    // Checks such as NonEmptyString work only where decoder and schema come from one copy.
    write(cwd, { "pipeline.yaml": pipeline({ target: { file: "" } }) })
    const empty = await cw(["run"], { cwd })
    assert.deepInclude(empty, { code: 78 })
    assert.match(empty.stderr, /error\[CW105\][^]*sinks\.out\.with\.file/)
  })

  it("runs one beside a package.json that says commonjs, as `npm init` writes it", async () => {
    const cwd = folder({
      ...inputs,
      "pipeline.yaml": pipeline(),
      "package.json": JSON.stringify({ name: "shop", type: "commonjs" }),
      "target.ts": sink
    })
    assert.deepInclude(await cw(["run"], { cwd }), { code: 0, stdout: "" })
  })

  it("loads packages that are installed next to the pipeline file, and lists them with their version", async () => {
    const manifest = (name: string, main: string) => JSON.stringify({ name, version: "1.2.3", type: "module", main })
    const files = {
      "node_modules/cw-plugin-x/package.json": manifest("cw-plugin-x", "index.js"),
      "node_modules/cw-plugin-x/index.js": small("x"),
      // A copy of its own is not used.
      "node_modules/effect/package.json": manifest("effect", "index.js"),
      "node_modules/effect/index.js": "throw new Error('a second copy of effect')"
    }
    const uses = ["cw-plugin-x", "npm:cw-plugin-x", "npm:cw-plugin-x@^1.2"]
    for (const [each, finding] of await findings(files, uses)) assert.isUndefined(finding, each)
    const cwd = folder({
      ...inputs,
      ...files,
      "pipeline.yaml": pipeline({ sink: { uses: "cw-plugin-x", policy: "upsert-only", with: {} } })
    })
    const { stdout } = await cw(["list", "sink", "--file", "pipeline.yaml", "-o", "json"], { cwd })
    assert.deepInclude(records(stdout).at(-1), { uses: "cw-plugin-x", version: "1.2.3", kind: "sink" })
  })

  it("tells every way of not being a plugin apart, all at once, in the module's own words", async () => {
    const found = await findings(
      {
        "throws.ts": 'import "effect"\n\nthrow new Error("no luck\\u001b[31m")\n',
        "syntax.ts": "export default {\n  a: 1,,\n}\n",
        "within.ts": 'import "./syntax.ts"\nexport default 1\n',
        "plain.js": "export default {\n  a: 1,,\n}\n",
        "over.js": 'import "./plain.js"\nexport default 1\n',
        "none.ts": "export const x = 1\n",
        "array.ts": "export default []\n",
        "named.ts": small("x").replace("export default", "export const mine ="),
        "v2.ts": 'export default { "~cw/Plugin/v2": "sink", make() {} }\n',
        "source.ts": small("x")
          .replace(/Sink\.make/, "Source.make")
          .replace(/\{ Sink \}/, "{ Sink, Source }"),
        "imports.ts": 'import "./gone.ts"\nexport default 1\n',
        "unserved.ts": 'import "effect/sql"\nexport default 1\n',
        "node_modules/@acme/typed/package.json": JSON.stringify({
          name: "@acme/typed",
          version: "1.0.0",
          type: "module",
          main: "index.ts"
        }),
        "node_modules/@acme/typed/index.ts": "export default 1 as number"
      },
      ["throws", "syntax", "within", "none", "array", "named", "v2", "source", "imports", "unserved", "gone"]
        .map((name) => `./${name}.ts`)
        .concat(
          "npm:@acme/cw-webhook@^1.2",
          "npm:@acme/typed",
          "json",
          "stdotu",
          "jsn",
          "quite-unknown",
          "constructor",
          "./nane.ts",
          "./none.js",
          "./plain.js",
          "./over.js"
        )
    )
    assert.deepStrictEqual(
      [...found].map(([uses, finding]) => `${uses} ${finding?.code}`),
      [
        "./throws.ts CW202",
        "./syntax.ts CW202",
        "./within.ts CW202",
        "./none.ts CW203",
        "./array.ts CW203",
        "./named.ts CW203",
        "./v2.ts CW204",
        "./source.ts CW205",
        "./imports.ts CW202",
        "./unserved.ts CW202",
        "./gone.ts CW202",
        "npm:@acme/cw-webhook@^1.2 CW202",
        "npm:@acme/typed CW202",
        "json CW205",
        "stdotu CW201",
        "jsn CW201",
        "quite-unknown CW201",
        "constructor CW201",
        "./nane.ts CW202",
        "./none.js CW202",
        "./plain.js CW202",
        "./over.js CW202"
      ]
    )
    const says = (uses: string, part: RegExp): void =>
      assert.match(`${found.get(uses)!.message} ${found.get(uses)!.help}`, part, uses)
    says("./throws.ts", /no luck/)
    assert.strictEqual(found.get("./throws.ts")!.related?.[0]?.place?.line, 3)
    for (const uses of ["./syntax.ts", "./within.ts"]) {
      assert.include(found.get(uses)!.message, "`,`")
      assert.deepInclude(found.get(uses)!.related?.[0]?.place, { line: 2, col: 8 })
      assert.match(found.get(uses)!.related![0]!.place!.file, /syntax\.ts$/)
    }
    for (const uses of ["./plain.js", "./over.js"]) {
      assert.deepInclude(found.get(uses)!.related?.[0]?.place, { line: 2, col: 8 })
      assert.match(found.get(uses)!.related![0]!.place!.file, /plain\.js$/)
    }
    says("./named.ts", /exports `mine` but nothing by default/)
    says("./v2.ts", /plugin API v2/)
    says("./unserved.ts", /"effect\/sql"/)
    says("npm:@acme/cw-webhook@^1.2", /@acme\/cw-webhook is not installed.*npm i @acme\/cw-webhook@\^1\.2/)
    says("npm:@acme/typed", /publish JavaScript/)
    says("stdotu", /did you mean "stdout"/)
    says("jsn", /did you mean "json", which is a source/)
    says("quite-unknown", /npm:<package>/)
    says("./nane.ts", /did you mean "\.\/none\.ts"/)
    says("./none.js", /did you mean "\.\/none\.ts"/)
  })

  it("keeps what plugins tell out of the data on stdout", async () => {
    const words = ["log", "info", "debug", "dir", "table"]
    const told = [...words, "write", "bytes", "named", "end"]
    const chatty = [
      ...words.map((word) => `console.${word}("told by ${word}")`),
      'process.stdout.write("told by write\\n", "utf8", () => {})',
      'process.stdout.write(new TextEncoder().encode("told by bytes\\n"))',
      'standard.write("told by named\\n")',
      'Readable.from(["told by piped\\n"]).pipe(process.stdout)',
      'process.stdout.end("told by end\\n")',
      ""
    ].join("\n")
    const plugin = sink.replace("const host = yield* Host", `${chatty}const host = yield* Host`)
    const imports = 'import { stdout as standard } from "node:process"\nimport { Readable } from "node:stream"\n'
    const text = JSON.parse(pipeline()) as { sinks: object }
    text.sinks = { ...text.sinks, data: { uses: "stdout" } }
    const cwd = folder({ ...inputs, "pipeline.yaml": JSON.stringify(text), "target.ts": imports + chatty + plugin })
    for (const [args, data, times, options] of [
      [["run"], "kind: ServiceEntry", 2, {}],
      [["run"], "kind: ServiceEntry", 2, { command: sources }],
      [["plan", "-o", "json"], "change_summary", 2, {}],
      [["doctor", "-o", "json"], "type", 2, {}],
      // Listed plugins are loaded, not built.
      [["list", "-f", "pipeline.yaml"], "./target.ts", 1, {}]
    ] as const) {
      const { code, stderr, stdout } = await cw(args, { cwd, ...options })
      assert.strictEqual(code, 0, stderr)
      assert.include(stdout, data)
      assert.notInclude(stdout, "told by")
      if (args.some((arg) => arg === "json")) assert.isNotEmpty(records(stdout))
      // What flows needs a moment, which a command that ends may not have.
      assert.include(stderr, "told by piped")
      for (const word of told) assert.lengthOf(stderr.split(`told by ${word}`), times + 1, `${args[0]}: ${word}`)
    }
  })

  it("takes up a changed module that a plugin imports, directly or through another", async () => {
    const made = sink.replace(
      "const host = yield* Host",
      "console.error(`made ${mark}.`)\n      const host = yield* Host"
    )
    const plugin = `import { mark } from "./lib/mark.ts"\n${made}`
    const mark = (more = "") => `import { deep } from "./deep.ts"\nexport const mark = deep + "${more}"\n`
    const pipelineTs = `
import { definePipeline } from "@coddiwomple/config"
import target from "./target.ts"
const sources = { inventory: { uses: "json", with: { clusters: "clusters.json", services: "services.json" } } }
const transforms = { mesh: { uses: "istio-global-dns" } }
export default definePipeline({ metadata: { name: "typed" }, sources, transforms, sinks: { out: { uses: target, with: { file: "state.json" } } } })
`
    const deep = (word: string) => ({ "lib/deep.ts": `export const deep = "${word}"\n` })
    for (const file of ["pipeline.yaml", "pipeline.ts"]) {
      const texts = { "pipeline.yaml": pipeline(), "pipeline.ts": pipelineTs, "target.ts": plugin }
      const cwd = folder({ ...inputs, ...texts, "lib/mark.ts": mark(), ...deep("one") })
      const running = start(["run", "--watch", file], { cwd })
      await running.said("made one.")
      await running.said("out: generation 1")
      write(cwd, deep("two"))
      await running.said("made two.")
      write(cwd, { "lib/mark.ts": mark("!") })
      await running.said("made two!.")
      write(cwd, { "lib/deep.ts": "export const deep = ;\n" })
      await running.said("what runs goes on unchanged")
      write(cwd, deep("three"))
      await running.said("made three!.")
      write(cwd, { "lib/mark.ts": mark("!").replace("./deep.ts", "./late.ts") })
      await running.said("late.ts")
      write(cwd, { "lib/late.ts": 'export const deep = "four"\n' })
      await running.said("made four!.")
      write(cwd, { "target.ts": plugin.replace("`made", "`again") })
      await running.said("again four!.")
      running.kill("SIGTERM")
      const { code, stderr } = await running.done
      assert.strictEqual(code, 0, stderr)
      assert.match(stderr, /lib\/deep\.ts:1:/)
    }
  })

  it("says one line when a plugin throws where nobody waits", async () => {
    const late = sink.replace(
      "import { existsSync",
      'setTimeout(() => { throw new Error("too late") }, 50)\nimport { existsSync'
    )
    const cwd = folder({ ...inputs, "pipeline.yaml": pipeline({ target: { slow: 30_000 } }), "target.ts": late })
    const { code, stderr } = await cw(["run"], { cwd })
    assert.strictEqual(code, 1)
    assert.include(stderr, "cw: unexpected error: too late\n")
    assert.notInclude(stderr, "    at ")
  })

  it("imports nothing of others with --no-plugins, and checks the rest", async () => {
    const files = {
      "marks.ts": 'import { writeFileSync } from "node:fs"\nwriteFileSync("loaded", "")\nexport default 1\n'
    }
    const found = await findings(files, ["./marks.ts", "npm:nothing", "stdotu"], ["--no-plugins"])
    assert.deepStrictEqual(
      [...found.values()].map((d) => d?.code),
      ["CW207", "CW207", "CW201"]
    )
    const cwd = folder({ ...inputs, ...files, "pipeline.yaml": pipeline({ sink: { uses: "./marks.ts" } }) })
    assert.deepInclude(await cw(["validate", "--no-plugins"], { cwd }), { code: 0 })
    assert.deepInclude(await cw(["run", "--no-plugins"], { cwd }), { code: 78 })
    assert.notInclude(readdirSync(cwd), "loaded")
  })

  it("serves process and http of effect, and core, to plugins", async () => {
    const plugin = small("x").replace(
      "export default",
      `import * as ChildProcess from "effect/process/ChildProcess"
import { HttpClient } from "effect/http"
import * as Names from "@coddiwomple/core/Names"
import { Desired } from "@coddiwomple/core/Desired"
import { Host } from "@coddiwomple/core/Host"
if (Host.key === undefined || Desired.prototype === undefined) throw new Error("not served")
if (typeof ChildProcess.make !== "function" || !("get" in HttpClient) || !Names.isIp("192.0.2.1")) throw new Error("not served")
export default`
    )
    assert.deepStrictEqual([...(await findings({ "p.ts": plugin }, ["./p.ts"])).values()], [undefined])
  })

  it("runs a pipeline.ts, with plugins as values and by name", async () => {
    const text = `
import { definePipeline } from "@coddiwomple/config"
import json from "@coddiwomple/source-json"
import target from "./target.ts"
export default definePipeline({
  metadata: { name: "typed" },
  sources: { inventory: { uses: json, with: { clusters: "clusters.json", services: "services.json" } } },
  transforms: { mesh: { uses: "istio-global-dns" } },
  sinks: { out: { uses: target, policy: "sync", with: { file: "state.json" } } }
})
`
    const cwd = folder({ ...inputs, "target.ts": sink, "pipeline.ts": text, "not.ts": "export default {}" })
    const ran = await cw(["run"], { cwd })
    assert.deepInclude(ran, { code: 0, stdout: "" })
    assert.include(ran.stderr, "typed: 1 service in 2 clusters")
    assert.deepInclude(await cw(["run", "not.ts"], { cwd }), { code: 78 })
    const untrusted = await cw(["validate", "--no-plugins"], { cwd })
    assert.deepInclude(untrusted, { code: 78 })
    assert.include(untrusted.stderr, "CW207")
  })

  it.skipIf(deno)("runs from the sources as they are, with one copy of effect", async () => {
    const cwd = folder({ ...inputs, "pipeline.yaml": pipeline(), "target.ts": sink })
    // Another copy beside the pipeline must not be taken.
    mkdirSync(join(cwd, "node_modules"))
    symlinkSync(join(root, "node_modules/effect"), join(cwd, "node_modules/effect"))
    for (const command of [
      [process.execPath, bin],
      [join(root, "node_modules/.bin/deno"), "run", "-A", bin]
    ]) {
      const { code, stderr } = await cw(["run"], { cwd, command })
      assert.strictEqual(code, 0, stderr)
    }
  })
})
