/** What a shape wants, and what a value is, in words for a message. */
import type { Shape } from "./Shape.ts"

/** As `a whole number`, `a list of text`, `"sync" or "upsert-only"`. */
export const words = (shape: Shape): string => {
  if (shape.expected?.startsWith("a value ") === true) return shape.expected.replace("a value", base(shape))
  return shape.expected ?? base(shape)
}

const base = (shape: Shape): string => {
  switch (shape.type) {
    case "mapping":
      return "a mapping"
    case "list":
      return shape.items === undefined ? "a list" : `a list of ${plural(shape.items)}`
    case "union":
      return either([...new Set(shape.members.flatMap(choices))])
    case "literal":
      return either(choices(shape))
    case "boolean":
      return "true or false"
    case "number":
      return "a number"
    case "null":
      return "null"
    case "nothing":
      return "no value"
    case "again":
      return words(shape.get())
    default:
      return shape.type
  }
}

const choices = (shape: Shape): ReadonlyArray<string> =>
  shape.type === "literal" && shape.expected === undefined ? shape.values.map((v) => JSON.stringify(v)) : [words(shape)]

const plurals: Readonly<Record<string, string>> = { mapping: "mappings", number: "numbers", text: "text" }

const plural = (shape: Shape): string =>
  (shape.expected === undefined ? plurals[shape.type] : undefined) ?? words(shape)

export const either = (list: ReadonlyArray<string>): string =>
  list.length < 2 ? (list[0] ?? "nothing") : `${list.slice(0, -1).join(", ")} or ${list[list.length - 1]!}`

/** As `text`, `a number`, `nothing`. */
export const kindOf = (value: unknown): string => {
  if (value === null || value === undefined) return "nothing"
  if (Array.isArray(value)) return "a list"
  if (typeof value === "string") return "text"
  if (typeof value === "object") return "a mapping"
  return `a ${typeof value}`
}
