/**
 * The value of a tree as a schema will see it: filled-in scalars are text, except where the schema takes no text but a
 * number or a boolean and the text is exactly that. So `0123` into a text field stays `0123`, whatever YAML would make of it.
 */
import type { Filled, Interpolated } from "./Interpolation.ts"
import type { Shape } from "./Shape.ts"
import { type Path, put, type Scalar, type Tree } from "./Tree.ts"

/** What to put where something was filled in; by default its value. */
export type Put = (filled: Filled, value: unknown, shape: Shape | undefined) => unknown

const plainPut: Put = (_filled, value) => value

/** A scalar whose value could not be had stays out of the result's type errors: see `Decode`. */
export const unresolved = "\u0000unresolved"

export const fill = (tree: Tree, shape: Shape | undefined, from: Interpolated, toPut: Put = plainPut): unknown => {
  if (tree.kind === "scalar") return scalarValue(tree, shape, from, toPut)
  const resolved = shape?.type === "again" ? shape.get() : shape
  if (tree.kind === "sequence") return tree.items.map((item, i) => fill(item.tree, elementOf(resolved, i), from, toPut))
  const object = {}
  for (const [key, entry] of tree.entries) put(object, key, fill(entry.tree, memberOf(resolved, key), from, toPut))
  return object
}

const scalarValue = (scalar: Scalar, shape: Shape | undefined, from: Interpolated, toPut: Put): unknown => {
  if (from.missing.has(scalar)) return unresolved
  const filled = from.values.get(scalar)
  return filled === undefined ? scalar.value : toPut(filled, typed(filled.value, shape), shape)
}

const number = /^[+-]?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/

/** A text from outside as a value of the shape. */
export const typed = (text: string, shape: Shape | undefined): unknown => {
  if (shape === undefined || takesText(shape, text)) return text
  if (takes(shape, "number") && number.test(text)) return Number(text)
  if (takes(shape, "boolean") && (text === "true" || text === "false")) return text === "true"
  return text
}

/** Any text may stand here, or exactly this one. */
const takesText = (shape: Shape, text: string): boolean => {
  if (shape.type === "literal") return shape.values.includes(text)
  if (shape.type === "union") return shape.members.some((m) => takesText(m, text))
  return shape.type === "again" ? takesText(shape.get(), text) : takes(shape, "string")
}

/** Whether a scalar of a type may stand here. */
export const takes = (shape: Shape, type: "string" | "number" | "boolean"): boolean => {
  switch (shape.type) {
    case "text":
      return type === "string"
    case "number":
    case "boolean":
      return shape.type === type
    case "literal":
      return shape.values.some((v) => typeof v === type)
    case "union":
      return shape.members.some((m) => takes(m, type))
    case "again":
      return takes(shape.get(), type)
    case "anything":
      return true
    default:
      return false
  }
}

/** The shape of a key of a mapping; of the first member that knows the key, where several are possible. */
export const memberOf = (shape: Shape | undefined, key: string): Shape | undefined => {
  if (shape?.type === "mapping") return shape.keys.find((k) => k.name === key)?.shape ?? shape.rest?.shape
  if (shape?.type === "union") return firstOf(shape.members, (m) => memberOf(m, key))
  return shape?.type === "again" ? memberOf(shape.get(), key) : undefined
}

export const elementOf = (shape: Shape | undefined, index: number): Shape | undefined => {
  if (shape?.type === "list") return shape.first[index] ?? shape.items
  if (shape?.type === "union") return firstOf(shape.members, (m) => elementOf(m, index))
  return shape?.type === "again" ? elementOf(shape.get(), index) : undefined
}

/** The shape at a path, as far as the schema knows it. */
export const shapeAt = (shape: Shape | undefined, path: Path): Shape | undefined =>
  path.reduce<Shape | undefined>((s, key) => (typeof key === "number" ? elementOf(s, key) : memberOf(s, key)), shape)

const firstOf = <A>(members: ReadonlyArray<Shape>, f: (member: Shape) => A | undefined): A | undefined => {
  for (const member of members) {
    const found = f(member)
    if (found !== undefined) return found
  }
  return undefined
}
