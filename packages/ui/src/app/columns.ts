/** Where each column of the matrix stands: clusters in groups, collapsed groups as one column. Pure arithmetic. */
import type { Cluster } from "../Contract.ts"

export const cellWidth = 26
export const groupGap = 8
const summaryWidth = 40

export interface Column {
  readonly x: number
  readonly width: number
  /** Clusters of this column: one, or all of a collapsed group. */
  readonly indices: ReadonlyArray<number>
  readonly name: string
  readonly group: string
  readonly collapsed: boolean
}

export interface Group {
  readonly name: string
  readonly x: number
  readonly width: number
  readonly size: number
  readonly collapsed: boolean
}

export interface Columns {
  readonly columns: ReadonlyArray<Column>
  readonly groups: ReadonlyArray<Group>
  readonly width: number
}

/** The name without a trailing number: clusters that are numbered belong together. */
const stem = (name: string): string => name.replace(/[-_.]?\d+$/, "")

export const groupOf = (cluster: Cluster, by: string): string => {
  if (by === "region") return cluster.region ?? stem(cluster.name)
  if (by === "none") return ""
  return cluster.labels?.[by] ?? "other"
}

export const layout = (
  clusters: ReadonlyArray<Cluster>,
  by: string,
  collapsed: ReadonlySet<string>,
  kept: ReadonlySet<number> | undefined,
  pinned: string | undefined
): Columns => {
  const byGroup = new Map<string, Array<number>>()
  clusters.forEach((cluster, i) => {
    if (kept !== undefined && !kept.has(i)) return
    const name = cluster.name === pinned ? "pinned" : groupOf(cluster, by)
    const list = byGroup.get(name)
    if (list === undefined) byGroup.set(name, [i])
    else list.push(i)
  })
  // Groups of one say nothing.
  if (byGroup.size > 1 && [...byGroup].every(([name, list]) => list.length === 1 && name !== "pinned")) {
    const all = [...byGroup.values()].flat()
    byGroup.clear()
    byGroup.set("", all)
  }
  const ordered = [...byGroup].sort(([a], [b]) =>
    a === "pinned" ? -1 : b === "pinned" ? 1 : a < b ? -1 : a > b ? 1 : 0
  )
  const columns: Array<Column> = []
  const groups: Array<Group> = []
  let x = groupGap / 2
  for (const [group, indices] of ordered) {
    const start = x
    const closed = collapsed.has(group) && indices.length > 1
    if (closed) {
      columns.push({ x, width: summaryWidth, indices, name: group, group, collapsed: true })
      x += summaryWidth
    } else {
      for (const i of indices) {
        columns.push({ x, width: cellWidth, indices: [i], name: clusters[i]!.name, group, collapsed: false })
        x += cellWidth
      }
    }
    groups.push({ name: group, x: start, width: x - start, size: indices.length, collapsed: closed })
    x += groupGap
  }
  return { columns, groups, width: x }
}

/** The columns that stand between two places. */
export const between = ({ columns }: Columns, from: number, to: number): readonly [number, number] => {
  let first = 0
  while (first < columns.length && columns[first]!.x + columns[first]!.width < from) first++
  let last = first
  while (last < columns.length && columns[last]!.x < to) last++
  return [first, last]
}
