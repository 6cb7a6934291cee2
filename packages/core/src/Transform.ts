/**
 * A transform turns the model, or artifacts, into artifacts. It is deterministic and never changes its input.
 * Four shapes: `service` (memoised: a changed service costs one call), `artifact`, `model`, and `set` (per cluster).
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Artifact } from "./Artifact.ts"
import type { Diagnostic } from "./Diagnostic.ts"
import type { Engine } from "./Engine.ts"
import type { Cluster, Fleet, Model, Service } from "./Model.ts"
import { nodeLayer, type TransformOptions } from "./Node.ts"
import { brand, type Config, type Plugin, type PluginServices } from "./Plugin.ts"
import type { Eventually, PluginError } from "./PluginError.ts"

/** Artifacts, or artifacts with findings. An error among the findings of a service holds that service. */
export type Rendered =
  | ReadonlyArray<Artifact>
  | { readonly artifacts: ReadonlyArray<Artifact>; readonly diagnostics: ReadonlyArray<Diagnostic> }

/**
 * Something only one service can have, as a gateway port. Two claims of one key conflict, unless both name the same
 * `share`. The first service in name order keeps it; the other is held with a diagnostic that names both.
 */
export interface Claim {
  readonly key: string
  readonly share?: string
  /** For the message: `port 9080 of the gateway in cluster a`. */
  readonly what: string
  readonly diagnostic?: Diagnostic["code"]
  /** What to do about it. */
  readonly help?: string
  /** The one that loses is rendered all the same. */
  readonly severity?: "warning"
}

export interface ServiceTransform {
  readonly shape: "service"
  readonly run: (service: Service, fleet: Fleet) => Rendered
  readonly claims?: (service: Service, fleet: Fleet) => ReadonlyArray<Claim>
  /** Artifacts that depend on the fleet alone, as namespaces. */
  readonly fleet?: (fleet: Fleet) => Rendered
}

export interface ArtifactTransform {
  readonly shape: "artifact"
  readonly run: (artifact: Artifact, fleet: Fleet) => Rendered
}

/** The model as a whole; services in name order, held ones as far as they stand. */
export interface ModelInput {
  readonly model: Model
  readonly services: ReadonlyArray<Service>
}

export interface ModelTransform {
  readonly shape: "model"
  readonly run: (input: ModelInput) => Eventually<Rendered>
}

/** All artifacts of one cluster, in stream order. */
export interface SetInput {
  readonly cluster: Cluster
  readonly artifacts: ReadonlyArray<Artifact>
  readonly model: Model
}

export interface SetTransform {
  readonly shape: "set"
  /** Called once per cluster; targets of what it returns are set to that cluster. */
  readonly run: (input: SetInput) => Eventually<Rendered>
  /** For `cw doctor`: fails with what is missing. */
  readonly probe?: Effect.Effect<void, PluginError>
}

export type TransformImpl = ServiceTransform | ArtifactTransform | ModelTransform | SetTransform

/** What the graph must know of a transform before it is made. */
export interface TransformTraits {
  /** Forms of the artifacts it makes; objects where nothing is said. A sink that takes none of them is not wired to it. */
  readonly produces?: ReadonlyArray<"object" | "file">
}

export type TransformPlugin = Plugin<"transform", any, TransformImpl, any, any> & TransformTraits

export const service = (
  run: ServiceTransform["run"],
  more: { readonly claims?: ServiceTransform["claims"]; readonly fleet?: ServiceTransform["fleet"] } = {}
): TransformImpl => ({
  shape: "service",
  run,
  ...(more.claims === undefined ? {} : { claims: more.claims }),
  ...(more.fleet === undefined ? {} : { fleet: more.fleet })
})
export const artifact = (run: ArtifactTransform["run"]): TransformImpl => ({ shape: "artifact", run })
export const model = (run: ModelTransform["run"]): TransformImpl => ({ shape: "model", run })
export const set = (run: SetTransform["run"]): TransformImpl => ({ shape: "set", run })

export const make = <
  C extends Config,
  I extends TransformImpl,
  E = never,
  R extends PluginServices | Scope.Scope = never
>(
  spec: {
    readonly type: string
    readonly summary: string
    readonly config: C
    readonly examples?: ReadonlyArray<{ readonly summary: string; readonly config: C["Encoded"] }>
    readonly stability?: "stable" | "experimental"
    readonly make: (config: C["Type"]) => Effect.Effect<I, E, R> | I
  } & TransformTraits
): Plugin<"transform", C, TransformImpl, E, R> & TransformTraits => ({
  ...spec,
  [brand]: "transform",
  make: (config) => {
    const impl = spec.make(config)
    return Effect.isEffect(impl) ? (impl as Effect.Effect<TransformImpl, E, R>) : Effect.succeed(impl as TransformImpl)
  }
})

/** The transform as a Layer over the engine; closing its scope removes the node. */
export const layer: <C extends Config, E, R extends PluginServices | Scope.Scope>(
  plugin: Plugin<"transform", C, TransformImpl, E, R>,
  name: string,
  config: C["Encoded"],
  options?: TransformOptions
) => Layer.Layer<never, PluginError | Schema.SchemaError | E, Engine | Exclude<R, Scope.Scope>> = nodeLayer
