/**
 * Finds and loads what `uses:` names: a built-in, a loose file (`./x.ts`), or a package next to the pipeline file.
 * Nothing is discovered: only what the file names is loaded, and nothing of others is with `--no-plugins`.
 * A plugin that cannot be had is a diagnostic with a code of its own, never a stack trace.
 */
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { createRequire } from "node:module"
import { basename, dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { type AnyPlugin, foreignBrands, isPlugin, type Kind, kindOf } from "@coddiwomple/core/Plugin"
import * as Suggest from "@coddiwomple/core/Suggest"
import { builtins, kindsOf } from "./Builtins.ts"
import { absolute } from "./Home.ts"
import * as Hooks from "./Hooks.ts"
import * as Versions from "./Versions.ts"

export interface Loaded {
  readonly plugin: AnyPlugin
  /** `built-in`, or the file it came from. */
  readonly from: string
  /** Of its package, where it has one. */
  readonly version?: string
  readonly code: Code
}

/** What a change of code is told by. */
export interface Code {
  /** Another number as soon as a file of it has changed. Packages are loaded once: always 0. */
  readonly stamp: number
  /** Absolute paths of the local modules it is made of. */
  readonly files: ReadonlyArray<string>
}

const fixed: Code = { stamp: 0, files: [] }

export interface Options {
  /** Absolute folder of the pipeline file: relative paths and packages are looked up from here. */
  readonly directory: string
  /** False: only built-ins, as for files one does not trust. */
  readonly plugins: boolean
}

const isPath = (uses: string): boolean => /^(\.{1,2}[/\\]|~?[/\\]|file:|[a-zA-Z]:[/\\])/.test(uses)

const packageName = (uses: string): string => uses.replace(/^npm:/, "").replace(/^(@[^/]+\/[^@/]+|[^@/]+)@[^/]*/, "$1")

/** The plugin, or why there is none. */
export const load = async (uses: string, kind: Kind, options: Options): Promise<Loaded | Diagnostic.Diagnostic> => {
  if (!isPath(uses)) {
    const builtin = Object.hasOwn(builtins[kind], uses) ? builtins[kind][uses] : undefined
    if (builtin !== undefined) return { plugin: (await builtin()).default, from: "built-in", code: fixed }
    const elsewhere = kindsOf(uses)
    if (elsewhere.length > 0) return wrongKind(uses, elsewhere[0]!, kind)
    if (!/^(npm:|@)/.test(uses) && !installed(uses, options)) return unknown(uses, kind)
  }
  if (!options.plugins) {
    return Diagnostic.error("CW207", `plugin "${uses}" is not loaded: plugins are switched off by --no-plugins`)
  }
  const found = isPath(uses) ? locateFile(uses, options) : locatePackage(uses, options)
  if ("severity" in found) return found
  try {
    await Hooks.install()
    return accept(uses, kind, found, await importFrom(found.url))
  } catch (cause) {
    if (found.url === uses && /matching package/.test(String(cause))) return notInstalled(uses, options.directory)
    return notLoaded(`plugin "${uses}"`, found, cause)
  }
}

/** What a module other than a plugin exports: a `pipeline.ts`. It may import built-in plugins by the names of their packages. */
export const importCode = async (
  shown: string,
  path: string,
  text: string
): Promise<{ readonly exports: Record<string, unknown>; readonly code: Code } | Diagnostic.Diagnostic> => {
  const location = locateFile(path, { directory: dirname(path), plugins: true })
  if ("severity" in location) return location
  try {
    await Hooks.install([...text.matchAll(/["'](@coddiwomple\/[a-z-]+)["']/g)].map((match) => match[1]!))
    return { exports: await importFrom(location.url), code: codeOf(location) }
  } catch (cause) {
    return notLoaded(shown, location, cause)
  }
}

const importFrom = async (url: string): Promise<Record<string, unknown>> => {
  try {
    return (await import(url)) as Record<string, unknown>
  } catch (cause) {
    // Deno says this of an imported module that has a query and an error; asked for it alone, it tells the error.
    const inner = /^Loading unprepared module: (file:\S+\?v=\d+), imported from/.exec(
      String((cause as Error)?.message)
    )?.[1]
    if (inner !== undefined) await import(inner)
    throw cause
  }
}

const codeOf = ({ module }: Location): Code =>
  module === undefined ? fixed : { stamp: module, files: [...Versions.files(module)] }

interface Location {
  readonly url: string
  readonly file: string
  readonly version?: string
  /** Of a loose file: its version, and that of all it imports. */
  readonly module?: number
}

const locateFile = (uses: string, { directory }: Options): Location | Diagnostic.Diagnostic => {
  const file = uses.startsWith("file:") ? fileURLToPath(uses) : absolute(uses, directory)
  const stats = statSync(file, { throwIfNoEntry: false })
  if (stats === undefined)
    return Diagnostic.error("CW202", `plugin "${uses}" cannot be loaded: there is no file ${file}`, nearby(file, uses))
  if (!stats.isFile()) return Diagnostic.error("CW202", `plugin "${uses}" cannot be loaded: ${file} is not a file`)
  const module = Versions.of(file)
  return { file, module, url: `${pathToFileURL(file).href}?v=${module}` }
}

/** The file that was meant, where one beside it has nearly the same name. */
const nearby = (file: string, uses: string) => {
  const folder = dirname(file)
  if (!existsSync(folder)) return {}
  const modules = readdirSync(folder).filter((name) => /\.[cm]?[jt]s$/.test(name))
  const stem = (name: string) => name.replace(/\.[a-z]+$/, "")
  const meant = modules.find((name) => stem(name) === stem(basename(file))) ?? Suggest.suggest(basename(file), modules)
  return meant === undefined
    ? {}
    : { help: `did you mean "${uses.slice(0, uses.length - basename(uses).length)}${meant}"?` }
}

const requireFrom = (directory: string) => createRequire(join(directory, "pipeline.yaml"))

const installed = (uses: string, { directory }: Options): boolean => {
  try {
    requireFrom(directory).resolve(packageName(uses))
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "ERR_PACKAGE_PATH_NOT_EXPORTED"
  }
}

const locatePackage = (uses: string, { directory }: Options): Location | Diagnostic.Diagnostic => {
  const name = packageName(uses)
  try {
    const file = requireFrom(directory).resolve(name)
    return { file, url: pathToFileURL(file).href, ...versionOf(file) }
  } catch (cause) {
    // Deno can have packages that no node_modules holds.
    if ("deno" in process.versions && uses.startsWith("npm:")) return { file: uses, url: uses }
    if ((cause as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND")
      return notLoaded(`plugin "${uses}"`, { file: name, url: name }, cause)
    return notInstalled(uses, directory)
  }
}

const notInstalled = (uses: string, directory: string): Diagnostic.Diagnostic =>
  Diagnostic.error("CW202", `plugin "${uses}" cannot be loaded: package ${packageName(uses)} is not installed`, {
    help: `run \`npm i ${uses.replace(/^npm:/, "")}\` next to the pipeline file, in ${directory}`
  })

const versionOf = (file: string): { readonly version?: string } => {
  for (let folder = dirname(file); dirname(folder) !== folder; folder = dirname(folder)) {
    const manifest = join(folder, "package.json")
    if (!existsSync(manifest)) continue
    const { name, version } = JSON.parse(readFileSync(manifest, "utf8")) as Record<string, unknown>
    if (typeof name === "string") return typeof version === "string" ? { version } : {}
  }
  return {}
}

const accept = (
  uses: string,
  kind: Kind,
  location: Location,
  module: Record<string, unknown>
): Loaded | Diagnostic.Diagnostic => {
  const plugin = module.default
  if (isPlugin(plugin)) {
    if (kindOf(plugin) !== kind) return wrongKind(uses, kindOf(plugin), kind)
    const { file, version } = location
    return { plugin, from: file, ...(version === undefined ? {} : { version }), code: codeOf(location) }
  }
  const brands = foreignBrands(plugin)
  if (brands.length > 0) {
    return Diagnostic.error(
      "CW204",
      `plugin "${uses}" was built for ${brands[0]!.replace("~cw/Plugin/", "plugin API ")}, this cw supports v1`
    )
  }
  const named = Object.keys(module).filter((name) => name !== "default" && isPlugin(module[name]))
  const what =
    named.length > 0
      ? `exports ${named.map((n) => `\`${n}\``).join(", ")} but nothing by default`
      : plugin === undefined
        ? "has no default export"
        : `exports ${plugin === null ? "null" : Array.isArray(plugin) ? "an array" : `a value of type ${typeof plugin}`} by default`
  return Diagnostic.error("CW203", `"${uses}" is not a cw plugin: it ${what}`)
}

const unknown = (uses: string, kind: Kind): Diagnostic.Diagnostic => {
  const near = Suggest.suggest(uses, Object.keys(builtins[kind]))
  const elsewhere = (Object.keys(builtins) as Array<Kind>).flatMap((k) => Object.keys(builtins[k]))
  const other = near === undefined ? Suggest.suggest(uses, elsewhere) : undefined
  const help =
    near !== undefined
      ? `did you mean "${near}"?`
      : other !== undefined
        ? `did you mean "${other}", which is a ${kindsOf(other)[0]}?`
        : `built-in ${kind}s: ${Object.keys(builtins[kind]).join(", ")}; a loose plugin is named by its path, as ./my-${kind}.ts, one from npm as npm:<package>`
  return Diagnostic.error("CW201", `unknown ${kind} "${uses}"`, { help })
}

const wrongKind = (uses: string, actual: Kind, wanted: Kind): Diagnostic.Diagnostic =>
  Diagnostic.error("CW205", `"${uses}" is a ${actual}, not a ${wanted}`, { help: `move the node to \`${actual}s:\`` })

const cures: Readonly<Record<string, string>> = {
  ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING:
    "a package must publish JavaScript: TypeScript is not run below node_modules",
  ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX: "only erasable TypeScript is run: no enums, no parameter properties, no namespaces"
}

/** The module's own message and, where its stack tells it, the line in the plugin's own file. */
const notLoaded = (what: string, location: Location, cause: unknown): Diagnostic.Diagnostic => {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  // Deno puts the code into the message.
  const [, inMessage, rest] = /^\[([A-Z_]+)\]: (.*)$/s.exec(error.message) ?? []
  const help = cures[(error as NodeJS.ErrnoException).code ?? ""] ?? cures[inMessage ?? ""]
  const message = (rest ?? error.message)
    .split("\n")[0]!
    .replace(/^SyntaxError: /, "")
    .replace(/\?v=\d+/g, "")
  const files = [location.file, ...codeOf(location).files]
  const place = first(files, (file) => placeIn(file, error.stack ?? "")) ?? unparsed(error, files)
  return Diagnostic.error("CW202", `${what} cannot be loaded: ${message}`, {
    help,
    ...(place === undefined ? {} : { related: [{ message: "there", place }] })
  })
}

/** Node keeps to itself where plain JavaScript cannot be parsed; asked to check the text alone, it says so. */
const unparsed = (error: Error, files: ReadonlyArray<string>): Diagnostic.Place | undefined => {
  if (!(error instanceof SyntaxError) || "deno" in process.versions) return undefined
  return first(files, (file) => {
    if (!/\.m?js$/.test(file) || !existsSync(file)) return undefined
    const { stderr } = spawnSync(process.execPath, ["--check", "--input-type=module", "-"], {
      input: readFileSync(file),
      encoding: "utf8",
      timeout: 10_000
    })
    return placeIn(
      file,
      (stderr ?? "").replace(/^\[stdin\]/, () => file)
    )
  })
}

const first = <A>(files: ReadonlyArray<string>, find: (file: string) => A | undefined): A | undefined => {
  for (const file of files) {
    const found = find(file)
    if (found !== undefined) return found
  }
  return undefined
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

/** The place in a file that a stack trace names. One of what cannot be parsed begins with path, source and marks. */
export const placeIn = (file: string, stack: string): Diagnostic.Place | undefined => {
  const url = escaped(pathToFileURL(file).href)
  const match =
    new RegExp(`${url}(?:\\?v=\\d+)?:(\\d+)(?::(\\d+))?`).exec(stack) ??
    new RegExp(`^${escaped(file)}:(\\d+)(?=\\n)`).exec(stack)
  if (match === null) return undefined
  const place = { file, line: Number(match[1]) }
  if (match[2] !== undefined) return { ...place, col: Number(match[2]) }
  const marks = match.index === 0 ? /^([ \t]*)\^+$/m.exec(stack)?.[1] : undefined
  return marks === undefined ? place : { ...place, col: marks.length + 1 }
}
