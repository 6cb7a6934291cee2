/** `cw render` for one pipeline: its sources, transforms and checks, with standard output in place of the sinks. */
import type { Blueprint } from "@coddiwomple/core/Assembly"
import * as Sink from "@coddiwomple/core/Sink"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Effect from "effect/Effect"
import * as ExitCode from "./ExitCode.ts"
import { closure, type Opened } from "./Opened.ts"
import type { Presenter } from "./Presenter.ts"
import * as Select from "./Select.ts"
import * as Session from "./Session.ts"
import * as Usage from "./Usage.ts"
import * as Verdict from "./Verdict.ts"

export interface Options {
  readonly stage: string | undefined
  readonly cluster: string | undefined
}

/** With a stage, only what leads to it: not even the checks, which speak of what the sinks get. */
const parts = (pipeline: Opened, stage: string | undefined): ReadonlyArray<Blueprint> => {
  const node = pipeline.nodes.find((n) => n.id === stage)
  const needed = node === undefined ? undefined : new Set([node.id, ...closure(pipeline, [node])])
  return pipeline.nodes
    .filter((n) => n.kind === "source" || (needed === undefined ? n.kind !== "sink" : needed.has(n.id)))
    .map((n) => n.blueprint)
}

export const render = (pipeline: Opened, told: Presenter, { cluster, stage }: Options) => {
  let mistake: Select.Unknown | undefined
  const sink = Select.checked({ cluster }, (found) => {
    mistake = found
  })
  const layer = Sink.layer(sink, "render", Select.config({ cluster }), stage === undefined ? {} : { from: [stage] })
  const blueprints = [...parts(pipeline, stage), { id: "render", fingerprint: "", layer }]
  return Session.open(pipeline, { finite: true, dryRun: false }, (session) =>
    Effect.gen(function* () {
      const built = yield* Effect.result(session.assembly.set(blueprints))
      if (built._tag === "Failure") {
        told.diagnostics(built.failure)
        return ExitCode.failed
      }
      yield* Session.progress(session, told)
      const result = yield* session.engine.run
      if (mistake !== undefined) {
        Usage.refuse(
          "render",
          `unknown cluster ${JSON.stringify(mistake.name)}`,
          Suggest.help(mistake.name, mistake.known) ?? "there are no clusters"
        )
        return ExitCode.usage
      }
      told.diagnostics(Verdict.findings(result))
      return Verdict.exitCode(result)
    })
  )
}
