/**
 * Versions of loose modules. A runtime keeps every module it has loaded; only another URL gets what the file says now. So
 * each has its version in the URL, and a new one as soon as its file, or a module it imports, is another than before.
 */
import { statSync } from "node:fs"
import { fileURLToPath } from "node:url"

interface Module {
  readonly file: string
  /** Milliseconds; undefined where there is no such file. */
  readonly modified: number | undefined
  /** Version of each file it imports, as it got it. */
  readonly imports: Map<string, number>
}

/** By version. */
const modules = new Map<number, Module>()
/** By file. */
const latest = new Map<string, number>()

const modified = (file: string): number | undefined => statSync(file, { throwIfNoEntry: false })?.mtimeMs

const isCurrent = (version: number, seen = new Set<number>()): boolean => {
  if (seen.has(version)) return true
  seen.add(version)
  const { file, imports, modified: before } = modules.get(version)!
  return (
    modified(file) === before && [...imports].every(([path, got]) => latest.get(path) === got && isCurrent(got, seen))
  )
}

/** Of this file as it is now; the same number as long as nothing of it changes. */
export const of = (file: string): number => {
  const known = latest.get(file)
  if (known !== undefined && isCurrent(known)) return known
  const version = modules.size + 1
  modules.set(version, { file, modified: modified(file), imports: new Map() })
  latest.set(file, version)
  return version
}

const query = /\?v=(\d+)$/

/** The local module that this import names. Only what a versioned module imports by a relative path has versions too. */
export const imported = (specifier: string, parent: string | undefined): string | undefined => {
  if (parent === undefined || !query.test(parent) || !/^\.{1,2}\//.test(specifier)) return undefined
  const url = new URL(specifier, parent)
  // What `require` loads is kept by its path, whatever the query says.
  const able =
    url.protocol === "file:" && url.search === "" && !/\/node_modules\/|\.(c[jt]s|node|wasm)$/.test(url.pathname)
  return able ? fileURLToPath(url) : undefined
}

/** The version in which `parent` gets the file. */
export const give = (file: string, parent: string): number => {
  const version = of(file)
  modules.get(Number(query.exec(parent)?.[1]))?.imports.set(file, version)
  return version
}

/** The file of a module, and those of all it imports. */
export const files = (version: number, found = new Set<string>()): ReadonlySet<string> => {
  const module = modules.get(version)
  if (module === undefined || found.has(module.file)) return found
  found.add(module.file)
  for (const each of module.imports.values()) files(each, found)
  return found
}

/** All files that were asked for so far, also those that could not be loaded. */
export const known = (): ReadonlyArray<string> => [...latest.keys()]

/** What is not on disk as it was when it was asked for last: another text as soon as another file changes, or again. */
export const outdated = (): string =>
  [...latest]
    .map(([file, version]) => ({ file, before: modules.get(version)!.modified, now: modified(file) }))
    .filter(({ before, now }) => before !== now)
    .map(({ file, now }) => `${file} ${now}`)
    .join("\n")
