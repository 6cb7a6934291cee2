/**
 * From a checked pipeline to layers: exactly `Source.layer`, `Transform.layer`, `Check.layer` and `Sink.layer`, one per
 * node, so that pipeline.yaml and TypeScript build the same thing. Each node has a layer of its own, for reload.
 */
import { parseRange } from "@coddiwomple/core/Addresses"
import type { Blueprint } from "@coddiwomple/core/Assembly"
import * as Check from "@coddiwomple/core/Check"
import type { Engine, EngineOptions } from "@coddiwomple/core/Engine"
import { type AnyPlugin, type Kind, type PluginServices } from "@coddiwomple/core/Plugin"
import { permanent } from "@coddiwomple/core/PluginError"
import * as Sink from "@coddiwomple/core/Sink"
import * as Source from "@coddiwomple/core/Source"
import * as Transform from "@coddiwomple/core/Transform"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Pipeline, PipelineNode } from "./Pipeline.ts"

export type NodeLayer = Layer.Layer<never, unknown, Engine | PluginServices>

type Make = (plugin: AnyPlugin, name: string, config: unknown, options: object) => Layer.Layer<never, any, any>

const make: Readonly<Record<Kind, Make>> = {
  source: Source.layer as Make,
  transform: Transform.layer as Make,
  check: Check.layer as Make,
  sink: Sink.layer as Make
}

/** The layer of one node. A node whose plugin was not loaded fails: leaving it out could delete what it made. */
export const layer = (node: PipelineNode): NodeLayer =>
  node.plugin === undefined
    ? Layer.effectDiscard(
        Effect.fail(permanent(`plugin \`${node.uses}\` of ${node.kind} \`${node.id}\` is not loaded`))
      )
    : make[node.kind](node.plugin, node.id, node.config, node.options)

/** What the engine's assembly runs and, after a change of the file, compares. */
export const blueprints = (pipeline: Pipeline): ReadonlyArray<Blueprint> =>
  pipeline.nodes.map((node) => ({
    id: node.id,
    fingerprint: node.fingerprint,
    layer: layer(node),
    place: node.place()
  }))

/** All nodes as one layer. */
export const layers = (pipeline: Pipeline): NodeLayer => Layer.mergeAll(Layer.empty, ...pipeline.nodes.map(layer))

/** What the engine is told about a pipeline. `pinned` holds the addresses of the lock file that `model.addresses.lock` names. */
export const engineOptions = (
  { name, model, trigger }: Pipeline,
  pinned: ReadonlyMap<string, string> = new Map()
): Pick<EngineOptions, "pipeline" | "fold" | "debounce" | "firstSync"> => {
  const range = parseRange(model.addresses.range)
  return {
    pipeline: name,
    fold: { suffix: model.suffix, prefer: model.prefer, pinned, ...("problem" in range ? {} : { range }) },
    debounce: trigger.debounce,
    firstSync: trigger.firstSync
  }
}
