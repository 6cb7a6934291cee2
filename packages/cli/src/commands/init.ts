import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Options from "./Options.ts"
import { end, lazily, presenter } from "./Shared.ts"

export const init = Command.make(
  "init",
  {
    folder: Argument.String("folder").pipe(
      Argument.withDescription("Where to put it (default: here)"),
      Argument.withDefault(".")
    ),
    with: Flag.String("with").pipe(
      Flag.withMetavar("A,B"),
      Flag.withDescription("Built-in plugins to start with (default: json,istio-global-dns,files)"),
      Flag.optional
    )
  },
  (input) =>
    Effect.gen(function* () {
      const told = yield* presenter("init", "stderr")
      const { init } = yield* lazily(() => import("../Init.ts"))
      const types = Options.names(input.with) ?? ["json", "istio-global-dns", "files"]
      yield* end(yield* init(input.folder, types, told))
    })
).pipe(
  Command.withDescription("Write a pipeline.yaml that runs at once"),
  Command.withExamples([
    { command: "cw init && cw plan", description: "A first pipeline, and what it would do" },
    {
      command: "cw init --with kubernetes,istio-global-dns,kubectl-apply fleet",
      description: "From live clusters to live clusters"
    }
  ])
)
