import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { printable } from "@coddiwomple/core/Diagnostic"
import type { EventLine } from "@coddiwomple/ui/Contract"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as ExitCode from "../ExitCode.ts"
import * as Terminal from "../Terminal.ts"
import { lazily, presenter, usage } from "./Shared.ts"
import { address } from "./status.ts"

export const tap = Command.make(
  "tap",
  {
    node: Argument.String("node").pipe(
      Argument.withDescription("Name of a source, transform, check or sink, or `model`")
    ),
    address
  },
  (input) =>
    Effect.gen(function* () {
      const told = yield* presenter("tap", "stdout")
      const { find, lines } = yield* lazily(() => import("../UiClient.ts"))
      const server = find(Option.getOrUndefined(input.address))
      if (server === undefined)
        return yield* usage("tap", "no running cw can be asked", "start one: cw run --listen 8080, or cw ui")
      const unknown = yield* Effect.tryPromise({
        try: async (signal) => {
          for await (const line of lines(server, `/tap/${encodeURIComponent(input.node)}`, signal)) {
            const event = JSON.parse(line) as EventLine | { readonly error: string }
            if ("error" in event) return event.error
            if (told.output === "json") told.line({ ...event, type: "tap" })
            else
              await Terminal.write(
                `${new Date(event.time).toISOString()} ${event.level.padEnd(7)} ${event.kind} ${printable(event.text)}\n`
              )
          }
          return undefined
        },
        catch: (cause) => cause
      }).pipe(Effect.catch(() => Effect.succeed(undefined)))
      if (unknown !== undefined) return yield* usage("tap", `there is no ${unknown}`, "`cw status` names the nodes")
      Terminal.say(`cw tap: ${server.url} has ended`)
      return yield* ExitCode.leave(ExitCode.failed)
    })
).pipe(
  Command.withDescription("Watch what passes one node of a running cw, at most twenty artifacts per second"),
  Command.withExamples([{ command: "cw tap mesh", description: "What the transform `mesh` makes, as it makes it" }])
)
