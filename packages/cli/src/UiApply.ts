/**
 * Applies a plan that somebody looked at in the page. It plans anew in a run of its own and compares with what was looked
 * at: one difference, a wrong confirmation, or an old plan, and nothing at all is written.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { executable, type Plan } from "@coddiwomple/core/Plan"
import { type PlanLine, type Progress, Refused } from "@coddiwomple/ui/Contract"
import { finding, type Planned } from "@coddiwomple/ui/server/Detail"
import type { EngineView } from "@coddiwomple/ui/server/EngineView"
import { among, fingerprint, without } from "@coddiwomple/ui/server/Plans"
import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { type Opened, onlySinks } from "./Opened.ts"
import type { Presenter } from "./Presenter.ts"
import * as Session from "./Session.ts"
import { say } from "./Terminal.ts"
import * as Verdict from "./Verdict.ts"

export const applier = (current: () => Opened, view: EngineView, told: Presenter) => {
  let busy = false
  return (id: string, confirm: string, leaveOut: ReadonlyArray<PlanLine>): Stream.Stream<Progress, Refused> =>
    Stream.unwrap(
      Effect.suspend(() => {
        const made = view.made(id)
        const refuse = (why: string) => Effect.fail(new Refused({ why }))
        if (made === undefined) return refuse("there is no such plan; make one")
        if (made.doc.stale) return refuse("something changed since this plan was made; make it again and look at it")
        if (made.doc.sinks.some((sink) => !sink.allowed))
          return refuse("this server was not started with what this plan needs; see --allow")
        if (confirm !== made.doc.confirm) return refuse(`type ${JSON.stringify(made.doc.confirm)} to confirm`)
        const plans = without(made.plans, leaveOut)
        if (plans === undefined) return refuse("what is left out is no part of this plan")
        if (busy) return refuse("another plan is being applied")
        busy = true
        const less = leaveOut.length === 0 ? "" : `, ${leaveOut.length} left out`
        say(`cw ui: applying plan ${id} of ${made.doc.pipeline} to ${made.doc.confirm}${less}`)
        return Effect.succeed(
          run(current(), plans, leaveOut, told).pipe(Stream.ensuring(Effect.sync(() => void (busy = false))))
        )
      })
    )
}

const run = (
  pipeline: Opened,
  looked: ReadonlyArray<Planned>,
  leaveOut: ReadonlyArray<PlanLine>,
  told: Presenter
): Stream.Stream<Progress> =>
  Stream.callback<Progress>(
    (queue) =>
      Effect.gen(function* () {
        const wanted = looked.map((p) => p.sink)
        const plans = new Map<string, Plan>()
        const verdict = yield* Deferred.make<ReadonlyArray<Diagnostic.Diagnostic>>()
        let applied = 0
        let failed = 0
        const total = looked.flatMap(({ plan }) => executable(plan)).length
        const tell = (state: Progress["state"], text: string, more: Partial<Progress> = {}) =>
          Queue.offerUnsafe(queue, { time: Date.now(), state, text, applied, failed, total, findings: [], ...more })
        const review = (sink: string, plan: Plan) =>
          Effect.suspend(() => {
            plans.set(sink, plan)
            if (plans.size === wanted.length) {
              const same = fingerprint([...plans].map(([of, p]) => ({ sink: of, plan: p }))) === fingerprint(looked)
              Deferred.doneUnsafe(
                verdict,
                Effect.succeed(
                  same
                    ? []
                    : [
                        Diagnostic.error("CW904", "what the plan rests on has moved since it was looked at", {
                          node: sink
                        })
                      ]
                )
              )
            }
            return Deferred.await(verdict)
          })
        tell("checking", "planning again, to see that nothing moved")
        const restricted = onlySinks(pipeline, (sink) => wanted.includes(sink.id))
        yield* Session.open(restricted, { finite: true, dryRun: false, review, leaveOut: among(leaveOut) }, (session) =>
          Effect.gen(function* () {
            const built = yield* Effect.result(Session.build(session))
            if (built._tag === "Failure")
              return tell("failed", "the pipeline cannot be built", { findings: built.failure.map(finding) })
            yield* Session.show(session, told, (event) =>
              Effect.sync(() => {
                if (event.type === "sink-failed") Deferred.doneUnsafe(verdict, Effect.succeed([...event.diagnostics]))
                if (event.type !== "applied") return
                applied += event.report.items.filter((i) => i.outcome === "applied").length
                failed += event.report.items.filter((i) => i.outcome === "failed" || i.outcome === "unknown").length
                tell("writing", `${event.node} is done`, { sink: event.node })
              })
            )
            const result = yield* session.engine.run
            const found = Verdict.findings(result)
            const refused = found.some((d) => d.code === "CW904")
            // A held service was held in the plan already: that is no failure of the apply.
            const errors = [
              ...(result.refusal?.diagnostics ?? []),
              ...result.sourceFailures,
              ...result.sinks.flatMap((sink) => sink.diagnostics)
            ].filter(Diagnostic.isError)
            const sentence = Verdict.sentence(pipeline.name, result, false)
            say(`cw ui: ${sentence}`)
            tell(
              refused ? "refused" : failed > 0 || errors.length > 0 ? "failed" : "done",
              refused ? "Nothing was written: something moved since the plan was made." : sentence,
              { findings: found.slice(0, 50).map(finding) }
            )
          })
        )
        yield* Queue.end(queue as Queue.Queue<Progress, Cause.Done>)
      }).pipe(Effect.orDie) as Effect.Effect<void>
  )
