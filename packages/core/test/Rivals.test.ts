/** What is live of a service that is held keeps what it has: a newcomer that wants the same stays away from there. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Artifact from "../src/Artifact.ts"
import { error } from "../src/Diagnostic.ts"
import type { Fact, ServiceFact, SourceEvent } from "../src/Fact.ts"
import type * as PluginError from "../src/PluginError.ts"
import * as Sink from "../src/Sink.ts"
import * as Source from "../src/Source.ts"
import * as Transform from "../src/Transform.ts"
import { disk } from "./inventory.ts"
import { configMap, driven, Empty, fixed, settle, withEngine } from "./nodes.ts"

const origin = { label: "test" }
const clusters: ReadonlyArray<Fact> = ["a", "b"].map((name, order) => ({
  kind: "cluster",
  name,
  addresses: [`192.0.2.${order + 1}`],
  order,
  origin
}))
const service = (name: string, where: string, more: Partial<ServiceFact> = {}): ReadonlyArray<Fact> => [
  {
    kind: "service",
    name,
    prefixes: [name],
    ports: [{ name: "tcp", protocol: "TCP", port: 9000, backendPort: 80 }],
    origin,
    ...more
  },
  ...where
    .split("")
    .map((cluster): Fact => ({ kind: "backend", service: name, cluster, host: `${name}.x.svc.cluster.local`, origin }))
]
const said = (...facts: ReadonlyArray<ReadonlyArray<Fact>>): SourceEvent => ({
  _tag: "Snapshot",
  partition: "p",
  facts: [...clusters, ...facts.flat()]
})

/** Named after the service, where it runs; each port is one of its cluster. */
const entries = Transform.make({
  type: "entries",
  summary: "",
  config: Empty,
  make: () =>
    Transform.service(
      (s, fleet) => [
        Artifact.object(
          fleet.named(s.backends.map((b) => b.cluster)),
          { ...configMap(s.name), data: { hosts: s.hosts.join(" "), ports: s.ports.map((p) => p.port).join(" ") } },
          { service: s.identity }
        )
      ],
      {
        claims: (s) =>
          s.backends.flatMap(({ cluster }) =>
            s.ports.map(({ port, protocol }) => ({
              key: `${cluster} ${port}`,
              what: `port ${port} in ${cluster}`,
              ...(protocol === "HTTP" ? { share: "http" } : {})
            }))
          )
      }
    )
})

type Disk = ReturnType<typeof disk>
const around = (source: Layer.Layer<never, unknown, any>, out: Disk) =>
  Layer.mergeAll(
    source,
    Transform.layer(entries, "mesh", {}),
    Sink.layer(out.plugin, "out", {}, { policy: "sync", guard: { deletes: 1000 } })
  )
/** A process that ends. */
const run = (out: Disk, ...events: ReadonlyArray<SourceEvent>) =>
  withEngine(around(Source.layer(fixed(...events), "in", {}), out), (engine) => engine.run)
/** A process that goes on: each list of events is a step. */
const watch = (out: Disk, ...steps: ReadonlyArray<ReadonlyArray<SourceEvent>>) =>
  Effect.gen(function* () {
    const queue = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
    yield* withEngine(around(Source.layer(driven(queue), "in", {}), out), (engine) =>
      Effect.gen(function* () {
        yield* engine.start
        yield* Queue.offer(queue, { _tag: "Partitions", names: ["p"] })
        for (const events of steps) {
          yield* Queue.offerAll(queue, events)
          yield* settle()
        }
      })
    )
  })
const there = (out: Disk) =>
  Object.fromEntries(
    [...out.live].map(([target, objects]) => [target, [...objects.values()].map((o) => o.service).sort()])
  )

describe("a newcomer stays away from where a held service is live", () => {
  const old = (more: Partial<ServiceFact> = {}) => service("old", "a", { prefixes: ["shop"], ...more })
  const other = { ports: [{ name: "tcp", protocol: "TCP" as const, port: 9001, backendPort: 80 }] }
  it.effect.each<[string, ReadonlyArray<Fact>, ReadonlyArray<Fact>]>([
    [
      "a host, where its address is not certain",
      old({ address: "240.0.0" }),
      service("new", "ab", { prefixes: ["shop"], ...other })
    ],
    ["a gateway port, where its address is not certain", old({ address: "240.0.0" }), service("new", "ab")],
    ["a gateway port, where it is wrong otherwise", old({ consumers: ["nowhere"] }), service("new", "ab")]
  ])("that wants %s", ([, bad, newcomer]) =>
    Effect.gen(function* () {
      const out = disk()
      yield* run(out, said(old()))
      const before = out.live.get("a")
      yield* run(out, said(bad, newcomer))
      assert.deepEqual(there(out), { a: ["old"], b: ["new"] })
      assert.deepEqual(out.live.get("a"), before)
      // Mended, the first in name order wins, and is kept away all the same until somebody decides.
      yield* run(out, said(old(), newcomer))
      assert.deepEqual(there(out), { a: ["old"], b: ["new"] })
      yield* run(out, said(newcomer))
      assert.deepEqual(there(out), { a: ["new"], b: ["new"] })
    })
  )
})

describe("what this process knew of a service that it knows nothing of now", () => {
  const old = (more: Partial<ServiceFact> = {}) => service("old", "a", { prefixes: ["shop"], ...more })
  const other = { ports: [{ name: "tcp", protocol: "TCP" as const, port: 9001, backendPort: 80 }] }
  const newcomer = service("new", "ab", { prefixes: ["shop"], ...other })
  const bad = { service: "old", diagnostics: [error("CW401", "not readable", { service: "old" })] }
  const never: SourceEvent = { _tag: "Partitions", names: ["p", "q"] }
  it.effect.each<[string, ReadonlyArray<SourceEvent>]>([
    ["that cannot be read", [{ ...said(newcomer), bad: [bad] } as SourceEvent]],
    ["that nobody declares", [said(newcomer, old().slice(1))]],
    ["that has another host and is wrong", [said(newcomer, old({ prefixes: ["else"], consumers: ["nowhere"] }))]],
    ["that is gone while a partition was never read", [never, said(newcomer)]]
  ])("one %s keeps what it has", ([, events]) =>
    Effect.gen(function* () {
      const out = disk()
      yield* watch(out, [said(old())], events)
      assert.deepEqual(there(out), { a: ["old"], b: ["new"] })
      yield* run(out, said(newcomer))
      assert.deepEqual(there(out), { a: ["new"], b: ["new"] })
    })
  )
  it.effect("one that is gone without a doubt keeps nothing", () =>
    Effect.gen(function* () {
      const out = disk()
      yield* watch(out, [said(old())], [said(newcomer)], [never])
      assert.deepEqual(there(out), { a: ["new"], b: ["new"] })
    })
  )
})
