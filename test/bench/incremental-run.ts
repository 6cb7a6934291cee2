/** One measurement in a process of its own: `node incremental-run.ts SERVICES`, figures as JSON on standard output. */
import type { Fact, Origin, Protocol, ServiceFact } from "@coddiwomple/core/Fact"
import { Fold } from "@coddiwomple/core/Fold"
import type { TransformNode } from "@coddiwomple/core/Node"
import { Renderer } from "@coddiwomple/core/Render"
import istio from "@coddiwomple/transform-istio-global-dns"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { setTimeout as sleep } from "node:timers/promises"
import { clusters, type ServiceEntry, services } from "./Fleet.ts"

const count = Number(process.argv[2])
const size = { services: count, clusters: 100 }
const origin: Origin = { label: "bench" }

const declaration = (s: ServiceEntry, meshed: boolean): ServiceFact => ({
  kind: "service",
  name: s.name,
  namespace: s.namespace,
  prefixes: s.dns_prefixes,
  ports: s.ports.map((p) => ({
    name: p.name,
    protocol: p.protocol as Protocol,
    port: p.service_port,
    backendPort: p.backend_port
  })),
  ...(meshed ? {} : { traffic: "spread" as const }),
  origin
})

const entries = [...services(size)]
const facts: ReadonlyArray<Fact> = [
  ...clusters(size).map(
    (c, order): Fact => ({ kind: "cluster", name: c.name, order, addresses: [c.address], region: c.region, origin })
  ),
  ...entries.flatMap(
    (s): ReadonlyArray<Fact> => [
      declaration(s, true),
      ...Object.entries(s.backends).map(
        ([cluster, host]): Fact => ({ kind: "backend", service: `${s.name}.${s.namespace}`, cluster, host, origin })
      )
    ]
  )
]

const impl = await Effect.runPromise(
  Effect.scoped(istio.make(Schema.decodeUnknownSync(istio.config)({})) as Effect.Effect<TransformNode["impl"]>)
)
const node: TransformNode = { kind: "transform", id: "mesh", type: "istio-global-dns", impl, options: {} }
const graph = {
  transforms: [node],
  checks: [],
  upstream: new Map([
    ["mesh", []],
    ["out", ["mesh"]]
  ])
}

const fold = new Fold()
const renderer = new Renderer("bench", graph)
let started = performance.now()
fold.accept("fleet", { _tag: "Snapshot", partition: "all", facts })
await Effect.runPromise(renderer.render(fold.commit()!))
const full = performance.now() - started
globalThis.gc?.()
// Its threads sweep for a while after it has returned, on the two processors that the measured code needs.
await sleep(1000)

const times: Array<number> = []
for (let i = 0; i < 1200; i++) {
  const service = entries[(i * 7919) % entries.length]!
  const upserts = [declaration(service, i % 2 === 1)]
  started = performance.now()
  fold.accept("fleet", { _tag: "Delta", partition: "all", upserts, removes: [] })
  const model = fold.commit()!
  const rendering = Effect.runSync(renderer.render(model))
  const desired = rendering.desired("out")
  for (const group of desired.changesSince(model.generation - 1).groups) desired.group(group)
  if (i >= 200) times.push(performance.now() - started)
}
times.sort((a, b) => a - b)
process.stdout.write(
  JSON.stringify({ full, p50: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)] })
)
