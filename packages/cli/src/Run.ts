/**
 * `cw run` for one pipeline: to the end where all sources end, else as a service that takes up changes until it is told
 * to stop. Plans are shown before they are applied; a finding is told once, not once per generation.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Stamped } from "@coddiwomple/core/Event"
import { executable, type Plan } from "@coddiwomple/core/Plan"
import type { Rendering } from "@coddiwomple/core/Render"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as ExitCode from "./ExitCode.ts"
import { Life } from "./Life.ts"
import type { Opened } from "./Opened.ts"
import type { Presenter } from "./Presenter.ts"
import * as Reload from "./Reload.ts"
import * as Session from "./Session.ts"
import type { Listen } from "./UiServer.ts"
import * as Verdict from "./Verdict.ts"

export interface Options {
  readonly once: boolean
  readonly watch: boolean
  readonly dryRun: boolean
  readonly allowDeletes: number | "all" | undefined
  /** Where the page is served while it runs. */
  readonly listen?: Listen | undefined
  /** Reads the pipeline file again. */
  readonly reopen: Reload.Reopen
}

export const run = (pipeline: Opened, presenter: Presenter, options: Options) => {
  const told = presenter.of(pipeline)
  const shown = new Shown()
  return Session.open(
    pipeline,
    {
      finite: options.once,
      dryRun: options.dryRun,
      ...(options.allowDeletes === undefined ? {} : { allowDeletes: options.allowDeletes }),
      review: (sink, plan, desired) =>
        Effect.sync(() => {
          if (worthShowing(plan) && shown.isNews(sink, plan))
            told.plan(pipeline.name, desired.generation, [{ sink, plan }])
          return []
        })
    },
    (session) =>
      Effect.gen(function* () {
        const built = yield* Effect.result(Session.build(session))
        if (built._tag === "Failure") {
          told.diagnostics(built.failure)
          return ExitCode.failed
        }
        const service =
          !options.once && (options.watch || options.listen !== undefined || (yield* session.engine.endless))
        shown.finite = !service
        return service ? yield* serve(session, told, options) : yield* finish(session, told, options)
      })
  )
}

/** An opaque plan says nothing, and an empty one even less. */
const worthShowing = (plan: Plan): boolean =>
  plan.opaque !== true && (plan.items.length > 0 || (plan.failed?.size ?? 0) > 0)

/**
 * Of what cannot be done now, each retry makes the same plan: it is shown once. One that will be applied always is, but
 * for the retries of a run that ends.
 */
class Shown {
  private readonly last = new Map<string, string>()
  finite = false

  isNews(sink: string, plan: Plan): boolean {
    const items = plan.items.map(({ id, op, reason, target }) => [target, op, id, reason])
    const text = JSON.stringify([items, [...(plan.failed ?? [])].map(([target, d]) => [target, d.message])])
    const before = this.last.get(sink)
    this.last.set(sink, text)
    return before !== text || (!this.finite && executable(plan).length > 0)
  }
}

const finish = (session: Session.Session, told: Presenter, options: Options) =>
  Effect.gen(function* () {
    yield* Session.progress(session, told)
    yield* Session.show(session, told)
    const result = yield* session.engine.run
    const code = Verdict.exitCode(result, options.dryRun)
    const locked = options.dryRun || code === ExitCode.failed ? [] : yield* Session.remember(session)
    told.diagnostics([...Verdict.findings(result), ...locked])
    told.summary(Verdict.sentence(session.pipeline.name, result, options.dryRun))
    return ExitCode.worst([code, locked.length > 0 ? ExitCode.failed : ExitCode.ok])
  })

/** Where every source has ended nothing else keeps the process: Node would end it in the middle. */
const stayAlive = Effect.acquireRelease(
  Effect.sync(() => setInterval(() => {}, 2 ** 30)),
  (timer) => Effect.sync(() => clearInterval(timer))
)

const serve = (session: Session.Session, told: Presenter, options: Options) =>
  Effect.gen(function* () {
    const life = yield* Life
    yield* life.serve
    yield* stayAlive
    const news = new News(told, session.pipeline.name)
    const fs = yield* FileSystem.FileSystem
    yield* Session.show(session, told, (event) =>
      Effect.provideService(follow(session, told, news, event), FileSystem.FileSystem, fs)
    )
    if (options.listen !== undefined) {
      const { attach } = yield* Effect.promise(() => import("./Ui.ts"))
      const served = yield* Effect.result(attach(session, () => session.pipeline, options.listen))
      if (served._tag === "Failure") {
        told.summary(`cw run: ${served.failure.message}`)
        return ExitCode.failed
      }
    }
    yield* session.engine.start
    told.summary(`${session.pipeline.name}: running; Ctrl-C or SIGTERM ends it`)
    if (options.watch) yield* Effect.forkScoped(Reload.follow(session, told, options.reopen))
    return yield* session.engine.crashed
  })

const follow = (
  session: Session.Session,
  told: Presenter,
  news: News,
  event: Stamped
): Effect.Effect<void, never, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    if (event.type === "source") {
      const name = `${event.node}/${event.partition}`
      if (event.state !== "synced") news.lost.add(name)
      else if (news.lost.delete(name)) told.summary(`${name} answers again`)
    }
    if (event.type === "generation-rendered") news.tell(findings(yield* session.engine.rendering))
    if (event.type === "generation-refused" || event.type === "sink-failed") news.add(event.diagnostics)
    if (event.type === "diagnostic") news.add([event.diagnostic])
    if (event.type !== "applied") return
    const count = (outcome: string) => event.report.items.filter((i) => i.outcome === outcome).length
    const bad = count("failed") + count("unknown")
    const locked = bad === 0 ? yield* Session.remember(session) : []
    told.summary(
      `${event.node}: generation ${event.generation}, ${count("applied")} applied${bad > 0 ? `, ${bad} failed` : ""}`
    )
    news.add((event.report.diagnostics ?? []).map((d) => ({ node: event.node, ...d })))
    news.add(locked)
  })

const findings = (rendering: Rendering | undefined): ReadonlyArray<Diagnostic.Diagnostic> =>
  rendering === undefined
    ? []
    : [
        ...rendering.model.diagnostics,
        ...rendering.diagnostics,
        ...[...rendering.held.values()].flatMap((held) => held.diagnostics)
      ]

/** Tells findings that were not there the last time, and forgets those that are gone, so that they are news again. */
class News {
  /** Partitions that are not synced now. */
  readonly lost = new Set<string>()
  private known = new Set<string>()
  private wrong = false
  private readonly told: Presenter
  private readonly pipeline: string

  constructor(told: Presenter, pipeline: string) {
    this.told = told
    this.pipeline = pipeline
  }

  /** All findings as they stand. */
  tell(all: ReadonlyArray<Diagnostic.Diagnostic>): void {
    const keyed = new Map(all.map((d) => [JSON.stringify(d), d]))
    this.told.diagnostics([...keyed].filter(([key]) => !this.known.has(key)).map(([, d]) => d))
    this.known = new Set(keyed.keys())
    const wrong = all.some(Diagnostic.isError)
    if (this.wrong && !wrong) this.told.summary(`${this.pipeline}: what was wrong with inputs and services is mended`)
    this.wrong = wrong
  }

  /** Findings of one moment. */
  add(found: ReadonlyArray<Diagnostic.Diagnostic>): void {
    if (found.length > 0 && this.told.output === "text") this.told.diagnostics(found)
  }
}
