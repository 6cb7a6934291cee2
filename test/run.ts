// What `npm test` runs: build, types, lint, then one suite on Node and on Deno. Shows what it does as it goes, and ends
// with exactly one line `N passed, N failed, N skipped`; exit 1 when anything failed.
//   node test/run.ts [--only build,types,lint,node,deno]
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"

const root = join(import.meta.dirname, "..")
const bin = join(root, "node_modules", ".bin")
// `npm test` puts node_modules/.bin first, so this is the devDependency Node; called by hand it may not be.
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ""}`, CI: process.env.CI ?? "" }
const scratch = mkdtempSync(join(tmpdir(), "cw-test-"))

interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

const run = (command: string, args: ReadonlyArray<string>): Promise<number> =>
  new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: "inherit" })
    child.once("error", (error) => {
      process.stdout.write(`${command}: ${error.message}\n`)
      resolve(1)
    })
    child.once("close", (code) => resolve(code ?? 1))
  })

/** A step that passes or fails as a whole. */
const whole = async (command: string, ...args: ReadonlyArray<string>): Promise<Tally> => {
  const failed = (await run(command, args)) === 0 ? 0 : 1
  return { passed: 1 - failed, failed, skipped: 0 }
}

const suite = async (name: string, command: string, ...args: ReadonlyArray<string>): Promise<Tally> => {
  const file = join(scratch, `${name}.json`)
  const code = await run(command, [...args, "--reporter=default", "--reporter=json", `--outputFile.json=${file}`])
  try {
    const result = JSON.parse(readFileSync(file, "utf8")) as {
      readonly numPassedTests: number
      readonly numFailedTests: number
      readonly numPendingTests: number
      readonly numTodoTests: number
      readonly numFailedTestSuites: number
    }
    // A file that fails before its first test has no failed test, and an unhandled error has neither.
    const failed = Math.max(result.numFailedTests, code === 0 ? 0 : 1)
    return { passed: result.numPassedTests, failed, skipped: result.numPendingTests + result.numTodoTests }
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  }
}

const sum = (all: ReadonlyArray<Tally>): Tally => ({
  passed: all.reduce((n, t) => n + t.passed, 0),
  failed: all.reduce((n, t) => n + t.failed, 0),
  skipped: all.reduce((n, t) => n + t.skipped, 0)
})

const vitest = join(root, "node_modules", "vitest", "vitest.mjs")
const steps: Record<string, () => Promise<Tally>> = {
  // Real servers and meshes, built once into a cache outside the checkout. Elsewhere their tests are skipped without them.
  ...(env.CI === "" ? {} : { parts: () => whole("node", join(root, "test", "parts", "bin.ts"), "ensure") }),
  build: () => whole("node", join(root, "packages", "cli", "build.mjs")),
  // The page is checked apart: it has the browser's types, everything else has Node's.
  types: async () => sum([await whole("tsc", "-p", "."), await whole("tsc", "-p", join("packages", "ui"))]),
  lint: async () =>
    sum([
      await whole("oxlint", "--deny-warnings", "--quiet"),
      await whole("biome", "format", "."),
      await whole("node", join(root, "test", "boundaries.ts"))
    ]),
  node: () => suite("node", "node", vitest, "run"),
  deno: () => suite("deno", "deno", "run", "-A", vitest, "run")
}

const only = process.argv.indexOf("--only")
const wanted = only < 0 ? Object.keys(steps) : (process.argv[only + 1] ?? "").split(",")
const unknown = wanted.filter((name) => !(name in steps))
if (unknown.length > 0) {
  process.stderr.write(`unknown step ${unknown.join(", ")}; steps: ${Object.keys(steps).join(", ")}\n`)
  process.exit(64)
}

const tallies: Array<Tally> = []
for (const name of wanted) {
  const started = performance.now()
  process.stdout.write(`\n== ${name}\n`)
  const tally = await steps[name]!()
  tallies.push(tally)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  process.stdout.write(`== ${name}: ${tally.failed === 0 ? "ok" : "FAILED"}, ${seconds} s\n`)
}
rmSync(scratch, { recursive: true, force: true })
const { passed, failed, skipped } = sum(tallies)
process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`)
process.exitCode = failed === 0 ? 0 : 1
