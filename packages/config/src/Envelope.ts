/**
 * The first look at a document: is it a pipeline, are its sections and framework keys as they should be? Each node is
 * checked alone, so that a broken one hides nothing about the others.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Kind } from "@coddiwomple/core/Plugin"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import { check, type Read } from "./Decode.ts"
import type { Document } from "./Document.ts"
import * as Config from "./PipelineConfig.ts"
import type { Options, PipelineTest } from "./Pipeline.ts"
import { type Entry, mapping, type Path, toValue } from "./Tree.ts"

export interface NodeEnvelope {
  readonly kind: Kind
  readonly id: string
  readonly path: Path
  readonly enabled: boolean
  /** Undefined where it is missing or not text. */
  readonly uses: string | undefined
  readonly from: ReadonlyArray<string> | undefined
  /** Undefined where something is wrong. */
  readonly options: Options | undefined
  readonly description: string | undefined
}

export interface Envelope {
  readonly name: string | undefined
  readonly model: Config.ModelConfig | undefined
  /** Names in `model.prefer`, also where something else of `model` is wrong. */
  readonly prefer: ReadonlyArray<string>
  readonly trigger: Config.TriggerConfig | undefined
  readonly nodes: ReadonlyArray<NodeEnvelope>
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
}

export const maximumNodes = 1000

/** What a document is; a diagnostic where it is neither a pipeline nor a test. */
export const classify = (document: Document): "pipeline" | PipelineTest | Diagnostic.Diagnostic => {
  const { tree } = document.root
  if (tree.kind !== "mapping") {
    return Diagnostic.error("CW101", "a pipeline is a mapping with `sources` and `sinks`", {
      place: document.place([])
    })
  }
  const kind = tree.entries.get("kind")?.tree
  const name = kind?.kind === "scalar" && typeof kind.value === "string" ? kind.value : undefined
  if (name === Config.testKind) {
    const value = toValue(tree) as Record<string, unknown>
    return { file: document.file, value, place: (path, what) => document.place(path, what) }
  }
  const keys = [...tree.entries.keys()]
  const near = keys.some((key) =>
    ["sources", "sinks"].some((s) => s === key || Suggest.suggest(key, [s]) !== undefined)
  )
  // A kind that is misspelt hides nothing of what else is wrong.
  const misspelt = near && name !== undefined && Suggest.suggest(name, ["Pipeline"]) !== undefined
  if (name !== undefined && name !== "Pipeline" && !misspelt) {
    const place = document.place(["kind"])
    const help = Suggest.help(name, ["Pipeline", Config.testKind])
    return Diagnostic.error("CW101", `kind \`${name}\` is not read by cw`, { place, field: "kind", help })
  }
  if (near || name === "Pipeline") return "pipeline"
  return Diagnostic.error("CW101", "this is not a pipeline: it has neither `sources` nor `sinks`", {
    place: document.place([])
  })
}

/** Checks header, sections and framework keys. */
export const readEnvelope = Effect.fnUntraced(function* (read: Read) {
  const diagnostics: Array<Diagnostic.Diagnostic> = []
  const { document } = read
  const part = Effect.fnUntraced(function* <A>(
    schema: Schema.ConstraintCodec<A, unknown>,
    path: Path,
    noun: string,
    node?: string
  ) {
    const checked = yield* check(schema, read, { path, noun, ...(node === undefined ? {} : { node }) })
    diagnostics.push(...checked.diagnostics)
    return checked
  })
  yield* part(Config.PipelineConfig, [], "a pipeline")
  const metadata = yield* part(Config.MetadataConfig, ["metadata"], "metadata")
  const model = yield* part(Config.ModelConfig, ["model"], "model")
  const trigger = yield* part(Config.TriggerConfig, ["trigger"], "trigger")
  const nodes: Array<NodeEnvelope> = []
  for (const kind of Config.kinds) {
    const section = Config.section(kind)
    const entry = entriesOf(document.root).get(section)
    if (entry === undefined) continue
    const names = [...entriesOf(entry).keys()]
    if (names.length === 0 && entry.tree.kind === "mapping" && (kind === "source" || kind === "sink")) {
      const place = document.place([section], "key")
      diagnostics.push(
        Diagnostic.error("CW103", `\`${section}\` holds no node`, { place, field: section, help: `add a ${kind}` })
      )
    }
    if (nodes.length + names.length > maximumNodes) {
      const place = document.place([section], "key")
      diagnostics.push(Diagnostic.error("CW005", `there are more than ${maximumNodes} nodes`, { place }))
      continue
    }
    for (const id of names) {
      const path = [section, id]
      const { value, decoded } = yield* part<typeof Config.SinkConfig.Type>(
        Config.nodeConfig[kind] as never,
        path,
        `a ${kind}`,
        id
      )
      nodes.push(nodeOf(kind, id, path, value, decoded))
    }
  }
  const name = (metadata.value as { readonly name?: unknown }).name
  if (!entriesOf(document.root).has("apiVersion")) {
    diagnostics.push(
      Diagnostic.info("CW108", `apiVersion is missing; ${Config.apiVersion} is meant`, { place: document.place([]) })
    )
  }
  return {
    name: typeof name === "string" ? name : undefined,
    model: model.decoded,
    prefer: texts((model.value as { readonly prefer?: unknown }).prefer) ?? [],
    trigger: trigger.decoded,
    nodes,
    diagnostics
  } satisfies Envelope
})

const nodeOf = (
  kind: Kind,
  id: string,
  path: Path,
  value: unknown,
  decoded: typeof Config.SinkConfig.Type | undefined
): NodeEnvelope => {
  const raw = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
  const { uses: _uses, with: _with, enabled: _enabled, description, ...options } = decoded ?? {}
  return {
    kind,
    id,
    path,
    enabled: raw.enabled !== false,
    uses: typeof raw.uses === "string" && raw.uses !== "" ? raw.uses : undefined,
    from: texts(raw.from),
    options: decoded === undefined ? undefined : (options as Options),
    description
  }
}

/** A list of text as it is written, and nothing else. */
const texts = (value: unknown): ReadonlyArray<string> | undefined =>
  Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined

const entriesOf = (entry: Entry): ReadonlyMap<string, Entry> =>
  entry.tree.kind === "mapping" ? entry.tree.entries : new Map()

/** Without `x-…` keys, which are for anchors and notes, and without optional sections that are empty. */
export const withoutNotes = (document: Document): Document => {
  const empty = (key: string, { tree }: Entry) =>
    tree.kind === "scalar" &&
    tree.value === null &&
    ["metadata", "model", "transforms", "checks", "trigger"].includes(key)
  const entries = [...entriesOf(document.root)].filter(([key, entry]) => !key.startsWith("x-") && !empty(key, entry))
  return document.with({ ...document.root, tree: mapping(new Map(entries)) })
}
