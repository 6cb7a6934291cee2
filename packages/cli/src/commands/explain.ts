import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Terminal from "../Terminal.ts"
import { lazily, presenter, usage } from "./Shared.ts"

export const explain = Command.make(
  "explain",
  {
    what: Argument.String("what").pipe(
      Argument.withDescription(
        "A plugin, as json, sink/exec or ./my-sink.ts; or pipeline, model, source, transform, check, sink"
      )
    ),
    field: Argument.String("field").pipe(
      Argument.withDescription(
        "Only this field and what is below it, as guard.deletes; json.clusters means the same as json clusters"
      ),
      Argument.optional
    )
  },
  (input) =>
    Effect.gen(function* () {
      const told = yield* presenter("explain", "stdout")
      const { explain, text } = yield* lazily(() => import("../Explaining.ts"))
      const found = yield* Effect.promise(() => explain(input.what, Option.getOrUndefined(input.field)))
      if ("help" in found) return yield* usage("explain", found.problem, found.help)
      if (told.output === "json")
        for (const each of found.explanations) told.line({ ...each, type: "explanation", uses: each.title })
      else yield* Effect.promise(() => Terminal.write(text(found.explanations, told.paintData)))
    })
).pipe(
  Command.withDescription("Tell every key of a plugin's configuration: meaning, form, default, examples"),
  Command.withExamples([
    { command: "cw explain files", description: "What `with` of the files sink takes" },
    { command: "cw explain sink.policy", description: "What stands beside `with`" }
  ])
)
