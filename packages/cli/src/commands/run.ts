import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as ExitCode from "../ExitCode.ts"
import * as Options from "./Options.ts"
import { end, lazily, pipelines, begin, usage } from "./Shared.ts"

/** An address that only this machine reaches. */
const loopback = (text: string) =>
  Effect.gen(function* () {
    const { isLoopback, parseAddress } = yield* lazily(() => import("../UiServer.ts"))
    const found = parseAddress(text)
    if (found === undefined)
      return yield* usage("run", `--listen cannot use ${JSON.stringify(text)}`, "write a port, or 127.0.0.1:8080")
    if (!isLoopback(found.host))
      return yield* usage(
        "run",
        `--listen ${text} would be reached from other machines`,
        "listen on 127.0.0.1 and forward the port with ssh -L or kubectl port-forward"
      )
    return { ...found, allowedHosts: [], open: false }
  })

export const run = Command.make(
  "run",
  {
    ...Options.source,
    once: Options.toggle("once", "Read every source once, serve every sink, and end"),
    watch: Options.toggle("watch", "Run on, and take up changes of the pipeline file and of input files"),
    dryRun: Options.toggle("dry-run", "Make and show every plan, write nothing"),
    strict: Options.strict,
    sink: Options.sinks,
    allowDeletes: Options.allowDeletes,
    listen: Flag.String("listen").pipe(
      Flag.withMetavar("ADDR"),
      Flag.withDescription(
        "Serve the page of `cw ui` at this loopback address, as 127.0.0.1:8080 (default: no server)"
      ),
      Flag.optional
    )
  },
  (input) =>
    Effect.gen(function* () {
      if (input.once && input.watch)
        return yield* usage("run", "--once and --watch exclude each other", "give one of them")
      const told = yield* begin("run", "stderr")
      const opening = { sinks: Options.names(input.sink), watching: input.watch, strict: input.strict }
      const opened = yield* pipelines(input, told, opening)
      const { run } = yield* lazily(() => import("../Run.ts"))
      const address = Option.getOrUndefined(input.listen)
      const listen = address === undefined ? undefined : yield* loopback(address)
      if (listen !== undefined && (input.once || opened.length > 1)) {
        return yield* usage(
          "run",
          "--listen needs one pipeline that runs on",
          "leave out --once; choose a pipeline with --pipeline"
        )
      }
      const options = {
        listen,
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
