/** The wiring of pipelines as text, Mermaid, Graphviz or JSON. Ids are checked names, so nothing needs escaping. */
import type { Opened, OpenedNode } from "./Opened.ts"

export type Format = "text" | "mermaid" | "dot" | "json"

interface Edge {
  readonly from: string
  readonly to: string
}

const model = "model"

const edges = ({ nodes }: Opened): ReadonlyArray<Edge> =>
  nodes.flatMap((node) =>
    node.kind === "source"
      ? [{ from: node.id, to: model }]
      : (node.reads.length === 0 ? [model] : node.reads).map((from) => ({ from, to: node.id }))
  )

const label = (node: OpenedNode): string => `${node.id}: ${node.uses.replace(/["\\\n]/g, "'")}`

const text = (pipeline: Opened): string => {
  const width = Math.max(...pipeline.nodes.map((node) => node.id.length), model.length)
  const all = edges(pipeline)
  const line = (node: OpenedNode): string => {
    const readers = all.filter((edge) => edge.from === node.id).map((edge) => edge.to)
    return `  ${node.kind.padEnd(9)} ${node.id.padEnd(width)}  ${node.uses}${readers.length === 0 ? "" : `  → ${readers.join(", ")}`}`
  }
  const readers = all.filter((edge) => edge.from === model).map((edge) => edge.to)
  const order = ["source", "transform", "check", "sink"]
  const sorted = [...pipeline.nodes].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))
  const sources = sorted.filter((node) => node.kind === "source")
  return [
    pipeline.name,
    ...sources.map(line),
    `  ${"model".padEnd(9)} ${model.padEnd(width)}  ${readers.length === 0 ? "" : `→ ${readers.join(", ")}`}`.trimEnd(),
    ...sorted.slice(sources.length).map(line),
    ""
  ].join("\n")
}

const mermaidShape: Record<OpenedNode["kind"], readonly [string, string]> = {
  source: ["([", "])"],
  transform: ["[", "]"],
  check: ["{{", "}}"],
  sink: ["[(", ")]"]
}

const mermaid = (pipeline: Opened): string => {
  // `end` and the like are words of Mermaid: ids get a prefix.
  const id = (name: string) => `n_${name.replace(/-/g, "_")}`
  const nodes = pipeline.nodes.map((node) => {
    const [open, close] = mermaidShape[node.kind]
    return `  ${id(node.id)}${open}"${label(node).replace(/[<>#]/g, " ")}"${close}`
  })
  return [
    "flowchart LR",
    `  ${id(model)}(("model"))`,
    ...nodes,
    ...edges(pipeline).map((e) => `  ${id(e.from)} --> ${id(e.to)}`),
    ""
  ].join("\n")
}

const dot = (pipeline: Opened): string => {
  const shapes = { source: "oval", transform: "box", check: "hexagon", sink: "cylinder" } as const
  return [
    `digraph "${pipeline.name}" {`,
    "  rankdir=LR",
    `  "${model}" [shape=circle]`,
    ...pipeline.nodes.map((node) => `  "${node.id}" [shape=${shapes[node.kind]}, label="${label(node)}"]`),
    ...edges(pipeline).map((e) => `  "${e.from}" -> "${e.to}"`),
    "}",
    ""
  ].join("\n")
}

const json = (pipeline: Opened): string =>
  `${JSON.stringify({
    pipeline: pipeline.name,
    nodes: [{ id: model, kind: "model" }, ...pipeline.nodes.map(({ id, kind, uses }) => ({ id, kind, uses }))],
    edges: edges(pipeline)
  })}\n`

const drawings: Record<Format, (pipeline: Opened) => string> = { text, mermaid, dot, json }

export const draw = (pipelines: ReadonlyArray<Opened>, format: Format): string =>
  pipelines.map(drawings[format]).join("")
