/**
 * The engine: nodes come and go as scoped additions, sources feed the fold, accepted generations are rendered once and
 * offered to every sink, each on its own fiber and retry clock. A slow sink sees only the newest generation; no sink
 * sees one go backwards; a failure in one node never reaches another.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Desired } from "./Desired.ts"
import type { Diagnostic } from "./Diagnostic.ts"
import type { Stamped } from "./Event.ts"
import type { FoldOptions } from "./Fold.ts"
import type { Node } from "./Node.ts"
import type { Plan, PlanItem } from "./Plan.ts"
import type { Rendering } from "./Render.ts"
import { makeRuntime } from "./Runtime.ts"
import type { EngineStatus, RunResult } from "./Status.ts"

export interface EngineOptions {
  /** Owner id: the pipeline's metadata.name. */
  readonly pipeline: string
  readonly fold: Partial<FoldOptions>
  /** How long the engine waits for more events before it makes a generation. Default 100 ms; a finite run never waits. */
  readonly debounce: Duration.Input
  /** How long a watching run waits for the first word of every partition. Default 30 s. */
  readonly firstSync: Duration.Input
  /** Plans are made and shown, nothing is applied. */
  readonly dryRun: boolean
  readonly allowDeletes?: number | "all"
  /**
   * Called with every plan before it is applied; a list of findings refuses it.
   * Where a person or a saved plan decides, this is the place.
   */
  readonly review?: (sink: string, plan: Plan, desired: Desired) => Effect.Effect<ReadonlyArray<Diagnostic>>
  /** True holds what a plan would write: somebody looked at it and said no. */
  readonly leaveOut?: (sink: string, item: PlanItem) => boolean
}

export class Engine extends Context.Service<
  Engine,
  {
    /** Adds a node; the scope's end removes it. A node with the id of another replaces it at the next `start` or `swap`. */
    readonly add: (node: Node) => Effect.Effect<void, never, Scope.Scope>
    /** Runs to the end: every source read, one generation, every sink served once or given up. */
    readonly run: Effect.Effect<RunResult, never, Scope.Scope>
    /** Runs on: fibers live in the scope. Completes when all fibers are started. */
    readonly start: Effect.Effect<void, never, Scope.Scope>
    /** Fails when the loop of a running engine dies: a bug of cw, never of a plugin. */
    readonly crashed: Effect.Effect<never>
    /** Some source does not end by itself. */
    readonly endless: Effect.Effect<boolean>
    /** Replaces and removes nodes of a running engine in one step. */
    readonly swap: (add: ReadonlyArray<Node>, remove: ReadonlyArray<string>) => Effect.Effect<void>
    /** What happens from now on. A subscriber that falls 4096 events behind loses the oldest. */
    readonly events: Stream.Stream<Stamped>
    readonly status: Effect.Effect<EngineStatus>
    /** Lets the sinks of a running engine look again at what is there, though nothing new is wanted. */
    readonly again: Effect.Effect<void>
    /** The last accepted rendering. */
    readonly rendering: Effect.Effect<Rendering | undefined>
  }
>()("cw/core/Engine") {
  static readonly layer = (options: { readonly pipeline: string } & Partial<EngineOptions>): Layer.Layer<Engine> =>
    Layer.effect(
      Engine,
      makeRuntime({
        fold: {},
        debounce: Duration.millis(100),
        firstSync: Duration.seconds(30),
        dryRun: false,
        ...options
      })
    )
}
