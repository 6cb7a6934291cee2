/** The state of a pipeline at one moment, by node: for `cw status`, health checks and the UI. */
import type { Diagnostic } from "./Diagnostic.ts"
import type { NodeState } from "./Event.ts"
import type { PartitionState } from "./Model.ts"
import type { Counts, Plan, Report } from "./Plan.ts"
import type { Kind } from "./Plugin.ts"
import type { Refusal } from "./Refusal.ts"

export interface NodeStatus {
  readonly id: string
  readonly kind: Kind
  readonly type: string
  readonly state: NodeState
  readonly reason?: string
  readonly partitions?: ReadonlyArray<PartitionState>
  /** Sinks: the newest generation it should have, and the one it has. */
  readonly desiredGeneration?: number
  readonly appliedGeneration?: number
  readonly plan?: Counts
}

export interface EngineStatus {
  readonly pipeline: string
  readonly generation: number
  readonly services: number
  readonly clusters: number
  readonly held: ReadonlyArray<string>
  readonly nodes: ReadonlyArray<NodeStatus>
  readonly lastRefusal?: Refusal
}

/** What became of one sink in a finite run. */
export interface SinkOutcome {
  readonly sink: string
  readonly plan?: Plan
  readonly report?: Report
  /** It failed as a whole. */
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

/** What became of a finite run. */
export interface RunResult {
  readonly generation: number
  readonly services: number
  readonly clusters: number
  /** Held services with their findings. */
  readonly held: ReadonlyMap<string, ReadonlyArray<Diagnostic>>
  readonly refusal?: Refusal
  /** Sources that failed before they said anything. */
  readonly sourceFailures: ReadonlyArray<Diagnostic>
  readonly partitions: ReadonlyArray<PartitionState>
  /** Warnings of sources, model, transforms and checks. */
  readonly diagnostics: ReadonlyArray<Diagnostic>
  readonly sinks: ReadonlyArray<SinkOutcome>
}
