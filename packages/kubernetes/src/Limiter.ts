/**
 * How many requests run at once against one server: additive increase, multiplicative decrease. The server's 429 halves
 * it, ten answers in a row give one back, and it never exceeds where it began.
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

export interface Limiter {
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly answered: () => void
  /** The server asks for less. Answers that were under way together count once. */
  readonly busy: (now: number) => void
  readonly limit: () => number
}

const together = 250

export const make = (most: number): Limiter => {
  const semaphore = Semaphore.makeUnsafe(most)
  let limit = most
  let good = 0
  let halved = Number.NEGATIVE_INFINITY
  const set = (next: number) => {
    limit = next
    Effect.runSync(Semaphore.resize(semaphore, next))
  }
  return {
    run: (effect) => semaphore.withPermit(effect),
    answered: () => {
      good++
      if (limit < most && good >= 10) {
        good = 0
        set(limit + 1)
      }
    },
    busy: (now) => {
      good = 0
      if (now - halved < together) return
      halved = now
      if (limit > 1) set(Math.floor(limit / 2))
    },
    limit: () => limit
  }
}
