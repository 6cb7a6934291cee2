/** Plans of one pipeline without any write: for `cw plan`, and for those who want to look before they apply. */
import type { Desired } from "@coddiwomple/core/Desired"
import type { Plan } from "@coddiwomple/core/Plan"
import * as Effect from "effect/Effect"
import type { Basis } from "./Basis.ts"
import * as Concealed from "./Concealed.ts"
import * as ExitCode from "./ExitCode.ts"
import type { Opened } from "./Opened.ts"
import * as EventJson from "./EventJson.ts"
import * as PlanText from "./PlanText.ts"
import type { Presenter } from "./Presenter.ts"
import * as Session from "./Session.ts"
import type { Paint } from "./Terminal.ts"
import * as Verdict from "./Verdict.ts"

export interface Planned {
  readonly pipeline: string
  readonly sinks: ReadonlyArray<PlanText.SinkPlan>
  /** What the plans rest on, by sink; empty unless they are to be saved. */
  readonly bases: ReadonlyMap<string, Basis>
  readonly code: number
  /** Something would be written. */
  readonly pending: boolean
  /** For people; absent where there is nothing to show, or programs read the lines. */
  readonly text?: (paint: Paint, showUnchanged: boolean) => string
}

export const plan = (
  pipeline: Opened,
  presenter: Presenter,
  options: { readonly allowDeletes: number | "all" | undefined; readonly save: boolean }
) => {
  const told = presenter.of(pipeline)
  const bases = new Map<string, Basis>()
  return Session.open(
    pipeline,
    {
      finite: true,
      dryRun: true,
      ...(options.allowDeletes === undefined ? {} : { allowDeletes: options.allowDeletes }),
      ...(options.save
        ? {
            review: (sink: string, plan: Plan, desired: Desired) =>
              Effect.gen(function* () {
                const Basis = yield* Effect.promise(() => import("./Basis.ts"))
                bases.set(sink, yield* Basis.of(pipeline, sink, plan, desired))
                return []
              })
          }
        : {})
    },
    (session) =>
      Effect.gen(function* () {
        const nothing = { pipeline: pipeline.name, sinks: [], bases, pending: false }
        const built = yield* Effect.result(Session.build(session))
        if (built._tag === "Failure") {
          told.diagnostics(built.failure)
          return { ...nothing, code: ExitCode.failed } satisfies Planned
        }
        const result = yield* Effect.scoped(Effect.andThen(Session.progress(session, told), session.engine.run))
        const sinks = result.sinks.flatMap(({ plan, sink }) => (plan === undefined ? [] : [{ sink, plan }]))
        if (told.output === "json")
          for (const { plan, sink } of sinks)
            for (const line of EventJson.planLines(sink, plan)) told.line({ ...line, pipeline: pipeline.name })
        told.diagnostics(told.output === "json" ? Verdict.findingsBesidePlans(result) : Verdict.findings(result))
        const code = Verdict.exitCode(result, true)
        if (result.refusal !== undefined || code === ExitCode.failed) return { ...nothing, code } satisfies Planned
        const concealed = sinks.map(({ plan, sink }) => ({ sink, plan: Concealed.plan(plan) }))
        const inputs = result.partitions.map((p) => `${p.source}/${p.name}${p.state === "synced" ? "" : ` ${p.state}`}`)
        return {
          pipeline: pipeline.name,
          sinks,
          bases,
          code,
          pending: PlanText.pending(sinks),
          ...(told.output === "json"
            ? {}
            : {
                text: (paint: Paint, showUnchanged: boolean) =>
                  PlanText.render(pipeline.name, result.generation, concealed, {
                    paint,
                    showUnchanged,
                    inputs,
                    beside: Verdict.shortfalls(result, true)
                  })
              })
        } satisfies Planned
      })
  )
}
