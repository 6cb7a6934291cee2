/**
 * `.cw/manifest.json`: the inventory in the repository. One line a path, with the blobs that we wrote there and the folders
 * that have them, so that its size follows the bodies. Equal inventories have equal texts. The core's own form, one entry
 * a file, is read as well.
 */
import { type Entry, fromText } from "@coddiwomple/core/Inventory"
import { problem } from "@coddiwomple/core/SafePath"
import type { Folders, FolderSet } from "./Folders.ts"
import { Ledger, type Listed, put, same, union } from "./Ledger.ts"

export interface Manifest {
  /** The pipeline's owner id. */
  readonly owner: string
  readonly ledger: Ledger
}

/** `lists` go in place of the ledger's. */
export const print = (
  owner: string,
  ledger: Ledger,
  folders: Folders,
  lists: ReadonlyMap<string, ReadonlyArray<Listed>> = new Map()
): string => {
  const paths = [...lists.keys()].some((path) => ledger.at(path).length === 0)
    ? [...new Set([...ledger.paths, ...lists.keys()])].sort()
    : ledger.paths
  let all: FolderSet = 0n
  for (const path of paths) all |= union(lists.get(path) ?? ledger.at(path))
  const names = [...folders.list(all)].sort()
  const words = new Map<FolderSet, string>()
  const wordsOf = (set: FolderSet): string => {
    const known = words.get(set)
    if (known !== undefined) return known
    const [inside, outside] = [new Set(folders.list(set)), new Set(folders.list(all & ~set))]
    const text =
      inside.size > outside.size
        ? ["*", ...names.filter((name) => outside.has(name)).map((name) => `-${name}`)].join(" ")
        : names.filter((name) => inside.has(name)).join(" ")
    words.set(set, text)
    return text
  }
  const lines: Array<string> = []
  for (const path of paths) {
    const list = lists.get(path) ?? ledger.at(path)
    if (list.length > 0) lines.push(...linesOf(path, list, wordsOf))
  }
  const entries = lines.length === 0 ? "[]" : `[\n    ${lines.join(",\n    ")}\n  ]`
  const head = `{\n  "version": 2,\n  "pipeline": ${JSON.stringify(owner)},\n  "folders": ${JSON.stringify(names)},\n`
  return `${head}  "entries": ${entries}\n}\n`
}

/** One, unless the folders differ in more than the blob. */
const linesOf = (
  path: string,
  list: ReadonlyArray<Listed>,
  wordsOf: (set: FolderSet) => string
): ReadonlyArray<string> => {
  if (list.length === 1) return [lineOf(path, list[0]!.entry, [[wordsOf(list[0]!.in), list[0]!.entry.digest]])]
  const kinds = new Map<string, Array<Listed>>()
  for (const listed of list) {
    const key = JSON.stringify([listed.entry.artifact, listed.entry.service])
    const kind = kinds.get(key)
    if (kind === undefined) kinds.set(key, [listed])
    else kind.push(listed)
  }
  const one = (kind: ReadonlyArray<Listed>) => {
    const files = kind.map((listed) => [wordsOf(listed.in), listed.entry.digest] as const)
    return lineOf(
      path,
      kind[0]!.entry,
      files.sort(([a], [b]) => (a < b ? -1 : 1))
    )
  }
  return [...kinds.values()].map(one).sort()
}

const lineOf = (path: string, { artifact, service }: Entry, files: ReadonlyArray<readonly [string, string]>): string =>
  JSON.stringify({ path, artifact, service, files: Object.fromEntries(files) })

