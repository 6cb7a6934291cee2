/**
 * What the exit status of cw says. One number per outcome, and one order for runs with several.
 * A released number keeps its meaning: scripts branch on it.
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"

export const ok = 0
export const failed = 1
/** `plan --exit-code` only. */
export const changesPending = 2
/** Some services or clusters are held or failed, the others are as they should be. */
export const partial = 3
/** A safety rule refused: the delete guard, ownership, a saved plan that is out of date. */
export const refused = 4
export const usage = 64
export const config = 78
export const interrupted = 130
export const terminated = 143

/** Where several hold, the first of these wins. */
const precedence: ReadonlyArray<number> = [usage, config, failed, partial, refused, changesPending, ok]

export const worst = (codes: Iterable<number>): number => {
  const all = new Set(codes)
  return precedence.find((code) => all.has(code)) ?? ok
}

/** Ends a command with this status; whatever there was to say has been said. */
export class Leave extends Data.TaggedError("Leave")<{ readonly code: number }> {}

export const leave = (code: number): Effect.Effect<never, Leave> => new Leave({ code })
