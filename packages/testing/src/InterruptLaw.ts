/**
 * S3: a sink is stopped at each of its writes, by an interrupt and by a kill, and a new process then applies the same
 * desired state. The world must be the one that an undisturbed run leaves, with nothing besides.
 */
import type { Desired } from "@coddiwomple/core/Desired"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { broken, must, unjudged, within } from "./Judge.ts"
import type { LawBroken } from "./Law.ts"
import { apply, begin, deliver, fingerprint, moved, plan, references, reset, restart, wants } from "./Sinks.ts"
import { type Step, Steps, type Stop } from "./Steps.ts"
import type { SinkSubject } from "./Subject.ts"

interface Case {
  readonly index: number
  readonly stop: Stop
  readonly step: Step
}

export const S3 = (subject: SinkSubject): Effect.Effect<void, LawBroken> =>
  Effect.gen(function* () {
    if (subject.desired.length === 0)
      return yield* unjudged("S3", "give the subject desired states, as `Given.story()`")
    const wanted = yield* references("S3", subject)
    const steps = subject.world.steps ?? new Steps()

    const cases: Array<Case> = []
    yield* reset("S3", subject)
    for (const [index, desired] of subject.desired.entries()) {
      const seen = yield* disturbed(subject, desired, steps, undefined)
      for (const [i, step] of seen.entries()) {
        const at = i + 1
        for (const mode of ["interrupt", "kill"] as const) {
          cases.push({ index, step, stop: { at, edge: "before", mode } })
          if (step.torn && mode === "kill") cases.push({ index, step, stop: { at, edge: "half", mode } })
          if (at === seen.length) cases.push({ index, step, stop: { at, edge: "after", mode } })
        }
      }
    }
    if (cases.length === 0) {
      return yield* unjudged(
        "S3",
        "no write was seen; where the sink uses neither the platform's files and processes nor standard output, give the world `steps`"
      )
    }
    for (const c of spread(cases, subject.interruptions ?? 150)) {
      yield* reset("S3", subject)
      for (const earlier of subject.desired.slice(0, c.index)) {
        yield* restart("S3", subject)
        yield* Effect.scoped(Effect.flatMap(begin("S3", subject), (impl) => deliver("S3", subject, impl, earlier)))
      }
      const desired = subject.desired[c.index]!
      yield* disturbed(subject, desired, steps, c.stop)
      yield* restart("S3", subject)
      const how = `${c.stop.mode === "kill" ? "killed" : "interrupted"} ${c.stop.edge === "half" ? "in the middle of" : c.stop.edge} step ${c.stop.at} of generation ${desired.generation} (${c.step.what})`
      yield* Effect.mapError(recover(subject, desired), (e) => e.within(how))
      const rest = moved(wanted[c.index]!, yield* fingerprint("S3", subject))
      if (rest.length > 0)
        return yield* broken("S3", `${how}, the next apply leaves another world than an undisturbed one`, rest)
    }
  })

/** Plans in peace, then applies with steps armed; returns the steps. However the apply ends is fine, if it ends. */
const disturbed = (
  subject: SinkSubject,
  desired: Desired,
  steps: Steps,
  stop: Stop | undefined
): Effect.Effect<ReadonlyArray<Step>, LawBroken> =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* restart("S3", subject)
      const impl = yield* begin("S3", subject, { steps })
      const made = yield* must("S3", "the plan", plan(subject, impl, desired))
      let over = () => {}
      const ended = new Promise<void>((resolve) => {
        over = resolve
      })
      let interrupt = () => {}
      steps.arm(stop, () => interrupt(), ended)
      const fiber = yield* Effect.forkChild(apply(impl, made, desired), { startImmediately: false })
      interrupt = () => fiber.interruptUnsafe()
      const what =
        stop === undefined
          ? "the apply"
          : `the apply, ${stop.mode === "kill" ? "killed" : "interrupted"} at step ${stop.at},`
      const exit = yield* within("S3", "10 seconds", what, Fiber.await(fiber))
      over()
      if (stop === undefined) yield* must("S3", "the apply", exit)
      return steps
    })
  ).pipe(
    // Closing the sink's scope is part of its end: a killed process writes nothing there either.
    Effect.map((s) => s.disarm()),
    Effect.tapError(() => Effect.sync(() => steps.disarm()))
  )

const recover = (subject: SinkSubject, desired: Desired) =>
  Effect.scoped(
    Effect.gen(function* () {
      const impl = yield* begin("S3", subject)
      const done = yield* deliver("S3", subject, impl, desired)
      if (done.plan.opaque === true) return
      const rest = yield* must("S3", "the plan after it", plan(subject, impl, desired))
      const lines = wants(rest)
      if (lines.length > 0) return yield* broken("S3", "the next apply does not converge", lines)
    })
  )

/** At most `limit` of them, evenly. */
const spread = <A>(all: ReadonlyArray<A>, limit: number): ReadonlyArray<A> =>
  all.length <= limit ? all : Array.from({ length: limit }, (_, i) => all[Math.floor((i * all.length) / limit)]!)
