/**
 * How a node fails. `retryable` decides whether the engine tries again on the node's own clock;
 * an error that carries diagnostics shows those and nothing else.
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Diagnostic } from "./Diagnostic.ts"

export class PluginError extends Data.TaggedError("PluginError")<{
  readonly message: string
  readonly retryable: boolean
  readonly cause?: unknown
  readonly diagnostics?: ReadonlyArray<Diagnostic>
}> {}

/** Fails for good with these findings. */
export const refused = (diagnostics: ReadonlyArray<Diagnostic>): PluginError =>
  new PluginError({ message: diagnostics[0]?.message ?? "refused", retryable: false, diagnostics })

/** May go better next time: a network, a lock, a busy server. */
export const retryable = (message: string, cause?: unknown): PluginError =>
  new PluginError({ message, retryable: true, cause })

/** Will not go better by trying again. */
export const permanent = (message: string, cause?: unknown): PluginError =>
  new PluginError({ message, retryable: false, cause })

/** Anything thrown, as a PluginError; unknown failures count as retryable. */
export const fromUnknown = (cause: unknown): PluginError =>
  cause instanceof PluginError ? cause : retryable(cause instanceof Error ? cause.message : String(cause), cause)

/** What plugin authors may return: a value, a Promise or an Effect. */
export type Eventually<A> = A | Promise<A> | Effect.Effect<A, any>

/** Runs a function of a plugin author; whatever it throws, rejects or fails with becomes a PluginError. */
export const eventually = <A>(run: () => Eventually<A>): Effect.Effect<A, PluginError> =>
  Effect.suspend((): Effect.Effect<A, unknown> => {
    try {
      const result = run()
      if (Effect.isEffect(result)) return result as Effect.Effect<A, unknown>
      return result instanceof Promise
        ? Effect.tryPromise({ try: () => result, catch: (cause) => cause })
        : Effect.succeed(result as A)
    } catch (cause) {
      return Effect.fail(cause)
    }
  }).pipe(Effect.mapError(fromUnknown))

/** A time limit as it stands in messages. */
export const within = (limit: Duration.Input): string => Duration.format(Duration.fromInputUnsafe(limit))

/** Plugin code under its node's time limit; what runs longer is interrupted and counts as a failure that may go better. */
export const bounded = <A, R>(
  what: string,
  limit: Duration.Input | undefined,
  effect: Effect.Effect<A, PluginError, R>
): Effect.Effect<A, PluginError, R> =>
  limit === undefined
    ? effect
    : Effect.timeoutOrElse(effect, {
        duration: limit,
        orElse: () => Effect.fail(retryable(`${what} took longer than ${within(limit)}`))
      })
