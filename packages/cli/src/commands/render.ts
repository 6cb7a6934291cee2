import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as ExitCode from "../ExitCode.ts"
import * as Options from "./Options.ts"
import { end, lazily, pipelines, presenter, usage } from "./Shared.ts"

export const render = Command.make(
  "render",
  {
    ...Options.source,
    stage: Flag.String("stage").pipe(
      Flag.withMetavar("NODE"),
      Flag.withDescription("What this transform makes (default: every transform that no other reads)"),
      Flag.optional
    ),
    diff: Flag.String("diff").pipe(
      Flag.withMetavar("NODE"),
      Flag.withDescription("What this transform changes in the objects it reads (default: what comes out)"),
      Flag.optional
    ),
    trace: Options.toggle("trace", "Tell how long each node took"),
    strict: Options.strict,
    cluster: Flag.String("cluster").pipe(
      Flag.withMetavar("NAME"),
      Flag.withDescription("Only what this cluster gets (default: all clusters)"),
      Flag.optional
    )
  },
  (input) =>
    Effect.gen(function* () {
      const told = yield* presenter("render", "stderr")
      const opened = yield* pipelines(input, told, { strict: input.strict })
      const diff = Option.getOrUndefined(input.diff)
      if (diff !== undefined && Option.isSome(input.stage))
        return yield* usage("render", "--stage and --diff exclude each other", "give one of them")
      const stage = diff ?? Option.getOrUndefined(input.stage)
      if (stage !== undefined) {
        const transforms = opened.flatMap((p) =>
          p.nodes.filter((node) => node.kind === "transform").map((node) => node.id)
        )
        if (!transforms.includes(stage)) {
          const kind = opened.flatMap((p) => p.nodes).find((node) => node.id === stage)?.kind
          const what =
            kind === undefined
              ? `unknown transform ${JSON.stringify(stage)}`
              : `${JSON.stringify(stage)} is a ${kind}, not a transform`
          return yield* usage("render", what, Suggest.help(stage, transforms) ?? "the pipeline has no transforms")
        }
      }
      const { render } = yield* lazily(() => import("../Rendering.ts"))
      const cluster = Option.getOrUndefined(input.cluster)
      const codes: Array<number> = []
      // One after the other: their outputs must not mix.
      for (const pipeline of opened) {
        if (stage !== undefined && !pipeline.nodes.some((node) => node.id === stage)) continue
        codes.push(yield* render(pipeline, told, { stage, cluster, diff, trace: input.trace }))
      }
      yield* end(ExitCode.worst(codes))
    })
).pipe(
  Command.withDescription("Print what the transforms make; no sink is read or written"),
  Command.withExamples([
    { command: "cw render --cluster east", description: "What the sinks would bring to one cluster" },
    { command: "cw render --stage dns", description: "What one transform makes" },
    { command: "cw render --diff labels --trace", description: "What one transform changes, and how long each takes" }
  ])
)
