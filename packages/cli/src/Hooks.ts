/**
 * One copy of effect and of core in the process: two copies break Schema silently. Every import of them, wherever it
 * stands, gets the copy cw itself uses: in the bundle as modules made from the bundle's own exports, unbundled by
 * resolving the name from here. Registered once, before the first loose plugin is loaded.
 */
import { Console } from "node:console"
import { readFileSync } from "node:fs"
import { registerHooks, type ResolveFnOutput, type ResolveHookSync } from "node:module"
import { fileURLToPath } from "node:url"
import type { Kind } from "@coddiwomple/core/Plugin"
import { builtins } from "./Builtins.ts"
import * as Terminal from "./Terminal.ts"
import * as Versions from "./Versions.ts"

declare const CW_BUNDLED: boolean | undefined
const bundled = typeof CW_BUNDLED !== "undefined"

const scheme = "cw-shared:"
const slot = Symbol.for("coddiwomple/shared")

type Exports = Readonly<Record<string, unknown>>

/** Built-in plugins that code imports by the names of their packages. */
const extra = new Map<string, Exports>()

const shares = (specifier: string): boolean =>
  specifier === "effect" ||
  specifier.startsWith("effect/") ||
  /^@coddiwomple\/(core|config|testing)(\/|$)/.test(specifier) ||
  extra.has(specifier)

/** What a plugin asks for that cw does not carry: a second copy would be worse than this error. */
const notServed = (specifier: string): Error =>
  new Error(
    `"${specifier}" is not offered to plugins: there are effect, effect/process, effect/http and @coddiwomple/core, and no second copy of them`
  )

const source = (specifier: string, exports: Exports, where = "coddiwomple/shared"): string =>
  `const m = globalThis[Symbol.for(${JSON.stringify(where)})][${JSON.stringify(specifier)}];` +
  Object.keys(exports)
    .map((name, i) => `const _${i} = m[${JSON.stringify(name)}]; export { _${i} as ${JSON.stringify(name)} };`)
    .join("")

/** `npm init` writes `"type": "commonjs"`; a loose file beside it that imports or exports is an ES module all the same. */
const asModule = (found: ResolveFnOutput): ResolveFnOutput => {
  const { format, url } = found
  if (format !== "commonjs" && format !== "commonjs-typescript") return found
  if (!url.startsWith("file:") || url.includes("/node_modules/") || /\.c[jt]s(\?|$)/.test(url)) return found
  return /^\s*(import|export)\b(?!\s*[(.])/m.test(readFileSync(fileURLToPath(url), "utf8"))
    ? { ...found, format: format.replace("commonjs", "module") }
    : found
}

/** What a loose module imports from beside it is as new as the file. */
const local: ResolveHookSync = (specifier, context, next) => {
  const file = Versions.imported(specifier, context.parentURL)
  if (file === undefined || context.conditions?.includes("require")) return asModule(next(specifier, context))
  const give = (): number => Versions.give(file, context.parentURL!)
  try {
    const found = asModule(next(specifier, context))
    return found.format?.startsWith("commonjs") === true ? found : { ...found, url: `${found.url}?v=${give()}` }
  } catch (cause) {
    // It may be there the next time.
    give()
    throw cause
  }
}

const serve = (shared: Record<string, Exports>): void => {
  ;(globalThis as Record<symbol, unknown>)[slot] = shared
  registerHooks({
    resolve: (specifier, context, next) => {
      if (!shares(specifier)) return local(specifier, context, next)
      if (!Object.hasOwn(shared, specifier)) throw notServed(specifier)
      return { url: scheme + specifier, format: "module", shortCircuit: true }
    },
    load: (url, context, next) => {
      if (!url.startsWith(scheme)) return next(url, context)
      const specifier = url.slice(scheme.length)
      return { format: "module", shortCircuit: true, source: source(specifier, shared[specifier]!) }
    }
  })
}

const redirect = (): void => {
  registerHooks({
    resolve: (specifier, context, next) =>
      shares(specifier) && context.parentURL !== import.meta.url
        ? { url: import.meta.resolve(specifier), shortCircuit: true }
        : local(specifier, context, next),
    // Deno asks the resolve hook only where there is a load hook as well.
    load: (url, context, next) => next(url, context)
  })
}

let ready: Promise<Record<string, Exports> | undefined> | undefined

const start = async (): Promise<Record<string, Exports> | undefined> => {
  // Standard output carries data only; what a plugin tells goes where everything is told.
  Terminal.keepStdout()
  const { stderr, stdout } = process
  Object.assign(console, new Console({ stdout, colorMode: stderr.hasColors?.() === true }))
  if (!bundled) {
    redirect()
    return undefined
  }
  const { shared } = await import("./Shared.ts")
  serve(shared)
  return shared
}

/** `names`: packages of built-in plugins that are about to be imported. */
export const install = async (names: ReadonlyArray<string> = []): Promise<void> => {
  const shared = await (ready ??= start())
  if (shared === undefined) return
  for (const name of names) {
    const [, kind, type] = /^@coddiwomple\/(source|transform|check|sink)-(.+)$/.exec(name) ?? []
    const load = kind === undefined ? undefined : builtins[kind as Kind][type!]
    if (load === undefined || extra.has(name)) continue
    const exports = await load()
    extra.set(name, exports)
    shared[name] = exports
  }
}

const offered: Record<string, Exports> = {}
const offers = "cw-offered:"
const offerSlot = Symbol.for("coddiwomple/offered")

/** More modules for code that is loaded from now on, as tests of plugins need them; each wins over an installed one. */
export const offer = async (modules: Readonly<Record<string, Exports>>): Promise<void> => {
  await install()
  const first = Object.keys(offered).length === 0
  Object.assign(offered, modules)
  if (!first) return
  ;(globalThis as Record<symbol, unknown>)[offerSlot] = offered
  registerHooks({
    resolve: (specifier, context, next) =>
      Object.hasOwn(offered, specifier) && !context.parentURL?.startsWith(scheme)
        ? { url: offers + specifier, format: "module", shortCircuit: true }
        : next(specifier, context),
    load: (url, context, next) =>
      url.startsWith(offers)
        ? {
            format: "module",
            shortCircuit: true,
            source: source(url.slice(offers.length), offered[url.slice(offers.length)]!, "coddiwomple/offered")
          }
        : next(url, context)
  })
}
