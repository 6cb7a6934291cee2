/**
 * What was filled into pipelines from variables and files, and must not appear in anything that is said: one set for the
 * process, as a log line does not know whose it is. Names and ids in events are left alone: programs match them.
 */
import { maskLine, maskText } from "@coddiwomple/config/Mask"
import type { Diagnostic } from "@coddiwomple/core/Diagnostic"
import type { Plan } from "@coddiwomple/core/Plan"

const known = new Set<string>()
let pattern: RegExp | undefined

/** What is shorter is no secret, but the name of a stage or a region, which a message needs. */
const shortest = 6
/** What is shorter than this is hidden only where it stands by itself: it may be part of many words. */
const long = 8

/** A message may cut a value: so much of its beginning gives it away. */
const beginning = 16

export const conceal = (values: Iterable<string>): void => {
  const before = known.size
  for (const value of values) if (value.length >= shortest) known.add(value)
  if (known.size === before) return
  const all = [...known].flatMap((value) => [value, JSON.stringify(value).slice(1, -1)])
  const full = [...new Set(all)].sort((a, b) => b.length - a.length).map(literal)
  const cut = all
    .filter((value) => value.length > beginning && !value.includes("://"))
    .map((value) => `${literal(value.slice(0, beginning))}[^\\s"']*`)
  pattern = new RegExp([...full, ...cut].join("|"), "g")
}

const literal = (text: string): string => {
  const escaped = text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")
  return text.length < long ? `(?<![A-Za-z0-9])${escaped}(?![A-Za-z0-9])` : escaped
}

/** A sentence for a person without any of it. */
export const sentence = (text: string): string => maskText(pattern === undefined ? text : text.replace(pattern, "…"))

type Shown = Readonly<Record<string, unknown>>

/** A diagnostic, an item or an event line: its sentences and code frames. */
export const shown = <A extends object>(of: A): A => {
  const { help, message, place, reason, related } = of as Shown
  return {
    ...of,
    ...(typeof message === "string" ? { message: sentence(message) } : {}),
    ...(typeof help === "string" ? { help: sentence(help) } : {}),
    ...(typeof reason === "string" ? { reason: sentence(reason) } : {}),
    ...(typeof place === "object" && place !== null ? { place: placed(place) } : {}),
    ...(Array.isArray(related) ? { related: related.map((one: object) => shown(one)) } : {})
  }
}

const placed = (place: object): object => {
  const { source } = place as Shown
  if (typeof source !== "string") return place
  // As wide as before: what the frame marks is counted in columns.
  const scrubbed = pattern === undefined ? source : source.replace(pattern, (found) => "*".repeat(found.length))
  return { ...place, source: maskLine(scrubbed) }
}

export const plan = (of: Plan): Plan => ({
  ...of,
  items: of.items.map((item) => (item.reason === undefined ? item : shown(item))),
  ...(of.failed === undefined
    ? {}
    : { failed: new Map([...of.failed].map(([target, d]): [string, Diagnostic] => [target, shown(d)])) })
})
