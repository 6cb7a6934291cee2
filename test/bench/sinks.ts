/**
 * How fast the sinks take what the transforms give: the stdout sink into a file, the files sink writing, finding nothing
 * to do, and following a change of 1 %. `node test/bench/sinks.ts [services clusters]`; files use a tenth of the clusters.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { file, object, type Artifact } from "@coddiwomple/core/Artifact"
import { Desired } from "@coddiwomple/core/Desired"
import { Host } from "@coddiwomple/core/Host"
import { type Cluster, Fleet, type Model } from "@coddiwomple/core/Model"
import type { Plan } from "@coddiwomple/core/Plan"
import type { SinkImpl, SinkPlugin } from "@coddiwomple/core/Sink"
import files from "@coddiwomple/sink-files"
import stdout from "@coddiwomple/sink-stdout"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Schema from "effect/Schema"

const [services = 10_000, clusters = 100] = process.argv.slice(2).map(Number)

const fleetOf = (size: number): Fleet =>
  new Fleet(
    Array.from(
      { length: size },
      (_, index) =>
        ({ name: `cluster-${index}`, index, source: "bench", addresses: [], origin: { label: "bench" } }) as Cluster
    ),
    "global"
  )

/** As the mtls form: two bodies for all consumers, and four for each of three providers; some 660 bytes each. */
const bodiesOf = (fleet: Fleet, i: number, version: number): ReadonlyArray<Artifact> => {
  const size = fleet.clusters.length
  const providers = [i % size, (i + 1) % size, (i + 2) % size]
  const consumers = fleet.clusters.map((c) => c.index).filter((c) => !providers.includes(c))
  const service = `service-${String(i).padStart(5, "0")}`
  const body = (kind: string, suffix: string, targets: ReadonlyArray<number>) =>
    object(
      fleet.set(targets),
      {
        apiVersion: "networking.istio.io/v1",
        kind,
        metadata: {
          name: `${service}${suffix}`,
          namespace: "cw",
          labels: { "coddiwomple.io/pipeline": "bench", "coddiwomple.io/service": service },
          annotations: { version: String(version) }
        },
        spec: {
          hosts: [`${service}.global`],
          addresses: ["240.0.0.1"],
          ports: [{ name: "http", number: 80, protocol: "HTTP" }],
          resolution: "DNS",
          endpoints: providers.map((p) => ({
            address: `gateway.cluster-${p}.example.com`,
            labels: { cluster: `cluster-${p}` },
            ports: { http: 15443 }
          }))
        }
      },
      { service }
    )
  return [
    body("ServiceEntry", "", consumers),
    body("DestinationRule", "", consumers),
    ...providers.flatMap((p) =>
      ["Gateway", "VirtualService", "ServiceEntry", "DestinationRule"].map((kind) => body(kind, "-in", [p]))
    )
  ]
}

const world = (fleet: Fleet) => {
  const model = {
    fleet,
    services: HashMap.empty(),
    held: HashMap.empty(),
    touched: new Set<string>(),
    fleetChanged: false,
    partitions: [],
    diagnostics: []
  }
  let groups = HashMap.fromIterable<string, ReadonlyArray<Artifact>>(
    Array.from({ length: services }, (_, i) => {
      const bodies = bodiesOf(fleet, i, 0)
      return [bodies[0]!.service!, bodies] as const
    })
  )
  groups = HashMap.set(groups, "", [file(fleet.all, "zones/global.zone", "zone\n")])
  let generation = 0
  return (touch: number): Desired => {
    const touched = new Set<string>()
    const previous = generation++
    for (let n = 0; n < touch; n++) {
      const bodies = bodiesOf(fleet, Math.floor((n * services) / touch), generation)
      touched.add(bodies[0]!.service!)
      groups = HashMap.set(groups, bodies[0]!.service!, bodies)
    }
    return new Desired({
      pipeline: "bench",
      model: { ...model, generation } as Model,
      groups,
      held: new Map(),
      history: (since) => (since === previous ? { all: false, groups: touched } : { all: true, groups: new Set() })
    })
  }
}

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "cw-bench-"))
process.on("exit", () => fs.rmSync(directory, { recursive: true, force: true }))