/** A sentence where the text cannot be relied on. Entries that are as `expected` are those very objects. */
export const parse = (
  text: string,
  folders: Folders,
  expected: (path: string) => Iterable<Entry> = () => []
): Manifest | { readonly problem: string } => {
  try {
    const json: unknown = JSON.parse(text)
    if (!isObject(json) || json["version"] !== 2) return older(text, folders)
    const { entries, folders: names, pipeline, version: _, ...more } = json
    for (const key in more) throw new Error(`unknown key ${JSON.stringify(key)}`)
    if (typeof pipeline !== "string" || !Array.isArray(entries) || !Array.isArray(names))
      throw new Error("keys missing")
    const ledger = new Ledger()
    const setOf = reader(names, folders)
    for (const line of entries as ReadonlyArray<unknown>) {
      const { artifact, files, path, service } = checked(line)
      const before = ledger.at(path)
      let taken = union(before)
      const list = [...before]
      for (const [words, digest] of Object.entries(files)) {
        const set = setOf(words)
        if ((taken & set) !== 0n) throw new Error(`it lists ${JSON.stringify(path)} twice`)
        taken |= set
        const entry: Entry = {
          id: path,
          digest,
          ...(service === undefined ? {} : { service }),
          ...(artifact === undefined ? {} : { artifact })
        }
        list.push({ entry: [...expected(path)].find((e) => same(e, entry)) ?? entry, in: set })
      }
      ledger.set(path, list)
    }
    return { owner: pipeline, ledger }
  } catch (cause) {
    return { problem: cause instanceof Error ? cause.message.split("\n")[0]! : String(cause) }
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const safe = (path: string): string => {
  const why = problem(path)
  if (why !== undefined) throw new Error(`it lists ${JSON.stringify(path)}: ${why}`)
  return path
}

interface Line {
  readonly path: string
  readonly artifact?: string
  readonly service?: string
  /** Folders → blob. */
  readonly files: Readonly<Record<string, string>>
}

const checked = (line: unknown): Line => {
  if (!isObject(line)) throw new Error("an entry is no object")
  const { artifact, files, path, service, ...more } = line
  const text = (value: unknown) => value === undefined || typeof value === "string"
  const fit = typeof path === "string" && text(artifact) && text(service) && isObject(files)
  if (!fit || !Object.values(files).every((id) => typeof id === "string"))
    throw new Error(`the entry ${JSON.stringify(line).slice(0, 200)} is not valid`)
  for (const key in more) throw new Error(`unknown key ${JSON.stringify(key)}`)
  safe(path)
  return line as unknown as Line
}

/** What `a b` and `* -a -b` mean. */
const reader = (names: ReadonlyArray<unknown>, folders: Folders): ((words: string) => FolderSet) => {
  const bits = new Map<string, FolderSet>()
  let all: FolderSet = 0n
  for (const name of names) {
    if (typeof name !== "string" || name.includes("/") || bits.has(name)) throw new Error("its folders are not valid")
    const bit = folders.bit(safe(name))
    bits.set(name, bit)
    all |= bit
  }
  const known = new Map<string, FolderSet>()
  return (words) => {
    const memo = known.get(words)
    if (memo !== undefined) return memo
    const [first, ...rest] = words.split(" ")
    let set: FolderSet = first === "*" ? all : 0n
    for (const word of first === "*" ? rest : [first!, ...rest]) {
      const bit = bits.get(first === "*" && word.startsWith("-") ? word.slice(1) : word)
      if (bit === undefined) throw new Error(`it names the folder ${JSON.stringify(word)}, which it does not list`)
      if (first === "*") set &= ~bit
      else set |= bit
    }
    if (set === 0n) throw new Error("an entry is in no folder")
    known.set(words, set)
    return set
  }
}

const older = (text: string, folders: Folders): Manifest | { readonly problem: string } => {
  const inventory = fromText(text)
  if ("problem" in inventory) return inventory
  const ledger = new Ledger()
  for (const [full, { id: _, ...entry }] of inventory.entries) {
    const at = safe(full).indexOf("/")
    if (at < 0) throw new Error(`it lists ${JSON.stringify(full)}, which is in no folder`)
    const path = full.slice(at + 1)
    ledger.set(path, put(ledger.at(path), folders.bit(full.slice(0, at)), { id: path, ...entry }))
  }
  return { owner: inventory.owner, ledger }
}
