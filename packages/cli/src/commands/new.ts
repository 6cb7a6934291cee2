import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { end, lazily, presenter } from "./Shared.ts"

export const create = Command.make(
  "new",
  {
    kind: Argument.Literals("kind", ["source", "transform", "check", "sink"]).pipe(
      Argument.withDescription("Kind of plugin: source, transform, check or sink")
    ),
    name: Argument.String("name").pipe(Argument.withDescription("Its name, and the folder to make"))
  },
  (input) =>
    Effect.gen(function* () {
      const told = yield* presenter("new", "stderr")
      const { create } = yield* lazily(() => import("../New.ts"))
      yield* end(yield* create(input.kind, input.name, told))
    })
).pipe(
  Command.withDescription("Make a plugin of your own: code, configuration, laws, and a pipeline to try it in"),
  Command.withExamples([
    { command: "cw new sink acme && cd acme && cw test", description: "A sink that passes its laws" }
  ])
)
