/**
 * One cluster: all its files, read as a whole or not at all. When anything in them cannot be read, what they said last
 * stays in force and is called stale.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { type BadEntry, type ClusterFact, type Fact, key, type SourceEvent } from "@coddiwomple/core/Fact"
import type { Disk } from "@coddiwomple/core/Hints"
import type { Base } from "@coddiwomple/core/Located"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Files from "./Files.ts"
import { type Entry, Manifest, type Rules } from "./Manifest.ts"

export interface Spec {
  readonly name: string
  readonly base: Base
  readonly paths: ReadonlyArray<string>
  readonly fact: ClusterFact | undefined
  readonly rules: Rules
  readonly shown: (file: string) => string
}

interface Said {
  readonly facts: ReadonlyMap<string, Fact>
  readonly bad: ReadonlyArray<BadEntry>
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
}

type Failure = ReadonlyArray<Diagnostic.Diagnostic>

/** What would go must still be gone after this time, with the same files: somebody may be writing them. */
const rest = "500 millis"
/** A file that never rests tells nothing. */
const patience = 10

/** A write within this time after the last look may carry the time stamp of the write before it. */
const grain = 1000

export class Partition {
  readonly spec: Spec
  /** Folders in which a change may matter. */
  folders: ReadonlyArray<string> = []
  private readonly disk: Disk
  private files = new Map<string, { readonly manifest: Manifest; seen: string | undefined }>()
  private said: Said | undefined
  /** The files of the last reading and their stamps. */
  private looked = ""
  private stale: { readonly since: number; readonly text: string } | undefined

  constructor(disk: Disk, spec: Spec) {
    this.disk = disk
    this.spec = spec
  }

  /** Reads what changed; events that bring the engine there, or everything that is wrong. */
  get open(): Effect.Effect<Result.Result<ReadonlyArray<SourceEvent>, Failure>> {
    return Effect.result(Effect.map(this.look, (said) => this.tell(said)))
  }

  /** Events since the last look. Never fails: what cannot be read is stale. */
  get again(): Effect.Effect<ReadonlyArray<SourceEvent>> {
    return Effect.gen({ self: this }, function* () {
      for (let i = 0; i < patience; i++) {
        const reading = yield* Effect.result(this.look)
        if (Result.isFailure(reading)) return this.lose(reading.failure, yield* Clock.currentTimeMillis)
        const before = this.looked
        if (!this.loses(reading.success)) return this.tell(reading.success)
        yield* Effect.sleep(rest)
        const second = yield* Effect.result(this.look)
        if (Result.isSuccess(second) && this.looked === before) return this.tell(second.success)
      }
      return []
    })
  }

  private loses(next: Said): boolean {
    return this.said !== undefined && [...this.said.facts.keys()].some((key) => !next.facts.has(key))
  }

  private get look(): Effect.Effect<Said, Failure> {
    return Effect.gen({ self: this }, function* () {
      const { disk, spec } = this
      const listing = yield* Files.list(disk, spec.base, spec.paths)
      this.folders = listing.folders
      const files: typeof this.files = new Map()
      const failures: Array<Diagnostic.Diagnostic> = []
      const stamps: Array<string> = []
      for (const file of listing.files) {
        const known = this.files.get(file) ?? {
          manifest: new Manifest(spec.shown(file), spec.rules),
          seen: undefined
        }
        const read = yield* Effect.result(this.read(file, known))
        if (Result.isFailure(read)) failures.push(...read.failure)
        else stamps.push(`${file} ${read.success}`)
        files.set(file, known)
      }
      if (failures.length > 0) return yield* Effect.fail(failures)
      this.files = files
      this.looked = stamps.join("\n")
      return this.gather()
    })
  }

