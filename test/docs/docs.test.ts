/**
 * Every command in README, docs and examples is run, in order, in a copy of what the document stands in.
 * An example's commands start in its own folder; its `expected/` folder says what must come out: `stdout` of all commands together, and files below `tree/`.
 * UPDATE=1 rewrites it.
 */
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "vitest"
import { commands } from "./Document.ts"
import { root, workspace } from "./Shell.ts"

const update = process.env.UPDATE === "1"
const list = (pattern: string, cwd = root): ReadonlyArray<string> => globSync(pattern, { cwd }).sort()

/** Waiting for a whole document, on two busy cores. */
const patience = 120_000

describe("documents", () => {
  for (const file of [
    "README.md",
    ...list("docs/**/*.md"),
    ...list("plugins/*/README.md"),
    ...list("packages/*/README.md")
  ]) {
    const runnable = commands(join(root, file)).filter((c) => c.mark === "" || c.mark === "watch")
    if (runnable.length === 0) continue
    it(
      file,
      async () => {
        using shell = workspace(["examples", "testdata"])
        for (const command of runnable) {
          const result = await shell.run(command)
          assert.equal(result.code, command.exit, `${file}:${command.line}: ${command.text}\n${result.stderr}`)
        }
      },
      patience
    )
  }
})

describe("examples", () => {
  const examples = list("examples/*/README.md").map(dirname)
  it("are numbered without gaps in the first digits' order and have a README with a command", () => {
    const found = list("examples/*").filter((f) => !f.endsWith(".md"))
    assert.deepEqual(examples, found)
    for (const example of examples) {
      assert.match(example, /^examples\/\d\d-[a-z0-9-]+$/)
      assert.isAbove(commands(join(root, example, "README.md")).length, 0, example)
    }
  })
  for (const example of examples) {
    const runnable = commands(join(root, example, "README.md")).filter((c) => c.mark === "" || c.mark === "watch")
    if (runnable.length === 0) continue
    it(
      example,
      async () => {
        using shell = workspace(["examples", "testdata"], example)
        let stdout = ""
        for (const command of runnable) {
          const result = await shell.run(command)
          assert.equal(
            result.code,
            command.exit,
            `${example}/README.md:${command.line}: ${command.text}\n${result.stderr}`
          )
          stdout += result.stdout
        }
        compare(join(root, example, "expected"), shell.directory, stdout)
      },
      patience
    )
  }
})

/** The expected output against what came out; with UPDATE=1 the other way round. */
const compare = (expected: string, actual: string, stdout: string): void => {
  const tree = join(expected, "tree")
  const roots = existsSync(tree) ? list("*", tree) : []
  if (update) {
    mkdirSync(expected, { recursive: true })
    if (stdout.length > 0) writeFileSync(join(expected, "stdout"), stdout)
    for (const folder of roots) {
      rmSync(join(tree, folder), { recursive: true })
      for (const file of files(actual, folder)) {
        mkdirSync(dirname(join(tree, file)), { recursive: true })
        writeFileSync(join(tree, file), readFileSync(join(actual, file)))
      }
    }
    return
  }
  if (stdout.length > 0) assert.equal(stdout, readFileSync(join(expected, "stdout"), "utf8"))
  for (const folder of roots) {
    assert.deepEqual(files(actual, folder), files(tree, folder))
    for (const file of files(tree, folder))
      assert.equal(readFileSync(join(actual, file), "utf8"), readFileSync(join(tree, file), "utf8"), file)
  }
}

/** All files of a folder, or the file itself; what holds process ids and times is left out. */
const files = (base: string, folder: string): ReadonlyArray<string> =>
  globSync(`${folder}/**`, { cwd: base, withFileTypes: true, exclude: (f) => f.name === "lock" })
    .concat(globSync(folder, { cwd: base, withFileTypes: true }))
    .filter((f) => f.isFile())
    .map((f) => join(f.parentPath, f.name).slice(base.length + 1))
    .sort()
