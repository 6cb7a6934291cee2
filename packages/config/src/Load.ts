/**
 * From text to checked pipelines, in steps: syntax, interpolation, envelope, plugins, their configuration, wiring. Every
 * step tells all its problems, and what one problem makes uncertain is not complained about. No I/O of its own.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { canonical, digest } from "@coddiwomple/core/Digest"
import { common, lexical, overlap, type Site } from "@coddiwomple/core/Exclusive"
import * as Graph from "@coddiwomple/core/Graph"
import { type AnyPlugin, type Kind, kindOf } from "@coddiwomple/core/Plugin"
import type { SinkPlugin } from "@coddiwomple/core/Sink"
import * as Suggest from "@coddiwomple/core/Suggest"
import type { TransformPlugin } from "@coddiwomple/core/Transform"
import * as Effect from "effect/Effect"
import { check, type Read } from "./Decode.ts"
import { type Document, parse } from "./Document.ts"
import { classify, type NodeEnvelope, readEnvelope, withoutNotes } from "./Envelope.ts"
import { fill, unresolved } from "./Fill.ts"
import { fieldText, type Inputs, interpolate, scrub } from "./Interpolation.ts"
import type { Pipeline, PipelineNode, PipelineTest } from "./Pipeline.ts"
import * as Config from "./PipelineConfig.ts"
import { shapeOf } from "./Shape.ts"
import { find, type Path, scalar } from "./Tree.ts"
import { unwritable } from "./Writable.ts"

export interface LoadInputs extends Inputs {
  /**
   * The plugin that a `uses` names, or why there is none: its place is added here. A finding that is no error (plugins
   * that are switched off) leaves the node without plugin: what only the plugin knows is then not checked.
   */
  readonly plugins: (uses: string, kind: Kind) => Effect.Effect<AnyPlugin | Diagnostic.Diagnostic>
  /** One form for all spellings of a local path; without it by its letters. */
  readonly path?: (path: string) => string
}

export interface Loaded {
  /** Those of which nothing is wrong, in file order. */
  readonly pipelines: ReadonlyArray<Pipeline>
  readonly tests: ReadonlyArray<PipelineTest>
  /** In the order in which a person mends a file. */
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
}

/** Loads all documents of a YAML text. Never fails: what is wrong is in `diagnostics`. */
export const load = Effect.fn("config.load")(function* (text: string, file: string, inputs: LoadInputs) {
  const parsed = parse(text, file)
  const diagnostics = [...parsed.diagnostics]
  if (parsed.documents.length === 0 && diagnostics.length === 0) {
    diagnostics.push(Diagnostic.error("CW101", `${file} holds no pipeline`, { place: { file } }))
  }
  const loaded: Array<Loaded> = []
  for (const document of parsed.documents) loaded.push(yield* loadDocument(document, inputs))
  return together([{ pipelines: [], tests: [], diagnostics }, ...loaded])
})

/** Puts the results of several texts together; two pipelines may share neither name nor target. */
export const together = (parts: ReadonlyArray<Loaded>): Loaded => {
  const all = parts.flatMap((p) => p.pipelines)
  const clashing = clashes(all)
  const diagnostics = [...parts.flatMap((p) => p.diagnostics), ...clashing.map((c) => c.diagnostic)]
  const pipelines = all.filter((p) => !clashing.some((c) => c.pipeline === p))
  return { pipelines, tests: parts.flatMap((p) => p.tests), diagnostics: diagnostics.sort(Diagnostic.compare) }
}

