/** One process of the Git sink for the benchmark: `git-run.ts <home> <files> <changed>`; prints seconds as JSON. */
import type { Artifact } from "@coddiwomple/core/Artifact"
import { executable, type Plan } from "@coddiwomple/core/Plan"
import type { PluginError } from "@coddiwomple/core/PluginError"
import type { SinkImpl } from "@coddiwomple/core/Sink"
import git from "@coddiwomple/sink-git"
import { FakeHost, Given } from "@coddiwomple/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { bodies, clusters } from "./git.ts"

const [home = "", files = "0", changed = "0"] = process.argv.slice(2)
const fleet = Given.fleet(...clusters)
const artifacts = bodies(Number(files) / clusters.length, Number(changed)).map(
  ({ name, text }): Artifact => ({
    id: `networking.istio.io/ServiceEntry/cw-system/${name}`,
    form: "object",
    targets: fleet.all,
    text,
    service: `${name}.shop`,
    ownership: "object"
  })
)
const desired = Given.desired(artifacts, { model: Given.model({ clusters }), generation: 1 })

const seconds = async <A>(
  run: () => Promise<A>
): Promise<readonly [A, { readonly wall: number; readonly cpu: number }]> => {
  const started = performance.now()
  const before = process.cpuUsage()
  const value = await run()
  const { system, user } = process.cpuUsage(before)
  return [value, { wall: (performance.now() - started) / 1000, cpu: (system + user) / 1e6 }]
}

const program = Effect.gen(function* () {
  const config = yield* Schema.decodeUnknownEffect(git.config)({ url: `${home}/fleet.git` })
  const impl = (yield* git.make(config)) as SinkImpl<Plan, PluginError>
  const [plan, planned] = yield* Effect.promise(() => seconds(() => Effect.runPromise(impl.plan(desired))))
  const due = executable(plan).length > 0
  const [, applied] = yield* Effect.promise(() =>
    seconds(async () => (due ? await Effect.runPromise(impl.apply(plan, desired)) : undefined))
  )
  return { planned, applied, items: plan.items.length, rss: process.resourceUsage().maxRSS / 1024 }
})
const host = FakeHost.make({ directory: home, pipeline: "bench", cacheDirectory: `${home}/cache` })
const result = await Effect.runPromise(
  (program as Effect.Effect<unknown, unknown, any>).pipe(
    Effect.scoped,
    Effect.provide(host.layer),
    Effect.provide(NodeServices.layer)
  ) as Effect.Effect<object>
)
process.stdout.write(JSON.stringify(result))
