/**
 * A configuration value together with where each part stands. A YAML document and a JavaScript value become the same
 * tree; aliases share their subtree, so a tree is small however large the value it stands for: `size` says how large.
 */
import type { Span } from "./SourceText.ts"

export interface Scalar {
  readonly kind: "scalar"
  /** Text, number, boolean or null; anything else only where code gave it. */
  readonly value: unknown
  readonly size: 1
  readonly height: 1
}

export interface Mapping {
  readonly kind: "mapping"
  readonly entries: ReadonlyMap<string, Entry>
  /** Number of values, aliases counted as often as they are used. */
  readonly size: number
  /** Levels of nesting. */
  readonly height: number
}

export interface Sequence {
  readonly kind: "sequence"
  readonly items: ReadonlyArray<Entry>
  readonly size: number
  readonly height: number
}

export type Tree = Scalar | Mapping | Sequence

/** A tree at its place. A tree that code made has none. */
export interface Entry {
  readonly tree: Tree
  readonly key?: Span
  readonly at?: Span
}

export type Path = ReadonlyArray<string | number>

export const scalar = (value: unknown): Scalar => ({ kind: "scalar", value, size: 1, height: 1 })

const measure = (children: Iterable<Entry>): { readonly size: number; readonly height: number } => {
  let size = 1
  let height = 0
  for (const { tree } of children) {
    size += tree.size
    if (tree.height > height) height = tree.height
  }
  return { size, height: height + 1 }
}

export const mapping = (entries: ReadonlyMap<string, Entry>): Mapping => ({
  kind: "mapping",
  entries,
  ...measure(entries.values())
})

export const sequence = (items: ReadonlyArray<Entry>): Sequence => ({ kind: "sequence", items, ...measure(items) })

export const child = (tree: Tree, key: string | number): Entry | undefined =>
  tree.kind === "mapping"
    ? tree.entries.get(String(key))
    : tree.kind === "sequence" && typeof key === "number"
      ? tree.items[key]
      : undefined

/** The entry at a path, or undefined. */
export const find = (root: Entry, path: Path): Entry | undefined => {
  let entry: Entry | undefined = root
  for (const key of path) entry = entry === undefined ? undefined : child(entry.tree, key)
  return entry
}

/** The span that stands for a path, or for the nearest existing part above it. A collection is marked at its key. */
export const spanOf = (root: Entry, path: Path, what: "key" | "value" = "value"): Span | undefined => {
  let entry = root
  let depth = 0
  const first = root.tree.kind === "mapping" ? root.tree.entries.values().next().value : undefined
  let last = first?.key ?? root.at
  for (const key of path) {
    const next = child(entry.tree, key)
    if (next === undefined) break
    entry = next
    depth++
    last = entry.key ?? entry.at ?? last
  }
  const { at, tree } = entry
  // A value that is not there has no place of its own.
  const marked =
    depth === path.length && what === "value" && tree.kind === "scalar" && at !== undefined && at.end > at.start
  return marked ? at : last
}

/** An own key of any name, `__proto__` too. */
export const put = (object: object, key: string, value: unknown): void => {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
}

/** The value of a tree, as written. */
export const toValue = (tree: Tree): unknown => {
  if (tree.kind === "scalar") return tree.value
  if (tree.kind === "sequence") return tree.items.map((item) => toValue(item.tree))
  const object = {}
  for (const [key, entry] of tree.entries) put(object, key, toValue(entry.tree))
  return object
}

/** Every scalar below an entry, once, with the first path and entry that lead to it. */
export const scalars = (root: Entry, visit: (scalar: Scalar, path: Path, entry: Entry) => void): void => {
  const seen = new Set<Tree>()
  const walk = (entry: Entry, path: Path): void => {
    const { tree } = entry
    if (seen.has(tree)) return
    seen.add(tree)
    if (tree.kind === "scalar") visit(tree, path, entry)
    else if (tree.kind === "sequence") tree.items.forEach((item, i) => walk(item, [...path, i]))
    else for (const [key, value] of tree.entries) walk(value, [...path, key])
  }
  walk(root, [])
}

/** The tree of a JavaScript value: plain objects and arrays are walked, all else is a scalar. */
export const fromValue = (value: unknown, depth = 0): Tree => {
  if (depth > 200) throw new RangeError("the value is nested too deeply, or holds itself")
  if (Array.isArray(value)) return sequence(value.map((item) => ({ tree: fromValue(item, depth + 1) })))
  if (!isPlain(value)) return scalar(value)
  const entries = Object.entries(value).filter(([, v]) => v !== undefined)
  return mapping(new Map(entries.map(([key, v]) => [key, { tree: fromValue(v, depth + 1) }])))
}

const isPlain = (value: unknown): value is Record<string, unknown> => {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