const sinkOf = (
  plugin: SinkPlugin,
  config: unknown,
  out: (bytes: Uint8Array) => void,
  finite: boolean,
  cacheDirectory?: string
): Promise<SinkImpl<Plan>> =>
  Effect.runPromise(
    Effect.gen(function* () {
      return (yield* plugin.make(
        yield* Schema.decodeUnknownEffect(plugin.config as Schema.ConstraintCodec<unknown, unknown>)(config)
      )) as SinkImpl<Plan>
    }).pipe(
      Effect.provideService(Host, {
        directory,
        pipeline: "bench",
        finite,
        cacheDirectory,
        stdout: (bytes) => Effect.sync(() => out(bytes))
      }),
      Effect.scoped,
      Effect.provide(NodeServices.layer)
    ) as Effect.Effect<SinkImpl<Plan>>
  )

const time = async <A>(
  label: string,
  run: () => Promise<A>,
  say: (seconds: number, result: A) => string
): Promise<A> => {
  const start = performance.now()
  const before = process.cpuUsage()
  const result = await run()
  const seconds = (performance.now() - start) / 1000
  const { system, user } = process.cpuUsage(before)
  const rss = Math.round(process.memoryUsage().rss / 1048576)
  process.stdout.write(
    `${label.padEnd(44)} ${seconds.toFixed(2).padStart(7)} s  processor ${((system + user) / 1e6).toFixed(2)} s  ${say(seconds, result)}  rss ${rss} MB\n`
  )
  return result
}

const thousands = (n: number): string => `${Math.round(n).toLocaleString("en").replaceAll(",", " ")}`

const benchStdout = async (format: string) => {
  const next = world(fleetOf(clusters))
  const fd = fs.openSync(path.join(directory, "out.yaml"), "w")
  let bytes = 0
  const sink = await sinkOf(
    stdout,
    { format },
    (piece) => {
      bytes += fs.writeSync(fd, piece)
    },
    true
  )
  const documents = services * (2 * (clusters - 3) + 12)
  for (let i = 0; i < 2; i++) {
    bytes = 0
    fs.ftruncateSync(fd)
    const desired = next(1)
    await time(
      `stdout ${format}, ${thousands(services)} × ${clusters}`,
      () => Effect.runPromise(Effect.flatMap(sink.plan(desired), (plan) => sink.apply(plan, desired))),
      (s) =>
        `${thousands(documents / s)} documents/s  ${Math.round(bytes / 1e6 / s)} MB/s of ${Math.round(bytes / 1e6)} MB`
    )
  }
  fs.closeSync(fd)
  fs.rmSync(path.join(directory, "out.yaml"))
}

const benchFiles = async (size: number) => {
  const next = world(fleetOf(size))
  const first = next(0)
  const config = { path: "files" }
  const step = (sink: SinkImpl<Plan>, desired: Desired) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const plan = yield* sink.plan(desired)
        const report = plan.items.length > 0 ? yield* sink.apply(plan, desired) : { items: [] }
        if (report.items.some((i) => i.outcome !== "applied")) throw new Error("not applied")
        return plan
      })
    )
  const per = (s: number, plan: Plan) =>
    `${thousands(plan.items.length)} of ${thousands(plan.items.length + plan.unchanged)} files  ${thousands((plan.items.length + plan.unchanged) / s)} files/s`
  const name = `files ${thousands(services)} × ${size}`
  await sinkOf(files, config, () => {}, false).then((sink) => time(`${name}: write`, () => step(sink, first), per))
  const cache = path.join(directory, "cache")
  const fresh = await sinkOf(files, config, () => {}, false, cache)
  await time(`${name}: nothing to do, all read`, () => step(fresh, first), per)
  const sink = await sinkOf(files, config, () => {}, false, cache)
  await time(`${name}: nothing to do, new process`, () => step(sink, first), per)
  await time(`${name}: nothing to do, all looked at`, () => step(sink, first), per)
  const percent = next(Math.ceil(services / 100))
  await time(`${name}: 1 % of the services change`, () => step(sink, percent), per)
  const one = next(1)
  await time(`${name}: one service changes`, () => step(sink, one), per)
  const none = next(0)
  await time(`${name}: a generation without a change`, () => step(sink, none), per)
}

await benchStdout("yaml")
await benchStdout("classic")
await benchFiles(Math.max(4, Math.round(clusters / 10)))
