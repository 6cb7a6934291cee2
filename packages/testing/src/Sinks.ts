/** How laws drive a sink: as the engine does, in processes that begin and end, with the world looked at from outside. */
import { Desired } from "@coddiwomple/core/Desired"
import * as Guard from "@coddiwomple/core/Guard"
import { executable, type Plan, type PlanItem, type Report } from "@coddiwomple/core/Plan"
import type { SinkImpl } from "@coddiwomple/core/Sink"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import type * as Scope from "effect/Scope"
import { broken, must, world } from "./Judge.ts"
import { clip, type LawBroken, type LawName } from "./Law.ts"
import { type ProcessOptions, start } from "./Process.ts"
import type { Fingerprint, SinkSubject } from "./Subject.ts"

/** The plan as the engine hands it on: nothing in doubt, no guard, `sync` wherever the sink can delete. */
export const plan = (subject: SinkSubject, impl: SinkImpl, desired: Desired): Effect.Effect<Plan, unknown> =>
  Effect.map(impl.plan(desired), (p) =>
    Guard.secure(p, {
      policy: subject.plugin.traits.deletes === false ? "upsert-only" : "sync",
      limits: Guard.defaultLimits,
      allowDeletes: "all",
      partitions: [],
      held: desired.held
    })
  )

/** A process of the sink: in its scope, with the world's host. */
export const begin = (
  law: LawName,
  subject: SinkSubject,
  options: ProcessOptions = {}
): Effect.Effect<SinkImpl, LawBroken, Scope.Scope> =>
  must(law, "making the sink", start<SinkImpl>({ ...subject, host: hostOf(subject) }, options))

export const hostOf = ({ world: w, host, desired }: SinkSubject) => ({
  ...(w.directory === undefined ? {} : { directory: w.directory }),
  ...(desired[0] === undefined ? {} : { pipeline: desired[0].pipeline }),
  ...w.host,
  ...host
})

/** As the engine: a plan without work is not applied. */
export const apply = (impl: SinkImpl, made: Plan, desired: Desired): Effect.Effect<Report, unknown> =>
  executable(made).length > 0 || made.bookkeeping === true ? impl.apply(made, desired) : Effect.succeed({ items: [] })

/** What a plan still wants, a line each; nothing where it is content. */
export const wants = (made: Plan): ReadonlyArray<string> => [
  ...made.items.filter((i) => i.op !== "held").map(line),
  ...(made.bookkeeping === true ? ["records of the sink's own (bookkeeping)"] : [])
]

export interface Delivery {
  readonly plan: Plan
  readonly report: Report
}

/** Plan and apply; a part that was not done breaks the law. */
export const deliver = (
  law: LawName,
  subject: SinkSubject,
  impl: SinkImpl,
  desired: Desired
): Effect.Effect<Delivery, LawBroken> =>
  Effect.gen(function* () {
    const name = `generation ${desired.generation}`
    const made = yield* must(law, `the plan of ${name}`, plan(subject, impl, desired))
    for (const [target, d] of made.failed ?? [])
      return yield* broken(law, `the plan of ${name} could not read ${target}`, [d.message])
    const report = yield* must(law, `the apply of ${name}`, apply(impl, made, desired))
    const undone = report.items.filter((i) => i.outcome !== "applied")
    if (undone.length > 0) {
      return yield* broken(
        law,
        `the apply of ${name} left things undone`,
        undone.map((i) => `${i.outcome}: ${i.op} ${i.target} ${i.id} ${i.message ?? ""}`)
      )
    }
    return { plan: made, report }
  })

/** The same pipeline with nothing in it. */
export const nothing = (last: Desired): Desired =>
  new Desired({
    pipeline: last.pipeline,
    model: { ...last.model, generation: last.generation + 1, services: HashMap.empty() },
    groups: HashMap.empty(),
    held: new Map(),
    history: (since) => ({ all: since !== last.generation + 1, groups: new Set() })
  })

export const fingerprint = (law: LawName, subject: SinkSubject): Effect.Effect<Fingerprint, LawBroken> =>
  world(law, "fingerprint", () => subject.world.fingerprint())

export const reset = (law: LawName, subject: SinkSubject): Effect.Effect<void, LawBroken> =>
  world(law, "reset", () => subject.world.reset())

export const restart = (law: LawName, subject: SinkSubject): Effect.Effect<void, LawBroken> =>
  world(law, "restart", () => subject.world.restart?.())

/** What differs between two looks at the world. */
export const moved = (before: Fingerprint, after: Fingerprint): ReadonlyArray<string> =>
  [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((name) => {
    const [a, b] = [before.get(name), after.get(name)]
    return a === b
      ? []
      : [a === undefined ? `+ ${name}` : b === undefined ? `- ${name}` : `~ ${name}: ${clip(a, 60)} → ${clip(b, 60)}`]
  })

export const line = (i: PlanItem): string =>
  `${i.op} ${i.target} ${i.id}${i.reason === undefined ? "" : ` (${i.reason})`}`

/** The world after each desired state when nobody interferes. */
export const references = (law: LawName, subject: SinkSubject): Effect.Effect<ReadonlyArray<Fingerprint>, LawBroken> =>
  Effect.gen(function* () {
    yield* reset(law, subject)
    const out: Array<Fingerprint> = []
    for (const desired of subject.desired) {
      yield* restart(law, subject)
      yield* Effect.scoped(Effect.flatMap(begin(law, subject), (impl) => deliver(law, subject, impl, desired)))
      out.push(yield* fingerprint(law, subject))
    }
    return out
  })
