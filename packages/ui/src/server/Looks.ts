/**
 * Looking again at what is there, for an engine that only plans: the world changes without any source saying so. Happens
 * while a page is open, and whenever somebody asks for a plan; a look that finds nothing new leaves no trace.
 */
import type { Stamped } from "@coddiwomple/core/Event"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { fingerprint } from "./Plans.ts"

/** How long somebody waits for sinks that look. */
const patience = "15 seconds"

interface Look {
  readonly sinks: Set<string>
  readonly done: Deferred.Deferred<void>
}

export class Looks {
  /** Until every sink that has planned has looked, or patience is over. Does nothing where the engine applies by itself. */
  readonly again: Effect.Effect<void>
  private readonly waiting = new Set<Look>()
  private readonly seen = new Map<string, string>()

  constructor(again: Effect.Effect<void> | undefined, sinks: () => ReadonlyArray<string>) {
    const { waiting } = this
    this.again = Effect.gen(function* () {
      const look: Look = { sinks: new Set(sinks()), done: yield* Deferred.make<void>() }
      if (again === undefined || look.sinks.size === 0) return
      waiting.add(look)
      yield* again
      yield* Effect.timeoutOption(Deferred.await(look.done), patience)
      waiting.delete(look)
    })
  }

  looked(sink: string): void {
    for (const { done, sinks } of this.waiting) {
      sinks.delete(sink)
      if (sinks.size === 0) Deferred.doneUnsafe(done, Effect.void)
    }
  }

  /** True for a plan that says what the one before said. */
  noNews(event: Stamped): boolean {
    if (event.type === "sink-failed") this.looked(event.node)
    if (event.type !== "planned") return false
    const { generation, node, plan } = event
    const failed = [...(plan.failed ?? [])].map(([target, d]) => `${target} ${d.message}`)
    const print = [generation, fingerprint([{ sink: node, plan }]), ...failed].join("\n")
    if (this.seen.get(node) === print) {
      this.looked(node)
      return true
    }
    this.seen.set(node, print)
    return false
  }

  /** Looks every so many milliseconds while somebody watches; a look that takes long is rare. */
  watch(every: number, watched: () => boolean): Effect.Effect<void> {
    const { again } = this
    return Effect.gen(function* () {
      let pause = every
      while (true) {
        yield* Effect.sleep(pause)
        if (!watched()) continue
        const [took] = yield* Effect.timed(again)
        pause = Math.max(every, 20 * Duration.toMillis(took))
      }
    })
  }
}
