// Prints the matrix as a table: a row per host and port, a column per calling cluster; in a cell, who answered.
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

const mark = ({ ok, seen }: Check): string => (ok ? seen : `✗ ${seen}`)

export const table = (mesh: Mesh, checks: ReadonlyArray<Check>): string => {
  const clusters = mesh.clusters.map((each) => each.name)
  const lines = new Map<string, Map<string, Check>>()
  for (const check of checks.filter((each) => each.part === "delivery")) {
    const [from, to] = check.what.split(" → ") as [string, string]
    lines.set(to, (lines.get(to) ?? new Map()).set(from, check))
  }
  const head = ["call", ...clusters.map((name) => `from ${name}`)]
  const body = [...lines].map(([to, cells]) => [to, ...clusters.map((name) => mark(cells.get(name)!))])
  const rest = checks.filter((each) => each.part !== "delivery")
  const parts = [...new Set(rest.map((each) => each.part))].map((part) => {
    const own = rest.filter((each) => each.part === part)
    return [part, `${own.filter((each) => each.ok).length} of ${own.length}`]
  })
  const failed = checks.filter((each) => !each.ok && each.part !== "delivery")
  return [
    `profile ${mesh.profile.name}, ${clusters.length} meshes (${mesh.fleet.clusters.map((c) => `${c.name}: gateway in ${c.gateway}`).join(", ")})\n`,
    aligned([head, ...body]),
    parts.length === 0 ? "" : `${aligned([["part", "held"], ...parts])}`,
    ...failed.map((each) => `✗ ${each.part}: ${each.what}: ${each.seen}\n`)
  ].join("\n")
}
