import { Effect, Redacted, Schedule, Schema, Stream } from "effect"
import { type Fact, Host, PluginError, Source } from "@coddiwomple/core"
import { DurationText } from "@coddiwomple/core/DurationText"

const Config = Schema.Struct({
  url: Schema.NonEmptyString.annotate({ description: "Address of Consul", examples: ["http://consul:8500"] }),
  token: Schema.optionalKey(Schema.RedactedFromValue(Schema.String).annotate({ description: "ACL token" })),
  tag: Schema.String.annotate({ description: "Services with this tag are taken" }).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("global"))
  ),
  every: Schema.optionalKey(DurationText.annotate({ description: "Ask again after this time, as 30s. Default: once" }))
})

/** What is needed of the answers, checked: a server may say anything. */
const Services = Schema.Record(Schema.String, Schema.Array(Schema.String))
const Instances = Schema.Array(
  Schema.Struct({
    ServicePort: Schema.Int,
    ServiceMeta: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
  })
)

/** Each datacenter is a cluster and a partition of its own: one that does not answer makes only itself stale. */
export default Source.make({
  type: "acme/consul",
  summary: "Services of a Consul catalog, a datacenter for each cluster",
  config: Config,
  examples: [{ summary: "Asked every half minute", config: { url: "http://consul:8500", every: "30s" } }],
  make: ({ every, tag, token, url }) =>
    Effect.gen(function* () {
      const { finite } = yield* Host
      const get = <A>(path: string, schema: Schema.ConstraintDecoder<A>) =>
        Effect.tryPromise({
          try: async () => {
            const headers: Record<string, string> =
              token === undefined ? {} : { "x-consul-token": Redacted.value(token) }
            const response = await fetch(`${url}/v1/catalog/${path}`, { headers })
            if (!response.ok) throw new Error(`it answers ${response.status} for ${path}`)
            return Schema.decodeUnknownSync(schema)(await response.json())
          },
          catch: (cause) => PluginError.retryable(`Consul at ${url}: ${(cause as Error).message}`, cause)
        })

      const facts = (dc: string) =>
        Effect.gen(function* () {
          const all = yield* get(`services?dc=${encodeURIComponent(dc)}`, Services)
          const names = Object.keys(all)
            .filter((name) => all[name]!.includes(tag))
            .sort()
          return yield* Effect.forEach(names, (name) =>
            Effect.map(
              get(`service/${encodeURIComponent(name)}?dc=${encodeURIComponent(dc)}`, Instances),
              (instances) => {
                const port = instances[0]?.ServicePort ?? 80
                const host = instances[0]?.ServiceMeta?.k8s_host ?? `${name}.default.svc.cluster.local`
                const origin = { label: `Consul ${dc}`, object: { kind: "Service", name, cluster: dc } }
                const ports = [{ name: "http", protocol: "HTTP" as const, port, backendPort: port }]
                return [
                  { kind: "service", name, prefixes: [name], ports, origin },
                  { kind: "backend", service: name, cluster: dc, host, origin }
                ] satisfies ReadonlyArray<Fact.Fact>
              }
            )
          )
        })

      const read = Effect.gen(function* () {
        const names = yield* get("datacenters", Schema.Array(Schema.String))
        const partitions: Fact.SourceEvent = { _tag: "Partitions", names }
        const rest = yield* Effect.forEach(names, (partition) =>
          facts(partition).pipe(
            Effect.map((lists): Fact.SourceEvent => ({ _tag: "Snapshot", partition, facts: lists.flat() })),
            Effect.catch((e) =>
              Effect.succeed<Fact.SourceEvent>({
                _tag: "Freshness",
                partition,
                state: "stale",
                since: Date.now(),
                reason: e.message
              })
            )
          )
        )
        return [partitions, ...rest]
      })
      if (every === undefined || finite) return { events: Stream.fromIterableEffect(read) }
      return {
        events: Stream.flatMap(Stream.fromEffectSchedule(read, Schedule.spaced(every)), Stream.fromIterable),
        endless: true
      }
    })
})
