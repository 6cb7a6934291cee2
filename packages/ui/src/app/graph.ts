/** Where the nodes of a pipeline stand: five columns from left to right, edges with right angles. Pure. */
import type { NodeInfo } from "../Contract.ts"

export const nodeWidth = 152
export const nodeHeight = 92
const gapY = 28
const top = 44

export interface Spot {
  readonly id: string
  readonly x: number
  readonly y: number
  readonly column: number
}

export interface Edge {
  readonly from: string
  readonly to: string
  readonly path: string
}

export interface Drawing {
  readonly spots: ReadonlyMap<string, Spot>
  readonly edges: ReadonlyArray<Edge>
  readonly heads: ReadonlyArray<{ readonly name: string; readonly x: number }>
  readonly width: number
  readonly height: number
}

export const draw = (nodes: ReadonlyArray<NodeInfo>, room: number): Drawing => {
  const depth = new Map<string, number>()
  const deep = (node: NodeInfo): number => {
    const known = depth.get(node.id)
    if (known !== undefined) return known
    depth.set(node.id, 0)
    const reads = node.reads.flatMap((id) => nodes.find((n) => n.id === id && n.kind === "transform") ?? [])
    const found = reads.length === 0 ? 0 : 1 + Math.max(...reads.map(deep))
    depth.set(node.id, found)
    return found
  }
  const transforms = nodes.filter((n) => n.kind === "transform")
  const layers = Math.max(1, ...transforms.map((n) => deep(n) + 1))
  const columns: Array<{ readonly name: string; readonly ids: Array<string> }> = [
    { name: "Sources", ids: nodes.filter((n) => n.kind === "source").map((n) => n.id) },
    { name: "Model", ids: ["model"] }
  ]
  for (let i = 0; i < layers; i++)
    columns.push({ name: i === 0 ? "Transforms" : "", ids: transforms.filter((n) => deep(n) === i).map((n) => n.id) })
  const checks = nodes.filter((n) => n.kind === "check").map((n) => n.id)
  if (checks.length > 0) columns.push({ name: "Checks", ids: checks })
  columns.push({ name: "Sinks", ids: nodes.filter((n) => n.kind === "sink").map((n) => n.id) })
  const used = columns.filter((c) => c.ids.length > 0)
  const gap = Math.max(36, Math.min(112, (room - used.length * nodeWidth) / Math.max(1, used.length - 1)))
  const tallest = Math.max(...used.map((c) => c.ids.length))
  const height = top + tallest * (nodeHeight + gapY)
  const spots = new Map<string, Spot>()
  used.forEach((column, i) => {
    const start = top + ((tallest - column.ids.length) * (nodeHeight + gapY)) / 2
    column.ids.forEach((id, k) =>
      spots.set(id, { id, column: i, x: i * (nodeWidth + gap), y: start + k * (nodeHeight + gapY) })
    )
  })
  const edges: Array<Edge> = []
  const link = (from: string, to: string) => {
    const [a, b] = [spots.get(from), spots.get(to)]
    if (a !== undefined && b !== undefined) edges.push({ from, to, path: angle(a, b, gap) })
  }
  for (const node of nodes) {
    if (node.kind === "source") link(node.id, "model")
    else if (node.kind === "transform" && node.reads.length === 0) link("model", node.id)
    else if (node.kind === "sink" && checks.length > 0) continue
    else for (const id of node.reads) link(id, node.id)
  }
  if (checks.length > 0) {
    for (const sink of nodes.filter((n) => n.kind === "sink")) for (const check of checks) link(check, sink.id)
  }
  return {
    spots,
    edges,
    heads: used.map((c, i) => ({ name: c.name, x: i * (nodeWidth + gap) })),
    width: used.length * nodeWidth + (used.length - 1) * gap,
    height
  }
}

const angle = (a: Spot, b: Spot, gap: number): string => {
  const x1 = a.x + nodeWidth
  const y1 = a.y + nodeHeight / 2
  const y2 = b.y + nodeHeight / 2
  const middle = b.x - gap / 2
  if (y1 === y2) return `M${x1} ${y1}H${b.x}`
  const down = y2 > y1 ? 1 : -1
  const r = Math.min(8, Math.abs(y2 - y1) / 2, gap / 2)
  return `M${x1} ${y1}H${middle - r}q${r} 0 ${r} ${down * r}V${y2 - down * r}q0 ${down * r} ${r} ${down * r}H${b.x}`
}
