import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as ExitCode from "../ExitCode.ts"
import { Color, Output } from "./Options.ts"

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

export const gen = Command.make(
  "gen",
  {
    clusterFile: text("cluster-file", "PATH", "JSON file with the clusters (default: ./clusters.json)"),
    serviceFile: text("service-file", "PATH", "JSON file with the services (default: ./services.json)"),
    cluster: text("cluster", "NAME", "Only this cluster (default: all)"),
    service: text("service", "NAME", "Only this service (default: all)"),
    profile: Flag.Literals("profile", ["classic", "mtls"]).pipe(
      Flag.withMetavar("PROFILE"),
      Flag.withDescription("Form of the Istio objects (default: classic)"),
      Flag.withDefault("classic" as const)
    )
  },
  (input) =>
    Effect.gen(function* () {
      const { defaults, run } = yield* Effect.promise(() => import("../Generate.ts"))
      const given = (key: "clusterFile" | "serviceFile" | "cluster" | "service") =>
        Option.match(input[key], { onNone: () => ({}), onSome: (value) => ({ [key]: value }) })
      const options = {
        ...defaults,
        ...given("clusterFile"),
        ...given("serviceFile"),
        ...given("cluster"),
        ...given("service"),
        profile: input.profile
      }
      const code = yield* run(options, { command: "gen", output: yield* Output, color: yield* Color, json: "stderr" })
      if (code !== ExitCode.ok) return yield* ExitCode.leave(code)
    })
).pipe(
  Command.withDescription("Print the Istio configuration of clusters.json and services.json"),
  Command.withExamples([
    { command: "cw gen --cluster east | kubectl --context east apply -f -", description: "What one cluster needs" }
  ])
)
