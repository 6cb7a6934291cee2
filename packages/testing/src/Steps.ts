/**
 * Every write of a sink passes here, so that a law can stop the sink at each one. A stop is either an interrupt, where
 * finalizers still run and can write, or a kill, where nothing of that process is written any more.
 */
import * as Effect from "effect/Effect"

/** Where it stops: before the write, in the middle of it (half of the bytes), or right after it. */
export type Edge = "before" | "half" | "after"
export type Mode = "interrupt" | "kill"

export interface Stop {
  /** Counts from 1. */
  readonly at: number
  readonly edge: Edge
  readonly mode: Mode
}

export interface Step {
  readonly what: string
  /** It can be torn: half of its bytes can be written. */
  readonly torn: boolean
}

export class Steps {
  private stop: Stop | undefined
  private interrupt: () => void = () => {}
  private ended: Promise<void> = Promise.resolve()
  private seen: Array<Step> = []
  private dead = false
  private active = false

  /** Starts to count, and to stop where told. `interrupt` must not wait; `ended` settles when the sink is gone. */
  arm(stop: Stop | undefined, interrupt: () => void, ended: Promise<void>): void {
    this.stop = stop
    this.interrupt = interrupt
    this.ended = ended
    this.seen = []
    this.dead = false
    this.active = true
  }

  /** Back to letting everything pass. Returns the steps that were seen. */
  disarm(): ReadonlyArray<Step> {
    this.active = false
    this.dead = false
    return this.seen
  }

  /** Around a write made by an effect. `half` writes a part of it, where that can be. */
  readonly effect = <A, E, R>(
    what: string,
    write: Effect.Effect<A, E, R>,
    half?: Effect.Effect<unknown, E, R>
  ): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      if (!this.active) return write
      if (this.dead) return Effect.die(killed)
      const edge = this.next(what, half !== undefined)
      if (edge === undefined) return write
      const first: Effect.Effect<unknown, E, R> =
        edge === "before" ? Effect.void : edge === "half" ? (half ?? Effect.void) : write
      return Effect.flatMap(first, (done) =>
        Effect.suspend(() => {
          if (this.stop!.mode === "kill") {
            this.dead = true
            return Effect.die(killed)
          }
          this.interrupt()
          // Where the sink forbids interrupts for a while, it goes on until it allows them.
          const rest: Effect.Effect<A, E, R> = edge === "after" ? Effect.succeed(done as A) : write
          return Effect.andThen(Effect.yieldNow, rest)
        })
      )
    })

  /**
   * Around a write made in a promise, as a server's handling of a request. Undefined means that the caller is gone:
   * do not answer it.
   */
  readonly promise = async <A>(what: string, write: () => Promise<A> | A): Promise<A | undefined> => {
    if (!this.active) return write()
    if (this.dead) return undefined
    const edge = this.next(what, false)
    if (edge === undefined) return write()
    if (edge === "after") await write()
    this.dead = this.stop!.mode === "kill"
    this.interrupt()
    await this.ended
    return undefined
  }

  private next(what: string, torn: boolean): Edge | undefined {
    this.seen.push({ what, torn })
    return this.stop?.at === this.seen.length ? this.stop.edge : undefined
  }
}

/** The defect with which a killed sink ends. */
export const killed = new Error("killed by the law")
