import * as Effect from "effect/Effect"
import { expect } from "vitest"
import { LawBroken, type LawName } from "../src/index.ts"

/** The law is broken, and says so in words that name the cause. */
export const breaks = async (verdict: Effect.Effect<void, LawBroken>, law: LawName, message: RegExp): Promise<void> => {
  const kept = Effect.die(new Error(`${law} is kept, but it was to be broken`))
  const error = await Effect.runPromise(Effect.flip(Effect.andThen(verdict, kept)))
  expect(error).toBeInstanceOf(LawBroken)
  expect(error.law).toBe(law)
  expect(error.message).toMatch(message)
  expect(error.message).not.toMatch(/\n\s+at |\[object Object\]|undefined/)
}
