/**
 * A source in any language: the command prints a ResourceList of `Cluster` and `Service` items
 * (apiVersion coddiwomple.io/v1alpha1); a Service lists its backends. Read once, one partition.
 */
import type { BackendFact, ClusterFact, Origin, ServiceFact } from "@coddiwomple/core/Fact"
import { identity, protocols, trafficPolicies } from "@coddiwomple/core/Fact"
import { Host } from "@coddiwomple/core/Host"
import { PluginError } from "@coddiwomple/core/PluginError"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import * as Source from "@coddiwomple/core/Source"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Config } from "./Config.ts"
import { answer, request } from "./ResourceList.ts"
import { run } from "./Run.ts"

const ClusterSpec = Schema.Struct({
  addresses: Schema.Array(Schema.String),
  region: Schema.optionalKey(Schema.String),
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
  config: Config,
  examples: [{ summary: "A script that asks an inventory", config: { command: ["./from-cmdb.py"] } }],
  make: (config) =>
    Effect.gen(function* () {
      const { directory } = yield* Host
      const services = yield* Effect.context<ChildProcessSpawner | FileSystem.FileSystem | Path.Path>()
      const program = config.command[0]
      return Source.once(program, () =>
        Effect.gen(function* () {
          const output = yield* run(config, directory, request(config, [], {}))
          const answered = answer(program, output.stdout)
          if (answered instanceof PluginError) return yield* Effect.fail(answered)
          const facts: Array<ClusterFact | ServiceFact | BackendFact> = []
          const bad: Array<{ service?: string; diagnostics: ReadonlyArray<Diagnostic.Diagnostic> }> = []
          for (const [i, item] of answered.items.entries()) {
            const { name, namespace } = item.metadata
            const object = { kind: item.kind, name, ...(namespace === undefined ? {} : { namespace }) }
            const origin: Origin = { label: `${program}, items[${i}]`, object }
            if (item.kind === "Cluster") {
              const spec = Schema.decodeUnknownResult(ClusterSpec, strict)(item.spec)
              if (Result.isSuccess(spec)) facts.push({ kind: "cluster", name, order: i, ...spec.success, origin })
              else bad.push({ diagnostics: [wrong(program, object, spec.failure.message)] })
            } else if (item.kind === "Service") {
              const id = identity(name, namespace)
              const spec = Schema.decodeUnknownResult(ServiceSpec, strict)(item.spec)
              if (Result.isFailure(spec)) {
                bad.push({ service: id, diagnostics: [wrong(program, object, spec.failure.message, id)] })
                continue
              }
              const { backends, ports, ...rest } = spec.success
              const filled = ports.map(({ backendPort, ...p }) => ({ ...p, backendPort: backendPort ?? p.port }))
              facts.push({
                kind: "service",
                name,
                ...(namespace === undefined ? {} : { namespace }),
                ...rest,
                ports: filled,
                origin
              })
              for (const [cluster, host] of Object.entries(backends))
                facts.push({ kind: "backend", service: id, cluster, host, origin })
            } else bad.push({ diagnostics: [wrong(program, object, "only Cluster and Service items are understood")] })
          }
          return { facts, bad }
        }).pipe(Effect.provideContext(services))
      )
    })
})

const wrong = (program: string, object: Diagnostic.ObjectRef, message: string, service?: string) =>
  Diagnostic.error("CW401", `${program}: ${object.kind} ${object.name}: ${message.replaceAll("\n", " ")}`, {
    object,
    service
  })
