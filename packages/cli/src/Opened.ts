/**
 * Opens pipeline files: finds the file, reads it, loads the plugins it names, and turns every checked pipeline into
 * what a session needs. All findings of all documents at once; only pipelines of which nothing is wrong come out.
 */
import { existsSync, readFileSync, statSync } from "node:fs"
import { dirname, isAbsolute, relative, resolve } from "node:path"
import * as Build from "@coddiwomple/config/Build"
import { isPipelineDefinition, loadDefinitions } from "@coddiwomple/config/define"
import { parse } from "@coddiwomple/config/Document"
import { type Loaded, type LoadInputs, load, loadDocument, together } from "@coddiwomple/config/Load"
import type { Pipeline, PipelineNode } from "@coddiwomple/config/Pipeline"
import type { Blueprint } from "@coddiwomple/core/Assembly"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { AnyPlugin, Kind } from "@coddiwomple/core/Plugin"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Effect from "effect/Effect"
import * as Loader from "./Loader.ts"
import { Lock } from "./Lock.ts"
import { assign } from "./Settings.ts"

export interface OpenedNode {
  readonly id: string
  readonly kind: Kind
  /** As the file says it. */
  readonly uses: string
  /** Transforms it reads; empty = the model. */
  readonly reads: ReadonlyArray<string>
  /** Absent where plugins are switched off: it can be shown, not built. */
  readonly plugin?: Loader.Loaded
  readonly blueprint: Blueprint
  /** The same node reading exactly `reads`, whatever else the graph holds. */
  readonly pinned: Blueprint
}

export interface Opened {
  readonly name: string
  /** As findings name it; `-` for standard input. */
  readonly file: string
  readonly directory: string
  readonly nodes: ReadonlyArray<OpenedNode>
  readonly lock?: Lock
  /** Absolute paths whose change may change the pipeline. */
  readonly watch: ReadonlyArray<string>
  readonly checked: Pipeline
}

export interface Request {
  readonly file: string | undefined
  readonly pipeline: string | undefined
  /** False: third-party code is not loaded; `validate` can still check the rest. */
  readonly plugins: boolean
  /** The severity of "plugins are switched off". */
  readonly lenient?: boolean
  readonly set: Readonly<Record<string, string>>
}

export interface Result {
  /** Every plugin that could be loaded, also where something else is wrong. */
  readonly plugins: ReadonlyArray<Loader.Loaded & { readonly uses: string }>
  readonly pipelines: ReadonlyArray<Opened>
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
}

const candidates = ["pipeline.yaml", "pipeline.yml", "pipeline.ts"]

const failure = (...diagnostics: ReadonlyArray<Diagnostic.Diagnostic>): Result => ({ pipelines: [], plugins: [], diagnostics })

/** The file's text and where it stands. */
const locate = (given: string | undefined): Found | Diagnostic.Diagnostic => {
  if (given === "-") return { file: "-", path: resolve("-"), text: readFileSync(0, "utf8") }
  const file = given ?? candidates.find((name) => existsSync(name))
  if (file === undefined) {
    return Diagnostic.error("CW003", `there is no ${candidates[0]} here`, { help: "`cw init` writes one; or name a file" })
  }
  try {
    const path = resolve(file)
    if (!statSync(path).isFile()) return Diagnostic.error("CW003", `${file} is not a file`, { place: { file } })
    return { file, path, text: readFileSync(path, "utf8") }
  } catch (cause) {
    const gone = (cause as NodeJS.ErrnoException).code === "ENOENT"
    return Diagnostic.error("CW003", gone ? `${file} does not exist` : `${file} cannot be read: ${(cause as Error).message}`, { place: { file } })
  }
}

/** Where relative paths start, which plugins were loaded, and which files were read on the way. */
class Context {
  readonly directory: string
  readonly loaded = new Map<AnyPlugin, Loader.Loaded & { readonly uses: string }>()
  readonly read = new Set<string>()
  readonly inputs: LoadInputs

