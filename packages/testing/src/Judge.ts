/** How laws speak: they end well, or with `LawBroken`; a plugin that fails or dies where it must not breaks the law too. */
import { isError, toText } from "@coddiwomple/core/Diagnostic"
import { type Eventually, eventually, PluginError } from "@coddiwomple/core/PluginError"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { LawBroken, type LawName } from "./Law.ts"

export const broken = (
  law: LawName,
  what: string,
  evidence: ReadonlyArray<string> = []
): Effect.Effect<never, LawBroken> => Effect.fail(new LawBroken(law, what, evidence))

/** Where a law cannot be judged, that is said aloud: nothing passes because nobody looked. */
export const unjudged = (law: LawName, missing: string): Effect.Effect<never, LawBroken> =>
  broken(law, `it cannot be judged: ${missing}`, [`or say why it does not apply: \`without: { ${law}: "…" }\``])

/** A failure as lines for a person. */
export const describe = (error: unknown): ReadonlyArray<string> => {
  if (error instanceof PluginError) {
    const kind = error.retryable ? "retryable" : "permanent"
    return [
      `${kind} failure: ${error.message}`,
      ...(error.diagnostics ?? []).filter(isError).flatMap((d) => toText(d).split("\n"))
    ]
  }
  return (error instanceof Error ? error.message : String(error)).split("\n")
}

export const describeCause = (cause: Cause.Cause<unknown>): ReadonlyArray<string> => {
  const failed = Cause.findErrorOption(cause)
  if (failed._tag === "Some") return describe(failed.value)
  const squashed = Cause.squash(cause)
  return Cause.hasDies(cause)
    ? [`defect: ${squashed instanceof Error ? squashed.message : String(squashed)}`]
    : describe(squashed)
}

/** Runs what must succeed; `what` names it in the message. */
export const must = <A, E, R>(
  law: LawName,
  what: string,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, LawBroken, R> =>
  Effect.catchCause(effect, (cause): Effect.Effect<never, LawBroken> => {
    const error = Cause.findErrorOption(cause)
    if (error._tag === "Some" && error.value instanceof LawBroken) return Effect.fail(error.value)
    return broken(law, `${what} failed`, describeCause(cause))
  })

/** Runs a function of the world, which belongs to the test and must not fail. */
export const world = <A>(law: LawName, what: string, run: () => Eventually<A>): Effect.Effect<A, LawBroken> =>
  must(law, `the test's world: ${what}`, eventually(run))

/** Breaks the law when the effect takes longer. */
export const within = <A, E, R>(
  law: LawName,
  limit: Duration.Input,
  what: string,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | LawBroken, R> =>
  Effect.flatMap(Effect.timeoutOption(effect, limit), (done) =>
    done._tag === "Some"
      ? Effect.succeed(done.value)
      : broken(law, `${what} took longer than ${Duration.format(Duration.fromInputUnsafe(limit))}`)
  )
