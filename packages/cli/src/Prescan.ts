/**
 * Of a large services file only the entries that a trace can need: those that could have the host, and those whose
 * calls could be mistaken for its own. Found in the text, since parsing all of it takes longer than the rest of the
 * trace. A shortcut, never an answer: what is not found this way is looked for in the whole.
 */
import { Addresses, defaultRange, parseRange, preferred } from "@coddiwomple/core/Addresses"
import { identity } from "@coddiwomple/core/Fact"
import type { FoldOptions } from "@coddiwomple/core/Fold"
import { family } from "@coddiwomple/istio/Protocol"

/** Characters below which the whole file is read as fast. */
const large = 200_000

/** Entries beyond which it is not worth it. */
const most = 500

export interface Excerpt {
  readonly text: string
  /** Addresses that the services have in the whole. */
  readonly pinned: ReadonlyMap<string, string>
}

interface Entry {
  readonly start: number
  readonly text: string
  readonly value: {
    readonly name: string
    readonly namespace?: unknown
    readonly dns_prefixes?: unknown
    readonly ports?: unknown
    readonly address?: unknown
  }
}

/** Undefined where the whole file must be read. */
export const excerpt = (text: string, asked: string, fold: Partial<FoldOptions>): Excerpt | undefined => {
  if (text.length < large) return undefined
  const host = asked.toLowerCase().replace(/\.$/, "")
  const end = `.${fold.suffix ?? "global"}`
  const prefix = host.endsWith(end) ? host.slice(0, -end.length) : host
  const found = new Map<number, Entry>()
  const take = (hits: Iterable<number>, wanted: (entry: Entry["value"]) => boolean): boolean => {
    for (const hit of hits) {
      const entry = entryAround(text, hit)
      if (entry === undefined || !wanted(entry.value)) continue
      found.set(entry.start, entry)
      if (found.size > most) return false
    }
    return true
  }
  const isMeant = (e: Entry["value"]) =>
    e.name === prefix || (Array.isArray(e.dns_prefixes) && e.dns_prefixes.includes(prefix))
  if (!take(occurrences(text, JSON.stringify(prefix)), isMeant) || found.size === 0) return undefined
  const meant = [...found.values()].map((entry) => entry.value)
  for (const { name } of meant)
    if (!take(occurrences(text, JSON.stringify(name)), (e) => e.name === name)) return undefined
  for (const port of meant.flatMap(portsOf)) if (!take(rivals(text, port), () => true)) return undefined
  const kept = [...found.values()].sort((a, b) => a.start - b.start)
  return { text: `[${kept.map((entry) => entry.text).join(",")}]`, pinned: addresses(text, kept, fold) }
}

function* occurrences(text: string, word: string): Generator<number> {
  for (let i = text.indexOf(word); i >= 0; i = text.indexOf(word, i + 1)) yield i
}

interface Port {
  readonly service_port?: unknown
  readonly protocol?: unknown
}

const portsOf = ({ ports }: Entry["value"]): ReadonlyArray<Port> =>
  (Array.isArray(ports) ? ports : [ports]) as ReadonlyArray<Port>

/** Ports of the same number which neither Host header nor SNI tell apart. */
function* rivals(text: string, own: Port): Generator<number> {
  if (typeof own?.service_port !== "number") return
  const f = family(String(own.protocol))
  for (const { index } of text.matchAll(new RegExp(`"service_port"\\s*:\\s*${own.service_port}(?![\\d.])`, "g"))) {
    // Objects of ports hold nothing but plain values.
    const port = text.slice(text.lastIndexOf("{", index), text.indexOf("}", index))
    const protocol = /"protocol"\s*:\s*"([^"]*)"/.exec(port)?.[1] ?? ""
    const theirs = family(protocol)
    if (f !== theirs || (f !== "http" && f !== "tls")) yield index
  }
}

/** The object with a name and backends that holds this position. */
const entryAround = (text: string, position: number): Entry | undefined => {
  for (
    let start = text.lastIndexOf("{", position);
    start >= 0 && position - start < 100_000;
    start = text.lastIndexOf("{", start - 1)
  ) {
    const end = endOf(text, start)
    if (end <= position) continue
    const slice = text.slice(start, end)
    if (!slice.includes('"backends"')) continue
    try {
      const value = JSON.parse(slice) as Entry["value"]
      return typeof value.name === "string" && "backends" in value ? { start, text: slice, value } : undefined
    } catch {
      return undefined
    }
  }
  return undefined
}

/** Behind the object that begins here; 0 where it has no end. */
const endOf = (text: string, start: number): number => {
  let depth = 0
  for (let i = start; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 34) {
      for (i++; text.charCodeAt(i) !== 34 && i < text.length; i++) if (text.charCodeAt(i) === 92) i++
    } else if (c === 123) depth++
    else if (c === 125 && --depth === 0) return i + 1
  }
  return 0
}

/** How far services move out of each other's way before somebody pays for a whole reading. */
const crowd = 16

/**
 * As the fold gives them out: in name order, and only on a collision depending on others. Names are read where they
 * stand as in the documents; a stranger's spelling costs a service in a collision its neighbour.
 */
const addresses = (
  text: string,
  kept: ReadonlyArray<Entry>,
  fold: Partial<FoldOptions>
): ReadonlyMap<string, string> => {
  const range = fold.range ?? parseRange(defaultRange)
  if ("problem" in range) return new Map()
  const idOf = (name: string, namespace: unknown) =>
    identity(name, typeof namespace === "string" ? namespace : undefined)
  const wanted = new Set(
    kept.filter((e) => e.value.address === undefined).map((e) => idOf(e.value.name, e.value.namespace))
  )
  const places = new Set<number>()
  for (const id of wanted) for (let i = 0; i < crowd; i++) places.add(preferred(id, range) - i)
  const near = new Set(wanted)
  for (const match of text.matchAll(/"name"\s*:\s*"([^"\\]+)"(?:\s*,\s*"namespace"\s*:\s*"([^"\\]+)")?/g)) {
    const id = idOf(match[1]!, match[2])
    if (places.has(preferred(id, range))) near.add(id)
  }
  const pool = new Addresses(range, fold.pinned)
  for (const [, declared] of text.matchAll(/"address"\s*:\s*"([^"\\]+)"/g)) pool.reserve("", declared!, () => false)
  for (const id of [...near].sort()) pool.of(id)
  return new Map([...(fold.pinned ?? []), ...[...pool.pins].filter(([id]) => wanted.has(id))])
}
