/**
 * What may go wrong with facts, and when: services that are wrong in every way, sources that fall silent, processes that
 * end, targets that cannot be written. For the property that nothing is done on doubt.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as fc from "fast-check"
import { parseRange, type Range } from "../src/Addresses.ts"
import * as Artifact from "../src/Artifact.ts"
import { error } from "../src/Diagnostic.ts"
import { Engine } from "../src/Engine.ts"
import type { BadEntry, Fact, SourceEvent } from "../src/Fact.ts"
import type * as PluginError from "../src/PluginError.ts"
import * as Sink from "../src/Sink.ts"
import * as Source from "../src/Source.ts"
import * as Transform from "../src/Transform.ts"
import { disk } from "./inventory.ts"
import { configMap, driven, Empty } from "./nodes.ts"

const origin = { label: "test" }

/** One object named after the service, one named after each host; ports are of the clusters where it runs. */
const mesh = Transform.make({
  type: "mesh",
  summary: "",
  config: Empty,
  make: () =>
    Transform.service(
      (s, fleet) => {
        if (s.traffic === "weighted")
          return { artifacts: [], diagnostics: [error("CW625", "no weights", { service: s.identity })] }
        const where = fleet.named(s.backends.map((b) => b.cluster))
        const own = s.addressFrom === "declared" ? s.ports.map((p) => `${p.protocol}:${s.address}:${p.port}`) : []
        const data = {
          hosts: s.hosts.join(" "),
          ports: s.ports.map((p) => `${p.protocol}::${p.port}`).join(" "),
          addresses: own.join(" ")
        }
        const object = (name: string, data: object) =>
          Artifact.object(where, { ...configMap(name), data }, { service: s.identity })
        return [object(s.name, data), ...s.hosts.map((host) => object(`host-${host}`, { of: s.name, hosts: host }))]
      },
      {
        claims: (s) =>
          s.ports.flatMap(({ port, protocol }) => {
            const share = protocol === "HTTP" ? { share: "http" } : {}
            const wants = s.backends.map(({ cluster }) => `gateway ${cluster} ${port}`)
            if (s.addressFrom === "declared") wants.push(`address ${s.address} ${port}`)
            return wants.map((key) => ({ key, what: key, ...share }))
          })
      }
    )
})
const zone = Transform.make({
  type: "zone",
  summary: "",
  config: Empty,
  make: () =>
    Transform.model(({ model, services }) => [
      Artifact.object(model.fleet.all, {
        ...configMap("zone"),
        data: { names: services.flatMap((s) => s.hosts.map((host) => `${host}=${s.identity}`)).join(" ") }
      })
    ])
})

export interface Said {
  readonly facts: ReadonlyArray<Fact>
  readonly bad: ReadonlyArray<BadEntry>
}

export const ids = ["a", "b", "c", "d"] as const
export const clusters = ["east", "west"] as const

export interface Declared {
  readonly id: string
  readonly hosts: ReadonlyArray<string>
  readonly port: number
  readonly protocol: "TCP" | "HTTP"
  readonly where: ReadonlyArray<string>
  readonly address?: string | undefined
  readonly how: "good" | "good2" | "undeclared" | "unreadable" | "address" | "consumers" | "refused" | "cluster"
}
export const says = (list: ReadonlyArray<Declared>): Said => ({
  facts: list.flatMap(({ address, hosts, how, id, port, protocol, where }): ReadonlyArray<Fact> => {
    if (how === "unreadable") return []
    const backends = [...where, ...(how === "cluster" ? ["nowhere"] : [])].map(
      (cluster): Fact => ({ kind: "backend", service: id, cluster, host: `${id}.x.svc.cluster.local`, origin })
    )
    if (how === "undeclared") return backends
    return [
      {
        kind: "service",
        name: id,
        prefixes: hosts,
        ports: [{ name: "port", protocol, port, backendPort: 80 }],
        origin,
        ...(how === "address" ? { address: "240.0.0" } : address === undefined ? {} : { address }),
        ...(how === "consumers" ? { consumers: ["nowhere"] } : {}),
        ...(how === "refused" ? { traffic: "weighted" as const } : {})
      },
      ...backends
    ]
  }),
  bad: list.flatMap(({ how, id }) =>
    how === "unreadable" ? [{ service: id, diagnostics: [error("CW401", "unreadable", { service: id })] }] : []
  )
})
export const fleet = (names: ReadonlyArray<string>): Said => ({
  facts: names.map(
    (name): Fact => ({
      kind: "cluster",
      name,
      addresses: [`192.0.2.${1 + clusters.indexOf(name as "east")}`],
      order: clusters.indexOf(name as "east"),
      origin
    })
  ),
  bad: []
})

