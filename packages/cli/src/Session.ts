/**
 * One opened pipeline at work: builds its nodes over an engine, runs it to the end or serves it, and shows what happens
 * while it does. All commands that touch sources and sinks go through here, so that they agree on every detail.
 */
import { engineOptions } from "@coddiwomple/config/Build"
import * as Assembly from "@coddiwomple/core/Assembly"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { Engine, type EngineOptions } from "@coddiwomple/core/Engine"
import type { Stamped } from "@coddiwomple/core/Event"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Opened } from "./Opened.ts"
import * as Platform from "./Platform.ts"
import type { Presenter } from "./Presenter.ts"
import { Progress } from "./Terminal.ts"

export interface Options {
  /** Nothing watches: the run ends by itself. */
  readonly finite: boolean
  readonly dryRun: boolean
  readonly allowDeletes?: number | "all"
  readonly review?: EngineOptions["review"]
  readonly leaveOut?: EngineOptions["leaveOut"]
}

export interface Session {
  readonly pipeline: Opened
  readonly engine: Engine["Service"]
  readonly assembly: Assembly.Assembly
}

/** Provides what the nodes of one pipeline need, and ends them all with the scope. */
export const open = <A, E, R>(pipeline: Opened, options: Options, body: (session: Session) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const engine = yield* Engine
    const assembly = yield* Assembly.make
    return yield* body({ pipeline, engine, assembly })
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        Platform.host({ directory: pipeline.directory, pipeline: pipeline.name, finite: options.finite }),
        Engine.layer({
          ...engineOptions(pipeline.checked, pipeline.lock?.pins),
          dryRun: options.dryRun,
          ...(options.allowDeletes === undefined ? {} : { allowDeletes: options.allowDeletes }),
          ...(options.review === undefined ? {} : { review: options.review }),
          ...(options.leaveOut === undefined ? {} : { leaveOut: options.leaveOut })
        })
      )
    ),
    Effect.scoped
  )

/** Builds the nodes; fails with findings. */
export const build = ({ assembly, pipeline }: Session, probe = false) =>
  assembly.set(
    pipeline.nodes.map((node) => node.blueprint),
    { probe }
  )

const told = (event: Stamped): string => {
  switch (event.type) {
    case "source":
      return `${event.node} has read ${event.partition}`
    case "generation-started":
      return `rendering ${event.services} services`
    case "generation-rendered":
      return "planning"
    case "planned":
      return `applying to ${event.node}`
    case "applied":
      return `${event.node} is done`
    default:
      return "working"
  }
}

/** One line on the terminal about what is going on, while the scope lasts. */
export const progress = (session: Session, presenter: Presenter): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const line = yield* Effect.acquireRelease(
      Effect.sync(() => new Progress(presenter.output === "text")),
      (open) => Effect.sync(() => open.end())
    )
    line.show("reading sources")
    yield* each(session, (event) => Effect.sync(() => line.show(Diagnostic.printable(told(event)))))
  })

/** Every event from now on as JSON lines, where those are wanted, and to `also`, while the scope lasts. */
export const show = (
  session: Session,
  presenter: Presenter,
  also: (event: Stamped) => Effect.Effect<void> = () => Effect.void
): Effect.Effect<void, never, Scope.Scope> =>
  each(session, (event) => {
    presenter.event(event)
    return also(event)
  })

const each = ({ engine }: Session, f: (event: Stamped) => Effect.Effect<void>) =>
  // Started at once: what happens before the subscription is lost.
  Effect.forkScoped(Stream.runForEach(engine.events, f), { startImmediately: true })

/** What addresses a successful run gave out is written down, so that they stay. */
export const remember = ({
  engine,
  pipeline
}: Session): Effect.Effect<ReadonlyArray<Diagnostic.Diagnostic>, never, FileSystem.FileSystem> =>
  Effect.flatMap(engine.rendering, (rendering) =>
    rendering === undefined || pipeline.lock === undefined ? Effect.succeed([]) : pipeline.lock.update(rendering.model)
  )
