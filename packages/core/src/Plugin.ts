/**
 * A plugin is a plain value: kind, type, summary, a Schema for its configuration, and `make`.
 * The brand is a string key, so that two copies of this package recognise each other's plugins.
 * `make` is scoped: whatever it acquires is released when its node ends.
 */
import type * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type { Host } from "./Host.ts"

export const brand = "~cw/Plugin/v1"

export type Kind = "source" | "transform" | "check" | "sink"

/** A configuration schema: decodes without requirements and can become JSON Schema. */
export type Config = Schema.ConstraintCodec<unknown, unknown, never, never>

/** What `make` may ask for; closed, so that pipeline.yaml can provide all of it. */
export type PluginServices = FileSystem.FileSystem | Path.Path | ChildProcessSpawner | Host

export interface Plugin<
  K extends Kind = Kind,
  C extends Config = Config,
  I = unknown,
  E = unknown,
  R extends PluginServices | Scope.Scope = PluginServices | Scope.Scope
> {
  readonly [brand]: K
  /** `kebab-case`, or `vendor/name`: what `uses:` says. */
  readonly type: string
  /** One line, for `cw list`. */
  readonly summary: string
  readonly config: C
  /** Complete configurations, as in YAML; tested against schema and decoder. */
  readonly examples?: ReadonlyArray<{ readonly summary: string; readonly config: unknown }>
  readonly stability?: "stable" | "experimental"
  // A method, so that plugins with different configurations share one supertype.
  make(config: C["Type"]): Effect.Effect<I, E, R>
}

export type AnyPlugin<K extends Kind = Kind> = Plugin<K, any, any, any, any>

export const isPlugin = (value: unknown): value is AnyPlugin =>
  typeof value === "object" && value !== null && brand in value && typeof (value as AnyPlugin).make === "function"

export const kindOf = (plugin: AnyPlugin): Kind => plugin[brand]

/** The brands of other plugin APIs a value carries, for a readable refusal. */
export const foreignBrands = (value: unknown): ReadonlyArray<string> =>
  typeof value === "object" && value !== null
    ? Object.keys(value).filter((k) => k.startsWith("~cw/Plugin/") && k !== brand)
    : []
