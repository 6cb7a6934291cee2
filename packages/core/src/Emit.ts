/**
 * JSON values as YAML text: block style, sorted keys, LF, final newline, no anchors, no folding.
 * Equal values give equal text, and YAML 1.1 and 1.2 parsers read exactly the value back: whatever either of them could
 * take for something else than a plain string is double-quoted. `Read.ts` is the inverse.
 */

/** At the top these come first, and `metadata` begins as people write it; all other keys are sorted. */
const rootOrder = ["apiVersion", "kind", "metadata", "spec"]
const metadataOrder = ["name", "namespace", "labels", "annotations"]

/** Words that one of the YAML versions reads as a boolean or null, in any letter case. */
const words = new Set(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])

// What may stand first in a plain scalar, and what after that. A digit may not stand first (numbers, dates,
// sexagesimals), and `: ` and ` #` cannot arise because `:` and `#` may stand nowhere.
const first = 1
const inner = 2
const classes = new Uint8Array(128)
for (const c of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_/") classes[c.charCodeAt(0)] = first | inner
for (const c of "0123456789.-+=@,()$*~;^ ") classes[c.charCodeAt(0)] = inner

/** IPv4 addresses and durations: no parser takes them for numbers, and they look better without quotes. */
const digitsFirst = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\d+(?:ms|s|m|h))$/

const isPlain = (text: string): boolean => {
  const length = text.length
  if (length === 0 || (length < 6 && words.has(text.toLowerCase()))) return false
  const head = text.charCodeAt(0)
  if (head > 127 || (classes[head]! & first) === 0) return head >= 48 && head <= 57 && digitsFirst.test(text)
  for (let i = 1; i < length; i++) {
    const c = text.charCodeAt(i)
    if (c > 127 || (classes[c]! & inner) === 0) return false
  }
  return text.charCodeAt(length - 1) !== 32
}

// JSON escapes are YAML escapes; what JSON leaves as it is but YAML forbids or takes for a line break is added.
const unprintable = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g
const quote = (text: string): string =>
  JSON.stringify(text).replace(unprintable, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)

// A literal block carries lines as they are. Left out: blanks at the start of the text, at the end of a line, tabs at
// the start of a line, more than one line break at the end, and everything unprintable.
const notLiteral = /^\s|[^\S\n](?:\n|$)|\n[^\S\n ]|\n\n$|[\u2028\u2029]|[^\n\t\P{C}]/u

const pads: Array<string> = ["\n"]
const pad = (depth: number): string => {
  while (pads.length <= depth) pads.push(`${pads[pads.length - 1]!}  `)
  return pads[depth]!
}

/** A string that is not plain; `depth` is the indentation of a literal block. */
const scalar = (text: string, depth: number): string => {
  if (!text.includes("\n") || notLiteral.test(text)) return quote(text)
  const clipped = text.endsWith("\n")
  const body = clipped ? text.slice(0, -1) : text
  return (clipped ? "|" : "|-") + pad(depth) + body.replace(/\n(?!\n)/g, pad(depth))
}

/** `1e21` has no dot, which YAML 1.1 wants in a float. */
const number = (n: number): string => {
  if (!Number.isFinite(n)) throw new TypeError(`${n} is not a JSON number`)
  if (n === 0) return "0"
  const text = String(n)
  const e = text.indexOf("e")
  return e < 0 || text.includes(".") ? text : `${text.slice(0, e)}.0${text.slice(e)}`
}

// What the order does not name comes after it, sorted.
const rank = (key: string, order: ReadonlyArray<string>): number => {
  const i = order.indexOf(key)
  return i < 0 ? order.length : i
}

const sorted = (map: object, order: ReadonlyArray<string> | undefined): ReadonlyArray<string> => {
  const keys = Object.keys(map)
  return order === undefined ? keys.sort() : keys.sort((a, b) => rank(a, order) - rank(b, order) || (a < b ? -1 : 1))
}

/** Implicit keys may have 1024 characters; longer ones take the explicit form. */
const longest = 1000

// The same keys stand at the same depths in most documents: line starts are remembered, up to a bound.
const remembered = 500
const heads: Array<Map<string, string>> = []

/** What a line begins with: line break, indentation, key, colon. `inline` where a `- ` has begun the line. */
const head = (key: string, depth: number, inline: boolean, tail: string): string => {
  const slot = depth * 4 + (inline ? 2 : 0) + tail.length
  const known = (heads[slot] ??= new Map<string, string>())
  const found = known.get(key)
  if (found !== undefined) return found
  const printed = isPlain(key) ? key : quote(key)
  const text =
    (inline ? "" : pad(depth)) + (printed.length > longest ? `? ${printed}${pad(depth)}:` : `${printed}:`) + tail
  if (known.size < remembered) known.set(key, text)
  return text
}

