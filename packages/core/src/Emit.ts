/**
 * JSON values as YAML text: block style, sorted keys, LF, final newline, no anchors, no folding.
 * Equal values give equal text, and YAML 1.1 and 1.2 parsers read exactly the value back: whatever either of them could
 * take for something else than a plain string is double-quoted. `Read.ts` is the inverse.
 */

const rootOrder = ["apiVersion", "kind", "metadata", "spec"]
const metadataOrder = ["name", "namespace", "labels", "annotations"]

/** Words that one of the YAML versions reads as a boolean or null, in any letter case. */
const words = new Set(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])

// Character classes of plain scalars: what may stand first, and what may stand after that. A digit may not stand first
// (numbers, dates, sexagesimals), and `: `, ` #` cannot arise because `:` and `#` are in no class.
const first = 1
const inner = 2
const classes = new Uint8Array(128)
for (const c of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_/") classes[c.charCodeAt(0)] = first | inner
for (const c of "0123456789.-+=@,()$*~;^ ") classes[c.charCodeAt(0)] = inner

/** Implicit keys may have 1024 characters; longer ones take the explicit form. */
const longKey = 1000

const isIpv4 = (text: string): boolean => {
  let dots = 0
  let digits = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 46) {
      if (digits === 0 || ++dots > 3) return false
      digits = 0
    } else if (c < 48 || c > 57 || ++digits > 3) return false
  }
  return dots === 3 && digits > 0
}

const isPlain = (text: string): boolean => {
  const length = text.length
  if (length === 0) return false
  const head = text.charCodeAt(0)
  if (head > 127 || (classes[head]! & first) === 0) return head >= 48 && head <= 57 && length < 16 && isIpv4(text)
  for (let i = 1; i < length; i++) {
    const c = text.charCodeAt(i)
    if (c > 127 || (classes[c]! & inner) === 0) return false
  }
  if (text.charCodeAt(length - 1) === 32) return false
  return length > 5 || !words.has(text.toLowerCase())
}

// JSON escapes are YAML escapes. What JSON leaves as it is but YAML does not allow or takes for a line break is added.
const unprintable = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g
const quote = (text: string): string =>
  JSON.stringify(text).replace(unprintable, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)

// A literal block carries its lines as they are, so only lines that no parser can misread: no blanks at either end,
// nothing unprintable, no empty first line, at most one line break at the end.
const literal =
  /^(?:[^\s\p{C}](?:[^\p{C}\u2028\u2029]*[^\s\p{C}])?|(?<=\n)(?=\n))(?:\n(?:[^\s\p{C}](?:[^\p{C}\u2028\u2029]*[^\s\p{C}])?)?)*$/u
const isLiteral = (text: string): boolean => !text.endsWith("\n\n") && literal.test(text)

const pads: Array<string> = ["\n"]
const pad = (depth: number): string => {
  while (pads.length <= depth) pads.push(`${pads[pads.length - 1]!}  `)
  return pads[depth]!
}

const scalar = (text: string, depth: number): string => {
  if (isPlain(text)) return text
  if (text.includes("\n") && isLiteral(text)) {
    const body = text.endsWith("\n") ? text.slice(0, -1) : text
    const lines = body.replace(/\n(?!\n)/g, pad(depth))
    return `${body === text ? "|-" : "|"}${pad(depth)}${lines}`
  }
  return quote(text)
}

/** `1e21` has no dot, which YAML 1.1 wants in a float. */
const number = (n: number): string => {
  if (!Number.isFinite(n)) throw new TypeError(`${n} is not a JSON number`)
  const text = String(n)
  const e = text.indexOf("e")
  return e < 0 || text.includes(".") ? (n === 0 ? "0" : text) : `${text.slice(0, e)}.0${text.slice(e)}`
}

const sortedKeys = (map: object, order: ReadonlyArray<string> | undefined): ReadonlyArray<string> => {
  const keys = Object.keys(map)
  if (order !== undefined) {
    const rank = (key: string) => (order.indexOf(key) + order.length + 1) % (order.length + 1)
    return keys.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
  }
  for (let i = 1; i < keys.length; i++) if (keys[i - 1]! > keys[i]!) return keys.sort()
  return keys
}

/** The value after `key:` or `-`, with the white space before it; `depth` is the indentation of what stands below. */
const value = (v: unknown, depth: number, order: ReadonlyArray<string> | undefined): string => {
  switch (typeof v) {
    case "string":
      return ` ${scalar(v, depth)}`
    case "number":
      return ` ${number(v)}`
    case "boolean":
      return v ? " true" : " false"
    case "object":
      if (v === null) return " null"
      // A list stands at the indentation of its key, a mapping one level deeper.
      if (Array.isArray(v)) return v.length === 0 ? " []" : pad(depth - 1) + list(v, depth - 1)
      return mappingBelow(v, depth, order)
    default:
      throw new TypeError(`a ${typeof v} is not a JSON value`)
  }
}

const mappingBelow = (v: object, depth: number, order: ReadonlyArray<string> | undefined): string => {
  const text = mapping(v, depth, order)
  return text === "" ? " {}" : pad(depth) + text
}

/** Lines of a list whose first line stands already at its indentation. */
const list = (items: ReadonlyArray<unknown>, depth: number): string => {
  let out = ""
  for (let i = 0; i < items.length; i++) {
    const item = items[i]
    if (i > 0) out += pad(depth)
    if (typeof item === "object" && item !== null) {
      if (!Array.isArray(item)) {
        const text = mapping(item, depth + 1, undefined)
        out += text === "" ? "- {}" : `- ${text}`
      } else out += item.length === 0 ? "- []" : `- ${list(item, depth + 1)}`
    } else out += `-${value(item ?? null, depth + 1, undefined)}`
  }
  return out
}

const mapping = (map: object, depth: number, order: ReadonlyArray<string> | undefined): string => {
  const keys = sortedKeys(map, order)
  let out = ""
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    const v = (map as Record<string, unknown>)[key]
    if (v === undefined) continue
    if (out !== "") out += pad(depth)
    const printed = isPlain(key) ? key : quote(key)
    out += printed.length > longKey ? `? ${printed}${pad(depth)}:` : `${printed}:`
    out += value(v, depth + 1, order === rootOrder && key === "metadata" ? metadataOrder : undefined)
  }
  return out
}

/**
 * A JSON value as one YAML document without `---`, with a final newline. Members that are `undefined` are left out,
 * empty strings, lists and mappings are kept. Throws a TypeError on what JSON cannot carry.
 */
export const emit = (v: unknown): string => {
  const text =
    typeof v === "object" && v !== null
      ? Array.isArray(v)
        ? v.length === 0
          ? "[]"
          : list(v, 0)
        : mapping(v, 0, rootOrder) || "{}"
      : value(v, 1, undefined).slice(1)
  return flat(`${text}\n`)
}

/** A string built by concatenation keeps its pieces alive until something reads it. */
const flat = (text: string): string => {
  text.charCodeAt(0)
  return text
}
