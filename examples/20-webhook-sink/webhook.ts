import { Effect, Redacted, Schema } from "effect"
import { type Artifact, ClusterSet, Plan, PluginError, Sink } from "@coddiwomple/core"
import { digest } from "@coddiwomple/core/Digest"

const Config = Schema.Struct({
  url: Schema.NonEmptyString.annotate({
    description: "Base address; each cluster's objects go to <url>/<cluster>",
    examples: ["https://hooks.example.com/mesh"]
  }),
  token: Schema.optionalKey(Schema.RedactedFromValue(Schema.String).annotate({ description: "Sent as a bearer token" }))
})

export default Sink.make({
  type: "acme/webhook",
  summary: "Puts the objects of each cluster to a URL, when they differ from what is there",
  config: Config,
  accepts: ["object"],
  deletes: false,
  examples: [{ summary: "With a token", config: { url: "https://hooks.example.com/mesh", token: "secret" } }],
  make: ({ token, url }) => {
    const request = (cluster: string, options: RequestInit = {}) =>
      Effect.tryPromise({
        try: () => {
          const headers = token === undefined ? {} : { authorization: `Bearer ${Redacted.value(token)}` }
          return fetch(`${url}/${encodeURIComponent(cluster)}`, {
            ...options,
            headers: { ...headers, ...options.headers }
          })
        },
        catch: (cause) => PluginError.retryable(`${url} does not answer`, cause)
      }).pipe(
        Effect.flatMap((response) => {
          if (response.ok || response.status === 404) return Effect.succeed(response)
          const message = `${url} answers ${response.status} for cluster ${cluster}`
          // A busy server may be well in a minute; a refusal stays a refusal.
          const busy = response.status >= 500 || response.status === 429
          return Effect.fail(busy ? PluginError.retryable(message) : PluginError.permanent(message))
        })
      )
    const bodies = (artifacts: Iterable<Artifact.Artifact>, index: number) =>
      [...artifacts]
        .filter((a) => ClusterSet.has(a.targets, index))
        .map((a) => `---\n${a.text}`)
        .join("")

    return {
      plan: (desired) =>
        Effect.map(
          Effect.forEach(desired.model.fleet.clusters, ({ index, name }) =>
            Effect.map(request(name, { method: "HEAD" }), (there): Plan.PlanItem | undefined => {
              const wanted = digest(bodies(desired.artifacts(), index))
              const before = there.headers.get("etag") ?? undefined
              if (before === wanted) return undefined
              const op = there.status === 404 ? "create" : "update"
              // One body for all: it is not replaced while a service is held or a source is in doubt.
              const item = { op, target: name, id: "objects", combines: "artifacts", digest: wanted } as const
              return before === undefined ? item : { ...item, before }
            })
          ),
          (items) => ({
            items: items.filter((item) => item !== undefined),
            unchanged: items.filter((item) => item === undefined).length
          })
        ),
      // Clusters are independent: what cannot be reached is reported, the others go on.
      apply: (plan, desired) =>
        Effect.map(
          Effect.forEach(Plan.executable(plan), (item) => {
            const { op, target, id } = item
            const body = bodies(desired.artifacts(), desired.model.fleet.byName.get(target)!.index)
            return request(target, { method: "PUT", body, headers: { etag: item.digest! } }).pipe(
              Effect.match({
                onSuccess: (): Plan.ReportItem => ({ op, target, id, outcome: "applied" }),
                onFailure: (e): Plan.ReportItem => ({ op, target, id, outcome: "failed", message: e.message })
              })
            )
          }),
          (items) => ({ items })
        )
    }
  }
})
