import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Terminal from "../Terminal.ts"
import * as Options from "./Options.ts"
import { lazily, pipelines, presenter } from "./Shared.ts"

export const graph = Command.make(
  "graph",
  {
    ...Options.source,
    format: Flag.Literals("format", ["text", "mermaid", "dot", "json"]).pipe(
      Flag.withMetavar("FORMAT"),
      Flag.withDescription("Form of the drawing (default: text)"),
      Flag.withDefault("text" as const)
    )
  },
  (input) =>
    Effect.gen(function* () {
      const told = yield* presenter("graph", "stderr")
      const opened = yield* pipelines(input, told, { lenient: true })
      const { draw } = yield* lazily(() => import("../Drawing.ts"))
      const format = told.output === "json" ? "json" : input.format
      yield* Effect.promise(() => Terminal.write(draw(opened, format)))
    })
).pipe(
  Command.withDescription("Draw who reads from whom"),
  Command.withExamples([{ command: "cw graph --format mermaid", description: "For a page in Markdown" }])
)
