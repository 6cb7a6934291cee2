import { Schema } from "effect"
import { definePipeline } from "@coddiwomple/config"
import { type Fact, Source } from "@coddiwomple/core"

/** One service per shard, in both clusters: what would be tedious as JSON. */
const shards = Source.make({
  type: "shards",
  summary: "The shards of the search index",
  config: Schema.Struct({ count: Schema.Int }),
  make: ({ count }) =>
    Source.once("shards", () => ({ facts: Array.from({ length: count }, (_, i) => shard(`shard-${i}`)).flat() }))
})

const shard = (name: string): ReadonlyArray<Fact.Fact> => {
  const origin = { label: "pipeline.ts" }
  const host = `${name}.search.svc.cluster.local`
  const ports = [{ name: "grpc", protocol: "GRPC", port: 9090, backendPort: 9090 }] as const
  return [
    { kind: "service", name, namespace: "search", prefixes: [`${name}.search`], ports, origin },
    { kind: "backend", service: `${name}.search`, cluster: "east", host, origin },
    { kind: "backend", service: `${name}.search`, cluster: "west", host, origin }
  ]
}

export default definePipeline({
  metadata: { name: "search" },
  sources: {
    inventory: { uses: "json", with: { clusters: "clusters.json" } },
    index: { uses: shards, with: { count: 3 } }
  },
  transforms: {
    mesh: { uses: "istio-global-dns", with: { profile: "mtls" } }
  },
  sinks: {
    out: { uses: "stdout", from: ["mesh"] }
  }
})
