/** What happens at each node while the engine runs: for progress, `-o json`, taps and the UI. */
import type { Diagnostic } from "./Diagnostic.ts"
import type { Freshness } from "./Fact.ts"
import type { Plan, Report } from "./Plan.ts"

export type NodeState = "starting" | "ready" | "degraded" | "failed" | "stopped"

export type EngineEvent =
  | {
      readonly type: "source"
      readonly node: string
      readonly partition: string
      readonly state: Freshness
      readonly facts: number
    }
  | {
      readonly type: "generation-started"
      readonly generation: number
      readonly touched: number
      readonly services: number
    }
  | {
      readonly type: "generation-rendered"
      readonly generation: number
      readonly held: number
      /** Milliseconds by node. */
      readonly timings: Readonly<Record<string, number>>
    }
  | {
      readonly type: "generation-refused"
      readonly generation: number
      readonly node: string
      readonly diagnostics: ReadonlyArray<Diagnostic>
    }
  | { readonly type: "planned"; readonly node: string; readonly generation: number; readonly plan: Plan }
  | { readonly type: "applied"; readonly node: string; readonly generation: number; readonly report: Report }
  | {
      readonly type: "sink-failed"
      readonly node: string
      readonly generation: number
      readonly diagnostics: ReadonlyArray<Diagnostic>
      readonly retryInMillis?: number
    }
  | { readonly type: "node-state"; readonly node: string; readonly state: NodeState; readonly reason?: string }
  | { readonly type: "reloaded"; readonly changed: ReadonlyArray<string>; readonly removed: ReadonlyArray<string> }
  | { readonly type: "reload-failed"; readonly diagnostics: ReadonlyArray<Diagnostic> }
  | { readonly type: "diagnostic"; readonly diagnostic: Diagnostic }

/** An event with when it happened, in milliseconds since the epoch. */
export type Stamped = EngineEvent & { readonly time: number; readonly pipeline: string }
