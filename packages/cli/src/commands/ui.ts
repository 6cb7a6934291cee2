import { existsSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as ExitCode from "../ExitCode.ts"
import * as Terminal from "../Terminal.ts"
import type * as Ui_ from "../Ui.ts"
import * as Options from "./Options.ts"
import { begin, end, fail, lazily, pipelines, usage } from "./Shared.ts"

const path = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar("PATH"), Flag.withDescription(description), Flag.optional)

const allowed = ["apply", "commit"] as const

export const ui = Command.make(
  "ui",
  {
    ...Options.source,
    clusterFile: path(
      "cluster-file",
      "JSON file with the clusters; their own Services are shown (default: pipeline.yaml, else ./clusters.json)"
    ),
    serviceFile: path("service-file", "JSON file with the services, in place of the clusters' own (default: none)"),
    profile: Flag.Literals("profile", ["classic", "mtls"]).pipe(
      Flag.withMetavar("PROFILE"),
      Flag.withDescription("Form of the Istio objects with --cluster-file (default: classic)"),
      Flag.withDefault("classic" as const)
    ),
    from: path("from", "A bundle that the page has exported: everything is shown, no cluster is asked (default: none)"),
    port: Flag.Int("port").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("Port on 127.0.0.1; 0 takes a free one (default: 8080)"),
      Flag.withDefault(8080)
    ),
    allowedHost: Flag.String("allowed-host").pipe(
      Flag.withMetavar("A,B"),
      Flag.withDescription("Names beside localhost that the server answers to (default: none)"),
      Flag.optional
    ),
    allow: Flag.String("allow").pipe(
      Flag.withMetavar("apply,commit"),
      Flag.withDescription(
        "What may be written from the page: apply = any sink, commit = git sinks (default: nothing)"
      ),
      Flag.optional
    ),
    open: Options.toggle("open", "Open the page in the browser"),
    url: Options.toggle("url", "Print another link for a server that runs already")
  },
  (input) =>
    Effect.gen(function* () {
      if (input.url) {
        const { anotherLink } = yield* lazily(() => import("../UiClient.ts"))
        const link = yield* Effect.promise(() => anotherLink())
        if (link === undefined) return yield* usage("ui", "no cw serves a page", "start one: cw ui")
        return yield* Effect.promise(() => Terminal.write(`${link}\n`))
      }
      const allow = Options.names(input.allow) ?? []
      const wrong = allow.find((word) => !(allowed as ReadonlyArray<string>).includes(word))
      if (wrong !== undefined)
        return yield* usage("ui", `--allow does not know ${JSON.stringify(wrong)}`, `words: ${allowed.join(", ")}`)
      if (input.port < 0 || input.port > 65_535) return yield* usage("ui", `${input.port} is not a port`, "0 to 65535")
      const files = Option.isSome(input.clusterFile) || Option.isSome(input.serviceFile)
      if (files && Option.isSome(input.file))
        return yield* usage("ui", "a pipeline file and --cluster-file exclude each other", "give one of them")
      const told = yield* begin("ui", "stderr")
      const Ui = yield* lazily(() => import("../Ui.ts"))
      const options = {
        allow: allow as ReadonlyArray<(typeof allowed)[number]>,
        listen: {
          host: "127.0.0.1",
          port: input.port,
          allowedHosts: (Options.names(input.allowedHost) ?? []).map((h) => h.toLowerCase()),
          open: input.open
        }
      }
      const busy = (cause: unknown): Effect.Effect<never, ExitCode.Leave> =>
        Array.isArray(cause)
          ? fail(told, ExitCode.failed)(cause as Ui_.Findings)
          : cause instanceof ExitCode.Leave
            ? Effect.fail(cause)
            : Effect.suspend(() => {
                Terminal.say(`cw ui: ${cause instanceof Error ? cause.message : String(cause)}`)
                Terminal.say("another port: cw ui --port 0")
                return ExitCode.leave(ExitCode.failed)
              })
      if (Option.isSome(input.from)) {
        const good = yield* Effect.catch(Ui.fromBundle(input.from.value, options), busy)
        return yield* end(good === false ? ExitCode.config : ExitCode.ok)
      }
      const pipelineFile =
        Option.isSome(input.file) || ["pipeline.yaml", "pipeline.yml", "pipeline.ts"].some((name) => existsSync(name))
      if (!files && pipelineFile) {
        const opened = yield* pipelines(input, told)
        if (opened.length > 1)
          return yield* usage(
            "ui",
            `the file holds ${opened.length} pipelines`,
            `choose one: --pipeline ${opened[0]!.name}`
          )
        return yield* Effect.catch(
          Ui.fromPipeline(opened[0]!, told.of(opened[0]!), options, () => pipelines(input, told)),
          busy
        )
      }
      const clusterFile = Option.getOrElse(input.clusterFile, () => "clusters.json")
      const serviceFile =
        Option.getOrUndefined(input.serviceFile) ??
        (!files && existsSync("services.json") ? "services.json" : undefined)
      return yield* Effect.catch(
        Ui.fromFiles({ clusterFile, serviceFile, profile: input.profile }, told, options),
        busy
      )
    })
).pipe(
  Command.withDescription("Look at the fleet in a browser: which service runs where, how calls go, what would change"),
  Command.withExamples([
    {
      command: "cw ui --cluster-file clusters.json",
      description: "The clusters' own Services, in the original's form"
    },
    {
      command: "cw ui pipeline.yaml --allow apply",
      description: "Plans of this pipeline, and the right to apply them"
    },
    { command: "cw ui --from bundle.json", description: "What a colleague has exported" }
  ])
)
