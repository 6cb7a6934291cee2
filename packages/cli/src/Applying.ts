/**
 * `cw apply plan.json`. Nothing is written before every sink of every pipeline has been planned anew and found equal to
 * the saved plan: one difference refuses them all.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Desired } from "@coddiwomple/core/Desired"
import type { Plan } from "@coddiwomple/core/Plan"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Basis from "./Basis.ts"
import * as ExitCode from "./ExitCode.ts"
import type { Opened } from "./Opened.ts"
import type { Presenter } from "./Presenter.ts"
import * as SavedPlan from "./SavedPlan.ts"
import * as Session from "./Session.ts"
import * as Verdict from "./Verdict.ts"

const told = 5

const refusal = (sink: string, moved: ReadonlyArray<string>): Diagnostic.Diagnostic =>
  Diagnostic.error(
    "CW904",
    `the plan for ${sink} is out of date: ${moved.slice(0, told).join("; ")}${moved.length > told ? `; and ${moved.length - told} more` : ""}`,
    {
      node: sink
    }
  )

interface Found {
  readonly pipeline: string
  readonly diagnostic: Diagnostic.Diagnostic
}

/** Waits for the plans of all sinks of all pipelines, then gives one verdict to all. */
export class Review {
  private readonly waiting = new Map<string, { readonly pipeline: string; readonly sink: string }>()
  private readonly found: Array<Found> = []
  private readonly verdict = Deferred.makeUnsafe<void>()
  private readonly saved: SavedPlan.Saved

  constructor(saved: SavedPlan.Saved, pipelines: ReadonlyArray<Opened>) {
    this.saved = saved
    for (const { name, nodes } of pipelines) {
      const sinks = nodes.filter((node) => node.kind === "sink").map((node) => node.id)
      for (const sink of sinks) this.waiting.set(JSON.stringify([name, sink]), { pipeline: name, sink })
    }
  }

  readonly look = (
    pipeline: Opened,
    sink: string,
    plan: Plan,
    desired: Desired
  ): Effect.Effect<ReadonlyArray<Diagnostic.Diagnostic>> =>
    Effect.gen({ self: this }, function* () {
      const basis = yield* Basis.of(pipeline, sink, plan, desired)
      this.arrived(pipeline.name, sink, SavedPlan.moved(this.saved, pipeline.name, sink, plan, basis))
      yield* Deferred.await(this.verdict)
      const own = this.found.filter((found) => found.pipeline === pipeline.name)
      if (own.length > 0 || this.found.length === 0) return own.map((found) => found.diagnostic)
      const others = [...new Set(this.found.map((found) => found.pipeline))].join(", ")
      return [refusal(sink, [`nothing is written, for pipeline ${others} of the same plan has moved`])]
    })

  /** Its sinks that have not been planned will not be any more: they cannot be compared. */
  readonly over = (pipeline: string): void => {
    for (const waiting of [...this.waiting.values()])
      if (waiting.pipeline === pipeline) this.failed(pipeline, waiting.sink)
  }

  readonly failed = (pipeline: string, sink: string): void => {
    if (this.waiting.has(JSON.stringify([pipeline, sink]))) this.arrived(pipeline, sink, ["it cannot be planned now"])
  }

  private arrived(pipeline: string, sink: string, moved: ReadonlyArray<string>): void {
    this.waiting.delete(JSON.stringify([pipeline, sink]))
    if (moved.length > 0) this.found.push({ pipeline, diagnostic: refusal(sink, moved) })
    if (this.waiting.size === 0) Deferred.doneUnsafe(this.verdict, Effect.void)
  }
}

export const apply = (pipeline: Opened, presenter: Presenter, saved: SavedPlan.Saved, review: Review) =>
  Session.open(
    pipeline,
    {
      finite: true,
      dryRun: false,
      ...(saved.allowDeletes === undefined ? {} : { allowDeletes: saved.allowDeletes }),
      review: (sink, plan, desired) => review.look(pipeline, sink, plan, desired)
    },
    (session) =>
      Effect.gen(function* () {
        const built = yield* Effect.result(Session.build(session))
        if (built._tag === "Failure") {
          presenter.diagnostics(built.failure)
          return ExitCode.failed
        }
        yield* Session.progress(session, presenter)
        yield* Session.show(session, presenter, (event) =>
          Effect.sync(() => {
            if (event.type === "sink-failed") review.failed(pipeline.name, event.node)
          })
        )
        const result = yield* session.engine.run
        const found = Verdict.findings(result)
        const refused = found.some((d) => d.code === "CW904")
        const code = refused ? ExitCode.refused : Verdict.exitCode(result)
        const locked = refused || code === ExitCode.failed ? [] : yield* Session.remember(session)
        presenter.diagnostics([...found, ...locked])
        presenter.summary(
          refused ? `${pipeline.name}: refused, nothing written.` : Verdict.sentence(pipeline.name, result, false)
        )
        return ExitCode.worst([code, locked.length > 0 ? ExitCode.failed : ExitCode.ok])
      })
  ).pipe(Effect.ensuring(Effect.sync(() => review.over(pipeline.name))))
