/**
 * What every source says, by partition, as it stands now: facts, entries that could not become facts, and how fresh
 * they are. What moved is marked, so that the fold looks at nothing else. A partition that is not named any more is
 * forgotten with all it said.
 */
import * as Diagnostic from "./Diagnostic.ts"
import { type BadEntry, type Fact, key as factKey, type SourceEvent } from "./Fact.ts"
import { index, type Indexes, subject, unindex } from "./Indexes.ts"
import type { PartitionState } from "./Model.ts"
import type { ranking } from "./Resolve.ts"
import { same } from "./Same.ts"

interface Partition {
  state: PartitionState
  facts: Map<string, Fact>
  bad: ReadonlyArray<BadEntry>
  diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
}

/** Stands for all partitions of a source that has named none. */
const unnamed = "*"

export type BadByService = ReadonlyMap<string, ReadonlyArray<Diagnostic.Diagnostic>>

export const partitionKey = (source: string, partition: string): string => `${source}\u0000${partition}`

export class Partitions {
  private readonly sources = new Map<string, Map<string, Partition>>()
  private readonly compare: ReturnType<typeof ranking>
  /** The same facts by what they speak of. */
  readonly indexes: Indexes = { clusters: new Map(), services: new Map(), backends: new Map() }
  /** Services of which something else is said than at the last `settle`. */
  readonly dirty = new Set<string>()
  /** The same of the clusters. */
  fleetDirty = true
  /** The same of anything, freshness included. */
  moved = true

  constructor(compare: ReturnType<typeof ranking>) {
    this.compare = compare
  }

  accept(source: string, event: SourceEvent, now: number): void {
    const partitions = this.sources.get(source) ?? new Map<string, Partition>()
    this.sources.set(source, partitions)
    if (event._tag === "Partitions") {
      const named = new Set(event.names)
      if (named.size === partitions.size && event.names.every((name) => partitions.has(name))) return
      this.moved = true
      for (const name of partitions.keys()) if (!named.has(name)) this.drop(source, name)
      for (const name of named) if (!partitions.has(name)) partitions.set(name, unread(source, name, now))
      return
    }
    this.moved = true
    if (event.partition !== unnamed) this.drop(source, unnamed)
    const partition = partitions.get(event.partition) ?? unread(source, event.partition, now)
    partitions.set(event.partition, partition)
    if (event._tag === "Freshness") {
      const { _tag, partition: name, diagnostics, ...state } = event
      partition.state = { source, name, doubt: partition.state.doubt, ...state }
      partition.diagnostics = diagnostics ?? []
      return
    }
    if (event._tag === "Snapshot") {
      const next = new Map<string, Fact>()
      for (const fact of event.facts) next.set(factKey(fact), fact)
      for (const [key, old] of partition.facts) if (!next.has(key)) this.remove(source, event.partition, old)
      for (const [key, fact] of next) this.upsert(source, event.partition, partition.facts.get(key), fact)
      partition.facts = next
      partition.diagnostics = event.diagnostics ?? []
      this.setBad(partition, event.bad ?? [])
    } else {
      for (const key of event.removes) {
        const old = partition.facts.get(key)
        if (old === undefined) continue
        partition.facts.delete(key)
        this.remove(source, event.partition, old)
      }
      for (const fact of event.upserts) {
        const key = factKey(fact)
        this.upsert(source, event.partition, partition.facts.get(key), fact)
        partition.facts.set(key, fact)
      }
      if (event.bad !== undefined) this.setBad(partition, event.bad)
    }
    // A delta before the first snapshot is half a list.
    if (event._tag === "Delta" && partition.state.state === "never-synced") return
    const doubt = partition.bad.some((entry) => entry.service === undefined)
    if (partition.state.state !== "synced" || partition.state.doubt !== doubt)
      partition.state = { source, name: event.partition, state: "synced", since: now, doubt }
  }

  /** A source is about to speak: until it names its partitions, it has one that was never read. */
  expect(source: string, now: number): void {
    if ((this.sources.get(source)?.size ?? 0) > 0) return
    this.sources.set(source, new Map([[unnamed, unread(source, unnamed, now)]]))
    this.moved = true
  }

