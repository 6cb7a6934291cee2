import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as ExitCode from "../ExitCode.ts"
import * as Options from "./Options.ts"
import { end, lazily, pipelines, presenter } from "./Shared.ts"

export const doctor = Command.make(
  "doctor",
  {
    ...Options.source,
    timeout: Flag.Int("timeout").pipe(
      Flag.withMetavar("SECONDS"),
      Flag.withDescription("How long one node may take to answer (default: 20)"),
      Flag.filter(
        (n) => n > 0,
        () => "a positive number of seconds"
      ),
      Flag.withDefault(20)
    )
  },
  (input) =>
    Effect.gen(function* () {
      const told = yield* presenter("doctor", "stdout")
      const opened = yield* pipelines(input, told)
      const { examine } = yield* lazily(() => import("../Doctor.ts"))
      const codes = yield* Effect.forEach(opened, (pipeline) => examine(pipeline, told.of(pipeline), input.timeout))
      yield* end(ExitCode.worst(codes))
    })
).pipe(
  Command.withDescription("Ask every source and sink whether it can do its work: reachable, permitted, complete"),
  Command.withExamples([{ command: "cw doctor", description: "Before the first run, and when something is wrong" }])
)
