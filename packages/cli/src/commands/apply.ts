import { dirname, relative, resolve } from "node:path"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as ExitCode from "../ExitCode.ts"
import { confirm } from "../Terminal.ts"
import * as Options from "./Options.ts"
import { end, fail, lazily, pipelines, begin, usage } from "./Shared.ts"

export const apply = Command.make(
  "apply",
  {
    plan: Argument.String("plan.json").pipe(Argument.withDescription("A plan saved by `cw plan --out`")),
    noPlugins: Options.noPlugins,
    set: Options.set,
    yes: Options.toggle("yes", "Do not ask; needed where nobody can answer")
  },
  (input) =>
    Effect.gen(function* () {
      const told = yield* begin("apply", "stderr")
      const SavedPlan = yield* lazily(() => import("../SavedPlan.ts"))
      const saved = SavedPlan.read(input.plan)
      if ("severity" in saved)
        return yield* fail(told, saved.code === "CW003" ? ExitCode.failed : ExitCode.refused)([saved])
      const file = saved.file === "-" ? "-" : relative(process.cwd(), resolve(dirname(input.plan), saved.file))
      const opened = yield* pipelines({ ...input, file: Option.some(file), pipeline: Option.none() }, told)
      if (!input.yes) {
        if (!process.stdin.isTTY || !process.stderr.isTTY) {
          return yield* usage("apply", "nobody can be asked here", "look at the plan, then run with --yes")
        }
        const yes = yield* Effect.promise(() => confirm(`Apply ${input.plan} of ${saved.created}?`))
        if (!yes) {
          told.summary("nothing is applied")
          return yield* ExitCode.leave(ExitCode.failed)
        }
      }
      const { Review, apply } = yield* lazily(() => import("../Applying.ts"))
      const gone = Object.entries(saved.pipelines).flatMap(([name, sinks]) => {
        const pipeline = opened.find((one) => one.name === name)
        if (pipeline === undefined) return [`there is no pipeline ${name} any more`]
        const there = new Set(pipeline.nodes.filter((node) => node.kind === "sink").map((node) => node.id))
        return Object.keys(sinks)
          .filter((sink) => !there.has(sink))
          .map((sink) => `pipeline ${name} has no sink ${sink} any more`)
      })
      if (gone.length > 0) {
        return yield* fail(
          told,
          ExitCode.refused
        )([Diagnostic.error("CW904", `the plan is out of date: ${gone.join("; ")}`)])
      }
      const { onlySinks } = yield* lazily(() => import("../Opened.ts"))
      const planned = opened.flatMap((pipeline) => {
        const then = saved.pipelines[pipeline.name]
        return then === undefined ? [] : [onlySinks(pipeline, (sink) => sink.id in then)]
      })
      const review = new Review(saved, planned)
      const codes = yield* Effect.forEach(planned, (pipeline) => apply(pipeline, told.of(pipeline), saved, review), {
        concurrency: "unbounded"
      })
      yield* end(ExitCode.worst(codes))
    })
).pipe(
  Command.withDescription("Apply exactly a saved plan; refused when inputs or targets moved since"),
  Command.withExamples([{ command: "cw apply plan.json --yes", description: "Without asking, as in CI" }])
)