  private read(
    file: string,
    known: { readonly manifest: Manifest; seen: string | undefined }
  ): Effect.Effect<string, Failure> {
    return Effect.gen({ self: this }, function* () {
      const shown = this.spec.shown(file)
      const now = yield* Clock.currentTimeMillis
      const stamp = file === Files.stdin ? undefined : yield* Files.stamp(this.disk, file, shown)
      if (stamp !== undefined && stamp.id === known.seen) return stamp.id
      known.seen = undefined
      const text = stamp === undefined ? yield* Files.fromStdin : yield* Files.text(this.disk, file, shown)
      const broken = known.manifest.take(text)
      if (broken.length > 0) return yield* Effect.fail(broken)
      if (stamp !== undefined && now - stamp.modified > grain) known.seen = stamp.id
      return stamp?.id ?? ""
    })
  }

  private gather(): Said {
    const facts = new Map<string, Fact>()
    const bad: Array<BadEntry> = []
    const diagnostics: Array<Diagnostic.Diagnostic> = []
    const { fact, name } = this.spec
    if (fact !== undefined) facts.set(key(fact), fact)
    const first = new Map<string, Entry>()
    const twice = new Set<string>()
    for (const { manifest } of this.files.values()) {
      for (const entry of manifest.entries) {
        if (entry.facts.length === 0 || !first.has(entry.service)) {
          if (entry.facts.length > 0) first.set(entry.service, entry)
          for (const fact of entry.facts) facts.set(key(fact), fact)
          bad.push(...entry.bad)
          diagnostics.push(...entry.diagnostics)
        } else twice.add(entry.service)
      }
    }
    // Neither counts: who wins by chance today would lose by chance tomorrow.
    for (const service of twice) {
      const entry = first.get(service)!
      for (const fact of entry.facts) facts.delete(key(fact))
      const all = [...this.files.values()].flatMap(({ manifest }) =>
        manifest.entries.filter((e) => e.service === service && e.facts.length > 0)
      )
      const message = `Service ${service} stands ${all.length} times in the manifests of ${name}; none of them counts`
      const related = all.slice(1, 5).map((e) => ({ message: "and here", place: e.place() }))
      bad.push({
        service,
        diagnostics: [Diagnostic.error("CW404", message, { place: entry.place(), service, related })]
      })
    }
    return { facts, bad, diagnostics }
  }

  private tell(next: Said): ReadonlyArray<SourceEvent> {
    const before = this.said
    const whole = before === undefined || this.stale !== undefined || !alike(before.diagnostics, next.diagnostics)
    this.said = next
    this.stale = undefined
    const partition = this.spec.name
    if (whole)
      return [
        { _tag: "Snapshot", partition, facts: [...next.facts.values()], bad: next.bad, diagnostics: next.diagnostics }
      ]
    const upserts = [...next.facts].flatMap(([k, fact]) => (before.facts.get(k) === fact ? [] : [fact]))
    const removes = [...before.facts.keys()].filter((k) => !next.facts.has(k))
    const bad = alike(before.bad, next.bad) ? {} : { bad: next.bad }
    if (upserts.length === 0 && removes.length === 0 && bad.bad === undefined) return []
    return [{ _tag: "Delta", partition, upserts, removes, ...bad }]
  }

  private lose(diagnostics: Failure, now: number): ReadonlyArray<SourceEvent> {
    const text = JSON.stringify(diagnostics)
    if (this.stale?.text === text) return []
    this.stale = { since: this.stale?.since ?? now, text }
    const first = diagnostics[0]
    const where = first?.place === undefined ? "" : `${Diagnostic.placeText(first.place)}: `
    const reason = first === undefined ? {} : { reason: `${where}${first.message}` }
    return [
      { _tag: "Freshness", partition: this.spec.name, state: "stale", since: this.stale.since, ...reason, diagnostics }
    ]
  }
}

const alike = (a: ReadonlyArray<unknown>, b: ReadonlyArray<unknown>): boolean =>
  (a.length === 0 && b.length === 0) || (a.length === b.length && JSON.stringify(a) === JSON.stringify(b))
