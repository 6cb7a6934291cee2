/** `cw doctor`: builds every node alone and lets it probe what it needs. One node's trouble hides nothing of another's. */
import * as Assembly from "@coddiwomple/core/Assembly"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExitCode from "./ExitCode.ts"
import type { Opened, OpenedNode } from "./Opened.ts"
import type { Presenter } from "./Presenter.ts"
import * as Session from "./Session.ts"
import * as Terminal from "./Terminal.ts"

interface Finding {
  readonly node: OpenedNode
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
  readonly millis: number
}

const slow = (node: OpenedNode, seconds: number): Diagnostic.Diagnostic =>
  Diagnostic.error("CW206", `${node.kind} ${node.id} did not answer within ${seconds} s`, {
    node: node.id,
    help: "see whether what it talks to is reachable from here; --timeout gives it longer"
  })

const probe = (node: OpenedNode, seconds: number) =>
  Effect.gen(function* () {
    const started = performance.now()
    const assembly = yield* Assembly.make
    const answer = yield* assembly.set([node.blueprint], { probe: true }).pipe(
      Effect.match({ onSuccess: (): ReadonlyArray<Diagnostic.Diagnostic> => [], onFailure: (found) => found }),
      Effect.timeoutOrElse({
        duration: Duration.seconds(seconds),
        orElse: () => Effect.succeed([slow(node, seconds)])
      })
    )
    return { node, diagnostics: answer, millis: Math.round(performance.now() - started) } satisfies Finding
  }).pipe(Effect.scoped)

export const examine = (pipeline: Opened, told: Presenter, seconds: number) =>
  Session.open(pipeline, { finite: true, dryRun: true }, () =>
    Effect.gen(function* () {
      const findings = yield* Effect.forEach(pipeline.nodes, (node) => probe(node, seconds), { concurrency: 16 })
      if (told.output === "json") {
        for (const { diagnostics, millis, node } of findings) {
          const ok = !diagnostics.some(Diagnostic.isError)
          told.line({
            type: "probe",
            level: ok ? "info" : "error",
            pipeline: pipeline.name,
            node: node.id,
            kind: node.kind,
            uses: node.uses,
            ok,
            millis
          })
        }
      } else yield* Effect.promise(() => Terminal.write(`${table(pipeline, findings, told.paintData)}\n`))
      told.diagnostics(findings.flatMap((finding) => finding.diagnostics))
      const ill = findings.filter((finding) => finding.diagnostics.some(Diagnostic.isError)).length
      return ill === 0 ? ExitCode.ok : ill === findings.length ? ExitCode.failed : ExitCode.partial
    })
  )

const table = (pipeline: Opened, findings: ReadonlyArray<Finding>, paint: Terminal.Paint): string => {
  const width = Math.max(...findings.map(({ node }) => `${node.kind} ${node.id}`.length))
  const rows = findings.map(({ diagnostics, millis, node }) => {
    const error = diagnostics.find(Diagnostic.isError)
    const mark = error === undefined ? paint("added", "ok  ") : paint("error", "FAIL")
    return `  ${mark} ${`${node.kind} ${node.id}`.padEnd(width)}  ${paint("dim", `${node.uses}, ${millis} ms`)}${error === undefined ? "" : `  ${error.code}`}`
  })
  return [paint("bold", pipeline.name), ...rows].join("\n")
}
