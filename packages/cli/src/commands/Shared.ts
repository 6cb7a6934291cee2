/** What commands have in common: how they speak, how they open pipelines, and how they end. */
import type * as Diagnostic from "@coddiwomple/core/Diagnostic"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ExitCode from "../ExitCode.ts"
import type { Opened } from "../Opened.ts"
import { Presenter } from "../Presenter.ts"
import * as Usage from "../Usage.ts"
import { Color, Output, type Source } from "./Options.ts"

/** `json` says where JSON lines go: stdout where the findings are the command's data. */
export const presenter = (command: string, json: "stdout" | "stderr") =>
  Effect.gen(function* () {
    return new Presenter({ command, output: yield* Output, color: yield* Color, json })
  })

/** The same for commands whose JSON lines are a stream of events. */
export const begin = (command: string, json: "stdout" | "stderr") =>
  Effect.tap(presenter(command, json), (told) => Effect.sync(() => told.begin()))

/** Modules that only some commands need are loaded when those run. */
export const lazily = <M>(load: () => Promise<M>): Effect.Effect<M> => Effect.promise(load)

export const end = (code: number): Effect.Effect<void, ExitCode.Leave> =>
  code === ExitCode.ok ? Effect.void : ExitCode.leave(code)

/** A usage error that only the command could find. */
export const usage = (command: string, what: string, advice: string): Effect.Effect<never, ExitCode.Leave> =>
  Effect.suspend(() => {
    Usage.refuse(command, what, advice)
    return ExitCode.leave(ExitCode.usage)
  })

export interface Opening {
  /** Only these sinks. */
  readonly sinks?: ReadonlyArray<string> | undefined
  /** Pipelines are shown, not built: plugins may be switched off. */
  readonly lenient?: boolean
  /** Sources that can watch do so. */
  readonly watching?: boolean
  /** Transforms and checks are watched while they work. */
  readonly strict?: boolean
}

/** Every pipeline the command line names, or all findings and exit 78. Warnings are shown. */
export const pipelines = (
  source: Source,
  told: Presenter,
  options: Opening = {}
): Effect.Effect<ReadonlyArray<Opened>, ExitCode.Leave> =>
  Effect.gen(function* () {
    const { open } = yield* lazily(() => import("../PipelineFile.ts"))
    const { diagnostics, pipelines: found } = yield* Effect.promise(() =>
      open({
        file: Option.getOrUndefined(source.file),
        pipeline: Option.getOrUndefined(source.pipeline),
        plugins: !source.noPlugins,
        lenient: options.lenient === true,
        watching: options.watching === true,
        set: Option.getOrElse(source.set, () => ({}))
      })
    )
    told.diagnostics(diagnostics)
    if (found.length === 0 || diagnostics.some((d) => d.severity === "error"))
      return yield* ExitCode.leave(ExitCode.config)
    const pipelines = options.strict === true ? found.map((yield* lazily(() => import("../Strict.ts"))).strict) : found
    const { sinks } = options
    if (sinks === undefined) return pipelines
    const { onlySinks } = yield* lazily(() => import("../Opened.ts"))
    const unknown = unknownSink(pipelines, sinks)
    if (unknown !== undefined) return yield* usage(told.command, ...unknown)
    return pipelines
      .filter((pipeline) => sinksOf(pipeline).some((sink) => sinks.includes(sink)))
      .map((pipeline) => onlySinks(pipeline, (sink) => sinks.includes(sink.id)))
  })

const sinksOf = (pipeline: Opened): ReadonlyArray<string> =>
  pipeline.nodes.filter((node) => node.kind === "sink").map((node) => node.id)

/** What is wrong with the names, and what to do. */
const unknownSink = (
  pipelines: ReadonlyArray<Opened>,
  sinks: ReadonlyArray<string>
): readonly [string, string] | undefined => {
  const known = new Set(pipelines.flatMap(sinksOf))
  const unknown = sinks.find((name) => !known.has(name))
  if (unknown === undefined && sinks.length > 0) return undefined
  const what = unknown === undefined ? "--sink names no sink" : `unknown sink ${JSON.stringify(unknown)}`
  return [what, Suggest.help(unknown ?? "", known) ?? "there are no sinks"]
}

/** Findings that end the command. */
export const fail = (told: Presenter, code: number) => (found: ReadonlyArray<Diagnostic.Diagnostic>) =>
  Effect.suspend(() => {
    told.diagnostics(found)
    return ExitCode.leave(code)
  })
