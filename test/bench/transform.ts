/** The Istio transform alone: services of a large fleet into artifacts, validated and printed, without an engine around. */
import type { Fact } from "@coddiwomple/core/Fact"
import { Fold } from "@coddiwomple/core/Fold"
import type { Model, Service } from "@coddiwomple/core/Model"
import { decodeOptions } from "@coddiwomple/core/Node"
import type { TransformImpl } from "@coddiwomple/core/Transform"
import plugin from "@coddiwomple/transform-istio-global-dns"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Schema from "effect/Schema"
import { clusters, services } from "./Fleet.ts"
import { atMost, type Figure } from "./Measure.ts"

export const size = { services: 10_000, clusters: 100 }

const origin = { label: "bench" }

const facts = function* (): Generator<Fact> {
  let order = 0
  for (const c of clusters(size))
    yield { kind: "cluster", name: c.name, addresses: [c.address], region: c.region, order: order++, origin }
  for (const s of services(size)) {
    const ports = s.ports.map((p) => ({
      name: p.name,
      protocol: p.protocol as "HTTP",
      port: p.service_port,
      backendPort: p.backend_port
    }))
    yield { kind: "service", name: s.name, namespace: s.namespace, prefixes: s.dns_prefixes, ports, origin }
    for (const [cluster, host] of Object.entries(s.backends)) {
      yield { kind: "backend", service: `${s.name}.${s.namespace}`, cluster, host, origin }
    }
  }
}

export const model = (): Model => {
  const fold = new Fold()
  fold.accept("bench", { _tag: "Snapshot", partition: "bench", facts: [...facts()] })
  return fold.commit()!
}

export const make = (config: unknown): TransformImpl =>
  Effect.runSync(
    plugin.make(Schema.decodeUnknownSync(plugin.config, decodeOptions)(config)) as Effect.Effect<TransformImpl>
  )

const render = (all: ReadonlyArray<Service>, { fleet }: Model, profile: string) => {
  const impl = make({ profile })
  if (impl.shape !== "service") throw new Error("not a service transform")
  let bodies = 0
  let characters = 0
  const kept: Array<unknown> = []
  const started = performance.now()
  for (const service of all) {
    const rendered = impl.run(service, fleet)
    const artifacts = "artifacts" in rendered ? rendered.artifacts : rendered
    bodies += artifacts.length
    for (const a of artifacts) characters += a.text.length
    kept.push(artifacts)
  }
  return { ms: performance.now() - started, bodies, characters, kept }
}

export default async (): Promise<ReadonlyArray<Figure>> => {
  const m = model()
  const all = [...HashMap.values(m.services)].sort((a, b) => (a.identity < b.identity ? -1 : 1))
  const figures: Array<Figure> = []
  for (const [profile, limit] of [
    ["mtls", 700],
    ["classic", 400]
  ] as const) {
    const cold = render(all, m, profile)
    const { bodies, characters } = cold
    const best = Math.min(...Array.from({ length: 4 }, () => render(all, m, profile).ms))
    figures.push(
      {
        what: `${profile}: bodies, characters each`,
        value: `${bodies.toLocaleString("en")}, ${Math.round(characters / bodies)}`
      },
      { what: `${profile}: render, first time`, value: `${cold.ms.toFixed(0)} ms` },
      atMost(`${profile}: render`, best, limit, "ms"),
      { what: `${profile}: a body`, value: `${((best * 1000) / bodies).toFixed(2)} µs` }
    )
  }
  return figures
}