/** Checks one document. `inline` holds plugins that code gave as values. */
export const loadDocument = Effect.fnUntraced(function* (
  whole: Document,
  inputs: LoadInputs,
  inline: ReadonlyMap<string, AnyPlugin> = new Map()
) {
  const none: Loaded = { pipelines: [], tests: [], diagnostics: [] }
  const what = classify(whole)
  if (what !== "pipeline") return "code" in what ? { ...none, diagnostics: [what] } : { ...none, tests: [what] }
  const document = withoutNotes(whole)
  const read: Read = { document, interpolated: yield* interpolate(document, inputs) }
  const envelope = yield* readEnvelope(read)
  const diagnostics = [...envelope.diagnostics]
  const off = envelope.nodes.filter((n) => !n.enabled)
  for (const { path, diagnostic } of read.interpolated.findings) {
    // A node that is switched off needs none of its variables.
    if (!off.some((n) => n.path.every((key, i) => key === path[i]) && path[2] !== "enabled"))
      diagnostics.push(diagnostic)
  }
  const nodes: Array<Configured> = []
  const resolve = yield* memo(inputs, inline)
  const site = { pipeline: envelope.name ?? "pipeline", path: inputs.path ?? lexical }
  for (const node of envelope.nodes) {
    if (node.enabled) nodes.push(yield* configure(node, read, resolve, site, diagnostics))
  }
  const incomplete = diagnostics.some(Diagnostic.isError)
  const wires = [...nodes.map((n) => wireOf(n)), ...off.map((n): Graph.Wire => ({ kind: n.kind, id: n.id, off: true }))]
  const { graph, problems } = Graph.wire(wires, { owner: envelope.name, incomplete })
  for (const { kind, node, path, diagnostic } of problems) {
    const place = document.place([Config.section(kind), node, ...path], path.length === 0 ? "key" : "value")
    diagnostics.push({ ...diagnostic, message: scrub(diagnostic.message, read.interpolated), place })
  }
  diagnostics.push(...whatIsLeft(read, envelope.prefer, nodes, incomplete))
  if (diagnostics.some(Diagnostic.isError)) return { ...none, diagnostics }
  const place = (path: Path, part?: "key" | "value") => document.place(path, part)
  const pipeline: Pipeline = {
    name: envelope.name ?? "pipeline",
    named: envelope.name !== undefined,
    file: document.file,
    nodes: nodes.map((n) => finished(n, read)),
    off: off.map(({ kind, id }) => ({ kind, id })),
    model: envelope.model!,
    trigger: envelope.trigger!,
    graph,
    place,
    read
  }
  return { ...none, pipelines: [pipeline], diagnostics }
})

interface Configured {
  readonly envelope: NodeEnvelope
  readonly plugin: AnyPlugin | undefined
  readonly config: unknown
  readonly exclusive: ReadonlyArray<string> | undefined
}

type Resolve = (uses: string, kind: Kind, path: Path) => Effect.Effect<AnyPlugin | Diagnostic.Diagnostic>

/** A plugin that several nodes name is asked for once. */
const memo = (inputs: LoadInputs, inline: ReadonlyMap<string, AnyPlugin>): Effect.Effect<Resolve> =>
  Effect.sync(() => {
    const known = new Map<string, AnyPlugin | Diagnostic.Diagnostic>()
    return Effect.fnUntraced(function* (uses, kind, path) {
      const given = inline.get(fieldText(path))
      if (given !== undefined) return given
      const key = `${kind}/${uses}`
      const found = known.get(key) ?? (yield* inputs.plugins(uses, kind))
      known.set(key, found)
      return found
    })
  })

