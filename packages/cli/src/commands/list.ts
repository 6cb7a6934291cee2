import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as ExitCode from "../ExitCode.ts"
import * as Terminal from "../Terminal.ts"
import { end, lazily, presenter } from "./Shared.ts"

export const list = Command.make(
  "list",
  {
    kind: Argument.Literals("kind", ["source", "transform", "check", "sink"]).pipe(
      Argument.withDescription("Only plugins of this kind (default: all kinds)"),
      Argument.optional
    ),
    file: Flag.String("file").pipe(
      Flag.withAlias("f"),
      Flag.withMetavar("PATH"),
      Flag.withDescription("Also the plugins that this pipeline file names (default: built-in plugins only)"),
      Flag.optional
    )
  },
  (input) =>
    Effect.gen(function* () {
      const told = yield* presenter("list", "stdout")
      const { catalogue, table } = yield* lazily(() => import("../Plugins.ts"))
      const { problems, rows } = yield* Effect.promise(() =>
        catalogue(Option.getOrUndefined(input.kind), Option.getOrUndefined(input.file))
      )
      if (told.output === "json") for (const row of rows) told.line({ ...row, type: "plugin", uses: row.uses })
      else yield* Effect.promise(() => Terminal.write(table(rows, told.paintData)))
      told.diagnostics(problems)
      yield* end(problems.length > 0 ? ExitCode.config : ExitCode.ok)
    })
).pipe(
  Command.withDescription("List the plugins that `uses:` can name"),
  Command.withExamples([{ command: "cw list sink", description: "Where artifacts can go" }])
)
