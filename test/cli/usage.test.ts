import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { cw, deno, folder, lines, root, start } from "./Cw.ts"
import { files } from "./Target.ts"

const { version } = JSON.parse(readFileSync(join(root, "packages/cli/package.json"), "utf8")) as {
  readonly version: string
}

describe("usage", () => {
  it("tells its version", async () => {
    for (const args of [["--version"], ["--version", "--color", "never"]]) {
      assert.deepInclude(await cw(args), { code: 0, stdout: `cw ${version}\n`, stderr: "" })
    }
  })

  it("prints help on stdout when asked, on stderr with exit 64 when nothing was asked", async () => {
    const asked = await cw(["--help"])
    assert.deepInclude(asked, { code: 0, stderr: "" })
    const unasked = await cw([])
    assert.deepInclude(unasked, { code: 64, stdout: "" })
    assert.strictEqual(unasked.stderr, asked.stdout)
  })

  it.each(
    "init validate plan run apply render gen doctor graph list explain trace schema config completions".split(" ")
  )("cw %s --help has a summary, usage, flags with defaults and an example", async (name) => {
    const { code, stderr, stdout } = await cw([name, "--help"])
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
    for (const heading of ["DESCRIPTION", "USAGE", "EXAMPLES"]) assert.include(stdout, heading)
    assert.include(stdout, `cw ${name}`)
    const flags = stdout.split(/^FLAGS$/m)[1]?.split(/^[A-Z]/m)[0] ?? ""
    for (const line of lines(flags)) assert.match(line, /\(default: .+\)|needed/, line)
  })

  it.each([
    [["rnu"], 'cw: unknown command "rnu"', 'did you mean "run"?'],
    [["run", "--wach"], 'cw run: unknown flag "--wach"', 'did you mean "--watch"?'],
    [["run", "a", "b"], 'cw run: unexpected "b"', "run `cw run --help`"],
    [
      ["run", "--allow-deletes", "some"],
      'cw run: --allow-deletes cannot be "some": expected a number or "all"',
      "run `cw run --help`"
    ],
    [["run", "--once", "--watch"], "cw run: --once and --watch exclude each other", "give one of them"],
    [["plan", "-o", "yaml"], 'cw plan: --output cannot be "yaml": expected "text" | "json"', "run `cw plan --help`"],
    [["run", "--sink"], "cw run: --sink needs a value: A,B", "run `cw run --help`"],
    [["run", "--set", "x"], 'cw run: --set cannot be "x": expected PATH=VALUE', "run `cw run --help`"],
    [["completions"], "cw completions: <shell> is missing", "run `cw completions --help`"],
    [
      ["new", "snik", "x"],
      'cw new: <kind> cannot be "snik": expected "source" | "transform" | "check" | "sink"',
      'did you mean "sink"? or run `cw new --help`'
    ],
    [["completions", "tcsh"], 'cw completions: <shell> cannot be "tcsh"', "run `cw completions --help`"],
    [["gen", "--profile", "nice"], 'cw gen: --profile cannot be "nice"', "run `cw gen --help`"],
    [["gen", "--clutser", "a"], 'cw gen: unknown flag "--clutser"', 'did you mean "--cluster"?'],
    [["\u001b[31mred\u202e"], 'cw: unknown command "\\u001b[31mred', "run `cw --help`"]
  ])("%j is refused in two lines with exit 64", async (args, what, advice) => {
    const { code, stderr, stdout } = await cw(args)
    assert.deepStrictEqual({ code, stdout }, { code: 64, stdout: "" })
    const [first, second, ...more] = lines(stderr)
    assert.include(first, what)
    assert.include(second, advice)
    assert.deepStrictEqual(more, [])
    assert.notMatch(stderr, /[\u001b\u202e]/)
  })

  it.each(["bash", "zsh", "fish", "powershell"])("completes in %s", async (shell) => {
    const { code, stderr, stdout } = await cw(["completions", shell])
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
    for (const word of ["validate", "--allow-deletes", "doctor"]) assert.include(stdout, word.replace(/^--/, ""))
    if (shell === "bash") execFileSync("bash", ["-n"], { input: stdout })
  })

  it("ends quietly with 0 when its reader goes away", async () => {
    const running = start(["completions", "zsh"], { cwd: folder() })
    running.process.stdout!.destroy()
    assert.deepInclude(await running.done, { code: 0, stderr: "" })
  })

  it.skipIf(deno)("says what is missing where it was not built, and starts from a link anywhere", async () => {
    const { symlinkSync } = await import("node:fs")
    const path = folder({
      "pkg/package.json": '{"type":"module","version":"9.9.9"}',
      "pkg/bin/cw.js": readFileSync(join(root, "packages/cli/bin/cw.js"), "utf8")
    })
    symlinkSync(join(path, "pkg/bin/cw.js"), join(path, "cw"))
    const command = [process.execPath, join(path, "cw")]
    assert.deepInclude(await cw(["--version"], { command }), { code: 0, stdout: "cw 9.9.9\n" })
    const unbuilt = await cw(["run"], { command })
    assert.deepInclude(unbuilt, { code: 1, stdout: "" })
    assert.include(unbuilt.stderr, "npm run build")
  })

  it.skipIf(deno)(
    "hands over to the node package beside it where the Node is too old, and else says what to do",
    async () => {
      const old = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.0' } })"
      const path = folder({
        "old.cjs": old,
        "bare/package.json": '{"type":"module"}',
        "bare/cw.js": readFileSync(join(root, "packages/cli/bin/cw.js"), "utf8"),
        "bare/handover.js": readFileSync(join(root, "packages/cli/bin/handover.js"), "utf8")
      })
      const oldNode = [process.execPath, "--require", join(path, "old.cjs")]
      const beside = { command: [...oldNode, join(root, "packages/cli/bin/cw.js")] }
      assert.deepInclude(await cw(["--version"], beside), { code: 0, stdout: `cw ${version}\n`, stderr: "" })
      assert.deepInclude(await cw(["rnu"], beside), { code: 64, stdout: "" })
      const alone = await cw(["run"], { command: [...oldNode, join(path, "bare/cw.js")] })
      assert.deepInclude(alone, { code: 1, stdout: "" })
      assert.match(alone.stderr, /^cw: Node\.js 22\.19 or newer is needed, this is 18\.20\.0: .*\n$/)
      // A signal reaches the process that does the work, and its exit status comes back.
      const cwd = folder(files({ source: { watch: true } }))
      const running = start(["run"], { cwd, ...beside })
      await running.said("out: generation 1")
      running.kill("SIGTERM")
      assert.deepInclude(await running.done, { code: 0, signal: null })
    }
  )
})
