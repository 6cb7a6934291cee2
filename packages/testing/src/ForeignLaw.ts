/** S4: what somebody else put into a target stays as it is, beside ours and in the place of ours. */
import * as Effect from "effect/Effect"
import { broken, must, unjudged, world } from "./Judge.ts"
import type { LawBroken } from "./Law.ts"
import { apply, begin, deliver, fingerprint, line, nothing, plan, reset } from "./Sinks.ts"
import type { SinkSubject } from "./Subject.ts"

export const S4 = (subject: SinkSubject): Effect.Effect<void, LawBroken> =>
  Effect.gen(function* () {
    const foreign = subject.world.foreign
    if (foreign === undefined) return yield* unjudged("S4", "the world has no `foreign`")
    if (subject.desired.length === 0)
      return yield* unjudged("S4", "give the subject desired states, as `Given.story()`")
    const strangers = new Map<string, string>()
    const plant = (at?: string) =>
      Effect.gen(function* () {
        const name = yield* world("S4", "foreign", () => foreign(at))
        if (name === undefined) return false
        const seen = (yield* fingerprint("S4", subject)).get(name)
        if (seen === undefined)
          return yield* unjudged("S4", `the fingerprint does not show what \`foreign\` planted: ${name}`)
        strangers.set(name, seen)
        return true
      })
    const all = [...subject.desired, nothing(subject.desired.at(-1)!)]

    // Beside ours: it stays through everything, and nothing is deleted that was not created here.
    yield* reset("S4", subject)
    const created = new Set<string>()
    const watch = (when: string) =>
      Effect.gen(function* () {
        const now = yield* fingerprint("S4", subject)
        for (const [name, was] of strangers) {
          if (now.get(name) !== was)
            return yield* broken(
              "S4",
              `${when} ${now.has(name) ? "changed" : "deleted"} what somebody else put there`,
              [name]
            )
        }
      })
    for (const desired of all) {
      yield* plant()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const impl = yield* begin("S4", subject)
          const made = yield* must("S4", "the plan", plan(subject, impl, desired))
          const stolen = made.items.filter((i) => i.op === "delete" && !created.has(i.id))
          if (stolen.length > 0)
            return yield* broken("S4", "the plan deletes what the sink did not create", stolen.map(line))
          const report = yield* must("S4", "the apply", apply(impl, made, desired))
          // What was applied goes by its own name, or by that of the artifact in it.
          for (const item of report.items) if (item.op === "create") created.add(item.id)
          for (const artifact of desired.artifacts()) created.add(artifact.id)
        })
      )
      yield* watch(`the apply of generation ${desired.generation}`)
    }

    // In the place of ours: refusing is right, replacing is not. The names are those of a clean run.
    yield* reset("S4", subject)
    const before = yield* fingerprint("S4", subject)
    yield* Effect.scoped(Effect.flatMap(begin("S4", subject), (impl) => deliver("S4", subject, impl, all[0]!)))
    const ours = [...(yield* fingerprint("S4", subject)).keys()].filter((name) => !before.has(name))
    for (const at of ours.slice(0, 20)) {
      yield* reset("S4", subject)
      strangers.clear()
      if (!(yield* plant(at))) continue
      for (const desired of [all[0]!, all.at(-1)!]) {
        yield* Effect.scoped(
          Effect.flatMap(begin("S4", subject), (impl) =>
            Effect.exit(Effect.flatMap(plan(subject, impl, desired), (made) => apply(impl, made, desired)))
          )
        )
        yield* watch(desired === all[0] ? "an apply" : "an apply of nothing")
      }
    }
  })