  constructor(directory: string, request: Request, env: (name: string) => string | undefined) {
    this.directory = directory
    this.inputs = {
      env,
      readFile: (path) => Effect.suspend(() => this.text(path)),
      plugins: (uses, kind) => Effect.promise(() => this.plugin(uses, kind, request))
    }
  }

  private text(path: string): Effect.Effect<string, string> {
    const file = resolve(this.directory, path)
    this.read.add(file)
    try {
      if (!statSync(file).isFile()) return Effect.fail("it is not a file")
      return Effect.succeed(readFileSync(file, "utf8"))
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      return Effect.fail(code === "ENOENT" ? "it does not exist" : code === "EACCES" ? "it may not be read" : `it cannot be read (${code})`)
    }
  }

  private async plugin(uses: string, kind: Kind, { lenient, plugins }: Request): Promise<AnyPlugin | Diagnostic.Diagnostic> {
    const found = await Loader.load(uses, kind, { directory: this.directory, plugins })
    if ("plugin" in found) {
      this.loaded.set(found.plugin, { ...found, uses })
      if (isAbsolute(found.from)) this.read.add(found.from)
      return found.plugin
    }
    return found.code === "CW207" && lenient === true ? { ...found, severity: "info" } : found
  }
}

export const open = async (request: Request): Promise<Result> => {
  const found = locate(request.file)
  if ("severity" in found) return failure(found)
  const settings = Object.entries(request.set)
  const context = new Context(dirname(found.path), request, assign.environment(settings))
  const code = /\.[cm]?[jt]s$/.test(found.file)
  const loaded = code
    ? await fromCode(found, settings, request, context)
    : await Effect.runPromise(settings.length === 0 ? load(found.text, found.file, context.inputs) : withSettings(found, settings, context))
  return finish(loaded, found, request, context)
}

interface Found {
  readonly file: string
  readonly path: string
  readonly text: string
}

/** What a `pipeline.ts` exports. */
const fromCode = async (found: Found, settings: assign.Settings, { plugins }: Request, context: Context): Promise<Loaded> => {
  const refuse = (diagnostic: Diagnostic.Diagnostic): Loaded => ({ pipelines: [], tests: [], diagnostics: [diagnostic] })
  const place = { file: found.file }
  if (!plugins) return refuse(Diagnostic.error("CW207", `${found.file} is not run: plugins are switched off by --no-plugins`, { place }))
  if (settings.length > 0) return refuse(Diagnostic.error("CW101", `--set cannot reach into ${found.file}: it is code`, { place, help: "read a variable in it" }))
  const module = await Loader.importCode(found.file, found.path, found.text)
  if ("severity" in module) return refuse(module)
  const exported = Array.isArray(module.exports.default) ? module.exports.default : [module.exports.default]
  const definitions = exported.filter(isPipelineDefinition)
  if (definitions.length === 0 || definitions.length < exported.length) {
    const help = "export default definePipeline({ sources: …, sinks: … })"
    return refuse(Diagnostic.error("CW101", `${found.file} does not export a pipeline by default`, { place, help }))
  }
  return Effect.runPromise(loadDefinitions(definitions, found.file, context.inputs))
}

const withSettings = (found: Found, settings: assign.Settings, context: Context) =>
  Effect.gen(function* () {
    const { diagnostics, documents } = parse(found.text, found.file)
    const changed = assign.apply(documents, settings)
    const loaded = yield* Effect.forEach(changed.documents, (document) => loadDocument(document, context.inputs))
    return together([{ pipelines: [], tests: [], diagnostics: [...diagnostics, ...changed.diagnostics] }, ...loaded])
  })

