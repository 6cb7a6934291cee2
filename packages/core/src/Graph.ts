/**
 * Who reads from whom: the one place of the default wiring, for pipeline.yaml and TypeScript alike.
 * model ← all sources; transform ← model; check and sink ← every leaf transform whose form they accept.
 */
import type { Kind } from "./Plugin.ts"

export type Form = "object" | "file"

export interface GraphNode {
  readonly id: string
  readonly kind: Kind
  readonly from?: ReadonlyArray<string>
  /** Sinks: the forms they take; both where nothing is said. */
  readonly accepts?: ReadonlyArray<Form>
  /** Transforms: the forms they make; both where nothing is said. */
  readonly produces?: ReadonlyArray<Form>
}

export interface Wired {
  /** Transforms in topological order. */
  readonly transforms: ReadonlyArray<string>
  /** For transforms, checks and sinks: the transforms they read; empty = the model. */
  readonly upstream: ReadonlyMap<string, ReadonlyArray<string>>
  /** Transforms that no transform reads. */
  readonly leaves: ReadonlyArray<string>
}

/** Wires a graph that has been checked; unknown ids in `from` are left out, a cycle is cut. */
export const wire = (nodes: ReadonlyArray<GraphNode>): Wired => {
  const transforms = nodes.filter((n) => n.kind === "transform")
  const known = new Map(transforms.map((t) => [t.id, t]))
  const reads = (node: GraphNode): ReadonlyArray<string> => (node.from ?? []).filter((id) => known.has(id))
  const read = new Set(transforms.flatMap(reads))
  const leaves = transforms.filter((t) => !read.has(t.id)).map((t) => t.id)
  const upstream = new Map<string, ReadonlyArray<string>>()
  for (const node of nodes) {
    if (node.kind === "source") continue
    const fallback = node.kind === "transform" ? [] : leaves.filter((id) => accepts(node, known.get(id)!))
    upstream.set(node.id, node.from === undefined ? fallback : reads(node))
  }
  return { transforms: sort(transforms, upstream), upstream, leaves }
}

/** Whether a reader takes at least one form that the transform makes. */
export const accepts = (reader: GraphNode, transform: GraphNode): boolean =>
  reader.accepts === undefined ||
  transform.produces === undefined ||
  transform.produces.some((f) => reader.accepts!.includes(f))

const sort = (
  transforms: ReadonlyArray<GraphNode>,
  upstream: ReadonlyMap<string, ReadonlyArray<string>>
): ReadonlyArray<string> => {
  const order: Array<string> = []
  const seen = new Set<string>()
  const visit = (id: string): void => {
    if (seen.has(id)) return
    seen.add(id)
    for (const up of upstream.get(id) ?? []) visit(up)
    order.push(id)
  }
  for (const t of transforms) visit(t.id)
  return order
}
