/**
 * A node is a configured plugin of one pipeline. Its layer decodes the configuration, makes the plugin in a scope of
 * its own, and adds it to the engine; closing the scope takes it out again. pipeline.yaml and TypeScript build the same layers.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { CheckImpl } from "./Check.ts"
import { Engine } from "./Engine.ts"
import { lexical, type Site } from "./Exclusive.ts"
import { Host } from "./Host.ts"
import type { Limits, Policy } from "./Guard.ts"
import { type AnyPlugin, type Kind, kindOf } from "./Plugin.ts"
import { NodeName } from "./NodeName.ts"
import { permanent } from "./PluginError.ts"
import * as Returned from "./Returned.ts"
import type { SinkImpl, SinkPlugin, SinkTraits } from "./Sink.ts"
import type { SourceImpl } from "./Source.ts"
import type { TransformImpl, TransformPlugin } from "./Transform.ts"

export interface Retry {
  /** First delay; doubles up to `max`. */
  readonly initial: Duration.Input
  readonly max: Duration.Input
  /** Attempts of a finite run before it gives up; a watching run never gives up on retryable failures. */
  readonly times: number
}

export interface SourceOptions {
  readonly timeout?: Duration.Input
}
export interface TransformOptions {
  readonly from?: ReadonlyArray<string>
  readonly timeout?: Duration.Input
}
export interface CheckOptions {
  readonly from?: ReadonlyArray<string>
  readonly timeout?: Duration.Input
}
export interface SinkOptions {
  readonly from?: ReadonlyArray<string>
  /** Default `upsert-only`. */
  readonly policy?: Policy
  readonly guard?: Partial<Limits>
  readonly retry?: Partial<Retry>
  /** Bound of one plan or one apply. */
  readonly timeout?: Duration.Input
}

export interface NodeOf<K extends Kind, I, O> {
  readonly kind: K
  readonly id: string
  /** Type of its plugin. */
  readonly type: string
  readonly impl: I
  readonly options: O
}
export type SourceNode = NodeOf<"source", SourceImpl, SourceOptions>
export interface TransformNode extends NodeOf<"transform", TransformImpl, TransformOptions> {
  /** Forms of the artifacts it makes; objects where nothing is said. */
  readonly produces?: ReadonlyArray<"object" | "file">
}
export type CheckNode = NodeOf<"check", CheckImpl, CheckOptions>
export interface SinkNode extends NodeOf<"sink", SinkImpl, SinkOptions> {
  readonly traits: SinkTraits<unknown>
  /** What only this sink may write: `traits.exclusive` of its configuration. */
  readonly exclusive?: ReadonlyArray<string>
}
export type Node = SourceNode | TransformNode | CheckNode | SinkNode

/** Both strict options, at every configuration boundary. */
export const decodeOptions = { errors: "all", onExcessProperty: "error" } as const

/** Decodes, makes and adds. The typed faces are `Source.layer`, `Transform.layer`, `Check.layer` and `Sink.layer`. */
export const nodeLayer = (
  plugin: AnyPlugin,
  name: string,
  config: unknown,
  options: object = {}
): Layer.Layer<never, any, any> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const decoded = yield* Schema.decodeUnknownEffect(
        plugin.config as Schema.ConstraintCodec<unknown, unknown>,
        decodeOptions
      )(config ?? {})
      const impl = yield* plugin.make(decoded).pipe(Effect.provideService(NodeName, name))
      const engine = yield* Engine
      const kind = kindOf(plugin)
      yield* Effect.try({
        try: () => Returned.impl(kind, impl),
        catch: (cause) => permanent((cause as Error).message)
      })
      const node = { kind, id: name, type: plugin.type, impl, options }
      const host = yield* Effect.serviceOption(Host)
      const pipeline = host._tag === "Some" ? host.value.pipeline : ""
      yield* engine.add({ ...node, ...staticParts(plugin, decoded, { pipeline, path: lexical }) } as Node)
    })
  )

/** What the graph knows of a node beside its implementation. */
const staticParts = (plugin: AnyPlugin, config: unknown, site: Site): object => {
  if (kindOf(plugin) === "transform") {
    const { produces } = plugin as TransformPlugin
    return produces === undefined ? {} : { produces }
  }
  if (kindOf(plugin) !== "sink") return {}
  const { traits } = plugin as SinkPlugin
  return { traits, ...(traits.exclusive === undefined ? {} : { exclusive: traits.exclusive(config, site) }) }
}
