/** `cw doctor`: builds every node alone and lets it probe what it needs. One node's trouble hides nothing of another's. */
import * as Assembly from "@coddiwomple/core/Assembly"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { ClusterFact } from "@coddiwomple/core/Fact"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExitCode from "./ExitCode.ts"
import * as Stream from "effect/Stream"
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

const probe = (node: OpenedNode, seconds: number, clusters: ReadonlyArray<ClusterFact>) =>
  Effect.gen(function* () {
    const started = performance.now()
    const assembly = yield* Assembly.make
    const answer = yield* assembly.set([node.blueprint], { probe: true, clusters }).pipe(
      Effect.catch((found) => Effect.succeed(found)),
      Effect.timeoutOrElse({
        duration: Duration.seconds(seconds),
        orElse: () => Effect.succeed([slow(node, seconds)])
      })
    )
    return { node, diagnostics: answer, millis: Math.round(performance.now() - started) } satisfies Finding
  }).pipe(Effect.scoped)

/** The clusters a source names, as far as it can say in time: what sinks need to know to look at them. */
const clustersOf = (node: OpenedNode, seconds: number) =>
  Effect.gen(function* () {
    const found = new Map<string, ClusterFact>()
    const assembly = yield* Assembly.make
    yield* Effect.ignore(assembly.set([node.blueprint]))
    for (const { impl, kind } of yield* assembly.nodes) {
      if (kind !== "source") continue
      const heard = Stream.runForEach(impl.events, (event) =>
        Effect.sync(() => {
          if (event._tag !== "Snapshot") return
          for (const fact of event.facts) if (fact.kind === "cluster") found.set(fact.name, fact)
        })
      )
      yield* Effect.ignore(Effect.timeoutOption(heard, Duration.seconds(seconds)))
    }
    return [...found.values()]
  }).pipe(Effect.scoped)

/** What source and sink both say of a cluster is told once. */
const once = (findings: ReadonlyArray<Finding>): ReadonlyArray<Diagnostic.Diagnostic> => {
  const all = findings.flatMap((finding) => finding.diagnostics)
  return [...new Map(all.map((d) => [`${d.code} ${d.message}`, d])).values()]
}

export const examine = (pipeline: Opened, told: Presenter, seconds: number) =>
  Session.open(pipeline, { finite: true, dryRun: true }, () =>
    Effect.gen(function* () {
      const each = { concurrency: 16 } as const
      const sources = pipeline.nodes.filter((node) => node.kind === "source")
      const [found, before] = yield* Effect.all(
        [
          Effect.forEach(sources, (node) => clustersOf(node, seconds), each),
          Effect.forEach(
            pipeline.nodes.filter((node) => node.kind !== "sink"),
            (node) => probe(node, seconds, []),
            each
          )
        ],
        { concurrency: 2 }
      )
      const clusters = found.flat()
      const after = yield* Effect.forEach(
        pipeline.nodes.filter((node) => node.kind === "sink"),
        (node) => probe(node, seconds, clusters),
        each
      )
      const findings = [...before, ...after]
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
      told.diagnostics(once(findings))
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
