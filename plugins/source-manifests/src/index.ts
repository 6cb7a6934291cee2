/**
 * `uses: manifests`: Services from Kubernetes YAML as kubectl, kustomize and Helm print it, one partition per cluster.
 * It fails only while it has nothing to say; afterwards a cluster whose files cannot be read is stale.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { SourceEvent } from "@coddiwomple/core/Fact"
import * as Hints from "@coddiwomple/core/Hints"
import { Host } from "@coddiwomple/core/Host"
import { type PluginError, refused } from "@coddiwomple/core/PluginError"
import * as Source from "@coddiwomple/core/Source"
import { selector } from "@coddiwomple/kubernetes/Selection"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { type ClusterConfig, Config, pathsOf } from "./Config.ts"
import { stdin } from "./Files.ts"
import { Partition } from "./Partition.ts"

/** A change is looked at after this time: most writers need several steps. */
const settle = "50 millis"
const poll = 2000

export default Source.make({
  type: "manifests",
  summary: "Services from rendered Kubernetes manifests, without a live cluster",
  config: Config,
  examples: [
    {
      summary: "A folder per cluster",
      config: {
        clusters: {
          east: { paths: "rendered/east", addresses: ["east.example.com"] },
          west: { paths: "rendered/west", addresses: ["west.example.com"] }
        }
      }
    },
    {
      summary: "What kubectl prints, only what is exported",
      config: { clusters: { east: { paths: ["-"] } }, select: { labels: "coddiwomple.io/export=true" } }
    }
  ],
  make: Effect.fnUntraced(function* (config: Config) {
    const disk: Hints.Disk = { fs: yield* FileSystem.FileSystem, path: yield* Path.Path }
    const host = yield* Host
    const watched = config.watch && !host.finite
    const counts = selector(config.select ?? {})
    const problems = problemsOf(config, counts)
    if (typeof counts !== "function" || problems.length > 0) return yield* Effect.fail(refused(problems))
    const shown = (file: string): string => {
      if (file === stdin) return "standard input"
      const near = disk.path.relative(disk.path.resolve(), file)
      return near.startsWith("..") || disk.path.isAbsolute(near) ? file : near
    }
    const open = () =>
      Object.entries(config.clusters).map(([name, cluster], order) => {
        const naming = { cluster: name, domain: cluster.domain, bareNames: new Set(config.bareNames) }
        const rules = { naming, namespace: cluster.namespace, counts }
        return new Partition(disk, {
          name,
          base: host,
          paths: pathsOf(cluster),
          fact: factOf(name, order, cluster),
          rules,
          shown
        })
      })
    return {
      // Partitions remember what was said: every run of the stream starts with fresh ones.
      events: Stream.suspend(() => {
        const partitions = open()
        const names: SourceEvent = { _tag: "Partitions", names: partitions.map((p) => p.spec.name) }
        const events = watched ? watch(disk, partitions) : Stream.fromIterableEffect(first(partitions))
        return Stream.concat(Stream.make(names), events)
      }),
      endless: watched,
      probe: Effect.suspend(() => Effect.asVoid(first(open())))
    }
  })
})

const problemsOf = (config: Config, counts: ReturnType<typeof selector>): ReadonlyArray<Diagnostic.Diagnostic> => {
  const out: Array<Diagnostic.Diagnostic> = []
  if (typeof counts !== "function") out.push(Diagnostic.error("CW105", counts.problem, { field: "select.labels" }))
  const readers = Object.entries(config.clusters).filter(([, cluster]) => pathsOf(cluster).includes(stdin))
  if (readers.length > 1)
    out.push(
      Diagnostic.error(
        "CW105",
        `standard input can be read for one cluster, not for ${readers.map(([n]) => n).join(" and ")}`,
        { field: `clusters.${readers[1]![0]}.paths` }
      )
    )
  for (const [name, { addresses, region }] of Object.entries(config.clusters))
    if (region !== undefined && addresses === undefined)
      out.push(
        Diagnostic.error("CW103", `cluster ${name} has a region but no addresses: the cluster is not declared here`, {
          field: `clusters.${name}.addresses`
        })
      )
  return out
}

const factOf = (name: string, order: number, { addresses, domain, region }: ClusterConfig) =>
  addresses === undefined
    ? undefined
    : {
        kind: "cluster" as const,
        name,
        addresses,
        order,
        domain,
        ...(region === undefined ? {} : { region }),
        origin: { label: `clusters.${name}` }
      }

/** The first reading of all clusters: all of them, or everything that is wrong with any. */
const first = (partitions: ReadonlyArray<Partition>): Effect.Effect<ReadonlyArray<SourceEvent>, PluginError> =>
  Effect.flatMap(
    Effect.forEach(partitions, (p) => p.open),
    (readings) => {
      const failures = readings.flatMap((r) => (Result.isFailure(r) ? r.failure : []))
      const events = readings.flatMap((r) => (Result.isSuccess(r) ? r.success : []))
      return failures.length === 0
        ? Effect.succeed(events)
        : Effect.fail(refused([...failures].sort(Diagnostic.compare)))
    }
  )

const watch = (disk: Hints.Disk, partitions: ReadonlyArray<Partition>): Stream.Stream<SourceEvent, PluginError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      // A name that is not there stands for its folder: whatever comes or goes in it is hinted at.
      const hints = yield* Hints.make(disk, () =>
        partitions.flatMap((p) => p.folders.map((f) => disk.path.join(f, "*")))
      )
      const next = Effect.gen(function* () {
        yield* hints.wait(poll)
        yield* Effect.sleep(settle)
        yield* hints.refresh
        return (yield* Effect.forEach(partitions, (p) => p.again)).flat()
      })
      // What changes between the first look and the watch is found by the second look.
      const start = Effect.gen(function* () {
        const events = yield* first(partitions)
        yield* hints.refresh
        return [...events, ...(yield* Effect.forEach(partitions, (p) => p.again)).flat()]
      })
      return Stream.concat(Stream.fromIterableEffect(start), Stream.fromIterableEffectRepeat(next))
    })
  )
