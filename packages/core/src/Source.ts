/**
 * A source is a stream of what it knows: partitions first, then complete snapshots, deltas and freshness.
 * It fails only when it cannot go on at all; losing one partition is `Freshness`.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Engine } from "./Engine.ts"
import type { BadEntry, Fact, SourceEvent } from "./Fact.ts"
import { nodeLayer, type SourceOptions } from "./Node.ts"
import { brand, type Config, type Plugin, type PluginServices } from "./Plugin.ts"
import { type Eventually, eventually, type PluginError } from "./PluginError.ts"

export interface SourceImpl {
  readonly events: Stream.Stream<SourceEvent, PluginError>
  /** The stream does not end by itself: it watches. */
  readonly endless?: boolean
  /** For `cw doctor`: fails with what is missing. */
  readonly probe?: Effect.Effect<void, PluginError>
}

export type SourcePlugin = Plugin<"source", any, SourceImpl, any, any>

export const make = <C extends Config, E = never, R extends PluginServices | Scope.Scope = never>(spec: {
  readonly type: string
  readonly summary: string
  readonly config: C
  readonly examples?: ReadonlyArray<{ readonly summary: string; readonly config: C["Encoded"] }>
  readonly stability?: "stable" | "experimental"
  readonly make: (config: C["Type"]) => Effect.Effect<SourceImpl, E, R> | SourceImpl
}): Plugin<"source", C, SourceImpl, E, R> => ({
  ...spec,
  [brand]: "source",
  make: (config) => {
    const impl = spec.make(config)
    return Effect.isEffect(impl) ? impl : Effect.succeed(impl)
  }
})

/** Facts as a plain function returns them. */
export interface Listing {
  readonly facts: ReadonlyArray<Fact>
  readonly bad?: ReadonlyArray<BadEntry>
}

/** A source that is read once: one partition, one snapshot. The function may be plain, a Promise or an Effect. */
export const once = (partition: string, read: () => Eventually<Listing>): SourceImpl => ({
  events: Stream.concat(
    Stream.make<[SourceEvent]>({ _tag: "Partitions", names: [partition] }),
    Stream.fromEffect(Effect.map(eventually(read), (l): SourceEvent => ({ _tag: "Snapshot", partition, ...l })))
  )
})

/** The source as a Layer over the engine; closing its scope removes the node. */
export const layer: <C extends Config, E, R extends PluginServices | Scope.Scope>(
  plugin: Plugin<"source", C, SourceImpl, E, R>,
  name: string,
  config: C["Encoded"],
  options?: SourceOptions
) => Layer.Layer<never, PluginError | Schema.SchemaError | E, Engine | Exclude<R, Scope.Scope>> = nodeLayer
