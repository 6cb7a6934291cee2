/**
 * The events of one live partition: what a reflector of Services tells, as snapshots and deltas of facts. A key is
 * removed only if it was said before; entries that cannot be read are told as a whole whenever they change.
 */
import type * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { type BadEntry, type Fact, type SourceEvent } from "@coddiwomple/core/Fact"
import { diagnose } from "@coddiwomple/kubernetes/Problem"
import type { Client } from "@coddiwomple/kubernetes/Client"
import type { Event, Status } from "@coddiwomple/kubernetes/Reflector"
import { Plain, type Word } from "./Words.ts"

export const freshness = (partition: string, client: Client, { state, since, error }: Status): SourceEvent => {
  if (error === undefined) return { _tag: "Freshness", partition, state, since }
  const finding = diagnose(client.cluster, client.context, error, "warning")
  return { _tag: "Freshness", partition, state, since, reason: finding.message, diagnostics: [finding] }
}

/** Whether a status is news: data has already said that a partition is fresh. */
export class News {
  private fresh = false

  data(): void {
    this.fresh = true
  }

  of({ state }: Status): boolean {
    const news = state !== "synced" || !this.fresh
    this.fresh = state === "synced"
    return news
  }
}

export class Partition {
  readonly name: string
  private readonly news = new News()
  private readonly client: Client
  /** Objects that are there and say no facts: few. All others say one service and one backend. */
  private readonly silent = new Set<string>()
  private readonly bad = new Map<string, ReadonlyArray<BadEntry>>()

  constructor(name: string, client: Client) {
    this.name = name
    this.client = client
  }

  take(event: Event<Word>): SourceEvent | undefined {
    if (event._tag === "Status") return this.news.of(event) ? freshness(this.name, this.client, event) : undefined
    this.news.data()
    return event._tag === "Snapshot" ? this.snapshot(event.items) : this.delta(event)
  }

  private snapshot(items: ReadonlyMap<string, Word>): SourceEvent {
    const facts: Array<Fact> = []
    const diagnostics: Array<Diagnostic.Diagnostic> = []
    this.silent.clear()
    this.bad.clear()
    for (const [object, word] of items) {
      this.hear(object, word)
      for (const fact of word.facts) facts.push(fact)
      if (!(word instanceof Plain)) diagnostics.push(...word.diagnostics)
    }
    return { _tag: "Snapshot", partition: this.name, facts, bad: this.badEntries, diagnostics }
  }

  private delta({ upserts, added, removes }: Extract<Event<Word>, { readonly _tag: "Delta" }>): SourceEvent {
    const gone: Array<string> = []
    const facts: Array<Fact> = []
    let badChanged = false
    for (const object of removes) {
      if (!this.silent.delete(object)) gone.push(...this.keysOf(object))
      badChanged = this.bad.delete(object) || badChanged
    }
    for (const [object, word] of upserts) {
      const spoke = !added.has(object) && !this.silent.has(object)
      badChanged = this.bad.has(object) || badChanged
      this.hear(object, word)
      badChanged = this.bad.has(object) || badChanged
      if (spoke && this.silent.has(object)) gone.push(...this.keysOf(object))
      for (const fact of word.facts) facts.push(fact)
    }
    return {
      _tag: "Delta",
      partition: this.name,
      upserts: facts,
      removes: gone,
      ...(badChanged ? { bad: this.badEntries } : {})
    }
  }

  private keysOf(id: string): ReadonlyArray<string> {
    return [`service/${id}`, `backend/${id}/${this.client.cluster}`]
  }

  private get badEntries(): ReadonlyArray<BadEntry> {
    return [...this.bad.values()].flat()
  }

  private hear(object: string, word: Word): void {
    if (word.facts.length > 0) this.silent.delete(object)
    else this.silent.add(object)
    if (!(word instanceof Plain) && word.bad.length > 0) this.bad.set(object, word.bad)
    else this.bad.delete(object)
  }
}
