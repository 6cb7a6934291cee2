/**
 * One process of the Git sink for the benchmark: `git-run.ts <home> <files> <changed>…`, a generation for each number of
 * changed bodies; prints seconds as JSON. Memory grows as in the command, which asks V8 for the same.
 */
import type { Artifact } from "@coddiwomple/core/Artifact"
import { executable, type Plan } from "@coddiwomple/core/Plan"
import type { PluginError } from "@coddiwomple/core/PluginError"
import type { SinkImpl } from "@coddiwomple/core/Sink"
import git from "@coddiwomple/sink-git"
import * as FakeHost from "@coddiwomple/testing/FakeHost"
import { desired } from "@coddiwomple/testing/GivenDesired"
import * as Given from "@coddiwomple/testing/GivenModel"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { setFlagsFromString } from "node:v8"
import { bodies, clusters } from "./git.ts"

setFlagsFromString("--semi-space-growth-factor=1")

const [home = "", files = "0", ...steps] = process.argv.slice(2)
const model = Given.model({ clusters })
const services = Number(files) / clusters.length

const artifactOf = ({ name, text }: { readonly name: string; readonly text: string }): Artifact => ({
  id: `networking.istio.io/ServiceEntry/cw-system/${name}`,
  form: "object",
  targets: model.fleet.all,
  text,
  service: `${name}.shop`,
  ownership: "object"
})

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
  const generations = []
  let artifacts: Array<Artifact> = []
  for (const [i, step] of steps.entries()) {
    const changed = Number(step)
    const before = i === 0 ? 0 : Number(steps[i - 1])
    const moved = i === 0 ? services : changed === before ? 0 : Math.max(changed, before)
    const now = bodies(moved, changed).map(artifactOf)
    artifacts = [...now, ...artifacts.slice(moved)]
    const history = (since: number) =>
      since === i
        ? { all: false, groups: new Set(now.map((a) => a.service!)) }
        : { all: true, groups: new Set<string>() }
    const next = desired(artifacts, { model, generation: i + 1, history })
    const [plan, planned] = yield* Effect.promise(() => seconds(() => Effect.runPromise(impl.plan(next))))
    const due = executable(plan).length > 0
    const [, applied] = yield* Effect.promise(() =>
      seconds(async () => (due ? await Effect.runPromise(impl.apply(plan, next)) : undefined))
    )
    generations.push({ planned, applied, items: plan.items.length })
  }
  return { generations, rss: process.resourceUsage().maxRSS / 1024 }
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
