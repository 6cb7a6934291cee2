/**
 * What a Schema found wrong with a value, in words a person can act on: one finding per cause. Of a union only the member
 * that was meant is spoken of; a missing key is told together with the typo that caused it. Never holds a value.
 */
import type { Code } from "@coddiwomple/core/Catalogue"
import * as Suggest from "@coddiwomple/core/Suggest"
import type * as SchemaAST from "effect/SchemaAST"
import type * as SchemaIssue from "effect/SchemaIssue"
import { checkWords, type Shape, shapeOf } from "./Shape.ts"
import type { Path } from "./Tree.ts"
import { kindOf, words } from "./Words.ts"

export interface Finding {
  readonly code: Code
  /** Of a missing key, the mapping that lacks it. */
  readonly path: Path
  readonly message: string
  readonly help?: string
  /** The key that is missing or not known. */
  readonly key?: string
  /** The message is in the words of the plugin, which may have put a value into it. */
  readonly foreign?: true
}

/** All findings of an issue about a value; `noun` says whose keys they are, as `files`. */
export const findings = (issue: SchemaIssue.Issue, value: unknown, noun: string): ReadonlyArray<Finding> =>
  grouped(collect(issue, [], value, noun))

export const unknownKey = (path: Path, known: Iterable<string>, noun: string): Finding => {
  const key = String(path[path.length - 1])
  const names = [...known]
  const help = names.length === 0 ? `${noun} takes no keys here` : Suggest.help(key, names)
  return {
    code: "CW102",
    path,
    key,
    message: `unknown key \`${key}\` for ${noun}`,
    ...(help === undefined ? {} : { help })
  }
}

export const wrongType = (path: Path, wanted: string, value: unknown): Finding => ({
  code: "CW105",
  path,
  message: `expected ${wanted}, got ${kindOf(value)}`
})

const collect = (issue: SchemaIssue.Issue, path: Path, root: unknown, noun: string): ReadonlyArray<Finding> => {
  switch (issue._tag) {
    case "Pointer":
      return collect(issue.issue, [...path, ...issue.path.map(segment)], root, noun)
    case "Composite":
      return issue.issues.flatMap((i) => collect(i, path, root, noun))
    case "Encoding":
      return collect(issue.issue, path, root, noun)
    case "MissingKey":
      return [missingKey(path, root, noun)]
    case "UnexpectedKey":
      return [unknownKey(path, keysOf(issue.ast), noun)]
    case "Filter":
      return [filtered(issue, path, root)].flatMap((f) => f ?? collect(issue.issue, path, root, noun))
    case "AnyOf":
      return meant(issue, path, root, noun)
    case "InvalidType":
      return [mismatch(path, shapeOf(issue.ast), at(root, path))]
    case "InvalidValue":
      return [said(path, issue.annotations)]
    case "OneOf":
      return [{ code: "CW105", path, message: "the value fits more than one of the forms it may have" }]
    case "Forbidden":
      return [said(path, issue.annotations)]
  }
}

const segment = (key: PropertyKey): string | number => (typeof key === "symbol" ? String(key) : key)

const missingKey = (path: Path, root: unknown, noun: string): Finding => {
  const key = String(path[path.length - 1])
  const parent = path.slice(0, -1)
  if (Array.isArray(at(root, parent)))
    return { code: "CW103", path: parent, message: `item ${Number(key) + 1} is missing` }
  return { code: "CW103", path: parent, key, message: `missing key \`${key}\` for ${noun}` }
}

/** Names of a mapping's keys as they are written. */
const keysOf = (ast: SchemaAST.AST): ReadonlyArray<string> => {
  const shape = shapeOf(ast)
  return shape.type === "mapping" ? shape.keys.map((k) => k.name) : []
}

type Said = { readonly [key: string]: unknown } | undefined

const said = (path: Path, annotations: Said): Finding => {
  if (typeof annotations?.message === "string")
    return { code: "CW105", path, message: annotations.message, foreign: true }
  if (typeof annotations?.expected === "string") {
    // Effect's own duration wants its unit as a word.
    const wanted = annotations.expected.replace(/^a valid Duration string$/, "a duration, as 30 seconds or 5 minutes")
    return { code: "CW105", path, message: `expected ${wanted}`, foreign: true }
  }
  return { code: "CW105", path, message: "the value is not valid" }
}

