import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { isError } from "@coddiwomple/core/Diagnostic"
import * as ExitCode from "../ExitCode.ts"
import * as Options from "./Options.ts"
import { end, lazily, presenter } from "./Shared.ts"

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`

export const validate = Command.make(
  "validate",
  {
    files: Argument.String("file").pipe(
      Argument.withDescription("Pipeline files, or - for standard input (default: pipeline.yaml, else pipeline.ts)"),
      Argument.variadic()
    ),
    noPlugins: Options.noPlugins,
    set: Options.set,
    strict: Options.toggle("strict", "Warnings count as errors")
  },
  (input) =>
    Effect.gen(function* () {
      const told = yield* presenter("validate", "stdout")
      const { open } = yield* lazily(() => import("../PipelineFile.ts"))
      const files = input.files.length === 0 ? [undefined] : input.files
      const opened = yield* Effect.forEach(files, (file) =>
        Effect.promise(() =>
          open({
            file,
            pipeline: undefined,
            plugins: !input.noPlugins,
            lenient: true,
            set: Option.getOrElse(input.set, () => ({}))
          })
        )
      )
      const found = opened.flatMap((each) => each.diagnostics)
      told.diagnostics(found)
      const errors = found.filter(isError).length
      const warnings = found.filter((d) => d.severity === "warning").length
      const pipelines = opened.reduce((n, each) => n + each.pipelines.length, 0)
      const bad = errors > 0 || (input.strict && warnings > 0)
      if (told.output === "json")
        told.line({ type: "validated", level: bad ? "error" : "info", ok: !bad, pipelines, errors, warnings })
      told.summary(
        bad
          ? `${count(errors, "error")}, ${count(warnings, "warning")}`
          : `${count(pipelines, "pipeline")} valid, ${count(warnings, "warning")}`
      )
      yield* end(bad ? ExitCode.config : ExitCode.ok)
    })
).pipe(
  Command.withDescription(
    "Check pipeline files and every plugin's configuration; nothing is read from or sent anywhere"
  ),
  Command.withExamples([
    { command: "cw validate --strict", description: "In CI: warnings fail as well" },
    { command: "cw validate --no-plugins pipeline.yaml", description: "A file one does not trust" }
  ])
)
