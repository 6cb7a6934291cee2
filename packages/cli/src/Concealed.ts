/**
 * What was filled into pipelines from variables and files, and must not appear in anything that is said: one set for the
 * process, as a log line does not know whose it is. Names and ids in events are left alone, as programs match them, but
 * for what is surely a secret.
 */
import { isSecretVariable, maskLine } from "@coddiwomple/config/Mask"
import type { Diagnostic } from "@coddiwomple/core/Diagnostic"
import type { FieldChange, Plan, PlanItem } from "@coddiwomple/core/Plan"
import * as UrlCredentials from "@coddiwomple/core/UrlCredentials"

/** What is shorter is no secret, but the name of a stage or a region, which a message needs. */
const shortest = 6
/** What is shorter than this is hidden only where it stands by itself: it may be part of many words. */
const long = 8
/** A message may cut a value: so much of its beginning gives it away. So does a line of this length. */
const beginning = 16
const mostLines = 1000

class Known {
  private readonly values = new Set<string>()
  pattern: RegExp | undefined

  add(values: Iterable<string>): void {
    const before = this.values.size
    for (const value of values)
      for (const each of [value, ...lines(value), ...UrlCredentials.of(value)])
        if (each.length >= shortest) this.values.add(each)
    if (this.values.size === before) return
    const all = [...this.values].flatMap((value) => [value, JSON.stringify(value).slice(1, -1)])
    const full = [...new Set([...all, ...[...this.values].flatMap(forms)])]
      .sort((a, b) => b.length - a.length)
      .map(literal)
    const cut = all
      .filter((value) => value.length > beginning && !value.includes("://"))
      .map((value) => `${literal(value.slice(0, beginning))}[^\\s"']*`)
    this.pattern = new RegExp([...full, ...cut].join("|"), "g")
  }

  hide(text: string): string {
    return this.pattern === undefined ? text : text.replace(this.pattern, "…")
  }
}

/** As a key has them: each gives much of it away. */
const lines = (value: string): ReadonlyArray<string> =>
  value.includes("\n")
    ? value
        .split("\n", mostLines)
        .map((each) => each.trim())
        .filter((each) => each.length >= beginning && !/\s/.test(each))
    : []

/** As it stands in URLs, headers and Secrets. The last letters of base64 depend on what follows. */
const forms = (value: string): ReadonlyArray<string> => {
  const bytes = Buffer.from(value)
  const base64 = bytes.toString("base64").slice(0, Math.floor(bytes.length / 3) * 4)
  return [encodeURIComponent(value.toWellFormed()), ...(base64.length < beginning ? [] : [base64])]
}

const literal = (text: string): string => {
  const escaped = text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")
  return text.length < long ? `(?<![A-Za-z0-9])${escaped}(?![A-Za-z0-9])` : escaped
}

const known = new Known()
const secret = new Known()

/** Not in any sentence from now on. */
export const conceal = (values: Iterable<string>): void => known.add(values)

/** Nor in what is quoted of a body. */
export const concealSecrets = (values: ReadonlyArray<string>): void => {
  known.add(values)
  secret.add(values)
}

/** What plugins and pipelines in code may take from the environment by themselves. Deno is not asked for what it keeps back. */
function* variables(): Generator<string> {
  const { Deno } = globalThis as { readonly Deno?: { permissions: { querySync(of: object): { state: string } } } }
  if (Deno !== undefined && Deno.permissions.querySync({ name: "env" }).state !== "granted") return
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && value.length >= long && isSecretVariable(name)) yield value
}

let looked = false
const hide = (from: Known, text: string): string => {
  if (!looked) {
    looked = true
    concealSecrets([...variables()])
  }
  return from.hide(text)
}

/** A piece of a body as a plan shows it: without what is surely a secret. The rest of what was filled in is what it is about. */
export const excerpt = (text: string): string => UrlCredentials.hide(hide(secret, text))

/** A sentence for a person without any of it. */
export const sentence = (text: string): string => UrlCredentials.hide(hide(known, text))

type Shown = Readonly<Record<string, unknown>>

/** A diagnostic, an item or an event line: its sentences and code frames. */
export const shown = <A extends object>(of: A): A => {
  const { help, message, place, reason, related } = of as Shown
  return {
    ...of,
    ...namesIn(of),
    ...(typeof message === "string" ? { message: sentence(message) } : {}),
    ...(typeof help === "string" ? { help: sentence(help) } : {}),
    ...(typeof reason === "string" ? { reason: sentence(reason) } : {}),
    ...(typeof place === "object" && place !== null ? { place: placed(place) } : {}),
    ...(Array.isArray(related) ? { related: related.map((one: object) => shown(one)) } : {})
  }
}

/** Those that a configuration may have made. */
const namesIn = (of: object): object =>
  Object.fromEntries(
    ["field", "file", "id", "target"].flatMap((key) => {
      const name = (of as Shown)[key]
      return typeof name === "string" ? [[key, excerpt(name)]] : []
    })
  )

const placed = (place: object): object => {
  const { source } = place as Shown
  const named = { ...place, ...namesIn(place) }
  if (typeof source !== "string") return named
  // As wide as before: what the frame marks is counted in columns.
  const { pattern } = known
  const scrubbed = pattern === undefined ? source : source.replace(pattern, (found) => "*".repeat(found.length))
  return { ...named, source: maskLine(scrubbed) }
}

/** Every text in a value of a body. */
const within = (value: unknown): unknown => {
  if (typeof value === "string") return excerpt(value)
  if (Array.isArray(value)) return value.map(within)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, within(each)]))
}

const field = ({ after, before, path }: FieldChange): FieldChange => ({
  path: excerpt(path),
  ...(before === undefined ? {} : { before: within(before) }),
  ...(after === undefined ? {} : { after: within(after) })
})

const item = (of: PlanItem): PlanItem => ({
  ...shown(of),
  ...(of.fields === undefined ? {} : { fields: of.fields.map(field) })
})

export const plan = (of: Plan): Plan => ({
  ...of,
  items: of.items.map(item),
  ...(of.failed === undefined
    ? {}
    : { failed: new Map([...of.failed].map(([target, d]): [string, Diagnostic] => [target, shown(d)])) })
})
