/**
 * Reads the `spec` of objects as cw prints them. Generated objects repeat each other: equal endpoints, ports and
 * policies are read once, so that following every call of a fleet costs little more than finding where sections begin.
 */
import { read } from "@coddiwomple/core/Read"

const known = new Map<string, unknown>()

/** Beyond this the memory is not worth it. */
const most = 20_000

/** `lead`: what its first line has before it; the lines after it are indented by four. */
const remember = (section: string, lead: number): unknown => {
  const before = known.get(section)
  if (before !== undefined) return before
  const value = read(`${section.slice(lead).replaceAll("\n    ", "\n")}\n`)
  if (known.size >= most) known.clear()
  known.set(section, value)
  return value
}

const begin = "\nspec:\n"

/** What the text says under `spec`. Throws a SyntaxError on a text that cw did not print. */
export const specOf = (text: string): unknown => {
  const start = text.indexOf(begin)
  if (start < 0) return whole(text)
  const spec: Record<string, unknown> = {}
  let at = start + begin.length
  while (at < text.length && text.charCodeAt(at) === 32) {
    const colon = text.indexOf(":", at)
    const first = text.charCodeAt(at + 2)
    if (text.charCodeAt(at + 1) !== 32 || first < 97 || first > 122 || colon < 0) return whole(text)
    const key = text.slice(at + 2, colon)
    if (text.charCodeAt(colon + 1) === 32) {
      const end = text.indexOf("\n", colon)
      const value = text.slice(colon + 2, end)
      if (value.charCodeAt(0) === 124) return whole(text)
      spec[key] = scalar(value)
      at = end + 1
    } else {
      const end = nextKey(text, colon + 2)
      spec[key] = block(text, colon + 2, end)
      at = end
    }
  }
  return spec
}

const whole = (text: string): unknown => (read(text) as { readonly spec?: unknown }).spec

/** The start of the next line with a key of `spec`, or of less indentation. */
const nextKey = (text: string, from: number): number => {
  let at = from
  while (at < text.length) {
    const c = text.charCodeAt(at + 2)
    if (text.charCodeAt(at) !== 32 || (c !== 32 && c !== 45)) return at
    at = text.indexOf("\n", at) + 1
  }
  return at
}

const block = (text: string, from: number, end: number): unknown => {
  if (text.charCodeAt(from + 2) !== 45) {
    return remember(text.slice(from, end - 1), 4)
  }
  const items: Array<unknown> = []
  for (let at = from; at < end; ) {
    const next = text.indexOf("\n  - ", at)
    const stop = next < 0 || next >= end ? end - 1 : next
    const item = text.slice(at + 4, stop)
    items.push(item.includes(":") ? remember(item, 0) : scalar(item))
    at = stop + 1
  }
  return items
}

/** A plain word as it is; everything else as the reader of whole documents has it. */
const scalar = (text: string): unknown => {
  const c = text.charCodeAt(0)
  const plain = (c >= 97 && c <= 122) || (c >= 65 && c <= 90)
  if (plain) return text === "true" ? true : text === "false" ? false : text === "null" ? null : text
  // Addresses begin with digits; what is no number stands as it is.
  return c >= 48 && c <= 57 && Number.isNaN(Number(text)) ? text : read(`${text}\n`)
}
