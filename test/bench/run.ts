/**
 * All benchmarks, or those named: `npm run bench -- startup throughput`. Prints a table for each; `--write` puts them
 * into docs/performance.md; exit 1 when a target is missed.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { cpus, totalmem } from "node:os"
import { join } from "node:path"
import type { Figure } from "./Measure.ts"

const benches: Readonly<Record<string, () => Promise<{ readonly default: () => Promise<ReadonlyArray<Figure>> }>>> = {
  startup: () => import("./startup.ts"),
  incremental: () => import("./incremental.ts"),
  throughput: () => import("./throughput.ts"),
  emitter: () => import("./emitter.ts"),
  ui: () => import("./ui.ts"),
  git: () => import("./git.ts"),
  manifests: () => import("./manifests.ts"),
  dns: () => import("./dns.ts"),
  trace: () => import("./trace.ts"),
  live: () => import("./live.ts"),
  watch: () => import("./watch.ts")
}

const args = process.argv.slice(2)
const write = args.includes("--write")
const names = args.filter((a) => !a.startsWith("--"))
const sections = new Map<string, Array<string>>()
let lines: Array<string> = []
let missed = 0

const say = (line: string): void => {
  lines.push(line)
  process.stdout.write(`${line}\n`)
}

const machine = `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`
process.stdout.write(`${machine}\n`)
for (const name of names.length > 0 ? names : Object.keys(benches)) {
  const load = benches[name]
  if (load === undefined) throw new Error(`unknown benchmark ${name}; there are ${Object.keys(benches).join(", ")}`)
  lines = []
  sections.set(name, lines)
  process.stdout.write("\n")
  say(`### ${name}\n\n| what | measured | must reach | |\n| --- | --- | --- | --- |`)
  for (const figure of await (await load()).default()) {
    if (figure.ok === false) missed++
    say(
      `| ${figure.what} | ${figure.value} | ${figure.target ?? ""} | ${figure.ok === undefined ? "" : figure.ok ? "yes" : "**no**"} |`
    )
  }
}
if (write) {
  // What was not measured now keeps its figures.
  const file = join(import.meta.dirname, "../../docs/performance.md")
  const [head, old = ""] = readFileSync(file, "utf8").split("<!-- figures -->")
  const before = new Map(old.split(/^(?=### )/m).map((text) => [/^### (\S+)/.exec(text)?.[1] ?? "", text.trimEnd()]))
  const parts = Object.keys(benches).flatMap((name) => sections.get(name)?.join("\n") ?? before.get(name) ?? [])
  writeFileSync(file, `${head}<!-- figures -->\n\n${machine}\n\n${parts.join("\n\n")}\n`)
}
if (missed > 0) process.exitCode = 1
