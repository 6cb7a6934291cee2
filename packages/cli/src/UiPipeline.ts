/**
 * The pipeline behind `cw ui --cluster-file`: the clusters' own Services, or a services file, into the original's form or
 * the mtls one. A cluster that is down is a column without contact, never a reason not to start.
 */
import { readFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import * as Assembly from "@coddiwomple/core/Assembly"
import { Engine } from "@coddiwomple/core/Engine"
import * as Sink from "@coddiwomple/core/Sink"
import * as Source from "@coddiwomple/core/Source"
import * as Transform from "@coddiwomple/core/Transform"
import type { NodeText } from "@coddiwomple/ui/server/Infos"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Platform from "./Platform.ts"

export interface Files {
  readonly clusterFile: string
  readonly serviceFile: string | undefined
  readonly profile: "classic" | "mtls"
}

/** Collects what is generated; there is nothing to compare it with. */
const page = Sink.make({
  type: "page",
  summary: "Shows what is generated",
  config: Schema.Struct({}),
  make: () => ({
    plan: () => Effect.succeed({ items: [], unchanged: 0, opaque: true }),
    apply: () => Effect.succeed({ items: [] })
  })
})

const yaml = (value: Readonly<Record<string, unknown>>): string =>
  Object.entries(value)
    .map(([key, each]) => `${key}: ${JSON.stringify(each)}\n`)
    .join("")

/** Does any cluster of the file say how it is reached? Unreadable files say no; the source tells why. */
const connects = (file: string): boolean => {
  try {
    const entries = JSON.parse(readFileSync(file, "utf8")) as ReadonlyArray<Record<string, unknown>>
    return entries.some(
      (c) => Boolean(c.kubeconfig_path) || Boolean(c.kubeconfig_context) || Boolean(c.kubecondig_context)
    )
  } catch {
    return false
  }
}

export const name = "ui"

/** Gives the body an engine with its nodes in place, and what they are. */
export const open = <A, E, R>(
  files: Files,
  body: (engine: Engine["Service"], nodes: ReadonlyArray<NodeText>) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const engine = yield* Engine
    const assembly = yield* Assembly.make
    const live = files.serviceFile === undefined
    const clusters = resolve(files.clusterFile)
    const source = live
      ? yield* Effect.promise(async () => (await import("@coddiwomple/source-kubernetes")).default)
      : yield* Effect.promise(async () => (await import("@coddiwomple/source-json")).default)
    const istio = yield* Effect.promise(async () => (await import("@coddiwomple/transform-istio-global-dns")).default)
    const id = live ? "fleet" : "files"
    const config = live ? { clusters } : { clusters, services: resolve(files.serviceFile!), watch: true }
    const compare =
      live && connects(clusters)
        ? yield* Effect.promise(
            async () => (await import("@coddiwomple/sink-kubectl-apply").catch(() => undefined))?.default
          )
        : undefined
    const blueprints: Array<Assembly.Blueprint> = [
      { id, fingerprint: "", layer: (Source.layer as never as LayerOf)(source, id, config) },
      {
        id: "istio",
        fingerprint: "",
        layer: (Transform.layer as never as LayerOf)(istio, "istio", { profile: files.profile })
      },
      { id: "page", fingerprint: "", layer: (Sink.layer as never as LayerOf)(page, "page", {}) },
      ...(compare === undefined
        ? []
        : [{ id: "clusters", fingerprint: "", layer: (Sink.layer as never as LayerOf)(compare, "clusters", {}) }])
    ]
    const built = yield* Effect.result(assembly.set(blueprints))
    if (built._tag === "Failure") return yield* Effect.fail(built.failure)
    const nodes: ReadonlyArray<NodeText> = [
      {
        id,
        kind: "source",
        type: live ? "kubernetes" : "json",
        reads: [],
        config: yaml(config),
        place: files.clusterFile
      },
      { id: "istio", kind: "transform", type: "istio-global-dns", reads: [], config: yaml({ profile: files.profile }) },
      { id: "page", kind: "sink", type: "page", reads: ["istio"], hidden: true },
      ...(compare === undefined
        ? []
        : [
            {
              id: "clusters",
              kind: "sink" as const,
              type: "kubectl-apply",
              reads: ["istio"],
              description: "compared, never written"
            }
          ])
    ]
    return yield* body(engine, nodes)
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        Platform.host({ directory: dirname(resolve(files.clusterFile)), pipeline: name, finite: false }),
        Engine.layer({ pipeline: name, dryRun: true, firstSync: "5 seconds" })
      )
    ),
    Effect.scoped
  )

type LayerOf = (plugin: unknown, name: string, config: unknown) => Assembly.Blueprint["layer"]
