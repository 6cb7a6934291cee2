import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Terminal from "../Terminal.ts"
import * as Options from "./Options.ts"
import { lazily, pipelines, presenter } from "./Shared.ts"

export const config = Command.make(
  "config",
  {
    ...Options.source,
    origins: Options.toggle("origins", "Say after each value where it comes from"),
    unredacted: Options.toggle("unredacted", "Show secrets and the values of variables too")
  },
  (input) =>
    Effect.gen(function* () {
      const told = yield* presenter("config", "stderr")
      const opened = yield* pipelines(input, told, { lenient: true })
      const { effective, originText, toYaml } = yield* lazily(() => import("@coddiwomple/config/Effective"))
      const all = opened.map((pipeline) => effective(pipeline.checked, { unredacted: input.unredacted }))
      const json = () =>
        all
          .map(({ origins, value }) => {
            const from = origins.map(({ path, origin }) => [path.join("."), originText(origin)])
            return `${JSON.stringify(input.origins ? { value, origins: Object.fromEntries(from) as unknown } : value)}\n`
          })
          .join("")
      yield* Effect.promise(() =>
        Terminal.write(told.output === "json" ? json() : toYaml(all, { origins: input.origins }))
      )
    })
).pipe(
  Command.withDescription(
    "Print the pipeline as it counts: defaults filled in, variables as references, secrets hidden"
  ),
  Command.withExamples([{ command: "cw config --origins", description: "Which value comes from where?" }])
)
