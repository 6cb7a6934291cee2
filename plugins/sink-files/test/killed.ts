/** A process that delivers generation `before` or `after` and is killed by SIGKILL at its n-th write; prints the count. */
import { executable, type Plan } from "@coddiwomple/core/Plan"
import { Host } from "@coddiwomple/core/Host"
import type { SinkImpl } from "@coddiwomple/core/Sink"
import * as FakeHost from "@coddiwomple/testing/FakeHost"
import { isWrite, tap } from "@coddiwomple/testing/Tap"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import plugin from "../src/index.ts"
import { after } from "./states.ts"

const [directory = "", nth = "0", edge = "before"] = process.argv.slice(2)
let count = 0
const kill = Effect.sync(() => process.kill(process.pid, "SIGKILL")).pipe(Effect.andThen(Effect.never))

const program = Effect.gen(function* () {
  const real = yield* FileSystem.FileSystem
  const fs = tap(
    real,
    (call, effect) =>
      Effect.suspend(() => {
        if (!isWrite(call) || ++count !== Number(nth)) return effect
        // In the middle: half of the bytes are there; where there are none, the call is done.
        return edge === "before" ? kill : Effect.andThen(call.half ?? effect, kill)
      }) as typeof effect
  )
  const host = FakeHost.make({ directory })
  const config = yield* Schema.decodeUnknownEffect(plugin.config)({ path: "." })
  const sink = (yield* plugin
    .make(config)
    .pipe(
      Effect.provideService(FileSystem.FileSystem, fs),
      Effect.provideService(Host, host.service)
    )) as SinkImpl<Plan>
  const plan = yield* sink.plan(after)
  if (executable(plan).length > 0 || plan.bookkeeping === true) yield* sink.apply(plan, after)
})
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
process.stdout.write(String(count))
