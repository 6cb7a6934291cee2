/**
 * What stands in for sources and sinks while a pipeline is tested: sources say what the test gives them, sinks keep what
 * they are shown and write nothing. Neither file nor network of the real ones is touched.
 */
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import type { Given } from "@coddiwomple/config/TestConfig"
import type { Desired } from "@coddiwomple/core/Desired"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { type Fact, type SourceEvent } from "@coddiwomple/core/Fact"
import * as Plan from "@coddiwomple/core/Plan"
import * as Sink from "@coddiwomple/core/Sink"
import * as Source from "@coddiwomple/core/Source"
import * as ClusterEntry from "@coddiwomple/source-json/ClusterEntry"
import { type Form, Partition } from "@coddiwomple/source-json/Partition"
import * as ServiceEntry from "@coddiwomple/source-json/ServiceEntry"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { parseDocument } from "yaml"

export interface Stub {
  readonly events: ReadonlyArray<SourceEvent>
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
}

type Place = (key: string) => Diagnostic.Place

/** What the test gives in place of one source. Paths are relative to `directory`, the folder of the test. */
export const stub = (given: Given, directory: string, place: Place): Stub => {
  const diagnostics: Array<Diagnostic.Diagnostic> = []
  const whole = given.file === undefined ? given : fromFile(given.file, directory, place("file"), diagnostics)
  const inFile = given.file !== undefined
  const partitions: Array<SourceEvent> = []
  const names: Array<string> = []
  for (const what of ["clusters", "services"] as const) {
    const data = whole[what]
    if (data === undefined) continue
    const at = inFile ? place("file") : place(what)
    const text = typeof data === "string" ? read(data, directory, at, diagnostics) : JSON.stringify(data)
    if (text === undefined) continue
    names.push(what)
    const shown = typeof data === "string" ? data : at.file
    const taken = new Partition(what, shown, form(what, directory)).take(text)
    // Positions in a list that stands in the test itself are those of the key.
    const placed = (d: Diagnostic.Diagnostic) => (typeof data === "string" ? d : { ...d, place: at })
    if (Result.isFailure(taken)) diagnostics.push(...taken.failure.map(placed))
    else partitions.push(...taken.success.map((event) => replaced(event, placed)))
  }
  if (whole.facts !== undefined) {
    names.push("facts")
    const at = inFile ? place("file") : place("facts")
    const facts = whole.facts.filter(isFact)
    if (facts.length < whole.facts.length) {
      const help = "each fact has its `kind` (cluster, service or backend) and the fields of it"
      diagnostics.push(Diagnostic.error("CW401", "not every entry of `facts` is a fact", { place: at, help }))
    }
    const origin = { label: at.file, place: () => at }
    partitions.push({ _tag: "Snapshot", partition: "facts", facts: facts.map((f) => ({ ...f, origin }) as Fact) })
  }
  return { events: [{ _tag: "Partitions", names }, ...partitions], diagnostics }
}

const replaced = (event: SourceEvent, placed: (d: Diagnostic.Diagnostic) => Diagnostic.Diagnostic): SourceEvent =>
  event._tag !== "Snapshot"
    ? event
    : {
        ...event,
        ...(event.bad === undefined
          ? {}
          : { bad: event.bad.map((b) => ({ ...b, diagnostics: b.diagnostics.map(placed) })) }),
        ...(event.diagnostics === undefined ? {} : { diagnostics: event.diagnostics.map(placed) })
      }

const form = (what: "clusters" | "services", directory: string): Form =>
  what === "services"
    ? { what: "service", ...ServiceEntry }
    : {
        what: "cluster",
        identify: ClusterEntry.identify,
        decode: (value, spot, found) => ClusterEntry.decode(value, spot, found, (to) => resolve(directory, to))
      }

const isFact = (value: unknown): boolean => {
  const { kind, name, addresses, ports, prefixes, service, cluster, host } = value as Record<string, unknown>
  const text = (...all: ReadonlyArray<unknown>) => all.every((each) => typeof each === "string" && each !== "")
  if (kind === "cluster") return text(name) && Array.isArray(addresses)
  if (kind === "service") return text(name) && Array.isArray(ports) && Array.isArray(prefixes)
  return kind === "backend" && text(service, cluster, host)
}

const read = (
  path: string,
  directory: string,
  place: Diagnostic.Place,
  diagnostics: Array<Diagnostic.Diagnostic>
): string | undefined => {
  try {
    return readFileSync(resolve(directory, path), "utf8")
  } catch (cause) {
    const gone = (cause as NodeJS.ErrnoException).code === "ENOENT"
    const message = `${path} ${gone ? "does not exist" : `cannot be read: ${(cause as Error).message}`}`
    diagnostics.push(Diagnostic.error("CW003", message, { place }))
    return undefined
  }
}

const fromFile = (
  path: string,
  directory: string,
  place: Diagnostic.Place,
  diagnostics: Array<Diagnostic.Diagnostic>
): Given => {
  const text = read(path, directory, place, diagnostics)
  if (text === undefined) return {}
  const document = parseDocument(text, { logLevel: "silent" })
  const value = document.errors.length > 0 ? undefined : (document.toJS() as unknown)
  const allowed = new Set(["clusters", "services", "facts"])
  const good =
    typeof value === "object" &&
    value !== null &&
    Object.entries(value).every(
      ([k, v]) => allowed.has(k) && (Array.isArray(v) || (k !== "facts" && typeof v === "string"))
    )
  if (good) return value as Given
  const help = "it is a mapping with lists `clusters`, `services` or `facts`"
  diagnostics.push(Diagnostic.error("CW401", `${path} does not hold what a source says`, { place, help }))
  return {}
}

/** The same facts in another order, the same order each time: the odd ones backwards, then the even ones. */
export const shuffled = (events: ReadonlyArray<SourceEvent>): ReadonlyArray<SourceEvent> =>
  events.map((event) =>
    event._tag !== "Snapshot"
      ? event
      : {
          ...event,
          facts: [...event.facts.filter((_, i) => i % 2 === 1).reverse(), ...event.facts.filter((_, i) => i % 2 === 0)]
        }
  )

const nothing = Schema.Struct({})

export const source = (events: ReadonlyArray<SourceEvent>) =>
  Source.make({
    type: "given",
    summary: "What a test gives",
    config: nothing,
    make: () => ({ events: Stream.fromIterable(events) })
  })

/** Takes what the real sink takes, and shows it to the test. */
export const sink = (traits: Sink.SinkTraits<unknown> | undefined, see: (desired: Desired) => void) =>
  Sink.make({
    type: "seen",
    summary: "What a test sees",
    config: nothing,
    ...(traits?.accepts === undefined ? {} : { accepts: traits.accepts }),
    ...(traits?.deletes === undefined ? {} : { deletes: traits.deletes }),
    make: () => ({
      plan: (desired) =>
        Effect.sync(() => {
          see(desired)
          return Plan.nothing
        }),
      apply: () => Effect.succeed({ items: [] })
    })
  })