  forget(source: string): void {
    for (const name of [...(this.sources.get(source)?.keys() ?? [])]) this.drop(source, name)
    this.sources.delete(source)
    this.moved = true
  }

  /** Every partition that was named has a state, and every source has named its partitions. */
  settled(sources: Iterable<string>): boolean {
    for (const source of sources) {
      const partitions = this.sources.get(source)
      if (partitions === undefined) return false
      for (const p of partitions.values())
        if (p.state.state === "never-synced" && p.state.reason === undefined) return false
    }
    return true
  }

  /** What is said now was taken in. */
  settle(): void {
    this.dirty.clear()
    this.fleetDirty = false
    this.moved = false
  }

  /** Names of clusters whose entries could not become facts. */
  unreadable(): ReadonlyArray<string> {
    const partitions = [...this.sources.values()].flatMap((byName) => [...byName.values()])
    return partitions.flatMap(({ bad }) => bad.flatMap(({ cluster }) => cluster ?? []))
  }

  /** Findings of the entries that could not become facts, by service. */
  badByService(): BadByService {
    const out = new Map<string, ReadonlyArray<Diagnostic.Diagnostic>>()
    for (const partitions of this.sources.values()) {
      for (const p of partitions.values()) {
        for (const b of p.bad) {
          if (b.service !== undefined) out.set(b.service, [...(out.get(b.service) ?? []), ...b.diagnostics])
        }
      }
    }
    return out
  }

  /** Those whose keys are `doubted` say something that cannot be used. */
  states(doubted: ReadonlySet<string>): ReadonlyArray<PartitionState> {
    const out: Array<PartitionState> = []
    for (const [source, partitions] of this.sources) {
      for (const [name, p] of partitions)
        out.push(doubted.has(partitionKey(source, name)) ? { ...p.state, doubt: true } : p.state)
    }
    return out
  }

  /** What is wrong with partitions as such. */
  findings(): ReadonlyArray<Diagnostic.Diagnostic> {
    const out: Array<Diagnostic.Diagnostic> = []
    for (const [source, partitions] of this.sources) {
      for (const [name, p] of partitions) {
        out.push(...p.diagnostics.map((d) => ({ node: source, ...d })))
        const own = p.bad.flatMap((b) => (b.service === undefined ? b.diagnostics : []))
        out.push(...own)
        const { state, reason } = p.state
        if (state !== "synced" && !own.some((d) => d.message === reason)) {
          const code = state === "stale" ? "CW406" : "CW407"
          // Why is said once.
          const why = reason === undefined || p.diagnostics.some((d) => d.message === reason) ? "" : `: ${reason}`
          out.push(Diagnostic.warning(code, `${source}/${name} is ${state}${why}`, { node: source }))
        }
      }
    }
    return out
  }

  private drop(source: string, name: string): void {
    const partition = this.sources.get(source)?.get(name)
    if (partition === undefined) return
    for (const fact of partition.facts.values()) this.remove(source, name, fact)
    this.setBad(partition, [])
    this.sources.get(source)!.delete(name)
  }

  private upsert(source: string, partition: string, old: Fact | undefined, fact: Fact): void {
    const about = subject(fact)
    if (old !== undefined) unindex(this.indexes, about, { source, partition, fact: old })
    index(this.indexes, about, { source, partition, fact }, this.compare)
    if (old === undefined || !same(old, fact)) this.mark(fact, about)
  }

  private remove(source: string, partition: string, fact: Fact): void {
    const about = subject(fact)
    unindex(this.indexes, about, { source, partition, fact })
    this.mark(fact, about)
  }

  private mark({ kind }: Fact, about: string): void {
    if (kind === "cluster") this.fleetDirty = true
    else this.dirty.add(about)
  }

  private setBad(partition: Partition, bad: Partition["bad"]): void {
    for (const entry of [...partition.bad, ...bad]) {
      if (entry.service !== undefined) this.dirty.add(entry.service)
      if (entry.cluster !== undefined) this.fleetDirty = true
    }
    partition.bad = bad
  }
}

const unread = (source: string, name: string, now: number): Partition => ({
  state: { source, name, state: "never-synced", since: now, doubt: false },
  facts: new Map(),
  bad: [],
  diagnostics: []
})
