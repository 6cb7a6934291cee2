import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as ExitCode from "../ExitCode.ts"
import * as Terminal from "../Terminal.ts"
import * as Options from "./Options.ts"
import { end, lazily, presenter } from "./Shared.ts"

export const schema = Command.make(
  "schema",
  {
    file: Options.file,
    noPlugins: Options.noPlugins,
    write: Options.toggle("write", "Write .cw/schema.json beside the pipeline file instead of printing")
  },
  (input) =>
    Effect.gen(function* () {
      const told = yield* presenter("schema", "stderr")
      const { schema, write } = yield* lazily(() => import("../SchemaFile.ts"))
      const made = yield* Effect.promise(() => schema(input.file, !input.noPlugins))
      told.diagnostics(made.problems)
      // Without the file nothing is known of the plugins it names; without one of them the rest is worth having.
      if (made.problems.some((d) => d.code.startsWith("CW0"))) return yield* ExitCode.leave(ExitCode.config)
      const code = made.problems.length > 0 ? ExitCode.config : ExitCode.ok
      if (!input.write) {
        yield* Effect.promise(() => Terminal.write(made.text))
        return yield* end(code)
      }
      const path = write(made)
      told.summary(
        `wrote ${path}; the first line of the pipeline file tells editors: # yaml-language-server: $schema=.cw/schema.json`
      )
      yield* end(code)
    })
).pipe(
  Command.withDescription(
    "Print the JSON Schema of pipeline files, with the plugins this one names: editors complete and check with it"
  ),
  Command.withExamples([{ command: "cw schema --write", description: "For the editor, after a plugin was added" }])
)
