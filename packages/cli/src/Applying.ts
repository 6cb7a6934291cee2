/**
 * `cw apply plan.json` for one pipeline. Nothing is written before every sink has been planned anew and found equal to
 * the saved plan: one difference refuses them all.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Plan } from "@coddiwomple/core/Plan"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
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

/** Waits for the plans of all sinks, then gives one verdict to all. */
class Review {
  private readonly waiting: Set<string>
  private readonly found: Array<Diagnostic.Diagnostic> = []
  private readonly verdict = Deferred.makeUnsafe<ReadonlyArray<Diagnostic.Diagnostic>>()
  private readonly saved: SavedPlan.Saved
  private readonly pipeline: string

  constructor(saved: SavedPlan.Saved, pipeline: string, sinks: ReadonlyArray<string>) {
    this.saved = saved
    this.pipeline = pipeline
    this.waiting = new Set(sinks)
    const gone = Object.keys(saved.pipelines[pipeline] ?? {}).filter((sink) => !this.waiting.has(sink))
    for (const sink of gone) this.found.push(refusal(sink, ["there is no such sink any more"]))
  }

  readonly look = (sink: string, plan: Plan): Effect.Effect<ReadonlyArray<Diagnostic.Diagnostic>> =>
    Effect.suspend(() => {
      const moved = SavedPlan.moved(this.saved, this.pipeline, sink, plan)
      return this.arrived(sink, moved.length > 0 ? [refusal(sink, moved)] : [])
    })

  /** A sink that cannot be planned cannot be compared. */
  readonly failed = (sink: string): Effect.Effect<void> =>
    Effect.asVoid(
      Effect.forkDetach(this.arrived(sink, this.waiting.has(sink) ? [refusal(sink, ["it cannot be planned now"])] : []))
    )

  private arrived(
    sink: string,
    found: ReadonlyArray<Diagnostic.Diagnostic>
  ): Effect.Effect<ReadonlyArray<Diagnostic.Diagnostic>> {
    this.waiting.delete(sink)
    this.found.push(...found)
    if (this.waiting.size === 0) Deferred.doneUnsafe(this.verdict, Effect.succeed(this.found))
    return Deferred.await(this.verdict)
  }
}

export const apply = (pipeline: Opened, presenter: Presenter, saved: SavedPlan.Saved) => {
  const sinks = pipeline.nodes.filter((node) => node.kind === "sink").map((node) => node.id)
  const review = new Review(saved, pipeline.name, sinks)
  return Session.open(
    pipeline,
    {
      finite: true,
      dryRun: false,
      ...(saved.allowDeletes === undefined ? {} : { allowDeletes: saved.allowDeletes }),
      review: review.look
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
          event.type === "sink-failed" ? review.failed(event.node) : Effect.void
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
  )
}