/** Finds the plugin of a node and checks its `with`. */
const configure = Effect.fnUntraced(function* (
  envelope: NodeEnvelope,
  read: Read,
  resolve: Resolve,
  site: Site,
  diagnostics: Array<Diagnostic.Diagnostic>
) {
  const { kind, id, path } = envelope
  const at = [...path, "uses"]
  const details = { place: read.document.place(at), field: fieldText(at), node: id }
  const without: Configured = { envelope, plugin: undefined, config: undefined, exclusive: undefined }
  const written = find(read.document.root, at)?.tree
  if (envelope.uses === undefined || written?.kind !== "scalar") return without
  if (read.interpolated.values.has(written) || read.interpolated.missing.has(written)) {
    const help = "what is loaded must be named in the file itself"
    diagnostics.push(Diagnostic.error("CW105", "`uses` cannot hold `${…}`", { ...details, help }))
    return without
  }
  const found = yield* resolve(envelope.uses, kind, path)
  if (!("make" in found)) {
    diagnostics.push({ ...details, ...found })
    return without
  }
  if (kindOf(found) !== kind) {
    const help = `move the node to \`${Config.section(kindOf(found))}\``
    diagnostics.push(
      Diagnostic.error("CW205", `\`${envelope.uses}\` is a ${kindOf(found)}, not a ${kind}`, { ...details, help })
    )
    return without
  }
  const odd = unwritable(found.config.ast)
  if (odd.length > 0) {
    const message = `the configuration of \`${envelope.uses}\` cannot become JSON Schema: ${odd.join(", ")}`
    diagnostics.push(Diagnostic.warning("CW208", message, details))
  }
  const checked = yield* check<unknown>(found.config, read, {
    path: [...path, "with"],
    noun: found.type,
    explain: envelope.uses,
    node: id
  })
  diagnostics.push(...checked.diagnostics)
  misplaced(envelope, found, diagnostics)
  const exclusive = checked.decoded === undefined ? undefined : exclusiveOf(found, checked.decoded, site)
  if (exclusive instanceof Error) {
    const message = `sink \`${id}\` cannot say what it writes`
    diagnostics.push(
      Diagnostic.error("CW206", message, { ...details, help: "this is a fault of the plugin: see its `exclusive`" })
    )
    return without
  }
  return { envelope, plugin: found, config: checked.value, exclusive }
})

/** A key that is known on the other side of `with` was only put in the wrong place. */
const misplaced = (
  { kind, path }: NodeEnvelope,
  plugin: AnyPlugin,
  diagnostics: Array<Diagnostic.Diagnostic>
): void => {
  const inner = [...path, "with"]
  const helps = new Map([
    ...keysOf(plugin.config.ast).map((key) => [fieldText([...path, key]), `move it below \`with\``] as const),
    ...keysOf(Config.nodeConfig[kind].ast).map(
      (key) => [fieldText([...inner, key]), "move it out of `with`, beside `uses`"] as const
    )
  ])
  diagnostics.forEach((found, i) => {
    const help = found.code === "CW102" && found.field !== undefined ? helps.get(found.field) : undefined
    if (help !== undefined) diagnostics[i] = { ...found, help }
  })
}

const keysOf = (ast: Parameters<typeof shapeOf>[0]): ReadonlyArray<string> => {
  const shape = shapeOf(ast)
  return shape.type === "mapping" ? shape.keys.map((key) => key.name) : []
}

const exclusiveOf = (plugin: AnyPlugin, config: unknown, site: Site): ReadonlyArray<string> | undefined | Error => {
  if (kindOf(plugin) !== "sink") return undefined
  try {
    return (plugin as SinkPlugin).traits.exclusive?.(config, site)
  } catch (cause) {
    return cause instanceof Error ? cause : new Error(String(cause))
  }
}

const wireOf = ({ envelope, plugin, exclusive }: Configured): Graph.Wire => {
  const { kind, id, from, options } = envelope
  const traits = plugin !== undefined && kind === "sink" ? (plugin as SinkPlugin).traits : undefined
  return {
    kind,
    id,
    from,
    ...(kind === "transform" && plugin !== undefined
      ? { produces: (plugin as TransformPlugin).produces ?? ["object"] }
      : {}),
    accepts: traits?.accepts,
    deletes: traits?.deletes,
    policy: options?.policy,
    exclusive
  }
}

