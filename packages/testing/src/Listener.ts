/** Listens to a source: what it said so far, folded by partition, and a way to wait for what it says next. */
import { type Fact, type Freshness, key, type SourceEvent } from "@coddiwomple/core/Fact"
import type { SourceImpl } from "@coddiwomple/core/Source"
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { clip } from "./Law.ts"

interface Partition {
  /** Keys of facts, with the facts as text. */
  facts: Map<string, string>
  bad: number
  state: Freshness | undefined
  /** A snapshot came, at least once. */
  snapshot: boolean
}

export class Listener {
  readonly events: Array<SourceEvent> = []
  readonly partitions = new Map<string, Partition>()
  named: ReadonlyArray<string> | undefined
  exit: Exit.Exit<unknown, unknown> | undefined
  /** What was against the grammar of the stream, at the first offence. */
  offence: { readonly what: string; readonly evidence: ReadonlyArray<string> } | undefined
  private waiting: Array<() => void> = []

  /** Runs the source until its end, or until the fiber is interrupted. */
  readonly listen = (impl: SourceImpl): Effect.Effect<Fiber.Fiber<unknown, unknown>, never, Scope.Scope> =>
    Stream.runForEach(impl.events, (event) => Effect.sync(() => this.take(event))).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          this.exit = exit
          this.wake()
        })
      ),
      Effect.forkScoped
    )

  /** Waits until it holds or the source ended; false when neither came in time. */
  until(holds: () => boolean, limit: Duration.Input): Effect.Effect<boolean> {
    const wait = Effect.callback<void>((resume) => {
      const look = () => {
        if (holds() || this.exit !== undefined) resume(Effect.void)
        else this.waiting.push(look)
      }
      look()
      return Effect.sync(() => {
        this.waiting = this.waiting.filter((w) => w !== look)
      })
    })
    return Effect.map(Effect.timeoutOption(wait, limit), (done) => done._tag === "Some")
  }

  /** Every named partition spoke: by a snapshot, or by saying that it cannot. */
  get settled(): boolean {
    return (
      this.named?.every((name) => {
        const p = this.partitions.get(name)
        return p !== undefined && (p.snapshot || p.state !== undefined)
      }) ?? false
    )
  }

  /** Why the source ended, apart from being interrupted. */
  get failure(): unknown {
    if (this.exit === undefined || this.exit._tag === "Success" || Cause.hasInterruptsOnly(this.exit.cause))
      return undefined
    const error = Cause.findErrorOption(this.exit.cause)
    return error._tag === "Some" ? error.value : Cause.squash(this.exit.cause)
  }

  get story(): ReadonlyArray<string> {
    return this.events.slice(-12).map((e) => {
      switch (e._tag) {
        case "Partitions":
          return `Partitions: ${e.names.join(", ")}`
        case "Snapshot":
          return `Snapshot of ${e.partition}: ${clip(e.facts.map(key).join(", "))}`
        case "Delta":
          return `Delta of ${e.partition}: ${clip([...e.upserts.map((f) => `+${key(f)}`), ...e.removes.map((k) => `-${k}`)].join(", "))}`
        case "Freshness":
          return `Freshness of ${e.partition}: ${e.state} ${e.reason ?? ""}`
      }
    })
  }

  private take(event: SourceEvent): void {
    this.events.push(event)
    if (event._tag === "Partitions") {
      this.named = event.names
      for (const name of this.partitions.keys()) if (!event.names.includes(name)) this.partitions.delete(name)
    } else this.hear(event)
    this.wake()
  }

  private hear(event: Exclude<SourceEvent, { readonly _tag: "Partitions" }>): void {
    const name = event.partition
    if (this.named === undefined) this.offend(`${event._tag} of ${name} comes before Partitions`)
    else if (!this.named.includes(name)) this.offend(`${event._tag} of ${name}, which Partitions does not name`)
    const p = this.partitions.get(name) ?? { facts: new Map(), bad: 0, state: undefined, snapshot: false }
    this.partitions.set(name, p)
    if (event._tag === "Freshness") {
      p.state = event.state
      return
    }
    const facts = event._tag === "Snapshot" ? event.facts : event.upserts
    const seen = new Set<string>()
    for (const fact of facts) {
      if (seen.has(key(fact))) this.offend(`one ${event._tag} of ${name} has ${key(fact)} twice`)
      seen.add(key(fact))
    }
    if (event._tag === "Snapshot") {
      p.facts = new Map()
      p.snapshot = true
    } else {
      if (!p.snapshot) this.offend(`Delta of ${name} comes before its first Snapshot`)
      for (const k of event.removes) {
        if (!p.facts.delete(k)) this.offend(`Delta of ${name} removes ${k}, which was not there`)
      }
    }
    p.state = "synced"
    for (const fact of facts) p.facts.set(key(fact), textOf(fact))
    if (event.bad !== undefined || event._tag === "Snapshot") p.bad = event.bad?.length ?? 0
  }

  private offend(what: string): void {
    this.offence ??= { what, evidence: this.story }
  }

  private wake(): void {
    for (const look of this.waiting.splice(0)) look()
  }
}

const textOf = (fact: Fact): string => JSON.stringify({ ...fact, origin: undefined })
