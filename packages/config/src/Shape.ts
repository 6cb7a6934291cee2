/**
 * What a Schema says about the configuration a person writes: the encoded side as plain data, with descriptions, defaults,
 * examples and secrecy wherever in the Schema they stand. Everything that speaks about a configuration reads this.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"

interface Documented {
  readonly description?: string
  readonly examples?: ReadonlyArray<unknown>
  /** In words, for messages: `a duration with its unit`. */
  readonly expected?: string
  /** The value must not be shown. */
  readonly secret: boolean
}

export type Shape = Documented &
  (
    | { readonly type: "mapping"; readonly keys: ReadonlyArray<Key>; readonly rest?: Rest }
    | { readonly type: "list"; readonly items?: Shape; readonly first: ReadonlyArray<Shape>; readonly rules: Rules }
    | { readonly type: "union"; readonly members: ReadonlyArray<Shape> }
    | { readonly type: "literal"; readonly values: ReadonlyArray<string | number | boolean> }
    | { readonly type: "text" | "number" | "boolean" | "null" | "anything" | "nothing"; readonly rules: Rules }
    /** Schemas may contain themselves. */
    | { readonly type: "again"; readonly name: string; readonly get: () => Shape }
  )

export interface Key {
  readonly name: string
  readonly shape: Shape
  readonly optional: boolean
  /** As it would be written; undefined where there is none. */
  readonly fallback?: { readonly value: unknown }
}

/** Keys that are not named: their values, and the rules of their names. */
export interface Rest {
  readonly shape: Shape
  readonly names: Rules
}

/** Constraints as JSON Schema keywords, as far as they can be said so. */
export type Rules = Readonly<Record<string, unknown>>

const cache = new WeakMap<SchemaAST.AST, Shape>()
const names = new WeakMap<SchemaAST.AST, string>()
let anonymous = 0

/** The shape of a Schema. The same Schema gives the same object. */
export const shapeOf = (ast: SchemaAST.AST): Shape => {
  const known = cache.get(ast)
  if (known !== undefined) return known
  const shape = encoded(ast)
  cache.set(ast, shape)
  return shape
}

const encoded = (ast: SchemaAST.AST): Shape => {
  const links = ast.encoding
  if (links === undefined) return annotated(ast, structural(ast))
  const from = links[links.length - 1]!.to
  const bare = SchemaAST.isObjects(ast) || SchemaAST.isArrays(ast) || SchemaAST.isUnion(ast)
  // A default on a struct keeps the struct: what its fields say about themselves is only on this side.
  const inner = bare && sameEncoded(ast, from) ? structural(ast) : shapeOf(from)
  const between = links.slice(0, -1).reduceRight<Shape>((shape, link) => annotated(link.to, shape), inner)
  return annotated(ast, between)
}

const sameEncoded = (ast: SchemaAST.AST, from: SchemaAST.AST): boolean => {
  const own = childrenOf(ast)
  const other = childrenOf(from)
  return (
    ast._tag === from._tag &&
    own.length === other.length &&
    own.every((c, i) => SchemaAST.toEncoded(c) === SchemaAST.toEncoded(other[i]!))
  )
}

const childrenOf = (ast: SchemaAST.AST): ReadonlyArray<SchemaAST.AST> => {
  if (SchemaAST.isObjects(ast)) {
    return [...ast.propertySignatures.map((p) => p.type), ...ast.indexSignatures.flatMap((i) => [i.parameter, i.type])]
  }
  return SchemaAST.isArrays(ast) ? [...ast.elements, ...ast.rest] : SchemaAST.isUnion(ast) ? ast.types : []
}

