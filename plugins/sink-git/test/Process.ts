/** One sink in a scope of its own, as a process of cw would have it: planned and applied as the engine does. */
import type { Desired } from "@coddiwomple/core/Desired"
import * as Guard from "@coddiwomple/core/Guard"
import { decodeOptions } from "@coddiwomple/core/Node"
import { executable, type Plan, type Report, type ReportItem } from "@coddiwomple/core/Plan"
import type { PluginError } from "@coddiwomple/core/PluginError"
import type { SinkImpl } from "@coddiwomple/core/Sink"
import { FakeHost } from "@coddiwomple/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as path from "node:path"
import { Limits } from "../src/Git.ts"
import plugin from "../src/index.ts"

export interface Running {
  readonly plan: (desired: Desired) => Promise<Plan>
  readonly apply: (plan: Plan, desired: Desired) => Promise<Report>
  /** Both; what was done. */
  readonly deliver: (desired: Desired) => Promise<ReadonlyArray<ReportItem>>
  readonly end: () => Promise<void>
}

const all = { policy: "sync" as const, limits: Guard.defaultLimits, allowDeletes: "all" as const, partitions: [] }

export const Process = {
  start: async (
    config: object,
    options: {
      readonly directory: string
      readonly pipeline?: string
      readonly cache?: string
      readonly limits?: (typeof Limits)["Service"]
    }
  ): Promise<Running> => {
    const cacheDirectory = options.cache === undefined ? undefined : path.resolve(options.cache)
    const host = FakeHost.make({ directory: options.directory, pipeline: options.pipeline ?? "test", cacheDirectory })
    const scope = await Effect.runPromise(Scope.make())
    const decoded = await Schema.decodeUnknownPromise(
      plugin.config as Schema.ConstraintCodec<unknown, unknown>,
      decodeOptions
    )(config)
    const impl = (await Effect.runPromise(
      (plugin.make(decoded as never) as Effect.Effect<SinkImpl<Plan, PluginError>, unknown, never>).pipe(
        Scope.provide(scope),
        Effect.provide(host.layer),
        Effect.provide(NodeServices.layer)
      )
    )) as SinkImpl<Plan, PluginError>
    const run = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.runPromise(options.limits === undefined ? effect : Effect.provideService(effect, Limits, options.limits))
    const plan = (desired: Desired) =>
      run(Effect.map(impl.plan(desired), (p) => Guard.secure(p, { ...all, held: desired.held })))
    const apply = (made: Plan, desired: Desired) => run(impl.apply(made, desired))
    return {
      plan,
      apply,
      deliver: async (desired) => {
        const made = await plan(desired)
        if (executable(made).length === 0 && made.bookkeeping !== true) return []
        return (await apply(made, desired)).items
      },
      end: () => Effect.runPromise(Scope.close(scope, Exit.void))
    }
  }
}
