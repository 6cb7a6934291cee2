import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as ExitCode from "../ExitCode.ts"
import * as Terminal from "../Terminal.ts"
import * as Options from "./Options.ts"
import { end, lazily, pipelines, presenter, usage } from "./Shared.ts"

const clusters = (name: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("CLUSTER"),
    Flag.withDescription(`${description}; repeatable (default: none)`),
    Flag.atLeast(0)
  )

const path = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar("PATH"), Flag.withDescription(description), Flag.optional)

export const trace = Command.make(
  "trace",
  {
    target: Argument.String("host").pipe(
      Argument.withDescription("What is called, as reviews.global:9080; without a port, every port of the host")
    ),
    from: Flag.String("from").pipe(Flag.withMetavar("CLUSTER"), Flag.withDescription("Cluster of the caller; needed")),
    namespace: Flag.String("namespace").pipe(
      Flag.withAlias("n"),
      Flag.withMetavar("NAME"),
      Flag.withDescription("Namespace of the caller (default: default)"),
      Flag.optional
    ),
    down: clusters("down", "Suppose that backend and gateway of this cluster do not answer"),
    backendDown: clusters("backend-down", "Suppose that the backend in this cluster does not answer"),
    gatewayDown: clusters("gateway-down", "Suppose that the gateway of this cluster does not answer"),
    file: path("file", "Pipeline file (default: pipeline.yaml, else pipeline.ts)").pipe(Flag.withAlias("f")),
    pipeline: Options.pipeline,
    noPlugins: Options.noPlugins,
    set: Options.set,
    clusterFile: path("cluster-file", "In place of a pipeline: JSON file with the clusters (default: ./clusters.json)"),
    serviceFile: path("service-file", "In place of a pipeline: JSON file with the services (default: ./services.json)"),
    profile: Flag.Literals("profile", ["classic", "mtls"]).pipe(
      Flag.withMetavar("PROFILE"),
      Flag.withDescription("In place of a pipeline: form of the Istio objects, as for gen (default: classic)"),
      Flag.optional
    )
  },
  (input) =>
    Effect.gen(function* () {
      const told = yield* presenter("trace", "stdout")
      const target = /^(.+?)(?::(\d{1,5}))?$/.exec(input.target)
      if (target === null || target[1]!.includes(":")) {
        return yield* usage(
          "trace",
          `${JSON.stringify(input.target)} is not HOST or HOST:PORT`,
          "as `cw trace reviews.global:9080 --from a`"
        )
      }
      const fromFiles = [input.clusterFile, input.serviceFile, input.profile].some(Option.isSome)
      if (fromFiles && Option.isSome(input.file)) {
        return yield* usage(
          "trace",
          "--file and --cluster-file, --service-file or --profile exclude each other",
          "name a pipeline or the two files"
        )
      }
      const opened = fromFiles ? [] : yield* pipelines(input, told)
      const { answer, fromFiles: files, fromPipeline } = yield* lazily(() => import("../Tracing.ts"))
      const plants = fromFiles
        ? [
            yield* Effect.promise(() =>
              files(
                Option.getOrElse(input.clusterFile, () => "clusters.json"),
                Option.getOrElse(input.serviceFile, () => "services.json"),
                Option.getOrElse(input.profile, () => "classic")
              )
            )
          ]
        : opened.map(fromPipeline)
      const { json, said, text } = yield* lazily(() => import("../TraceText.ts"))
      const question = {
        host: target[1]!,
        port: target[2] === undefined ? undefined : Number(target[2]),
        from: input.from,
        namespace: Option.getOrUndefined(input.namespace),
        down: input.down,
        backendDown: input.backendDown,
        gatewayDown: input.gatewayDown
      }
      const codes: Array<number> = []
      for (const plant of plants) {
        const found = yield* answer(plant, question)
        if (found._tag === "Usage") return yield* usage("trace", found.what, found.advice)
        if (found._tag === "Failed" || found._tag === "Held") {
          told.diagnostics(found.diagnostics)
          if (found._tag === "Held") told.summary(`service ${found.service} is held: there is nothing to trace`)
          codes.push(found._tag === "Held" ? ExitCode.partial : ExitCode.failed)
          continue
        }
        for (const [i, examined] of found.examined.entries()) {
          if (told.output === "json") told.line(json(found.service, examined))
          else {
            yield* Effect.promise(() => Terminal.write(`${i === 0 ? "" : "\n"}${text(examined, told.paintData)}`))
            told.diagnostics(examined.findings.map(said))
            const lost =
              examined.trace.outcome === "undeliverable" && !examined.findings.some((f) => f.severity === "error")
            if (lost)
              told.summary(
                `nobody else can answer for ${found.service}: give it a backend in another cluster, or another gateway address`
              )
          }
          const wrong = examined.findings.some((f) => f.severity === "error" && f.kind !== "plaintext")
          codes.push(wrong || examined.trace.outcome !== "delivered" ? ExitCode.partial : ExitCode.ok)
        }
      }
      yield* end(ExitCode.worst(codes))
    })
).pipe(
  Command.withDescription("Explain where a call goes and why, from the generated objects alone"),
  Command.withExamples([
    { command: "cw trace reviews.global:9080 --from a", description: "Every step, with the line that causes it" },
    { command: "cw trace reviews.global:9080 --from a --down b", description: "Who answers when cluster b does not" }
  ])
)
