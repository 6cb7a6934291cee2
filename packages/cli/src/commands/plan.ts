import { dirname, relative, resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as ExitCode from "../ExitCode.ts"
import * as Terminal from "../Terminal.ts"
import * as Usage from "../Usage.ts"
import { version } from "../Version.ts"
import * as Options from "./Options.ts"
import { end, lazily, pipelines, begin, usage } from "./Shared.ts"

export const plan = Command.make(
  "plan",
  {
    ...Options.source,
    sink: Options.sinks,
    allowDeletes: Options.allowDeletes,
    exitCode: Options.toggle("exit-code", "End with 2 where something would change"),
    showUnchanged: Options.toggle("show-unchanged", "Also say how much is as it should be, per sink"),
    out: Flag.String("out").pipe(
      Flag.withMetavar("PATH"),
      Flag.withDescription("Save the plan for `cw apply`: digests, no contents (default: not saved)"),
      Flag.optional
    )
  },
  (input) =>
    Effect.gen(function* () {
      const told = yield* begin("plan", "stdout")
      const out = Option.getOrUndefined(input.out)
      if (out !== undefined) {
        const { problem } = yield* lazily(() => import("../OutFile.ts"))
        const { outFile } = yield* lazily(() => import("../SavedPlan.ts"))
        const found = problem(out, outFile)
        if (found !== undefined) return yield* usage("plan", ...found)
      }
      const opened = yield* pipelines(input, told, { sinks: Options.names(input.sink) })
      const { plan } = yield* lazily(() => import("../Planning.ts"))
      const allowDeletes = Option.getOrUndefined(input.allowDeletes)
      const planned = yield* Effect.forEach(
        opened,
        (pipeline) => plan(pipeline, told, { allowDeletes, save: out !== undefined }),
        {
          concurrency: "unbounded"
        }
      )
      for (const each of planned) {
        if (each.text === undefined) continue
        yield* Effect.promise(() => Terminal.write(`${each.text!(told.paintData, input.showUnchanged)}\n`))
      }
      if (out !== undefined && planned.every((each) => each.code !== ExitCode.failed)) {
        const SavedPlan = yield* lazily(() => import("../SavedPlan.ts"))
        const path = resolve(out)
        const file = opened[0]!.file === "-" ? "-" : relative(dirname(path), resolve(opened[0]!.file))
        const unsaved = SavedPlan.write(out, SavedPlan.make(planned, { cw: version, file, allowDeletes }))
        if (unsaved !== undefined) {
          Usage.refuse("plan", ...unsaved)
          return yield* end(ExitCode.failed)
        }
      }
      const pending = planned.some((each) => each.pending)
      yield* end(
        ExitCode.worst([
          ...planned.map((each) => each.code),
          input.exitCode && pending ? ExitCode.changesPending : ExitCode.ok
        ])
      )
    })
).pipe(
  Command.withDescription("Show what `cw run` would change, object by object, without writing anything"),
  Command.withExamples([
    { command: "cw plan --exit-code", description: "Exit 2 where something would change" },
    { command: "cw plan --out plan.json && cw apply plan.json", description: "Apply exactly what was looked at" }
  ])
)