const declared: fc.Arbitrary<Declared> = fc.record({
  id: fc.constantFrom(...ids),
  hosts: fc.uniqueArray(fc.constantFrom("one", "two", "three"), { minLength: 1, maxLength: 2 }),
  port: fc.constantFrom(1, 2, 3),
  protocol: fc.constantFrom("TCP", "HTTP"),
  where: fc.uniqueArray(fc.constantFrom(...clusters), { minLength: 1 }),
  address: fc.option(fc.constantFrom("240.0.0.1", "240.0.0.2", "240.0.0.3", "240.0.0.4"), { nil: undefined }),
  how: fc.constantFrom("good", "good2", "undeclared", "unreadable", "address", "consumers", "refused", "cluster")
})
const services = fc.uniqueArray(declared, { maxLength: 4, selector: (d) => d.id })

export type Step =
  | { readonly do: "say"; readonly partition: string; readonly said: Said; readonly list: ReadonlyArray<Declared> }
  | { readonly do: "lose"; readonly partition: string }
  | { readonly do: "name"; readonly partitions: ReadonlyArray<string> }
  | { readonly do: "restart" }
  /** Nobody can write there, or somebody can again. */
  | { readonly do: "break" | "mend"; readonly target: string }
  /** The graph changes: another sink comes. */
  | { readonly do: "reload" }

const partition = fc.constantFrom("p", "q")
const say = fc
  .tuple(partition, services)
  .map(([partition, list]): Step => ({ do: "say", partition, list, said: says(list) }))
export const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: say, weight: 6 },
  {
    arbitrary: fc
      .uniqueArray(fc.constantFrom(...clusters))
      .map((names): Step => ({ do: "say", partition: "c", list: [], said: fleet(names) })),
    weight: 1
  },
  { arbitrary: fc.constantFrom("c", "p", "q").map((partition): Step => ({ do: "lose", partition })), weight: 2 },
  {
    arbitrary: fc
      .constantFrom(["c", "p"], ["c", "p", "q"], ["c", "q"])
      .map((partitions): Step => ({ do: "name", partitions })),
    weight: 1
  },
  { arbitrary: fc.constant<Step>({ do: "restart" }), weight: 2 },
  {
    arbitrary: fc
      .tuple(fc.constantFrom("break" as const, "mend" as const), fc.constantFrom(...clusters))
      .map(([what, target]): Step => ({ do: what, target })),
    weight: 1
  },
  { arbitrary: fc.constant<Step>({ do: "reload" }), weight: 1 }
)

/** What the source has said so far, as it says it again to a new process. */
export class Sayings {
  named: ReadonlyArray<string> = ["c", "p"]
  readonly said = new Map<string, Said>([
    ["c", fleet(clusters)],
    ["p", says([])]
  ])
  readonly lost = new Set<string>()

  take(step: Step): ReadonlyArray<SourceEvent> {
    switch (step.do) {
      case "say":
        if (!this.named.includes(step.partition)) return []
        this.said.set(step.partition, step.said)
        this.lost.delete(step.partition)
        return [{ _tag: "Snapshot", partition: step.partition, ...step.said }]
      case "lose":
        if (!this.named.includes(step.partition)) return []
        this.lost.add(step.partition)
        return [this.away(step.partition, this.said.has(step.partition) ? "stale" : "never-synced")]
      case "name":
        for (const name of this.named) {
          if (step.partitions.includes(name)) continue
          this.said.delete(name)
          this.lost.delete(name)
        }
        this.named = step.partitions
        return [{ _tag: "Partitions", names: step.partitions }]
      case "break":
      case "mend":
      case "reload":
        return []
      case "restart":
        return [
          { _tag: "Partitions", names: this.named },
          ...this.named.flatMap((partition): ReadonlyArray<SourceEvent> => {
            const said = this.said.get(partition)
            if (said !== undefined && !this.lost.has(partition)) return [{ _tag: "Snapshot", partition, ...said }]
            this.said.delete(partition)
            this.lost.add(partition)
            return [this.away(partition, "never-synced")]
          })
        ]
    }
  }

  private away(partition: string, state: "stale" | "never-synced"): SourceEvent {
    return { _tag: "Freshness", partition, state, since: 0, reason: "out of reach" }
  }
}

/** So small that what services declare is given to others too. */
const range = parseRange("240.0.0.0/28") as Range

export const start = (out: ReturnType<typeof disk>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const queue = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
    const layer = Layer.mergeAll(
      Source.layer(driven(queue), "in", {}),
      Transform.layer(mesh, "mesh", {}),
      Transform.layer(zone, "zone", {}),
      Sink.layer(out.plugin, "out", {}, { policy: "sync", guard: { deletes: 1000 } })
    ).pipe(Layer.provideMerge(Engine.layer({ pipeline: "test", fold: { range } })))
    const context = yield* Layer.buildWithScope(layer as Layer.Layer<Engine>, scope)
    const engine = yield* Effect.service(Engine).pipe(Effect.provide(context))
    yield* engine.start.pipe(Scope.provide(scope))
    const reload = Layer.buildWithScope(Sink.layer(disk().plugin, "other", {}), scope).pipe(
      Effect.provideService(Engine, engine)
    )
    return { engine, queue, reload, stop: Scope.close(scope, Exit.void) }
  })
