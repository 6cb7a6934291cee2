// Prints the matrix as a table: a row per host and port, a column per calling cluster; in a cell, who answered. And what
// README.md shows of a whole run.
import type { Fleet } from "./Fleet.ts"
import type { Check } from "./Matrix.ts"
import type { Mesh } from "./Mesh.ts"

const row = (cells: ReadonlyArray<string>, widths: ReadonlyArray<number>): string =>
  cells
    .map((cell, i) => cell.padEnd(widths[i]!))
    .join("  ")
    .trimEnd()

const aligned = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((cells) => cells[i]!.length)))
  return rows.map((cells) => `${row(cells, widths)}\n`).join("")
}

/** Who is not meant to call has no check. */
const mark = (check: Check | undefined): string =>
  check === undefined ? "–" : check.ok ? check.seen : `✗ ${check.seen}`

/** Rows: host and port; columns: calling clusters. */
const calls = (clusters: ReadonlyArray<string>, checks: ReadonlyArray<Check>): ReadonlyArray<ReadonlyArray<string>> => {
  const lines = new Map<string, Map<string, Check>>()
  for (const check of checks.filter((each) => each.part === "delivery")) {
    const [from, to] = check.what.split(" → ") as [string, string]
    lines.set(to, (lines.get(to) ?? new Map()).set(from, check))
  }
  const head = ["call", ...clusters.map((name) => `from ${name}`)]
  return [head, ...[...lines].map(([to, cells]) => [to, ...clusters.map((name) => mark(cells.get(name)))])]
}

export const table = (mesh: Mesh, checks: ReadonlyArray<Check>): string => {
  const clusters = mesh.clusters.map((each) => each.name)
  const rest = checks.filter((each) => each.part !== "delivery")
  const parts = [...new Set(rest.map((each) => each.part))].map((part) => {
    const own = rest.filter((each) => each.part === part)
    return [part, `${own.filter((each) => each.ok).length} of ${own.length}`]
  })
  const failed = checks.filter((each) => !each.ok && each.part !== "delivery")
  return [
    `profile ${mesh.profile.name}, ${clusters.length} meshes (${mesh.fleet.clusters.map((c) => `${c.name}: gateway in ${c.gateway}`).join(", ")})\n`,
    aligned(calls(clusters, checks)),
    parts.length === 0 ? "" : `${aligned([["part", "held"], ...parts])}`,
    ...failed.map((each) => `✗ ${each.part}: ${each.what}: ${each.seen}\n`)
  ].join("\n")
}

/** One run of a suite on one fleet. */
export interface Ran {
  readonly fleet: Fleet
  readonly profile: string
  readonly checks: ReadonlyArray<Check>
}

const markdown = ([head, ...rows]: ReadonlyArray<ReadonlyArray<string>>): string => {
  const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |\n`
  return [head!, head!.map(() => "---"), ...rows].map(line).join("")
}

/** The calls of the first, and how many checks of each part held in all. */
export const summary = (all: ReadonlyArray<Ran>): string => {
  const [first] = all
  if (first === undefined) return ""
  const parts = [...new Set(all.flatMap(({ checks }) => checks.map((each) => each.part)))]
  const groups = Map.groupBy(all, ({ fleet, profile }) =>
    fleet.name === "random" ? `random fleets | ${profile}` : `${fleet.clusters.length} meshes | ${profile}`
  )
  const rows = [...groups].map(([key, runs]) => {
    const checks = runs.flatMap((run) => run.checks)
    const cells = parts.map((part) => {
      const own = checks.filter((each) => each.part === part)
      return own.length === 0 ? "" : `${own.filter((each) => each.ok).length}/${own.length}`
    })
    return [...key.split(" | "), ...cells]
  })
  const clusters = first.fleet.clusters.map((each) => each.name)
  return `${markdown(calls(clusters, first.checks))}\n${markdown([["held", "profile", ...parts], ...rows])}`
}
