import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Options from "./Options.ts"
import { end, lazily, presenter } from "./Shared.ts"

export const test = Command.make(
  "test",
  {
    paths: Argument.String("path").pipe(
      Argument.withDescription(
        "Files or folders: *.test.yaml, pipeline files with tests, *.test.ts of plugins (default: here)"
      ),
      Argument.variadic()
    ),
    filter: Flag.String("filter").pipe(
      Flag.withMetavar("TEXT"),
      Flag.withDescription("Only tests with this in their name (default: all)"),
      Flag.optional
    ),
    update: Options.toggle("update", "Write golden files anew instead of comparing"),
    junit: Flag.String("junit").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Write the results for CI systems (default: none)"),
      Flag.optional
    ),
    noPlugins: Options.noPlugins
  },
  (input) =>
    Effect.gen(function* () {
      const told = yield* presenter("test", "stdout")
      const { test } = yield* lazily(() => import("../testing/Testing.ts"))
      const options = {
        paths: input.paths,
        update: input.update,
        filter: Option.getOrUndefined(input.filter),
        junit: Option.getOrUndefined(input.junit),
        plugins: !input.noPlugins
      }
      yield* end(yield* test(options, told))
    })
).pipe(
  Command.withDescription("Run the tests of pipelines, and the laws of plugins; no sink is read or written"),
  Command.withExamples([
    { command: "cw test", description: "Everything in this folder" },
    { command: "cw test --update --filter two", description: "Accept what tests with this name make now" }
  ])
)
