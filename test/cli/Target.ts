// Files for tests of the command: a pipeline whose sink is a loose plugin that keeps what it owns in one JSON file, so
// that every outcome of a plan and an apply can be had without anything outside the folder.
export const sink = `
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Schema } from "effect"
import { ClusterSet, Host, PluginError, Sink } from "@coddiwomple/core"

type State = Record<string, Record<string, { digest: string; service: string }>>

export default Sink.make({
  type: "target",
  summary: "Keeps digests in a file",
  config: Schema.Struct({
    file: Schema.NonEmptyString,
    /** Clusters that cannot be written. */
    fail: Schema.Array(Schema.String).pipe(Schema.withDecodingDefaultKey(Effect.succeed([]))),
    /** Fails as a whole. */
    broken: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(false))),
    /** Ids that belong to somebody else. */
    foreign: Schema.Array(Schema.String).pipe(Schema.withDecodingDefaultKey(Effect.succeed([]))),
    /** Milliseconds that an apply takes. */
    slow: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0))),
    /** The apply cannot be interrupted. */
    stubborn: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(false))),
    token: Schema.optionalKey(Schema.RedactedFromValue(Schema.String))
  }),
  make: (config) =>
    Effect.gen(function* () {
      const host = yield* Host
      const path = join(host.directory, config.file)
      const read = (): State => (existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {})
      const wanted = (desired) => {
        const out: State = {}
        for (const { index, name } of desired.model.fleet.clusters) {
          out[name] = {}
          for (const a of desired.artifacts()) if (ClusterSet.has(a.targets, index)) out[name][a.id] = { digest: String(a.text.length), service: a.service }
        }
        return out
      }
      return {
        probe: config.broken ? Effect.fail(PluginError.permanent("nobody answers")) : Effect.void,
        plan: (desired) => {
          if (config.broken) return Effect.fail(PluginError.permanent("nobody answers"))
          const state = read()
          const items = []
          let unchanged = 0
          const want = wanted(desired)
          for (const [target, objects] of Object.entries(want)) {
            for (const [id, { digest, service }] of Object.entries(objects)) {
              const before = state[target]?.[id]?.digest
              if (before === digest) unchanged++
              else if (config.foreign.includes(id.split("/").at(-1))) items.push({ op: "conflict", target, id, service, reason: "made by hand" })
              else items.push({ op: before === undefined ? "create" : "update", target, id, digest, service, ...(before === undefined ? {} : { before }) })
            }
          }
          for (const [target, objects] of Object.entries(state)) {
            for (const [id, { digest, service }] of Object.entries(objects)) {
              if (want[target]?.[id] === undefined) items.push({ op: "delete", target, id, service, before: digest })
            }
          }
          const owned = new Map(Object.entries(state).map(([target, objects]) => [target, Object.keys(objects).length]))
          return Effect.succeed({ items, unchanged, owned })
        },
        apply: (plan, desired) =>
          Effect.gen(function* () {
            console.error("applying")
            yield* config.stubborn ? Effect.uninterruptible(Effect.sleep(config.slow)) : Effect.sleep(config.slow)
            const state = read()
            const want = wanted(desired)
            const items = []
            for (const item of plan.items) {
              if (item.op === "held" || item.op === "conflict") continue
              const { op, target, id } = item
              const failed = config.fail.includes(target)
              items.push({ op, target, id, outcome: failed ? "failed" : "applied", ...(failed ? { message: "refused" } : {}) })
              if (failed) continue
              state[target] ??= {}
              if (op === "delete") delete state[target][id]
              else state[target][id] = want[target][id]
            }
            writeFileSync(path, JSON.stringify(state))
            return { items }
          })
      }
    })
})
`

export const clusters = JSON.stringify([
  { name: "east", address: "192.0.2.1" },
  { name: "west", address: "192.0.2.2" }
])

export const service = (name: string, more: object = {}): object => ({
  name,
  dns_prefixes: [name],
  ports: [{ name: "http", protocol: "HTTP", service_port: 80, backend_port: 9080 }],
  backends: { east: `${name}.default.svc.cluster.local` },
  ...more
})

export const services = (...names: ReadonlyArray<string>): string => JSON.stringify(names.map((name) => service(name)))

/** A pipeline; `sink` holds keys of the sink beside `uses`, `target` keys of its `with`. */
export const pipeline = (
  options: { readonly name?: string; readonly sink?: object; readonly target?: object; readonly source?: object } = {}
): string =>
  JSON.stringify({
    apiVersion: "coddiwomple.io/v1alpha1",
    kind: "Pipeline",
    metadata: { name: options.name ?? "demo" },
    sources: {
      inventory: { uses: "json", with: { clusters: "clusters.json", services: "services.json", ...options.source } }
    },
    transforms: { mesh: { uses: "istio-global-dns" } },
    sinks: {
      out: { uses: "./target.ts", policy: "sync", with: { file: "state.json", ...options.target }, ...options.sink }
    }
  })

/** A folder's files for one run. */
export const files = (options: Parameters<typeof pipeline>[0] = {}): Record<string, string> => ({
  "pipeline.yaml": pipeline(options),
  "clusters.json": clusters,
  "services.json": services("reviews", "ratings"),
  "target.ts": sink
})
