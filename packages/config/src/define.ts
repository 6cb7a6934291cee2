/**
 * `definePipeline`: the typed twin of a pipeline document. `uses` may be a plugin value, and `with` is then checked by the
 * compiler against what that plugin takes. It becomes the same tree as YAML and goes through the same checks.
 */
import type { AnyPlugin, Kind, Plugin } from "@coddiwomple/core/Plugin"
import * as Effect from "effect/Effect"
import { Document } from "./Document.ts"
import { fieldText } from "./Interpolation.ts"
import { type Loaded, type LoadInputs, loadDocument, together } from "./Load.ts"
import * as Config from "./PipelineConfig.ts"
import { fromValue } from "./Tree.ts"

export const brand = "~cw/Pipeline/v1"

/** What `definePipeline` makes; `pipeline.ts` exports one by default, or a list of them. */
export interface PipelineDefinition {
  readonly [brand]: true
  readonly spec: Readonly<Record<string, unknown>>
}

type Used<K extends Kind> = string | AnyPlugin<K>

type With<P> =
  P extends Plugin<Kind, infer C, any, any, any>
    ? {} extends C["Encoded"]
      ? { readonly with?: C["Encoded"] }
      : { readonly with: C["Encoded"] }
    : { readonly with?: Readonly<Record<string, unknown>> }

/** The framework keys of a node, as in YAML. */
type Framework<K extends Kind> = Omit<(typeof Config.nodeConfig)[K]["Encoded"], "uses" | "with" | "from">

type Node<K extends Kind, P, From extends string> = { readonly uses: P } & With<P> &
  Framework<K> &
  (K extends "source" ? {} : { readonly from?: ReadonlyArray<From> })

export interface PipelineSpec<
  S extends Record<string, Used<"source">>,
  T extends Record<string, Used<"transform">>,
  C extends Record<string, Used<"check">>,
  K extends Record<string, Used<"sink">>
> {
  readonly apiVersion?: typeof Config.apiVersion
  readonly kind?: "Pipeline"
  readonly metadata?: typeof Config.MetadataConfig.Encoded
  readonly sources: { readonly [N in keyof S]: Node<"source", S[N], never> }
  readonly model?: typeof Config.ModelConfig.Encoded
  readonly transforms?: { readonly [N in keyof T]: Node<"transform", T[N], NoInfer<keyof T & string> | "model"> }
  readonly checks?: { readonly [N in keyof C]: Node<"check", C[N], NoInfer<keyof T & string>> }
  readonly sinks: { readonly [N in keyof K]: Node<"sink", K[N], NoInfer<keyof T & string>> }
  readonly trigger?: typeof Config.TriggerConfig.Encoded
}

/** A pipeline in TypeScript. What the compiler cannot see (cycles, unused nodes) is found when it is loaded. */
export const definePipeline = <
  const S extends Record<string, Used<"source">>,
  const T extends Record<string, Used<"transform">> = {},
  const C extends Record<string, Used<"check">> = {},
  const K extends Record<string, Used<"sink">> = {}
>(
  spec: PipelineSpec<S, T, C, K>
): PipelineDefinition => ({ [brand]: true, spec: spec as unknown as Readonly<Record<string, unknown>> })

export const isPipelineDefinition = (value: unknown): value is PipelineDefinition =>
  typeof value === "object" && value !== null && brand in value && "spec" in value

/** Loads what a `pipeline.ts` exports, as `load` does YAML; findings name the field, their places only the file. */
export const loadDefinitions = Effect.fn("config.loadDefinitions")(function* (
  definitions: ReadonlyArray<PipelineDefinition>,
  file: string,
  inputs: LoadInputs
) {
  const loaded: Array<Loaded> = []
  for (const { spec } of definitions) {
    const inline = new Map<string, AnyPlugin>()
    const document = new Document(file, { tree: fromValue(withoutPlugins(spec, inline)) })
    loaded.push(yield* loadDocument(document, inputs, inline))
  }
  return together(loaded)
})

/** Takes the plugin values out, and leaves their types in `uses`. */
const withoutPlugins = (
  spec: Readonly<Record<string, unknown>>,
  inline: Map<string, AnyPlugin>
): Record<string, unknown> => {
  const out: Record<string, unknown> = { apiVersion: Config.apiVersion, kind: "Pipeline", ...spec }
  for (const section of Config.kinds.map(Config.section)) {
    const nodes = spec[section]
    if (typeof nodes !== "object" || nodes === null) continue
    out[section] = Object.fromEntries(
      Object.entries(nodes as Record<string, { readonly uses?: unknown } | null | undefined>).map(([id, node]) => {
        if (typeof node?.uses !== "object" || node.uses === null) return [id, node]
        const plugin = node.uses as AnyPlugin
        inline.set(fieldText([section, id]), plugin)
        return [id, { ...node, uses: plugin.type }]
      })
    )
  }
  return out
}
