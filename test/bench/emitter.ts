/** Our emitter against `yaml.stringify` on the objects that people get: both in one process, in turns. */
import { emit } from "@coddiwomple/core/Emit"
import { read } from "@coddiwomple/core/Read"
import { parse, stringify } from "yaml"
import { atLeast, type Figure, median } from "./Measure.ts"

const entry = (i: number) => ({
  apiVersion: "networking.istio.io/v1",
  kind: "ServiceEntry",
  metadata: {
    name: `cw-out-reviews-${i}`,
    namespace: "cw-system",
    labels: { "app.kubernetes.io/managed-by": "coddiwomple" }
  },
  spec: {
    hosts: [`reviews-${i}.default.global`],
    addresses: ["240.0.0.10"],
    location: "MESH_INTERNAL",
    resolution: "DNS",
    ports: [
      { number: 80, name: "http", protocol: "HTTP" },
      { number: 5432, name: "tcp-pg", protocol: "TCP" }
    ],
    endpoints: ["a", "b", "c"].map((cluster) => ({
      address: `gw-${cluster}.example.net`,
      ports: { http: 15443, "tcp-pg": 15443 },
      labels: { "coddiwomple.io/cluster": cluster, "security.istio.io/tlsMode": "istio" }
    }))
  }
})

const perDocument = (n: number, run: (i: number) => unknown): number => {
  const started = performance.now()
  for (let i = 0; i < n; i++) run(i)
  return ((performance.now() - started) * 1000) / n
}

export default async (): Promise<ReadonlyArray<Figure>> => {
  const texts = Array.from({ length: 2000 }, (_, i) => emit(entry(i)))
  const rounds = Array.from({ length: 7 }, () => ({
    emit: perDocument(20_000, (i) => emit(entry(i))),
    stringify: perDocument(300, (i) => stringify(entry(i))),
    read: perDocument(2000, (i) => read(texts[i]!)),
    parse: perDocument(200, (i) => parse(texts[i]!))
  })).slice(2)
  const of = (name: "emit" | "stringify" | "read" | "parse") => median(rounds.map((r) => r[name]))
  return [
    { what: "emit, a ServiceEntry of 900 bytes", value: `${of("emit").toFixed(1)} µs` },
    { what: "yaml.stringify of the same", value: `${of("stringify").toFixed(1)} µs` },
    atLeast("emit against yaml.stringify", of("stringify") / of("emit"), 10),
    { what: "read what emit wrote", value: `${of("read").toFixed(1)} µs` },
    { what: "read against yaml.parse", value: `${(of("parse") / of("read")).toFixed(1)} ×` }
  ]
}
