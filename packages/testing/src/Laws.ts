/** `laws(subject)`: the laws of a plugin's kind, ready for any test runner that can loop. */
import { kindOf } from "@coddiwomple/core/Plugin"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { C1 } from "./ConfigLaw.ts"
import { S5 } from "./FaultLaw.ts"
import { S4 } from "./ForeignLaw.ts"
import { S3 } from "./InterruptLaw.ts"
import { describeCause } from "./Judge.ts"
import { type Law, LawBroken, type LawName, lawsOf, titles } from "./Law.ts"
import { S1, S2 } from "./SinkLaws.ts"
import { R1, R2, R3 } from "./SourceLaws.ts"
import type { ConfigSubject, SinkSubject, SourceSubject, TransformSubject } from "./Subject.ts"
import { T3 } from "./OutputLaw.ts"
import { T1, T2 } from "./TransformLaws.ts"

export type AnySubject = SinkSubject | TransformSubject | SourceSubject | ConfigSubject

const table: Readonly<Record<LawName, (subject: never) => Effect.Effect<void, LawBroken>>> = {
  S1,
  S2,
  S3,
  S4,
  S5,
  T1,
  T2,
  T3,
  R1,
  R2,
  R3,
  C1
}

/** Milliseconds. */
const slow: Partial<Record<LawName, number>> = {
  S3: 120_000,
  S4: 60_000,
  S5: 60_000,
  R1: 60_000,
  R2: 60_000,
  R3: 60_000
}

/** All laws of the plugin's kind, in order; those that the subject declines carry the reason and do nothing. */
export const laws = (subject: AnySubject): ReadonlyArray<Law> =>
  lawsOf[kindOf(subject.plugin)].map((name) => {
    const declined = subject.without?.[name]
    return {
      name,
      title: declined === undefined ? titles[name] : `${titles[name]} (does not apply: ${declined})`,
      timeout: slow[name] ?? 30_000,
      ...(declined === undefined ? {} : { declined }),
      run: () => (declined === undefined ? Effect.runPromise(judge(name, subject)) : Promise.resolve())
    }
  })

/** One law as an effect; whatever goes wrong, it fails with `LawBroken`. */
export const judge = (name: LawName, subject: AnySubject): Effect.Effect<void, LawBroken> =>
  Effect.catchCause(table[name](subject as never), (cause) => {
    const error = Cause.findErrorOption(cause)
    if (error._tag === "Some" && error.value instanceof LawBroken) return Effect.fail(error.value)
    return Effect.fail(new LawBroken(name, "it could not be judged", describeCause(cause)))
  })