const printed = Symbol("printed")
type Printed = { readonly [printed]?: Array<string | undefined> }

/**
 * Marks an object or a list that many documents hold and nobody changes any more: it is printed once for each place and
 * depth, and its text is used again.
 */
export const shared = <T extends object>(v: T): T => Object.defineProperty(v, printed, { value: [] })

// Joining collected pieces gives one flat string; concatenation would keep every piece alive.
let pieces: Array<string> = []

/** Prints what is shared for the first time, and keeps the text. */
const keep = (
  texts: Array<string | undefined>,
  slot: number,
  print: (v: object, depth: number) => void,
  v: object,
  depth: number
): void => {
  const outer = pieces
  pieces = []
  print(v, depth)
  const text = pieces.join("")
  pieces = outer
  texts[slot] = text
  pieces.push(text)
}

/** Builders take care that keys stand in printing order: where they do, nothing needs to be sorted. */
const mapping = (map: object, depth: number, inline: boolean, order?: ReadonlyArray<string>): void => {
  const start = pieces.length
  const values = map as Readonly<Record<string, unknown>>
  let before = ""
  let last = -1
  for (const key in map) {
    const own = order === undefined ? 0 : rank(key, order)
    if (own < last || (own === last && before > key)) {
      pieces.length = start
      for (const next of sorted(map, order)) member(next, values[next], depth, inline && pieces.length === start, order)
      return
    }
    before = key
    last = own
    member(key, values[key], depth, inline && pieces.length === start, order)
  }
}

/** One key with its value. `joins` where a `- ` has begun the line. */
const member = (key: string, v: unknown, depth: number, joins: boolean, order?: ReadonlyArray<string>): void => {
  if (v === undefined) return
  if (typeof v === "string") pieces.push(head(key, depth, joins, " "), isPlain(v) ? v : scalar(v, depth + 1))
  else if (typeof v !== "object" || v === null) pieces.push(head(key, depth, joins, " "), atom(v))
  else {
    pieces.push(head(key, depth, joins, ""))
    const inner = order === rootOrder && key === "metadata" ? metadataOrder : undefined
    const texts = inner === undefined ? (v as Printed)[printed] : undefined
    if (texts === undefined) below(v, depth, inner)
    else if (texts[depth * 2] !== undefined) pieces.push(texts[depth * 2]!)
    else keep(texts, depth * 2, below, v, depth)
  }
}

/** An object or a list below its key. A list stands at the indentation of the key, a mapping one level deeper. */
const below = (v: object, depth: number, order?: ReadonlyArray<string>): void => {
  if (Array.isArray(v)) {
    if (v.length === 0) pieces.push(" []")
    else list(v, depth, false)
    return
  }
  const before = pieces.length
  mapping(v, depth + 1, false, order)
  if (pieces.length === before) pieces.push(" {}")
}

const list = (items: ReadonlyArray<unknown>, depth: number, inline: boolean): void => {
  const bullet = `${pad(depth)}- `
  for (let i = 0; i < items.length; i++) {
    pieces.push(inline && i === 0 ? "- " : bullet)
    const v = items[i] ?? null
    const texts = typeof v === "object" && v !== null ? (v as Printed)[printed] : undefined
    if (texts === undefined) node(v, depth + 1)
    else if (texts[depth * 2 + 1] !== undefined) pieces.push(texts[depth * 2 + 1]!)
    else keep(texts, depth * 2 + 1, node, v as object, depth + 1)
  }
}

/** What stands behind `- `, or the whole document. */
const node = (v: unknown, depth: number, order?: ReadonlyArray<string>): void => {
  if (typeof v === "string") pieces.push(isPlain(v) ? v : scalar(v, depth))
  else if (typeof v !== "object" || v === null) pieces.push(atom(v))
  else if (!Array.isArray(v)) {
    const before = pieces.length
    mapping(v, depth, true, order)
    if (pieces.length === before) pieces.push("{}")
  } else if (v.length === 0) pieces.push("[]")
  else list(v, depth, true)
}

const atom = (v: unknown): string => {
  if (typeof v === "number") return number(v)
  if (typeof v === "boolean") return v ? "true" : "false"
  if (v === null) return "null"
  throw new TypeError(`a ${typeof v} is not a JSON value`)
}

/**
 * A JSON value as one YAML document without `---`, with a final newline. Members that are `undefined` are left out;
 * empty strings, lists and mappings are kept. Throws a TypeError on what JSON cannot carry.
 */
export const emit = (v: unknown): string => {
  pieces = []
  // A literal block stands inside something, so a text alone gets one level.
  node(v, typeof v === "string" ? 1 : 0, rootOrder)
  pieces.push("\n")
  return pieces.join("")
}