const structural = (ast: SchemaAST.AST): Shape => {
  const rules = rulesOf(ast)
  const secret = false
  switch (ast._tag) {
    case "String":
    case "TemplateLiteral":
      return { type: "text", secret, rules }
    case "Number":
      return { type: "number", secret, rules }
    case "Boolean":
      return { type: "boolean", secret, rules }
    case "Null":
      return { type: "null", secret, rules }
    case "Literal":
      return { type: "literal", secret, values: typeof ast.literal === "bigint" ? [] : [ast.literal] }
    case "Enum":
      return { type: "literal", secret, values: ast.enums.map(([, value]) => value) }
    case "Undefined":
    case "Void":
    case "Never":
      return { type: "nothing", secret, rules }
    case "Arrays":
      return {
        type: "list",
        secret,
        rules,
        first: ast.elements.map(shapeOf),
        ...(ast.rest[0] === undefined ? {} : { items: shapeOf(ast.rest[0]) })
      }
    case "Objects":
      return mapping(ast)
    case "Union":
      return union(ast)
    case "Suspend":
      return suspended(ast)
    default:
      return { type: "anything", secret, rules }
  }
}

const mapping = (ast: SchemaAST.Objects): Shape => {
  const keys: Array<Key> = []
  for (const { name, type } of ast.propertySignatures) {
    if (typeof name !== "string") continue
    const fallback = fallbackOf(type)
    keys.push({
      name,
      shape: shapeOf(type),
      optional: isOptional(type),
      ...(fallback === undefined ? {} : { fallback })
    })
  }
  const index = ast.indexSignatures[0]
  const rest =
    index === undefined
      ? undefined
      : { shape: shapeOf(index.type), names: rulesOf(SchemaAST.toEncoded(index.parameter)) }
  // `Schema.Struct({})` takes every value but null; as a configuration it takes no keys.
  return { type: "mapping", secret: false, keys, ...(rest === undefined ? {} : { rest }) }
}

const union = (ast: SchemaAST.Union): Shape => {
  const members = ast.types.map(shapeOf).filter((m) => m.type !== "nothing")
  const values = members.flatMap((m) => (m.type === "literal" && m.description === undefined ? m.values : []))
  if (members.length === 1) return members[0]!
  if (members.every((m) => m.type === "literal" && m.description === undefined))
    return { type: "literal", secret: false, values }
  return { type: "union", secret: false, members }
}

const suspended = (ast: SchemaAST.Suspend): Shape => {
  const inner = ast.thunk()
  const name = names.get(inner) ?? text(inner.annotations?.identifier) ?? `Recursive${++anonymous}`
  names.set(inner, name)
  return { type: "again", secret: false, name, get: () => shapeOf(inner) }
}

/** Adds what a node says about itself; the outermost word wins. */
const annotated = (ast: SchemaAST.AST, shape: Shape): Shape => {
  const value = ast.checks === undefined ? ast.annotations : ast.checks[ast.checks.length - 1]!.annotations
  const key = ast.context?.annotations
  const description = text(key?.description) ?? text(value?.description)
  const examples = list(key?.examples) ?? list(value?.examples)
  const expected = expectedOf(ast)
  const secret = isRedacted(ast)
  if (description === undefined && examples === undefined && expected === undefined && !secret) return shape
  return {
    ...shape,
    ...(description === undefined ? {} : { description }),
    ...(examples === undefined ? {} : { examples }),
    ...(expected === undefined ? {} : { expected }),
    ...(secret ? { secret } : {})
  }
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)
const list = (value: unknown): ReadonlyArray<unknown> | undefined => (Array.isArray(value) ? value : undefined)

const representation = (ast: SchemaAST.AST): string | undefined =>
  text((ast.annotations?.representation as { readonly id?: unknown } | undefined)?.id)

const isRedacted = (ast: SchemaAST.AST): boolean =>
  SchemaAST.isDeclaration(ast) && representation(ast) === "effect/schema/Redacted"

/** Words for what is expected, better than the type alone. */
const expectedOf = (ast: SchemaAST.AST): string | undefined => {
  if (representation(ast) === "effect/schema/Duration") return "a duration"
  const checks = (ast.checks ?? []).map(checkWords).filter((w) => w !== undefined)
  // "a whole number" and "a value between 1 and 9" is one thing.
  if (checks.length > 0)
    return checks.reduce((all, next) => (next.startsWith("a value ") ? all + next.slice(7) : `${all}, ${next}`))
  const own = SchemaAST.isDeclaration(ast) ? undefined : text(ast.annotations?.expected)
  return own?.replace(/^a string that will be decoded as an? (.*)$/, "text that is a $1")
}

