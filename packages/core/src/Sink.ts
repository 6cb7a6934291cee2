/**
 * A sink brings a target to the desired state: `plan` reads and never writes, `apply` executes exactly the plan.
 * Policy, guard, interlock, dry run, retry and timeout are the engine's; a sink holds only the protocol.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Desired } from "./Desired.ts"
import type { Engine } from "./Engine.ts"
import type { Site } from "./Exclusive.ts"
import type { ClusterFact } from "./Fact.ts"
import { nodeLayer, type SinkOptions } from "./Node.ts"
import type { Plan, Report } from "./Plan.ts"
import { brand, type Config, type Plugin, type PluginServices } from "./Plugin.ts"
import { eventually, type PluginError } from "./PluginError.ts"

export interface SinkImpl<P extends Plan = Plan, E = unknown> {
  readonly plan: (desired: Desired) => Effect.Effect<P, E>
  /** Writes items that are not held or in conflict, deletes last and only in targets where nothing failed. */
  readonly apply: (plan: P, desired: Desired) => Effect.Effect<Report, E>
  /** For `cw doctor`: fails with what is missing. As a function it is told which clusters the sources name. */
  readonly probe?: Effect.Effect<void, E> | ((clusters: ReadonlyArray<ClusterFact>) => Effect.Effect<void, E>)
}

/** What the graph must know of a sink before it is made. */
export interface SinkTraits<C> {
  /** Forms of artifacts it takes; both where nothing is said. Default wiring leaves out transforms of the other form. */
  readonly accepts?: ReadonlyArray<"object" | "file">
  /** False: it cannot delete, so `policy: sync` is refused. */
  readonly deletes?: boolean
  /** Keys of what only one sink may write, as `file:out`: each covers what is below it, as `file:out/east`. */
  readonly exclusive?: (config: C, site: Site) => ReadonlyArray<string>
}

export interface SinkPlugin<C extends Config = any, E = any, R extends PluginServices | Scope.Scope = any>
  extends Plugin<"sink", C, SinkImpl<any, any>, E, R> {
  readonly traits: SinkTraits<any>
}

export const make = <
  C extends Config,
  I extends SinkImpl<any, any>,
  E = never,
  R extends PluginServices | Scope.Scope = never
>(
  spec: {
    readonly type: string
    readonly summary: string
    readonly config: C
    readonly examples?: ReadonlyArray<{ readonly summary: string; readonly config: C["Encoded"] }>
    readonly stability?: "stable" | "experimental"
    readonly make: (config: C["Type"]) => Effect.Effect<I, E, R> | I
  } & SinkTraits<C["Type"]>
): SinkPlugin<C, E, R> => {
  const { accepts, deletes, exclusive, ...rest } = spec
  return {
    ...rest,
    [brand]: "sink",
    traits: {
      ...(accepts === undefined ? {} : { accepts }),
      ...(deletes === undefined ? {} : { deletes }),
      ...(exclusive === undefined ? {} : { exclusive })
    },
    make: (config) => {
      const impl = spec.make(config)
      return Effect.isEffect(impl) ? (impl as Effect.Effect<I, E, R>) : Effect.succeed(impl)
    }
  }
}

/**
 * An opaque sink from one function: its plan says that it will run, not what it changes. It runs again after a restart,
 * and cannot be `policy: sync`. The function may be plain, a Promise or an Effect.
 */
export const write = (f: (desired: Desired) => unknown): SinkImpl<Plan, PluginError> => ({
  plan: (desired) =>
    Effect.succeed({
      items: [{ op: "update", target: "everything", id: `generation ${desired.generation}` }],
      unchanged: 0,
      opaque: true
    }),
  apply: (plan, desired) =>
    eventually(() => f(desired)).pipe(
      Effect.map(() => ({
        items: plan.items.map((i) => ({
          op: "update" as const,
          target: i.target,
          id: i.id,
          outcome: "applied" as const
        }))
      }))
    )
})

export { files, type FilesOptions, type FileText } from "./FilesSink.ts"

/** The sink as a Layer over the engine; closing its scope removes the node. */
export const layer: <C extends Config, E, R extends PluginServices | Scope.Scope>(
  plugin: SinkPlugin<C, E, R>,
  name: string,
  config: C["Encoded"],
  options?: SinkOptions
) => Layer.Layer<never, PluginError | Schema.SchemaError | E, Engine | Exclude<R, Scope.Scope>> = nodeLayer
