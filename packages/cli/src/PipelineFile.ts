/**
 * Opens pipeline files: finds the file, reads it, loads the plugins it names, and checks everything. All findings of
 * all documents at once; only pipelines of which nothing is wrong come out.
 */
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs"
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path"
import { isPipelineDefinition, loadDefinitions } from "@coddiwomple/config/define"
import { parse } from "@coddiwomple/config/Document"
import { type Loaded, type LoadInputs, load, loadDocument, together } from "@coddiwomple/config/Load"
import type { Pipeline, PipelineTest } from "@coddiwomple/config/Pipeline"
import { secretsOf } from "@coddiwomple/config/Secret"
import { shapeOf } from "@coddiwomple/config/Shape"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { AnyPlugin, Kind } from "@coddiwomple/core/Plugin"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Effect from "effect/Effect"
import { conceal, concealSecrets } from "./Concealed.ts"
import { absolute } from "./Home.ts"
import * as Loader from "./Loader.ts"
import { Lock } from "./Lock.ts"
import { type Opened, opened } from "./Opened.ts"
import * as Settings from "./Settings.ts"

export interface Request {
  /** Undefined: the usual names in this folder. `-`: standard input. */
  readonly file: string | undefined
  readonly pipeline?: string | undefined
  /** False: third-party code is not loaded. */
  readonly plugins: boolean
  /** That plugins are switched off is no error: the rest is wanted all the same. */
  readonly lenient?: boolean
  readonly set?: Readonly<Record<string, string>>
  /** Sources that can watch do so, unless the file says otherwise. */
  readonly watching?: boolean
}

export interface Result {
  readonly pipelines: ReadonlyArray<Opened>
  /** `PipelineTest` documents, for `cw test`. */
  readonly tests: ReadonlyArray<PipelineTest>
  /** Every plugin that could be loaded, also where something else is wrong. */
  readonly plugins: ReadonlyArray<Named>
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
}

type Named = Loader.Loaded & { readonly uses: string }

interface Found {
  /** As findings name it. */
  readonly file: string
  readonly path: string
  readonly text: string
}

const candidates = ["pipeline.yaml", "pipeline.yml", "pipeline.ts"]

export const open = async (request: Request): Promise<Result> => {
  const found = locate(request.file)
  if ("severity" in found) return { pipelines: [], tests: [], plugins: [], diagnostics: [found] }
  const settings = Object.entries(request.set ?? {})
  const context = new Context(dirname(found.path), request, settings)
  const loaded = /\.[cm]?[jt]s$/.test(found.file)
    ? await fromCode(found, request, settings, context)
    : await Effect.runPromise(
        settings.length === 0
          ? load(found.text, found.file, context.inputs)
          : withSettings(found, settings, context.inputs)
      )
  return finish(loaded, found, request, context)
}

const locate = (given: string | undefined): Found | Diagnostic.Diagnostic => {
  if (given === "-") return { file: "-", path: resolve("-"), text: readFileSync(0, "utf8") }
  const file = given ?? candidates.find((name) => existsSync(name))
  if (file === undefined) {
    return Diagnostic.error("CW003", `there is no ${candidates[0]} here`, {
      help: "`cw init` writes one; or name a file"
    })
  }
  const place = { file }
  try {
    const path = resolve(file)
    if (!statSync(path).isFile()) return Diagnostic.error("CW003", `${file} is not a file`, { place })
    return { file, path, text: readFileSync(path, "utf8") }
  } catch (cause) {
    const gone = (cause as NodeJS.ErrnoException).code === "ENOENT"
    const what = gone ? "does not exist" : `cannot be read: ${(cause as Error).message}`
    return Diagnostic.error("CW003", `${file} ${what}`, { place })
  }
}

/** A local path in one form: relative to the folder, links followed as far as there is something. */
const placeOf = (path: string, directory: string): string =>
  relative(real(directory), real(absolute(path, directory))).replaceAll("\\", "/") || "."

const real = (path: string): string => {
  try {
    return realpathSync.native(path)
  } catch {
    const above = dirname(path)
    return above === path ? path : join(real(above), basename(path))
  }
}

/** Where relative paths start, which plugins were loaded, and which files were read on the way. */
class Context {
  readonly directory: string
  readonly loaded = new Map<AnyPlugin, Named>()
  readonly read = new Set<string>()
  /** Of a `pipeline.ts`. */
  code: Loader.Code | undefined
  readonly inputs: LoadInputs

  constructor(directory: string, request: Request, settings: Settings.Settings) {
    this.directory = directory
    this.inputs = {
      env: Settings.environment(settings),
      readFile: (path) => Effect.suspend(() => this.text(path)),
      path: (path) => placeOf(path, directory),
      plugins: (uses, kind) => Effect.promise(() => this.plugin(uses, kind, request))
    }
  }

