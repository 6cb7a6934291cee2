import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as ExitCode from "../ExitCode.ts"
import * as Options from "./Options.ts"
import { end, lazily, pipelines, begin, usage } from "./Shared.ts"

export const run = Command.make(
  "run",
  {
    ...Options.source,
    once: Options.toggle("once", "Read every source once, serve every sink, and end"),
    watch: Options.toggle("watch", "Run on, and take up changes of the pipeline file and of input files"),
    dryRun: Options.toggle("dry-run", "Make and show every plan, write nothing"),
    sink: Options.sinks,
    allowDeletes: Options.allowDeletes
  },
  (input) =>
    Effect.gen(function* () {
      if (input.once && input.watch)
        return yield* usage("run", "--once and --watch exclude each other", "give one of them")
      const told = yield* begin("run", "stderr")
      const opening = { sinks: Options.names(input.sink), watching: input.watch }
      const opened = yield* pipelines(input, told, opening)
      const { run } = yield* lazily(() => import("../Run.ts"))
      const options = {
        once: input.once,
        watch: input.watch,
        dryRun: input.dryRun,
        allowDeletes: Option.getOrUndefined(input.allowDeletes),
        reopen: () => pipelines(input, told, opening)
      }
      const codes = yield* Effect.forEach(opened, (pipeline) => run(pipeline, told, options), {
        concurrency: "unbounded"
      })
      yield* end(ExitCode.worst(codes))
    })
).pipe(
  Command.withDescription(
    "Bring every sink to what the sources say; ends when all sources have ended, runs on where one watches"
  ),
  Command.withExamples([
    { command: "cw run", description: "Run pipeline.yaml in this folder" },
    { command: "cw run --dry-run --sink clusters fleet.yaml", description: "Show what would change in one sink" }
  ])
)
