// Drives the sink as the engine does, without the engine: plan, safety, apply, each in a process of its own.
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import type { Artifact, KubernetesObject } from "@coddiwomple/core/Artifact"
import type { Desired } from "@coddiwomple/core/Desired"
import type { Diagnostic } from "@coddiwomple/core/Diagnostic"
import type { ClusterFact } from "@coddiwomple/core/Fact"
import { secure } from "@coddiwomple/core/Guard"
import { executable, type Plan, type Report } from "@coddiwomple/core/Plan"
import type { PluginError } from "@coddiwomple/core/PluginError"
import { FakeHost, Given } from "@coddiwomple/testing"
import { Config } from "../src/Config.ts"
import plugin from "../src/index.ts"

export interface Clusters {
  readonly [name: string]: string
}

type Configuration = typeof Config.Encoded

/** Fleet of clusters by name and kubeconfig. */
export const modelOf = (clusters: Clusters) =>
  Given.model({
    clusters: Object.entries(clusters).map(([name, kubeconfigPath]) => ({ name, connection: { kubeconfigPath } }))
  })

export interface Options {
  readonly pipeline?: string
  readonly config?: Configuration
  readonly finite?: boolean
}

export interface Sink {
  readonly plan: (desired: Desired) => Promise<Plan>
  readonly apply: (desired: Desired) => Promise<{ readonly plan: Plan; readonly report: Report }>
  readonly probe: (clusters: ReadonlyArray<ClusterFact>) => Promise<ReadonlyArray<Diagnostic>>
}

export const desiredOf = (
  clusters: Clusters,
  objects: ReadonlyArray<KubernetesObject | Artifact>,
  pipeline = "test"
) => {
  const model = modelOf(clusters)
  return Given.desired(
    objects.map((o) => ("targets" in o ? (o as Artifact) : Given.object(model.fleet, o as KubernetesObject))),
    { model, pipeline }
  )
}
/** Runs `use` with a sink of its own, and ends it. */
export const withSink = <A>(
  use: (sink: Sink) => Promise<A>,
  { pipeline = "test", config = {}, finite = true }: Options = {}
): Promise<A> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const decoded = Schema.decodeUnknownSync(Config)({ patience: "5s", wait: "5s", ...config })
        const impl = yield* plugin.make(decoded)
        const plan = (desired: Desired) =>
          Effect.map(impl.plan(desired) as Effect.Effect<Plan>, (made) =>
            secure(made, {
              policy: "sync",
              limits: { deletes: 10, percent: 20 },
              allowDeletes: "all",
              partitions: [],
              held: desired.held
            })
          )
        return yield* Effect.promise(() =>
          use({
            plan: (desired) => Effect.runPromise(plan(desired)),
            probe: (given) =>
              Effect.runPromise(
                (impl.probe as (all: typeof given) => Effect.Effect<void, PluginError>)(given).pipe(
                  Effect.as([]),
                  Effect.catch((error) => Effect.succeed(error.diagnostics ?? []))
                )
              ),
            apply: async (desired) => {
              const made = await Effect.runPromise(plan(desired))
              const work = executable(made).length > 0 || made.bookkeeping === true
              const report = work
                ? await Effect.runPromise(impl.apply(made, desired) as Effect.Effect<Report>)
                : { items: [] }
              return { plan: made, report }
            }
          })
        )
      })
    ).pipe(Effect.provide(FakeHost.make({ pipeline, finite }).layer), Effect.provide(Path.layer)) as Effect.Effect<A>
  )

export const apply = (clusters: Clusters, objects: ReadonlyArray<KubernetesObject | Artifact>, options: Options = {}) =>
  withSink((sink) => sink.apply(desiredOf(clusters, objects, options.pipeline)), options)

export const plan = (clusters: Clusters, objects: ReadonlyArray<KubernetesObject | Artifact>, options: Options = {}) =>
  withSink((sink) => sink.plan(desiredOf(clusters, objects, options.pipeline)), options)

/** What `cw doctor` would find. */
export const probe = (clusters: Clusters, options: Options = {}) =>
  withSink(
    (sink) =>
      sink.probe(
        Object.entries(clusters).map(([name, kubeconfigPath]) => ({
          kind: "cluster" as const,
          name,
          addresses: [],
          connection: { kubeconfigPath },
          origin: { label: name }
        }))
      ),
    options
  )

/** `create east /ConfigMap/default/x` for every item, with the reason where there is one. */
export const told = (items: Plan["items"]): ReadonlyArray<string> =>
  items.map(
    (i) => `${i.op} ${i.target} ${i.id.split("/").slice(1).join("/")}${i.reason === undefined ? "" : `: ${i.reason}`}`
  )

export const outcomes = (report: Report): ReadonlyArray<string> =>
  report.items.map((i) => `${i.outcome} ${i.op} ${i.target} ${i.id.split("/").slice(1).join("/")}`)
