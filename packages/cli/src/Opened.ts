/**
 * A checked pipeline ready for a session: its nodes as blueprints, its address lock, and what to watch for changes.
 * Narrowing to some sinks never changes what a remaining sink reads: it could delete what it then no longer sees.
 */
import * as Build from "@coddiwomple/config/Build"
import type { Pipeline, PipelineNode } from "@coddiwomple/config/Pipeline"
import { shapeOf } from "@coddiwomple/config/Shape"
import type { Blueprint } from "@coddiwomple/core/Assembly"
import type { Kind } from "@coddiwomple/core/Plugin"
import type * as Loader from "./Loader.ts"
import type { Lock } from "./Lock.ts"

export interface OpenedNode {
  readonly id: string
  readonly kind: Kind
  /** As the file says it. */
  readonly uses: string
  /** Transforms it reads; empty = the model. */
  readonly reads: ReadonlyArray<string>
  /** Absent where plugins are switched off, or code gave a value. */
  readonly plugin?: Loader.Loaded
  readonly blueprint: Blueprint
  /** The same node reading exactly `reads`, whatever else the graph holds. */
  readonly pinned: Blueprint
}

export interface Opened {
  readonly name: string
  /** As findings name it; `-` for standard input. */
  readonly file: string
  readonly directory: string
  readonly nodes: ReadonlyArray<OpenedNode>
  readonly lock?: Lock
  /** Absolute paths whose change may change the pipeline. */
  readonly watch: ReadonlyArray<string>
  readonly checked: Pipeline
}

export interface Circumstances {
  readonly directory: string
  readonly lock: Lock | undefined
  readonly watch: ReadonlyArray<string>
  readonly loaded: (node: PipelineNode) => Loader.Loaded | undefined
  /** Of a `pipeline.ts`, whose nodes may be plugins it made itself. */
  readonly code: Loader.Code | undefined
  /** Sources that can watch do so, unless the file says otherwise. */
  readonly watching: boolean
}

export const opened = (
  pipeline: Pipeline,
  { code, directory, loaded, lock, watch, watching }: Circumstances
): Opened => ({
  name: pipeline.name,
  file: pipeline.file,
  directory,
  nodes: pipeline.nodes.map((node) =>
    openedNode(watching ? watchful(node) : node, pipeline.graph.upstream.get(node.id) ?? [], loaded(node), code)
  ),
  ...(lock === undefined ? {} : { lock }),
  watch,
  checked: pipeline
})

/** `cw run --watch` says it for all sources that have the switch. */
const watchful = (node: PipelineNode): PipelineNode => {
  if (node.kind !== "source" || node.plugin === undefined) return node
  const shape = shapeOf(node.plugin.config.ast)
  const config = node.config as Readonly<Record<string, unknown>>
  const able = shape.type === "mapping" && shape.keys.some((key) => key.name === "watch")
  return able && config.watch === undefined ? { ...node, config: { ...config, watch: true } } : node
}

const openedNode = (
  node: PipelineNode,
  reads: ReadonlyArray<string>,
  plugin: Loader.Loaded | undefined,
  code: Loader.Code | undefined
): OpenedNode => {
  // A loose plugin that changed is another plugin under the same name.
  const { stamp } = plugin?.code ?? code ?? { stamp: 0 }
  const blueprint = (options: PipelineNode["options"]): Blueprint => ({
    id: node.id,
    fingerprint: `${node.fingerprint}/${stamp}`,
    layer: Build.layer({ ...node, options }),
    place: node.place()
  })
  return {
    id: node.id,
    kind: node.kind,
    uses: node.uses,
    reads,
    ...(plugin === undefined ? {} : { plugin }),
    blueprint: blueprint(node.options),
    pinned: blueprint(reads.length === 0 ? node.options : { ...node.options, from: reads })
  }
}

/** The pipeline with these sinks alone, and what they need. */
export const onlySinks = (pipeline: Opened, keep: (sink: OpenedNode) => boolean): Opened => {
  const sinks = pipeline.nodes.filter((node) => node.kind === "sink" && keep(node))
  if (sinks.length === pipeline.nodes.filter((node) => node.kind === "sink").length) return pipeline
  const checks = pipeline.nodes.filter((node) => node.kind === "check")
  const explicit = checks.filter(
    (check) => pipeline.checked.nodes.find((n) => n.id === check.id)?.options.from !== undefined
  )
  const needed = closure(pipeline, [...sinks, ...explicit])
  const nodes = pipeline.nodes.flatMap((node) => {
    if (node.kind === "sink") return sinks.includes(node) ? [{ ...node, blueprint: node.pinned }] : []
    return node.kind !== "transform" || needed.has(node.id) ? [node] : []
  })
  return { ...pipeline, nodes }
}

/** Ids of all transforms these nodes read, through others too. */
export const closure = (pipeline: Opened, from: ReadonlyArray<OpenedNode>): ReadonlySet<string> => {
  const needed = new Set<string>()
  const visit = (ids: ReadonlyArray<string>): void => {
    for (const id of ids) {
      if (needed.has(id)) continue
      needed.add(id)
      visit(pipeline.nodes.find((node) => node.id === id)?.reads ?? [])
    }
  }
  visit(from.flatMap((node) => node.reads))
  return needed
}
