/** Small real plugins for tests of the engine: sources that a test drives, one artifact a service, a sink with a map behind it. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Artifact from "../src/Artifact.ts"
import type { Desired } from "../src/Desired.ts"
import { Engine, type EngineOptions } from "../src/Engine.ts"
import type { Fact, SourceEvent } from "../src/Fact.ts"
import * as Plan from "../src/Plan.ts"
import type * as PluginError from "../src/PluginError.ts"
import * as Sink from "../src/Sink.ts"
import * as Source from "../src/Source.ts"
import * as Transform from "../src/Transform.ts"

const origin = { label: "test" }
export const facts = (...services: ReadonlyArray<string>): ReadonlyArray<Fact> => [
  { kind: "cluster", name: "a", addresses: ["192.0.2.1"], order: 0, origin },
  { kind: "cluster", name: "b", addresses: ["192.0.2.2"], order: 1, origin },
  ...services.flatMap(
    (name): ReadonlyArray<Fact> => [
      {
        kind: "service",
        name,
        prefixes: [name],
        ports: [{ name: "http", protocol: "HTTP", port: 80, backendPort: 80 }],
        origin
      },
      { kind: "backend", service: name, cluster: "a", host: `${name}.x.svc.cluster.local`, origin }
    ]
  )
]
export const snapshot = (...services: ReadonlyArray<string>): SourceEvent => ({
  _tag: "Snapshot",
  partition: "p",
  facts: facts(...services)
})
export const Empty = Schema.Struct({})

/** A source driven by the test. */
export const driven = (queue: Queue.Queue<SourceEvent, PluginError.PluginError>) =>
  Source.make({
    type: "driven",
    summary: "",
    config: Empty,
    make: () => ({ events: Stream.fromQueue(queue), endless: true })
  })
export const fixed = (...events: ReadonlyArray<SourceEvent>) =>
  Source.make({
    type: "fixed",
    summary: "",
    config: Empty,
    make: () => ({ events: Stream.fromIterable<SourceEvent>([{ _tag: "Partitions", names: ["p"] }, ...events]) })
  })

export const configMap = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "x" } })
export const maps = Transform.make({
  type: "maps",
  summary: "",
  config: Empty,
  make: () => Transform.service((s, fleet) => [Artifact.object(fleet.all, configMap(s.name), { service: s.identity })])
})

/** A sink whose target is a map; remembers what it was asked to do. */
export const memory = () => {
  const live = new Map<string, { text: string; service?: string }>()
  const seen: Array<number> = []
  const wantedSizes: Array<number> = []
  const applied: Array<number> = []
  let fail: ReadonlyArray<PluginError.PluginError> = []
  let gate: Effect.Effect<void> = Effect.void
  const impl = {
    plan: (desired: Desired) =>
      Effect.sync((): Plan.Plan => {
        seen.push(desired.generation)
        const items: Array<Plan.PlanItem> = []
        const wanted = new Map([...desired.artifacts()].map((a) => [a.id, a]))
        wantedSizes.push(wanted.size)
        for (const [id, a] of wanted) {
          const service = a.service === undefined ? {} : { service: a.service }
          if (!live.has(id)) items.push({ op: "create", target: "t", id, ...service })
          else if (live.get(id)!.text !== a.text) {
            const combines = a.combines === undefined ? {} : { combines: a.combines }
            items.push({ op: "update", target: "t", id, ...service, ...combines })
          }
        }
        for (const [id, { service }] of live) {
          if (!wanted.has(id))
            items.push({ op: "delete", target: "t", id, ...(service === undefined ? {} : { service }) })
        }
        return {
          items,
          unchanged: wanted.size - items.filter((i) => i.op !== "delete").length,
          owned: new Map([["t", live.size]])
        }
      }),
    apply: (plan: Plan.Plan, desired: Desired) =>
      Effect.gen(function* () {
        yield* gate
        const [next, ...rest] = fail
        fail = rest
        if (next !== undefined) return yield* Effect.fail(next)
        const wanted = new Map([...desired.artifacts()].map((a) => [a.id, a]))
        applied.push(desired.generation)
        return {
          items: Plan.executable(plan).map((item) => {
            if (item.op === "delete") live.delete(item.id)
            else
              live.set(item.id, {
                text: wanted.get(item.id)!.text,
                ...(item.service === undefined ? {} : { service: item.service })
              })
            return { ...item, outcome: "applied" as const }
          })
        }
      })
  }
  const plugin = Sink.make({ type: "memory", summary: "", config: Empty, make: () => impl })
  return {
    plugin,
    live,
    /** Generation of each plan, and how many artifacts it saw. */
    seen,
    wantedSizes,
    applied,
    names: () => [...live.keys()].map((id) => id.split("/")[3]).sort(),
    failWith: (...errors: ReadonlyArray<PluginError.PluginError>) => {
      fail = errors
    },
    holdAt: (effect: Effect.Effect<void>) => {
      gate = effect
    }
  }
}

export const withEngine = <A, E>(
  layer: Layer.Layer<never, unknown, Engine>,
  use: (engine: Engine["Service"]) => Effect.Effect<A, E, Scope.Scope>,
  options: Partial<EngineOptions> = {}
) =>
  Effect.scoped(
    Effect.gen(function* () {
      return yield* use(yield* Engine)
    }).pipe(Effect.provide(layer.pipe(Layer.provideMerge(Engine.layer({ pipeline: "test", ...options })))))
  )

export const settle = (millis = 1000) => TestClock.adjust(`${millis} millis`)