const finish = (loaded: Loaded, found: Found, request: Request, context: Context): Result => {
  const wanted = request.pipeline === undefined ? loaded.pipelines : loaded.pipelines.filter((p) => p.name === request.pipeline)
  const diagnostics = [...loaded.diagnostics]
  if (request.pipeline !== undefined && wanted.length === 0 && !diagnostics.some(Diagnostic.isError)) {
    const help = Suggest.help(request.pipeline, loaded.pipelines.map((p) => p.name))
    diagnostics.push(Diagnostic.error("CW101", `${found.file} holds no pipeline "${request.pipeline}"`, { place: { file: found.file }, help }))
  }
  const pipelines: Array<Opened> = []
  for (const pipeline of wanted) {
    const lock = found.file === "-" ? undefined : openLock(pipeline, context.directory)
    if (lock instanceof Lock || lock === undefined) pipelines.push(opened(pipeline, found.path, context, lock))
    else diagnostics.push(...lock)
  }
  return { pipelines, plugins: [...context.loaded.values()], diagnostics }
}

const openLock = (pipeline: Pipeline, directory: string) => {
  const path = resolve(directory, pipeline.model.addresses.lock)
  const near = relative(process.cwd(), path)
  return Lock.open(path, near.startsWith("..") ? path : near)
}

const opened = (pipeline: Pipeline, path: string, context: Context, lock: Lock | undefined): Opened => ({
  name: pipeline.name,
  file: pipeline.file,
  directory: context.directory,
  nodes: pipeline.nodes.map((node) => openedNode(node, pipeline, context)),
  ...(lock === undefined ? {} : { lock }),
  watch: [...(pipeline.file === "-" ? [] : [path]), ...context.read],
  checked: pipeline
})

const openedNode = (node: PipelineNode, pipeline: Pipeline, context: Context): OpenedNode => {
  const reads = pipeline.graph.upstream.get(node.id) ?? []
  const plugin = node.plugin === undefined ? undefined : context.loaded.get(node.plugin)
  // A loose plugin that changed is another plugin under the same name.
  const stamp = plugin !== undefined && existsSync(plugin.from) ? statSync(plugin.from).mtimeMs : 0
  const blueprint = (options: PipelineNode["options"]): Blueprint => ({
    id: node.id,
    fingerprint: `${node.fingerprint}/${stamp}`,
    layer: Build.layer({ ...node, options }),
    place: node.place()
  })
  return {
    id: node.id,
    kind: node.kind,
    uses: node.uses,
    reads,
    ...(plugin === undefined ? {} : { plugin }),
    blueprint: blueprint(node.options),
    pinned: blueprint(reads.length === 0 ? node.options : { ...node.options, from: reads })
  }
}

/** The pipeline with these sinks alone, and what they need. Each still reads what it reads in the whole. */
export const onlySinks = (pipeline: Opened, keep: (sink: OpenedNode) => boolean): Opened => {
  const sinks = pipeline.nodes.filter((node) => node.kind === "sink" && keep(node))
  if (sinks.length === pipeline.nodes.filter((node) => node.kind === "sink").length) return pipeline
  const checks = pipeline.nodes.filter((node) => node.kind === "check")
  const explicit = checks.filter((check) => pipeline.checked.nodes.find((n) => n.id === check.id)?.options.from !== undefined)
  const needed = closure(pipeline, [...sinks, ...explicit])
  const nodes = pipeline.nodes.flatMap((node) => {
    if (node.kind === "sink") return sinks.includes(node) ? [{ ...node, blueprint: node.pinned }] : []
    return node.kind !== "transform" || needed.has(node.id) ? [node] : []
  })
  return { ...pipeline, nodes }
}

/** Ids of all transforms these nodes read, through others too. */
export const closure = (pipeline: Opened, from: ReadonlyArray<OpenedNode>): ReadonlySet<string> => {
  const needed = new Set<string>()
  const visit = (ids: ReadonlyArray<string>): void => {
    for (const id of ids) {
      if (needed.has(id)) continue
      needed.add(id)
      visit(pipeline.nodes.find((node) => node.id === id)?.reads ?? [])
    }
  }
  visit(from.flatMap((node) => node.reads))
  return needed
}
