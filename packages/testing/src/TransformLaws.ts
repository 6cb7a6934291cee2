/** T1 and T2: a transform depends on its input alone, whatever its order, and leaves no trace on it. */
import type { Fact } from "@coddiwomple/core/Fact"
import * as Effect from "effect/Effect"
import { atAnotherTime, copy, copyModel, freeze, freezeModel, modelText, text } from "./Copies.ts"
import { isFacts, model as modelOf } from "./GivenModel.ts"
import { broken, describeCause, must } from "./Judge.ts"
import { clip, firstDifference, type LawBroken } from "./Law.ts"
import type { TransformSubject } from "./Subject.ts"
import { begin, type Input, inputOf, inputs, type Piece, render, type RenderOptions } from "./Transforms.ts"

export const T1 = (subject: TransformSubject): Effect.Effect<void, LawBroken> =>
  Effect.scoped(
    Effect.gen(function* () {
      const impl = yield* begin("T1", subject)
      for (const [i, input] of (yield* inputs("T1", subject)).entries()) {
        const wanted = yield* must("T1", "the transform", render(impl, input))
        const same = (how: string, again: Effect.Effect<ReadonlyArray<Piece>, unknown>) =>
          Effect.gen(function* () {
            const difference = differ(wanted, yield* must("T1", `the transform, ${how},`, again))
            if (difference !== undefined)
              return yield* broken("T1", `the output is another one ${how}: ${difference[0]}`, difference[1])
          })
        const fresh = (other: Input, options?: RenderOptions) =>
          Effect.scoped(Effect.flatMap(begin("T1", subject), (another) => render(another, other, options)))
        const { model } = input
        const turned = copyModel(model, { reversed: true })

        yield* same("the second time", render(impl, input))
        yield* same("in a new process", fresh(input))
        yield* same("at another time", fresh(input, { around: atAnotherTime }))
        yield* same("when the calls come in another order", fresh(input, { backwards: true }))
        yield* same("when keys and entries of the input are in another order", fresh(inputOf(subject, turned)))
        const given = subject.models[i]!
        if (isFacts(given))
          yield* same("when the facts come in another order", fresh(inputOf(subject, modelOf(shuffled(given)))))
      }
    })
  )

/** Another order, the same each time: the odd ones backwards, then the even ones. */
const shuffled = (facts: ReadonlyArray<Fact>): ReadonlyArray<Fact> => [
  ...facts.filter((_, i) => i % 2 === 1).reverse(),
  ...facts.filter((_, i) => i % 2 === 0)
]

const differ = (
  a: ReadonlyArray<Piece>,
  b: ReadonlyArray<Piece>
): readonly [string, ReadonlyArray<string>] | undefined => {
  for (const [i, one] of a.entries()) {
    const other = b[i]
    if (other === undefined || other.of !== one.of) return [`${one.of} is missing`, []]
    for (const [j, artifact] of one.artifacts.entries()) {
      const now = other.artifacts[j]
      if (now === undefined) return [`${artifact.id} of ${one.of} is missing`, []]
      if (now.id !== artifact.id)
        return [`artifacts of ${one.of} come in another order or have other ids`, [`- ${artifact.id}`, `+ ${now.id}`]]
      if (now.text !== artifact.text) return [`${artifact.id} of ${one.of}`, firstDifference(artifact.text, now.text)]
      const [x, y] = [text({ ...artifact, text: "" }), text({ ...now, text: "" })]
      if (x !== y)
        return [`what is said beside the text of ${artifact.id} of ${one.of}`, [`- ${clip(x)}`, `+ ${clip(y)}`]]
    }
    if (other.artifacts.length > one.artifacts.length)
      return [`${one.of} has more artifacts`, [other.artifacts[one.artifacts.length]!.id]]
    if (text(one.findings) !== text(other.findings))
      return [`findings of ${one.of}`, [`- ${clip(text(one.findings))}`, `+ ${clip(text(other.findings))}`]]
  }
  return undefined
}

export const T2 = (subject: TransformSubject): Effect.Effect<void, LawBroken> =>
  Effect.scoped(
    Effect.gen(function* () {
      const impl = yield* begin("T2", subject)
      for (const { model, upstream } of yield* inputs("T2", subject)) {
        const input: Input = { model: freezeModel(copyModel(model)), upstream: upstream.map((a) => freeze(copy(a))) }
        const before = [modelText(input.model), text(input.upstream)] as const
        const exit = yield* Effect.exit(render(impl, input))
        const after = [modelText(input.model), text(input.upstream)] as const
        for (const [i, what] of ["the model", "the artifacts upstream"].entries()) {
          if (before[i] === after[i]) continue
          return yield* broken("T2", `the transform changed ${what}`, around(before[i]!, after[i]!))
        }
        if (exit._tag === "Failure") {
          const lines = describeCause(exit.cause)
          const tried = lines.some((l) => /read.only|not extensible|cannot (assign|delete|add)/i.test(l))
          return yield* broken(
            "T2",
            tried ? "the transform tries to change its input" : "the transform failed on a frozen input",
            lines
          )
        }
      }
    })
  )

const around = (a: string, b: string): ReadonlyArray<string> => {
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  const from = Math.max(0, i - 60)
  return [`- …${clip(a.slice(from), 120)}`, `+ …${clip(b.slice(from), 120)}`]
}