/** A check's own message, or what it wants; undefined where the issue inside says more. */
const filtered = (issue: SchemaIssue.Filter, path: Path, root: unknown): Finding | undefined => {
  const message = issue.filter.annotations?.message
  if (typeof message === "string") return { code: "CW105", path, message, foreign: true }
  if (issue.issue._tag !== "InvalidValue") return undefined
  const inner = issue.issue.annotations
  if (typeof inner?.message === "string" || typeof inner?.expected === "string") return said(path, inner)
  const wanted = checkWords(issue.filter)
  if (wanted === undefined) return said(path, undefined)
  const value = at(root, path)
  const subject = wanted.startsWith("a value ") ? wanted.replace("a value", valueWord(value)) : wanted
  return { code: "CW105", path, message: `expected ${subject}`, foreign: true }
}

const valueWord = (value: unknown): string =>
  typeof value === "string"
    ? "text"
    : typeof value === "number"
      ? "a number"
      : Array.isArray(value)
        ? "a list"
        : "a value"

/** Of a union, the member with the right kind of value and the fewest findings. */
const meant = (issue: SchemaIssue.AnyOf, path: Path, root: unknown, noun: string): ReadonlyArray<Finding> => {
  const value = at(root, path)
  const shape = shapeOf(issue.ast)
  const tagged = tagOf(shape, value)
  if (tagged !== undefined) {
    const list = tagged.values.map((v) => JSON.stringify(v)).join(", ")
    const near = typeof tagged.value === "string" ? Suggest.suggest(tagged.value, tagged.values.map(String)) : undefined
    const message = `expected \`${tagged.key}\` to be one of ${list}`
    return [
      {
        code: "CW105",
        path: [...path, tagged.key],
        message,
        ...(near === undefined ? {} : { help: `did you mean "${near}"?` })
      }
    ]
  }
  const attempts = issue.issues.map((i) => collect(i, path, root, noun))
  const inside = attempts.filter((list) =>
    list.some((f) => f.path.length > path.length || f.key !== undefined || f.foreign)
  )
  const best = [...inside].sort((a, b) => a.length - b.length)[0]
  if (best !== undefined && (typeof value === "object" || inside.length === 1)) return best
  return [mismatch(path, shape, value)]
}

/** The value is none of what the shape takes. Text where certain texts are wanted is of the right type. */
const mismatch = (path: Path, shape: Shape, value: unknown): Finding => {
  const known = literals(shape)
  if (typeof value !== "string" || known.length === 0) return wrongType(path, words(shape), value)
  const near = Suggest.suggest(value, known)
  const help = near === undefined ? {} : { help: `did you mean "${near}"?` }
  return { code: "CW105", path, message: `expected ${words(shape)}`, ...help }
}

const literals = (shape: Shape): ReadonlyArray<string> =>
  shape.type === "literal" ? shape.values.map(String) : shape.type === "union" ? shape.members.flatMap(literals) : []

/** The key by which all mappings of a union differ, where the value has none of their values there. */
const tagOf = (
  shape: Shape,
  value: unknown
): { readonly key: string; readonly value: unknown; readonly values: ReadonlyArray<unknown> } | undefined => {
  if (shape.type !== "union" || typeof value !== "object" || value === null || Array.isArray(value)) return undefined
  const mappings = shape.members.filter((m) => m.type === "mapping")
  const first = mappings[0]
  if (first === undefined || mappings.length < 2) return undefined
  for (const { name } of first.keys) {
    const tags = mappings.map((m) => m.keys.find((k) => k.name === name)?.shape)
    if (!tags.every((t) => t?.type === "literal") || !Object.hasOwn(value, name)) continue
    const values = tags.flatMap((t) => (t?.type === "literal" ? t.values : []))
    const own = (value as Record<string, unknown>)[name]
    return values.some((v) => v === own) ? undefined : { key: name, value: own, values }
  }
  return undefined
}

/** The value at a path, or undefined. */
export const at = (root: unknown, path: Path): unknown => {
  let value = root
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string | number, unknown>)[key]
  }
  return value
}

/** A missing key and the unknown key that was meant as it are one finding. */
const grouped = (all: ReadonlyArray<Finding>): ReadonlyArray<Finding> => {
  const missing = all.filter((f) => f.code === "CW103" && f.key !== undefined)
  const explained = new Set<Finding>()
  const told = all.map((finding) => {
    if (finding.code !== "CW102" || finding.key === undefined) return finding
    const parent = finding.path.slice(0, -1)
    const here = missing.filter((m) => !explained.has(m) && same(m.path, parent))
    const near = Suggest.suggest(
      finding.key,
      here.map((m) => m.key!)
    )
    if (near === undefined) return finding
    explained.add(here.find((m) => m.key === near)!)
    return { ...finding, help: `did you mean "${near}"? it is required, and missing here` }
  })
  return told.filter((f) => !explained.has(f))
}

const same = (a: Path, b: Path): boolean => a.length === b.length && a.every((key, i) => key === b[i])
