/** A checked pipeline: what the loader hands to the engine, the CLI and the UI. Nothing in it is wrong. */
import type { Place } from "@coddiwomple/core/Diagnostic"
import type { Graph } from "@coddiwomple/core/Graph"
import type { CheckOptions, SinkOptions, SourceOptions, TransformOptions } from "@coddiwomple/core/Node"
import type { AnyPlugin, Kind } from "@coddiwomple/core/Plugin"
import type { Read } from "./Decode.ts"
import type { ModelConfig, TriggerConfig } from "./PipelineConfig.ts"
import type { Path } from "./Tree.ts"

export type Options = SourceOptions & TransformOptions & CheckOptions & SinkOptions

export interface PipelineNode {
  readonly kind: Kind
  readonly id: string
  /** As written. */
  readonly uses: string
  /** Undefined where plugins are not loaded: such a node can be shown, but not built. */
  readonly plugin: AnyPlugin | undefined
  /** The encoded side, with interpolated values: what the plugin's layer takes. It may hold secrets. */
  readonly config: unknown
  readonly options: Options
  /** Keys of what only this sink may write. */
  readonly exclusive: ReadonlyArray<string>
  readonly description?: string
  /**
   * Equal for equal `uses`, `with`, `from` and options, whatever the order of keys; different when a variable or file
   * behind them changes. Comparable within one process only, so that it tells nothing about a secret.
   */
  readonly fingerprint: string
  /** Place of the node, or of a path below it, as `["with", "url"]`. */
  readonly place: (path?: Path, what?: "key" | "value") => Place
}

export interface Pipeline {
  /** The owner id: metadata.name, or `pipeline` where there is none. */
  readonly name: string
  /** False where the document gives no name; then no sink of it deletes. */
  readonly named: boolean
  readonly file: string
  readonly nodes: ReadonlyArray<PipelineNode>
  /** Nodes with `enabled: false`. */
  readonly off: ReadonlyArray<{ readonly kind: Kind; readonly id: string }>
  readonly model: ModelConfig
  readonly trigger: TriggerConfig
  readonly graph: Graph
  /** Place of a path of the document, as `["model", "suffix"]`. */
  readonly place: (path: Path, what?: "key" | "value") => Place
  /** What was read, for `cw config`. */
  readonly read: Read
}

/** A `PipelineTest` document, for `cw test`. Nothing is interpolated in it, so that a test depends on its file alone. */
export interface PipelineTest {
  readonly file: string
  readonly value: Readonly<Record<string, unknown>>
  readonly place: (path: Path, what?: "key" | "value") => Place
}
