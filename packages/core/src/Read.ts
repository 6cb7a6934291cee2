/**
 * The inverse of `emit`: a fast reader for exactly the text that `emit` prints, for sinks that need the object again.
 * It accepts a text only if printing the result gives that text back, so it can never disagree with a YAML parser.
 */
import { emit } from "./Emit.ts"

let text = ""
/** Position of the reader: behind the indentation of the current line. */
let at = 0

const fail = (): never => {
  throw new SyntaxError(`not a document that cw printed, near character ${at}`)
}

/** From here to the end of the line, which is consumed. */
const restOfLine = (): string => {
  const end = text.indexOf("\n", at)
  if (end < 0) fail()
  const rest = text.slice(at, end)
  at = end + 1
  return rest
}

/** Consumes the indentation if the line stands exactly at this depth. */
const atDepth = (depth: number): boolean => {
  const from = at + depth * 2
  if (from >= text.length || text.charCodeAt(from) === 32) return false
  for (let i = at; i < from; i++) if (text.charCodeAt(i) !== 32) return false
  at = from
  return true
}

const isItem = (): boolean => text.charCodeAt(at) === 45 && text.charCodeAt(at + 1) === 32

/** A double-quoted string and what follows it on its line. */
const quoted = (): string => {
  let end = at + 1
  for (let c = text.charCodeAt(end); c !== 34; c = text.charCodeAt(end)) {
    if (c === 10 || Number.isNaN(c)) fail()
    end += c === 92 ? 2 : 1
  }
  const value: unknown = JSON.parse(text.slice(at, end + 1))
  at = end + 1
  return typeof value === "string" ? value : fail()
}

const literal = (clipped: boolean, depth: number): string => {
  const lines: Array<string> = []
  while (at < text.length && (text.charCodeAt(at) === 10 || text.startsWith("  ".repeat(depth), at))) {
    const line = restOfLine()
    lines.push(line.slice(depth * 2))
  }
  return lines.join("\n") + (clipped ? "\n" : "")
}

/** What stands on the rest of the line; `depth` is the indentation of a literal block. */
const leaf = (depth: number): unknown => {
  const c = text.charCodeAt(at)
  if (c === 34) {
    const value = quoted()
    if (restOfLine() !== "") fail()
    return value
  }
  const rest = restOfLine()
  if (c === 124) return literal(rest === "|", depth)
  if (c === 45 || (c >= 48 && c <= 57)) {
    const n = Number(rest)
    // Digits beyond what a number holds: nothing that was printed.
    if (!Number.isNaN(n) && !Number.isFinite(n) && rest !== "-Infinity") return fail()
    return Number.isFinite(n) ? n : rest
  }
  switch (rest) {
    case "true":
      return true
    case "false":
      return false
    case "null":
      return null
    case "[]":
      return []
    case "{}":
      return {}
    default:
      return rest
  }
}

const key = (depth: number): string => {
  const explicit = text.charCodeAt(at) === 63
  if (explicit) at += 2
  let name: string
  if (text.charCodeAt(at) === 34) name = quoted()
  else {
    const end = text.indexOf(explicit ? "\n" : ":", at)
    if (end < 0) fail()
    name = text.slice(at, end)
    at = end
  }
  if (explicit && (restOfLine() !== "" || !atDepth(depth))) fail()
  if (text.charCodeAt(at) !== 58) fail()
  at++
  return name
}

/** A mapping whose first key stands at the position, all others at `depth`. */
const mapping = (depth: number): Record<string, unknown> => {
  const map: Record<string, unknown> = {}
  do {
    const name = key(depth)
    const c = text.charCodeAt(at++)
    let value: unknown
    if (c === 32) value = leaf(depth + 1)
    else if (c !== 10) fail()
    else if (depth < deepest && atDepth(depth + 1)) value = mapping(depth + 1)
    else if (atDepth(depth) && isItem()) value = list(depth)
    else fail()
    if (name === "__proto__")
      Object.defineProperty(map, name, { value, writable: true, enumerable: true, configurable: true })
    else map[name] = value
  } while (atDepth(depth))
  return map
}

/** A list whose first `- ` stands at the position, all others at `depth`. */
const list = (depth: number): Array<unknown> => {
  const items: Array<unknown> = []
  let more = true
  while (more) {
    at += 2
    items.push(node(depth + 1))
    const line = at
    more = atDepth(depth) && isItem()
    if (!more) at = line
  }
  return items
}

/** A mapping has a key on this line: something with a colon behind it. */
const startsMapping = (): boolean => {
  const c = text.charCodeAt(at)
  if (c === 63) return true
  if (c !== 34) {
    // Neither plain strings nor plain keys contain a colon.
    const end = text.indexOf("\n", at)
    const colon = text.indexOf(":", at)
    return colon >= 0 && colon < end
  }
  const before = at
  quoted()
  const found = text.charCodeAt(at) === 58
  at = before
  return found
}

const deepest = 1000

const node = (depth: number): unknown => {
  if (depth > deepest) fail()
  if (isItem()) return list(depth)
  return startsMapping() ? mapping(depth) : leaf(depth)
}

/** The value of one document printed by `emit`. Throws a SyntaxError on any other text. */
export const read = (document: string): unknown => {
  text = document
  at = 0
  try {
    const value = text.charCodeAt(0) === 124 ? leaf(1) : node(0)
    if (at !== text.length || emit(value) !== document) fail()
    return value
  } finally {
    text = ""
  }
}