  private text(path: string): Effect.Effect<string, string> {
    const file = absolute(path, this.directory)
    this.read.add(file)
    try {
      if (!statSync(file).isFile()) return Effect.fail("it is not a file")
      return Effect.succeed(readFileSync(file, "utf8"))
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      const known: Readonly<Record<string, string>> = { ENOENT: "it does not exist", EACCES: "it may not be read" }
      return Effect.fail(known[code ?? ""] ?? `it cannot be read (${code})`)
    }
  }

  private async plugin(
    uses: string,
    kind: Kind,
    { lenient, plugins }: Request
  ): Promise<AnyPlugin | Diagnostic.Diagnostic> {
    if (uses === "exec" && !plugins && lenient !== true) {
      return Diagnostic.error("CW640", "`exec` runs a command, which --no-plugins forbids")
    }
    const found = await Loader.load(uses, kind, { directory: this.directory, plugins })
    if ("plugin" in found) {
      this.loaded.set(found.plugin, { ...found, uses })
      if (isAbsolute(found.from)) this.read.add(found.from)
      for (const file of found.code.files) this.read.add(file)
      return found.plugin
    }
    return found.code === "CW207" && lenient === true ? { ...found, severity: "info" } : found
  }
}

/** What a `pipeline.ts` exports. */
const fromCode = async (
  found: Found,
  { plugins }: Request,
  settings: Settings.Settings,
  context: Context
): Promise<Loaded> => {
  const { file } = found
  const place = { file }
  const refuse = (diagnostic: Diagnostic.Diagnostic): Loaded => ({
    pipelines: [],
    tests: [],
    diagnostics: [diagnostic]
  })
  if (!plugins) {
    return refuse(Diagnostic.error("CW207", `${file} is not run: plugins are switched off by --no-plugins`, { place }))
  }
  if (settings.length > 0) {
    const help = "read a variable of the environment in it"
    return refuse(Diagnostic.error("CW101", `--set cannot reach into ${file}: it is code`, { place, help }))
  }
  const module = await Loader.importCode(file, found.path, found.text)
  if ("severity" in module) return refuse(module)
  context.code = module.code
  for (const file of module.code.files) context.read.add(file)
  const exported: ReadonlyArray<unknown> = [module.exports.default].flat()
  const definitions = exported.filter(isPipelineDefinition)
  if (definitions.length === 0 || definitions.length < exported.length) {
    const help = "export default definePipeline({ sources: …, sinks: … })"
    return refuse(Diagnostic.error("CW101", `${file} does not export a pipeline by default`, { place, help }))
  }
  return Effect.runPromise(loadDefinitions(definitions, file, context.inputs))
}

const withSettings = ({ file, text }: Found, settings: Settings.Settings, inputs: LoadInputs) =>
  Effect.gen(function* () {
    const parsed = parse(text, file)
    const changed = Settings.apply(parsed.documents, settings)
    const loaded = yield* Effect.forEach(changed.documents, (document) => loadDocument(document, inputs))
    const diagnostics = [...parsed.diagnostics, ...changed.diagnostics]
    return together([{ pipelines: [], tests: [], diagnostics }, ...loaded])
  })

const finish = (loaded: Loaded, { file, path }: Found, request: Request, context: Context): Result => {
  const diagnostics = [...loaded.diagnostics]
  for (const { nodes, read } of loaded.pipelines) {
    conceal(read.interpolated.outside)
    concealSecrets([...read.interpolated.secret])
    for (const { config, plugin } of nodes) {
      const secrets = plugin === undefined ? [] : [...secretsOf(config, shapeOf(plugin.config.ast))]
      // The environment of a command is full of words that are no secrets.
      concealSecrets(secrets.filter((value) => value.length >= 8))
    }
  }
  const wanted = loaded.pipelines.filter((p) => request.pipeline === undefined || p.name === request.pipeline)
  if (request.pipeline !== undefined && wanted.length === 0 && !diagnostics.some(Diagnostic.isError)) {
    const names = loaded.pipelines.map((p) => p.name)
    const help = Suggest.help(request.pipeline, names)
    const message = `${file} holds no pipeline "${request.pipeline}"`
    diagnostics.push(Diagnostic.error("CW101", message, { place: { file }, help }))
  }
  const pipelines: Array<Opened> = []
  for (const pipeline of wanted) {
    const lock = file === "-" ? undefined : openLock(pipeline, context.directory)
    if (lock !== undefined && !(lock instanceof Lock)) diagnostics.push(...lock)
    else {
      const circumstances = {
        directory: context.directory,
        lock,
        watch: [...(file === "-" ? [] : [path]), ...context.read],
        watching: request.watching === true,
        code: context.code,
        loaded: ({ plugin }: { readonly plugin: AnyPlugin | undefined }) =>
          plugin === undefined ? undefined : context.loaded.get(plugin)
      }
      pipelines.push(opened(pipeline, circumstances))
    }
  }
  return { pipelines, tests: loaded.tests, plugins: [...context.loaded.values()], diagnostics }
}

const openLock = (pipeline: Pipeline, directory: string) => {
  const path = absolute(pipeline.model.addresses.lock, directory)
  const near = relative(process.cwd(), path)
  return Lock.open(path, near.startsWith("..") ? path : near)
}
