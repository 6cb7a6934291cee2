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
import * as Terminal from "./Terminal.ts"
import * as Usage from "./Usage.ts"
import * as Verdict from "./Verdict.ts"

export interface Options {
  readonly stage: string | undefined
  readonly cluster: string | undefined
  /** Shows what this transform changes, instead of what comes out. */
  readonly diff?: string | undefined
  /** Tells how long each node took. */
  readonly trace?: boolean
}

/** With a stage, only what leads to it: not even the checks, which speak of what the sinks get. */
const parts = (pipeline: Opened, stage: string | undefined): ReadonlyArray<Blueprint> => {
  const node = pipeline.nodes.find((n) => n.id === stage)
  const needed = node === undefined ? undefined : new Set([node.id, ...closure(pipeline, [node])])
  return pipeline.nodes
    .filter((n) => n.kind === "source" || (needed === undefined ? n.kind !== "sink" : needed.has(n.id)))
    .map((n) => n.blueprint)
}

export const render = (pipeline: Opened, presenter: Presenter, { cluster, diff, stage: named, trace }: Options) => {
  const told = presenter.of(pipeline)
  const stage = diff ?? named
  let mistake: Select.Unknown | undefined
  const checked = Select.checked({ cluster }, (found) => {
    mistake = found
  })
  const sink = diff === undefined ? checked : Select.silent(checked)
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
      const rendering = yield* session.engine.rendering
      if (diff !== undefined && rendering !== undefined) {
        const { render } = yield* Effect.promise(() => import("./RenderDiff.ts"))
        const before = (pipeline.nodes.find((n) => n.id === diff)?.reads ?? []).map(rendering.groups)
        const shown = render(before, rendering.groups(diff), rendering.model.fleet, cluster, told.paintData)
        if (shown === "") told.summary(`${diff} passes everything on as it was`)
        else yield* Effect.promise(() => Terminal.write(shown))
      }
      if (trace === true && rendering !== undefined) timings(told, rendering.timings)
      told.diagnostics(Verdict.findings(result))
      return Verdict.exitCode(result)
    })
  )
}

/** Slowest last: that is where one looks. */
const timings = (told: Presenter, millis: ReadonlyMap<string, number>): void => {
  const width = Math.max(...[...millis.keys()].map((node) => node.length))
  for (const [node, took] of [...millis].sort(([, a], [, b]) => a - b)) {
    if (told.output === "json")
      told.line({ type: "stage_complete", level: "info", node, millis: Math.round(took * 100) / 100 })
    else told.summary(`${node.padEnd(width)} ${took.toFixed(1).padStart(8)} ms`)
  }
}
