/**
 * `cw ui`: an engine that plans and never applies, and the page over it. Three ways in: a pipeline file, a clusters file
 * as the original tool had it, or an exported bundle. Applying, where allowed, is a run of its own against one plan.
 */
import { effective, toYaml } from "@coddiwomple/config/Effective"
import type * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { placeText } from "@coddiwomple/core/Diagnostic"
import * as EngineView from "@coddiwomple/ui/server/EngineView"
import type { NodeText } from "@coddiwomple/ui/server/Infos"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Life } from "./Life.ts"
import type { Opened } from "./Opened.ts"
import type { Presenter } from "./Presenter.ts"
import * as Reload from "./Reload.ts"
import * as Session from "./Session.ts"
import { say } from "./Terminal.ts"
import { applier } from "./UiApply.ts"
import * as UiPipeline from "./UiPipeline.ts"
import { writable } from "./UiRights.ts"
import { there } from "./UiThere.ts"
import { type Listen, serve } from "./UiServer.ts"
import { version } from "./Version.ts"

export interface Options {
  readonly listen: Listen
  readonly allow: ReadonlyArray<"apply" | "commit">
}

/** The nodes of a pipeline as its file describes them, without secrets. */
export const nodeTexts = (pipeline: Opened): ReadonlyArray<NodeText> => {
  const sections = effective(pipeline.checked).value as Readonly<Record<string, Readonly<Record<string, unknown>>>>
  return pipeline.nodes.map((node) => {
    const found = pipeline.checked.nodes.find((n) => n.id === node.id)
    const value = sections[`${node.kind}s`]?.[node.id]
    return {
      id: node.id,
      kind: node.kind,
      type: node.uses,
      reads: node.reads,
      ...(found?.description === undefined ? {} : { description: found.description }),
      ...(value === undefined ? {} : { config: toYaml([{ value: { [node.id]: value }, origins: [] }]) }),
      ...(found === undefined ? {} : { place: placeText(found.place()) })
    }
  })
}

const info = (pipeline: string, file: string, { allow }: Options, inputs: ReadonlyArray<string>) => ({
  pipeline,
  file,
  version,
  mode: allow.length > 0 ? ("apply allowed" as const) : ("read-only" as const),
  allow,
  inputs
})

/** For `cw run --listen`: the page of a pipeline that runs anyway. Nothing can be started from it. */
export const attach = (session: Session.Session, current: () => Opened, listen: Listen) =>
  Effect.gen(function* () {
    const { pipeline } = session
    const view = yield* EngineView.make({
      engine: session.engine,
      info: info(pipeline.name, pipeline.file, { listen, allow: [] }, pipeline.watch),
      nodes: () => nodeTexts(current()),
      there: there(current)
    })
    yield* serve(view, listen)
  })

/** Ends when it is told to; fails with findings where nodes cannot be built. */
export const fromPipeline = (pipeline: Opened, told: Presenter, options: Options, reopen: Reload.Reopen) =>
  Session.open(pipeline, { finite: false, dryRun: true }, (session) =>
    Effect.gen(function* () {
      const built = yield* Effect.result(Session.build(session))
      if (built._tag === "Failure") return yield* Effect.fail(built.failure)
      yield* (yield* Life).serve
      let current = pipeline
      const again = () =>
        Effect.tap(reopen(), (opened) =>
          Effect.sync(() => void (current = opened.find((p) => p.name === pipeline.name) ?? current))
        )
      const view = yield* EngineView.make({
        engine: session.engine,
        info: info(pipeline.name, pipeline.file, options, pipeline.watch),
        nodes: () => nodeTexts(current),
        writable,
        there: there(() => current),
        again: session.engine.again
      })
      const write = applier(() => current, view, told)
      // What was written is there now: the page is to see it so.
      const apply: typeof write | undefined =
        options.allow.length === 0 ? undefined : (...asked) => Stream.ensuring(write(...asked), session.engine.again)
      yield* serve(view, options.listen, apply)
      yield* session.engine.start
      yield* Effect.forkScoped(Reload.follow(session, told, again))
      return yield* session.engine.crashed
    })
  )

export const fromFiles = (files: UiPipeline.Files, _told: Presenter, options: Options) =>
  UiPipeline.open(files, (engine, nodes) =>
    Effect.gen(function* () {
      yield* (yield* Life).serve
      const inputs = [files.clusterFile, ...(files.serviceFile === undefined ? [] : [files.serviceFile])]
      const view = yield* EngineView.make({
        engine,
        info: {
          ...info(UiPipeline.name, files.clusterFile, { ...options, allow: [] }, inputs),
          profile: files.profile
        },
        nodes: () => nodes,
        writable,
        again: engine.again
      })
      yield* serve(view, options.listen)
      yield* engine.start
      return yield* engine.crashed
    })
  )

export const fromBundle = (path: string, options: Options) =>
  Effect.gen(function* () {
    const { readFile } = yield* Effect.promise(() => import("node:fs/promises"))
    const { BundleView } = yield* Effect.promise(() => import("@coddiwomple/ui/server/BundleView"))
    const view = BundleView(yield* Effect.promise(() => readFile(path, "utf8")))
    if (typeof view === "string") {
      say(`cw ui: ${path}: ${view}`)
      return false
    }
    yield* (yield* Life).serve
    yield* serve(view, options.listen)
    return yield* Effect.never
  }).pipe(Effect.scoped)

export type Findings = ReadonlyArray<Diagnostic.Diagnostic>