/** What a check wants, in words; `undefined` where the check says nothing readable. */
export const checkWords = (check: SchemaAST.Check<any>): string | undefined => {
  const known = check.annotations?.representation as { readonly id?: string; readonly payload?: unknown } | undefined
  if (known?.id === "effect/schema/isInt") return "a whole number"
  if (known?.id === "effect/schema/isFinite") return "a number"
  const expected = text(check.annotations?.expected)
  if (expected === "a value with a length of at least 1") return "a value that is not empty"
  return expected
}

const rulesOf = (ast: SchemaAST.AST): Rules => {
  const type = SchemaAST.isString(ast)
    ? "string"
    : SchemaAST.isNumber(ast)
      ? "number"
      : SchemaAST.isArrays(ast)
        ? "array"
        : undefined
  const rules: Record<string, unknown> = {}
  const all: Array<Rules> = []
  const visit = (check: SchemaAST.Check<any>): void => {
    if (check._tag === "FilterGroup") {
      for (const inner of check.checks) visit(inner)
      return
    }
    const callback = check.annotations?.toJsonSchema as ((input: object) => unknown) | undefined
    if (callback === undefined || type === undefined) return
    const output = callback({ type, schemas: [] })
    const { type: wanted, ...bounds } = (Array.isArray(output) ? output[0] : output) as Rules
    // The bounds of a safe integer tell nobody anything.
    const fragment =
      wanted === "integer" ? { type: wanted } : wanted === undefined ? bounds : { type: wanted, ...bounds }
    // Two patterns, say, cannot stand in one object.
    if (Object.keys(fragment).some((k) => k in rules && k !== "type")) all.push(fragment)
    else Object.assign(rules, fragment)
  }
  for (const check of ast.checks ?? []) visit(check)
  return all.length === 0 ? rules : { ...rules, allOf: all }
}

const isOptional = (ast: SchemaAST.AST): boolean =>
  ast.encoding === undefined
    ? ast.context?.isOptional === true || (SchemaAST.isUnion(ast) && ast.types.some(SchemaAST.isUndefined))
    : isOptional(ast.encoding[ast.encoding.length - 1]!.to)

/** What decoding puts in where the key is missing, as it would be written. */
const fallbackOf = (ast: SchemaAST.AST): { readonly value: unknown } | undefined => {
  const found = given(ast)
  if (Option.isNone(found)) return undefined
  const field = Schema.make<Schema.Codec<unknown, unknown>>(ast)
  const written = Exit.isSuccess(Schema.decodeUnknownExit(field)(found.value))
  if (written && isJson(found.value)) return { value: found.value }
  const back = Schema.encodeUnknownExit(field)(found.value)
  return Exit.isSuccess(back) && isJson(back.value) ? { value: back.value } : undefined
}

/** Runs the decoding of a missing key up to the first value. */
const given = (ast: SchemaAST.AST): Option.Option<unknown> => {
  for (const link of [...(ast.encoding ?? [])].reverse()) {
    const deeper = given(link.to)
    if (Option.isSome(deeper)) return deeper
    const { transformation } = link
    if (transformation._tag !== "Transformation") return Option.none()
    const exit = Effect.runSyncExit(
      SchemaGetter.run(transformation.decode, Option.none(), {}) as Effect.Effect<Option.Option<unknown>, unknown>
    )
    if (Exit.isSuccess(exit) && Option.isSome(exit.value)) return exit.value
  }
  return Option.none()
}

const isJson = (value: unknown): boolean =>
  value === null ||
  ["string", "boolean", "number"].includes(typeof value) ||
  (Array.isArray(value) && value.every(isJson)) ||
  (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isJson))
