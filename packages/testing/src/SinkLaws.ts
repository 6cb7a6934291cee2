/** S1 and S2: a sink is content with what it did, and planning is only looking. */
import { canonical } from "@coddiwomple/core/Digest"
import { compareItems, executable, type Plan } from "@coddiwomple/core/Plan"
import type { SinkImpl } from "@coddiwomple/core/Sink"
import * as Effect from "effect/Effect"
import { broken, must, unjudged } from "./Judge.ts"
import { clip, type LawBroken } from "./Law.ts"
import { apply, begin, deliver, fingerprint, line, moved, nothing, plan, reset, wants } from "./Sinks.ts"
import type { SinkSubject } from "./Subject.ts"

export const S1 = (subject: SinkSubject): Effect.Effect<void, LawBroken> =>
  Effect.scoped(
    Effect.gen(function* () {
      if (subject.desired.length === 0)
        return yield* unjudged("S1", "give the subject desired states, as `Given.story()`")
      yield* reset("S1", subject)
      const empty = yield* fingerprint("S1", subject)
      const impl = yield* begin("S1", subject)
      for (const [i, desired] of subject.desired.entries()) {
        const first = yield* deliver("S1", subject, impl, desired)
        const after = yield* fingerprint("S1", subject)
        if (i === 0 && moved(empty, after).length === 0) {
          const what =
            executable(first.plan).length === 0
              ? "the plan of an empty world changes nothing"
              : "the apply changed nothing that the world shows"
          return yield* broken("S1", what, first.plan.items.map(line))
        }
        const reported = new Set(first.report.items.map((item) => `${item.target} ${item.id}`))
        const silent = executable(first.plan).filter((item) => !reported.has(`${item.target} ${item.id}`))
        if (silent.length > 0) return yield* broken("S1", "the report leaves out items of the plan", silent.map(line))
        if (first.plan.opaque === true) continue
        const again = (process: SinkImpl) =>
          Effect.map(must("S1", "the second plan", plan(subject, process, desired)), wants)
        // Where the target ends with its process, a new one rightly begins anew.
        const fresh = Effect.scoped(Effect.flatMap(begin("S1", subject), again))
        for (const [who, rest] of [
          ["the same process", yield* again(impl)],
          ["a new process", subject.world.restart === undefined ? yield* fresh : []]
        ] as const) {
          if (rest.length === 0) continue
          return yield* broken(
            "S1",
            `after the apply of generation ${desired.generation}, ${who} still plans changes`,
            rest
          )
        }
      }
    })
  )

export const S2 = (subject: SinkSubject): Effect.Effect<void, LawBroken> =>
  Effect.scoped(
    Effect.gen(function* () {
      if (subject.desired.length === 0)
        return yield* unjudged("S2", "give the subject desired states, as `Given.story()`")
      yield* reset("S2", subject)
      const impl = yield* begin("S2", subject)
      for (const desired of [...subject.desired, nothing(subject.desired.at(-1)!)]) {
        const before = yield* fingerprint("S2", subject)
        const one = yield* must("S2", "the first plan", plan(subject, impl, desired))
        const two = yield* must("S2", "the second plan", plan(subject, impl, desired))
        const other = yield* Effect.scoped(
          Effect.flatMap(begin("S2", subject), (fresh) =>
            must("S2", "the plan of a new process", plan(subject, fresh, desired))
          )
        )
        const wrote = moved(before, yield* fingerprint("S2", subject))
        if (wrote.length > 0) return yield* broken("S2", `planning generation ${desired.generation} wrote`, wrote)
        if (text(one) !== text(two))
          return yield* broken("S2", "the second plan differs from the first", differing(one, two))
        if (subject.world.restart === undefined && shape(one) !== shape(other))
          return yield* broken("S2", "a new process plans something else", differing(one, other))
        yield* must("S2", "the apply", apply(impl, one, desired))
      }
    })
  )

/** All of a plan, in the order in which plans are compared. */
const text = (p: Plan): string =>
  canonical({
    ...p,
    items: [...p.items].sort(compareItems),
    diagnostics: (p.diagnostics ?? []).map(canonical).sort(),
    owned: p.owned === undefined ? [] : [...p.owned].sort(),
    failed: p.failed === undefined ? [] : [...p.failed].sort()
  })

/** What a plan does, whatever it remembers besides. */
const shape = (p: Plan): string => canonical(p.items.map(({ op, target, id }) => [op, target, id]).sort())

const differing = (a: Plan, b: Plan): ReadonlyArray<string> => {
  const [x, y] = [a.items.map((i) => canonical(i)), b.items.map((i) => canonical(i))]
  const lines = [
    ...x.filter((i) => !y.includes(i)).map((i) => `- ${clip(i)}`),
    ...y.filter((i) => !x.includes(i)).map((i) => `+ ${clip(i)}`)
  ]
  return lines.length > 0
    ? lines
    : ["the items are the same, but not what is said besides", `- ${clip(text(a))}`, `+ ${clip(text(b))}`]
}
