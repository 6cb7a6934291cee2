/**
 * `cw gen`: the configuration of two JSON files on standard output, as the original tool printed it. An ordinary pipeline
 * of built-in plugins; only the way to it is short, because scripts call it often.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { Engine } from "@coddiwomple/core/Engine"
import { fromUnknown } from "@coddiwomple/core/PluginError"
import * as Sink from "@coddiwomple/core/Sink"
import * as Source from "@coddiwomple/core/Source"
import type { RunResult } from "@coddiwomple/core/Status"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Transform from "@coddiwomple/core/Transform"
import json from "@coddiwomple/source-json"
import istio from "@coddiwomple/transform-istio-global-dns"
import type { Profile } from "@coddiwomple/transform-istio-global-dns/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ExitCode from "./ExitCode.ts"
import * as Platform from "./Platform.ts"
import { type Options as Presenting, Presenter } from "./Presenter.ts"
import * as Select from "./Select.ts"
import * as Terminal from "./Terminal.ts"
import * as Verdict from "./Verdict.ts"

export interface Options extends Select.Selection {
  readonly clusterFile: string
  readonly serviceFile: string
  readonly profile: Profile
}

export const defaults: Options = { clusterFile: "clusters.json", serviceFile: "services.json", profile: "classic" }

/** Two lines as for any usage error. */
const tellUnknown = ({ what, name, known }: Select.Unknown): void => {
  Terminal.say(`cw gen: unknown ${what} ${JSON.stringify(name)}`)
  Terminal.say(Suggest.help(name, known) ?? `there are no ${what}s`)
}

/** What cannot even be built, as two names for one file. */
const tellFailure = (cause: unknown, presenting: Presenting): number => {
  const error = fromUnknown(cause)
  const found = error.diagnostics ?? [Diagnostic.error("CW206", `cw gen cannot start: ${error.message}`)]
  new Presenter(presenting).diagnostics(found)
  return ExitCode.failed
}

/** Findings of other services do not concern who asked for one. */
const concerning = (result: RunResult, { service }: Options): RunResult =>
  service === undefined ? result : { ...result, held: new Map([...result.held].filter(([id]) => id === service)) }

export const run = (options: Options, presenting: Presenting): Effect.Effect<number> => {
  let mistake: Select.Unknown | undefined
  const sink = Select.checked(options, (found) => {
    mistake = found
  })
  const nodes = Layer.mergeAll(
    Source.layer(json, "files", { clusters: options.clusterFile, services: options.serviceFile }),
    Transform.layer(istio, "istio", { profile: options.profile }),
    Sink.layer(sink, "stdout", { format: "classic", ...Select.config(options) })
  )
  return Effect.gen(function* () {
    const engine = yield* Engine
    const result = concerning(yield* engine.run, options)
    if (mistake !== undefined) {
      tellUnknown(mistake)
      return ExitCode.usage
    }
    const presenter = new Presenter(presenting)
    presenter.diagnostics(Verdict.findings(result))
    return Verdict.exitCode(result)
  }).pipe(
    Effect.provide(nodes.pipe(Layer.provideMerge(Engine.layer({ pipeline: "gen" })))),
    Effect.provide(
      Layer.mergeAll(
        NodeFileSystem.layer,
        NodePath.layer,
        Platform.host({ directory: process.cwd(), pipeline: "gen", finite: true })
      )
    ),
    Effect.scoped,
    Effect.catch((cause) => Effect.sync(() => tellFailure(cause, presenting)))
  ) as Effect.Effect<number>
}
