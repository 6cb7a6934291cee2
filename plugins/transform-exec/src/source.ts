/**
 * A source in any language: the command prints a ResourceList of `Cluster` and `Service` items
 * (apiVersion coddiwomple.io/v1alpha1); a Service lists its backends. One partition; read once, or again
 * after a pause.
 */
import type { KubernetesObject } from "@coddiwomple/core/Artifact"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import {
  type BadEntry,
  type Fact,
  identity,
  type Origin,
  protocols,
  type SourceEvent,
  trafficPolicies
} from "@coddiwomple/core/Fact"
import { Host } from "@coddiwomple/core/Host"
import { PluginError, refused } from "@coddiwomple/core/PluginError"
import * as Source from "@coddiwomple/core/Source"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { SourceConfig } from "./Config.ts"
import { answer, request } from "./ResourceList.ts"
import { runner } from "./Run.ts"

const ClusterSpec = Schema.Struct({
  addresses: Schema.Array(Schema.String),
  region: Schema.optionalKey(Schema.String),
  labels: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  istioVersion: Schema.optionalKey(Schema.String)
})
const ServiceSpec = Schema.Struct({
  prefixes: Schema.Array(Schema.String),
  ports: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      protocol: Schema.Literals(protocols),
      port: Schema.Number,
      backendPort: Schema.optionalKey(Schema.Number)
    })
  ),
  backends: Schema.Record(Schema.String, Schema.String),
  address: Schema.optionalKey(Schema.String),
  traffic: Schema.optionalKey(Schema.Literals(trafficPolicies)),
  consumers: Schema.optionalKey(Schema.Array(Schema.String)),
  meshed: Schema.optionalKey(Schema.Boolean)
})
const strict = { errors: "all", onExcessProperty: "error" } as const

export default Source.make({
  type: "exec",
  summary: "Runs a command that prints clusters and services as a ResourceList",
  config: SourceConfig,
  examples: [
    { summary: "A script that asks an inventory", config: { command: ["./from-cmdb.py"] } },
    { summary: "Asked again every five minutes", config: { command: ["./from-cmdb.py"], every: "5m" } }
  ],
  make: (config) =>
    Effect.gen(function* () {
      const { finite } = yield* Host
      const run = yield* runner(config)
      const partition = run.program
      const read = Effect.gen(function* () {
        const answered = answer(run, yield* run.run(request(config, [], {})), "needed")
        if (answered instanceof PluginError) return yield* Effect.fail(answered)
        const errors = answered.diagnostics.filter(Diagnostic.isError)
        if (errors.length > 0) return yield* Effect.fail(refused(answered.diagnostics))
        return { ...listing(run.program, answered.items), diagnostics: answered.diagnostics }
      })
      const { probe } = run
      if (config.every === undefined || finite) return { ...Source.once(partition, () => read), probe }
      const snapshot = Effect.map(read, (l): SourceEvent => ({ _tag: "Snapshot", partition, ...l }))
      const events = Stream.concat(
        Stream.make<[SourceEvent]>({ _tag: "Partitions", names: [partition] }),
        Stream.fromEffectSchedule(snapshot, Schedule.spaced(config.every))
      )
      return { events, endless: true, probe }
    })
})

const listing = (program: string, items: ReadonlyArray<KubernetesObject>): Source.Listing => {
  const facts: Array<Fact> = []
  const bad: Array<BadEntry> = []
  for (const [i, item] of items.entries()) {
    const { name, namespace } = item.metadata
    const object = { kind: item.kind, name, ...(namespace === undefined ? {} : { namespace }) }
    const origin: Origin = { label: `${program}, items[${i}]`, object }
    if (item.kind === "Cluster") {
      const spec = Schema.decodeUnknownResult(ClusterSpec, strict)(item.spec)
      if (Result.isSuccess(spec)) facts.push({ kind: "cluster", name, order: i, ...spec.success, origin })
      else bad.push({ cluster: name, diagnostics: [wrong(program, object, spec.failure.message)] })
    } else if (item.kind === "Service") {
      const id = identity(name, namespace)
      const spec = Schema.decodeUnknownResult(ServiceSpec, strict)(item.spec)
      if (Result.isFailure(spec)) {
        bad.push({ service: id, diagnostics: [wrong(program, object, spec.failure.message, id)] })
        continue
      }
      const { backends, ports, ...rest } = spec.success
      facts.push({
        kind: "service",
        name,
        ...(namespace === undefined ? {} : { namespace }),
        ...rest,
        ports: ports.map(({ backendPort, ...p }) => ({ ...p, backendPort: backendPort ?? p.port })),
        origin
      })
      for (const [cluster, host] of Object.entries(backends))
        facts.push({ kind: "backend", service: id, cluster, host, origin })
    } else bad.push({ diagnostics: [wrong(program, object, "only Cluster and Service items are understood")] })
  }
  return { facts, bad }
}

const wrong = (program: string, object: Diagnostic.ObjectRef, message: string, service?: string) =>
  Diagnostic.error("CW401", `${program}: ${object.kind} ${object.name}: ${message.replaceAll("\n", " ")}`, {
    object,
    service
  })
