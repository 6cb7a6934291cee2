/** S5: every fault is noticed, comes out as the right kind of failure, and is overcome when it is gone. */
import type { Plan, Report } from "@coddiwomple/core/Plan"
import { fromUnknown } from "@coddiwomple/core/PluginError"
import type { SinkImpl } from "@coddiwomple/core/Sink"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import { broken, describe, describeCause, unjudged, within, world } from "./Judge.ts"
import type { LawBroken } from "./Law.ts"
import { type ProcessOptions, start } from "./Process.ts"
import { apply, begin, deliver, fingerprint, hostOf, moved, plan, references, reset, restart } from "./Sinks.ts"
import type { Class, Fault, Fingerprint, SinkSubject } from "./Subject.ts"

export const S5 = (subject: SinkSubject): Effect.Effect<void, LawBroken> =>
  Effect.gen(function* () {
    if (subject.faults === undefined || subject.faults.length === 0)
      return yield* unjudged("S5", "give the subject `faults`")
    const wanted = yield* references("S5", subject)
    for (const fault of subject.faults) yield* meet(subject, fault, wanted)
  })

const meet = (subject: SinkSubject, fault: Fault, wanted: ReadonlyArray<Fingerprint>): Effect.Effect<void, LawBroken> =>
  Effect.gen(function* () {
    const at = fault.at ?? 0
    const desired = subject.desired[at]
    if (desired === undefined)
      return yield* unjudged("S5", `the fault "${fault.title}" is at ${at}, but there is no such desired state`)
    yield* reset("S5", subject)
    const process = (run: (impl: SinkImpl) => Effect.Effect<unknown, LawBroken>, options: ProcessOptions = {}) =>
      Effect.andThen(restart("S5", subject), Effect.scoped(Effect.flatMap(begin("S5", subject, options), run)))
    for (const earlier of subject.desired.slice(0, at)) yield* process((impl) => deliver("S5", subject, impl, earlier))

    yield* world("S5", `arrange "${fault.title}"`, () => fault.arrange?.())
    // Making the sink belongs to it: a sink may open its target there.
    const run = Effect.gen(function* () {
      const impl = yield* start<SinkImpl>(
        { ...subject, host: hostOf(subject) },
        fault.platform === undefined ? {} : { platform: fault.platform }
      )
      const made = yield* plan(subject, impl, desired)
      return { plan: made, report: yield* apply(impl, made, desired) }
    })
    yield* restart("S5", subject)
    const exit = yield* within(
      "S5",
      "20 seconds",
      `the sink under the fault "${fault.title}"`,
      Effect.exit(Effect.scoped(run))
    )
    yield* world("S5", `release "${fault.title}"`, () => fault.release?.())

    const { seen, evidence } = classify(exit)
    if (seen === "unnoticed")
      return yield* broken("S5", `the fault "${fault.title}" went unnoticed: everything was reported as applied`)
    if (seen !== fault.must)
      return yield* broken("S5", `the fault "${fault.title}" must be ${fault.must}, but is ${seen}`, evidence)

    yield* process((impl) => deliver("S5", subject, impl, desired))
    const rest = moved(wanted[at]!, yield* fingerprint("S5", subject))
    if (rest.length > 0)
      return yield* broken("S5", `after the fault "${fault.title}" was gone, the next apply did not converge`, rest)
  })

const classify = (
  exit: Exit.Exit<{ plan: Plan; report: Report }, unknown>
): { seen: Class | "unnoticed" | "a defect"; evidence: ReadonlyArray<string> } => {
  if (exit._tag === "Failure") {
    const error = Cause.findErrorOption(exit.cause)
    if (error._tag === "None") return { seen: "a defect", evidence: describeCause(exit.cause) }
    const failed = fromUnknown(error.value)
    return { seen: failed.retryable ? "retryable" : "permanent", evidence: describe(failed) }
  }
  const { plan: made, report } = exit.value
  const undone = report.items
    .filter((i) => i.outcome !== "applied")
    .map((i) => `${i.outcome}: ${i.op} ${i.target} ${i.id} ${i.message ?? ""}`)
  const unread = [...(made.failed ?? [])].map(([target, d]) => `${target}: ${d.message}`)
  const evidence = [...unread, ...undone]
  return { seen: evidence.length > 0 ? "reported" : "unnoticed", evidence }
}
