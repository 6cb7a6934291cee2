/**
 * The kubernetes source at work, measured in a process of its own: `node --expose-gc watch-run.ts CLUSTERS KUBECONFIG …`,
 * figures as JSON on standard output.
 */
import * as Engine from "@coddiwomple/core/Engine"
import * as Sink from "@coddiwomple/core/Sink"
import * as Source from "@coddiwomple/core/Source"
import * as Transform from "@coddiwomple/core/Transform"
import kubernetes from "@coddiwomple/source-kubernetes"
import { FakeHost } from "@coddiwomple/testing"
import mesh from "@coddiwomple/transform-istio-global-dns"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { patcher, rawList, say, serverOf, timed } from "./Server.ts"
import { median } from "./Measure.ts"

const [file = "", ...kubeconfigs] = process.argv.slice(2)
const servers = kubeconfigs.map(serverOf)
const names = servers.map((_, i) => `c${i}`)
const rounds = 7
const [lists, syncs]: [number[], number[]] = [[], []]
const config = Schema.decodeUnknownSync(kubernetes.config as never)({ clusters: file, cache: false }) as never
const host = FakeHost.make({ finite: false }).layer
const provide = Effect.provide(Layer.mergeAll(host, NodeServices.layer))
const run = <A>(effect: Effect.Effect<A, unknown, never>) => Effect.runPromise(effect)
/** Runs until every cluster has told all it has; what it tells is not kept. */
const synced = Effect.gen(function* () {
  const impl = yield* kubernetes.make(config)
  const waiting = new Set(names)
  let facts = 0
  yield* Effect.callback<void>((resume) => {
    const fiber = Effect.runFork(
      Stream.runForEach(impl.events, (event) =>
        Effect.sync(() => {
          if (event._tag !== "Snapshot" || !waiting.delete(event.partition)) return
          facts += event.facts.length
          if (waiting.size === 0) resume(Effect.void)
        })
      )
    )
    return Fiber.interrupt(fiber)
  })
  return facts
})
let services = 0
for (let round = 0; round < rounds; round++) {
  const list = await timed(() => Promise.all(servers.map((s) => rawList(s, "/api/v1/services"))))
  const sync = await timed(() => run(Effect.scoped(synced).pipe(provide) as never))
  services = list.result.reduce((sum, n) => sum + n, 0)
  lists.push(list.ms)
  syncs.push(sync.ms)
}
const heap = () => {
  for (let i = 0; i < 4; i++) globalThis.gc!()
  return process.memoryUsage().heapUsed
}
const before = heap()
const held = Effect.gen(function* () {
  const impl = yield* kubernetes.make(config)
  const waiting = new Set(names)
  const ready = Promise.withResolvers<void>()
  yield* Effect.forkScoped(
    Stream.runForEach(impl.events, (event) =>
      Effect.sync(() => {
        if (event._tag === "Snapshot" && waiting.delete(event.partition) && waiting.size === 0) ready.resolve()
      })
    )
  )
  yield* Effect.promise(() => ready.promise)
  yield* Effect.sleep("1 second")
  const bytes = heap() - before
  const cpu = process.cpuUsage()
  yield* Effect.sleep("10 seconds")
  const { system, user } = process.cpuUsage(cpu)
  return { bytes, idle: (system + user) / 10_000_000 }
})
const { bytes, idle } = (await run(Effect.scoped(held).pipe(provide) as never)) as { bytes: number; idle: number }

// A change on one Service, from the request until the plan of a sink.
let arrived: ((version: string) => void) | undefined
let last: string | undefined
const recorder = Sink.make({
  type: "recorder",
  summary: "notes when a plan is asked for",
  config: Schema.Struct({}),
  make: () => ({
    plan: (desired) =>
      Effect.sync(() => {
        for (const group of desired.model.touched) {
          const bodies = desired.group(group)
          last = /number: (5\d{4})/.exec(bodies.map((b) => b.text).join("\n"))?.[1]
          if (last !== undefined) arrived?.(last)
        }
        return { items: [], unchanged: 0 }
      }),
    apply: () => Effect.succeed({ items: [] })
  })
})
const nodes = Layer.mergeAll(
  Source.layer(kubernetes, "fleet", { clusters: file, cache: false } as never),
  Transform.layer(mesh, "mesh", {}),
  Sink.layer(recorder, "out", {})
)
const latencies: Array<number> = []
const watching = Effect.gen(function* () {
  const engine = yield* Engine.Engine
  yield* engine.start
  yield* Effect.promise(async () => {
    while ((await run(engine.rendering)) === undefined) await new Promise((r) => setTimeout(r, 50))
    await new Promise((r) => setTimeout(r, 2000))
    const patch = servers.map((s) => patcher(s, 1))
    for (let i = 0; i < 230; i++) {
      const port = String(50_000 + i)
      const done = new Promise<void>((resolve) => (arrived = (seen) => seen === port && resolve()))
      const of = i % servers.length
      const name = `svc-${of}-${String((i * 37) % 1000).padStart(6, "0")}`
      const started = performance.now()
      const body = { spec: { ports: [{ name: "http", port: Number(port), protocol: "TCP" }] } }
      const path = `/api/v1/namespaces/default/services/${name}`
      const sent = patch[of]!(path, body, "merge-patch+json")
      await Promise.race([
        done,
        new Promise((_, reject) => setTimeout(() => reject(new Error(`change ${i} never came; last ${last}`)), 10_000))
      ])
      if (i >= 30) latencies.push(performance.now() - started)
      await sent
    }
  })
})
const engine = Engine.Engine.layer({ pipeline: "bench", debounce: 0 })
await run(
  Effect.scoped(
    watching.pipe(Effect.provide(Layer.provideMerge(nodes, Layer.mergeAll(engine, host, NodeServices.layer))))
  ) as never
)
latencies.sort((a, b) => a - b)
say({
  services,
  list: median(lists),
  sync: median(syncs),
  // Each round has its own: a noisy machine is noisy for all of it.
  against: median(syncs.map((ms, i) => ms / lists[i]!)),
  bytes: bytes / services,
  idle,
  p50: latencies[latencies.length >> 1],
  p99: latencies[Math.floor(latencies.length * 0.99)]
})
process.exit()