/** What neither a schema nor the wiring can know. */
const whatIsLeft = (
  read: Read,
  prefer: ReadonlyArray<string>,
  nodes: ReadonlyArray<Configured>,
  incomplete: boolean
): ReadonlyArray<Diagnostic.Diagnostic> => {
  const out: Array<Diagnostic.Diagnostic> = []
  const has = (kind: Kind) => nodes.some((n) => n.envelope.kind === kind)
  for (const kind of ["source", "sink"] as const) {
    if (incomplete || has(kind)) continue
    const place = read.document.place([Config.section(kind)], "key")
    out.push(Diagnostic.error("CW103", `no ${kind} is switched on`, { place, help: `enable a ${kind}` }))
  }
  const sources = nodes.filter((n) => n.envelope.kind === "source").map((n) => n.envelope.id)
  prefer.forEach((name, i) => {
    if (name === unresolved) return
    const path = ["model", "prefer", i]
    const details = { place: read.document.place(path), field: fieldText(path) }
    const shown = scrub(name, read.interpolated)
    if (!sources.includes(name)) {
      out.push(
        Diagnostic.error("CW301", `unknown source \`${shown}\``, { ...details, help: Suggest.help(name, sources) })
      )
    } else if (prefer.indexOf(name) < i) {
      out.push(Diagnostic.error("CW304", `\`${shown}\` is named twice in \`prefer\``, details))
    }
  })
  return out
}

const finished = ({ envelope, plugin, config, exclusive }: Configured, read: Read): PipelineNode => {
  const { kind, id, uses, path, options, description } = envelope
  return {
    kind,
    id,
    uses: uses!,
    plugin,
    config: config ?? {},
    options: options!,
    exclusive: exclusive ?? [],
    ...(description === undefined ? {} : { description }),
    fingerprint: fingerprint(envelope, plugin, read),
    place: (below = [], part) =>
      read.document.place([...path, ...below], part ?? (below.length === 0 ? "key" : "value"))
  }
}

/** Values from outside enter a fingerprint only together with this, so that no fingerprint helps to guess them. */
const salt = globalThis.crypto.randomUUID()

const fingerprint = (
  { kind, path }: NodeEnvelope,
  plugin: AnyPlugin | undefined,
  { document, interpolated }: Read
): string => {
  const parts = (below: Path, shape: Parameters<typeof fill>[1]) =>
    fill(find(document.root, below)?.tree ?? scalar(null), shape, interpolated, ({ from }, value) =>
      from.length === 0 ? value : { outside: digest(`${salt}${canonical(value)}`) }
    )
  const {
    with: _with,
    description: _description,
    ...node
  } = parts(path, shapeOf(Config.nodeConfig[kind].ast)) as Record<string, unknown>
  const own = parts([...path, "with"], plugin === undefined ? undefined : shapeOf(plugin.config.ast)) ?? {}
  return digest(canonical({ kind, node, with: own }))
}

interface Clash {
  readonly pipeline: Pipeline
  readonly diagnostic: Diagnostic.Diagnostic
}

const clashes = (pipelines: ReadonlyArray<Pipeline>): ReadonlyArray<Clash> => {
  const out: Array<Clash> = []
  const names = new Map<string, Pipeline>()
  const targets = new Map<string, { readonly pipeline: Pipeline; readonly id: string }>()
  for (const pipeline of pipelines) {
    const other = names.get(pipeline.name)
    if (other === undefined) names.set(pipeline.name, pipeline)
    else {
      const message = pipeline.named ? `two pipelines are named \`${pipeline.name}\`` : "two pipelines have no name"
      const related = [{ message: "the other", place: other.place(["metadata", "name"]) }]
      const place = pipeline.place(["metadata", "name"])
      out.push({ pipeline, diagnostic: Diagnostic.error("CW107", message, { place, related }) })
    }
    for (const node of pipeline.nodes) {
      const keys = new Set(node.exclusive)
      for (const key of keys) {
        const found = [...targets].find(([taken, t]) => t.pipeline !== pipeline && overlap(taken, key))
        if (found !== undefined) {
          const [taken, first] = found
          const target = scrub(common(taken, key), pipeline.read.interpolated)
          const message = `sink \`${node.id}\` and sink \`${first.id}\` of pipeline \`${first.pipeline.name}\` both write ${target}`
          const diagnostic = Diagnostic.error("CW305", message, { place: node.place(), node: node.id })
          out.push({ pipeline, diagnostic })
        }
      }
      for (const key of keys) if (!targets.has(key)) targets.set(key, { pipeline, id: node.id })
    }
  }
  return out
}
