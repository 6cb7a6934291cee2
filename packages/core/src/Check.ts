/** A check may add findings and refuse a generation (an error finding does); it never changes artifacts. */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Artifact } from "./Artifact.ts"
import type { Diagnostic } from "./Diagnostic.ts"
import type { Engine } from "./Engine.ts"
import type { Fleet, Service } from "./Model.ts"
import { type CheckOptions, nodeLayer } from "./Node.ts"
import { brand, type Config, type Plugin, type PluginServices } from "./Plugin.ts"
import type { Eventually, PluginError } from "./PluginError.ts"
import type { SetInput } from "./Transform.ts"

export interface ServiceCheck {
  readonly shape: "service"
  /** Synchronous and memoised, as a service transform. */
  readonly run: (service: Service, artifacts: ReadonlyArray<Artifact>, fleet: Fleet) => ReadonlyArray<Diagnostic>
}

export interface SetCheck {
  readonly shape: "set"
  /** Called once per cluster. */
  readonly run: (input: SetInput) => Eventually<ReadonlyArray<Diagnostic>>
  /** For `cw doctor`: fails with what is missing. */
  readonly probe?: Effect.Effect<void, PluginError>
}

export type CheckImpl = ServiceCheck | SetCheck

export type CheckPlugin = Plugin<"check", any, CheckImpl, any, any>

export const service = (run: ServiceCheck["run"]): CheckImpl => ({ shape: "service", run })
export const set = (run: SetCheck["run"]): CheckImpl => ({ shape: "set", run })

export const make = <
  C extends Config,
  I extends CheckImpl,
  E = never,
  R extends PluginServices | Scope.Scope = never
>(spec: {
  readonly type: string
  readonly summary: string
  readonly config: C
  readonly examples?: ReadonlyArray<{ readonly summary: string; readonly config: C["Encoded"] }>
  readonly stability?: "stable" | "experimental"
  readonly make: (config: C["Type"]) => Effect.Effect<I, E, R> | I
}): Plugin<"check", C, CheckImpl, E, R> => ({
  ...spec,
  [brand]: "check",
  make: (config) => {
    const impl = spec.make(config)
    return Effect.isEffect(impl) ? (impl as Effect.Effect<CheckImpl, E, R>) : Effect.succeed(impl as CheckImpl)
  }
})

/** The check as a Layer over the engine; closing its scope removes the node. */
export const layer: <C extends Config, E, R extends PluginServices | Scope.Scope>(
  plugin: Plugin<"check", C, CheckImpl, E, R>,
  name: string,
  config: C["Encoded"],
  options?: CheckOptions
) => Layer.Layer<never, PluginError | Schema.SchemaError | E, Engine | Exclude<R, Scope.Scope>> = nodeLayer
