/**
 * The kubernetes source: Services of live clusters, watched. Every cluster is a partition of its own, and one that does
 * not answer is stale or never-synced while the others go on.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { ClusterFact, SourceEvent } from "@coddiwomple/core/Fact"
import { Host } from "@coddiwomple/core/Host"
import { located } from "@coddiwomple/core/Located"
import { type PluginError, refused } from "@coddiwomple/core/PluginError"
import * as Source from "@coddiwomple/core/Source"
import * as ClustersFile from "@coddiwomple/kubernetes/ClustersFile"
import { labelSelector } from "@coddiwomple/kubernetes/Selection"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Stream from "effect/Stream"
import * as Cache from "./Cache.ts"
import * as Cluster from "./Cluster.ts"
import { Config } from "./Config.ts"
import { examine } from "./Doctor.ts"

interface Fleet {
  readonly specs: ReadonlyArray<Cluster.Spec>
  /** What the clusters file says by itself. */
  readonly file?: SourceEvent & { readonly _tag: "Snapshot" }
  readonly bad: ClustersFile.Clusters["bad"]
}

export default Source.make({
  type: "kubernetes",
  summary: "Services of live clusters, watched",
  config: Config,
  examples: [
    {
      summary: "Every Service that is marked for export, in the clusters of a file",
      config: { clusters: "clusters.json", select: { labels: "coddiwomple.io/export=true" } }
    },
    {
      summary: "All Services of some namespaces, in two contexts of the usual kubeconfig; addresses from the gateways",
      config: { contexts: { east: "admin@east", west: "admin@west" }, select: { namespaces: ["shop", "web"] } }
    }
  ],
  make: Effect.fnUntraced(function* (config: Config) {
    const disk: Cache.Disk = { fs: yield* FileSystem.FileSystem, path: yield* Path.Path }
    const host = yield* Host
    const selected = labelSelector(config.select?.labels ?? "")
    if ("problem" in selected)
      return yield* refused([Diagnostic.error("CW105", selected.problem, { field: "select.labels" })])
    const fleet = fleetOf(config, disk, host)
    return {
      events: Stream.unwrap(Effect.map(fleet, events)),
      endless: !host.finite,
      probe: Effect.gen(function* () {
        const { specs, bad } = yield* fleet
        const findings = yield* Effect.forEach(specs, examine, { concurrency: 16 })
        const all = [...bad, ...findings.flat()]
        if (all.length > 0) return yield* refused(all)
      })
    }
  })
})

const fleetOf = (config: Config, { fs, path }: Cache.Disk, host: Host["Service"]): Effect.Effect<Fleet, PluginError> =>
  Effect.gen(function* () {
    const specOf = (fact: ClusterFact): Cluster.Spec => ({
      fact,
      select: config.select ?? {},
      bareNames: new Set(config.bareNames),
      gateway: config.gateway ?? { namespace: "istio-system", selector: "istio=eastwestgateway" },
      finite: host.finite,
      cache:
        config.cache && host.cacheDirectory !== undefined
          ? Cache.make(
              { fs, path },
              host.cacheDirectory,
              JSON.stringify([host.pipeline, fact.name, fact.connection, config.select])
            )
          : Cache.none
    })
    if (config.clusters === undefined) {
      const kubeconfigPath =
        config.kubeconfig === undefined ? {} : { kubeconfigPath: located(path, host, config.kubeconfig) }
      const facts = Object.entries(config.contexts ?? {}).map(
        ([name, context]): ClusterFact => ({
          kind: "cluster",
          name,
          addresses: [],
          connection: { ...kubeconfigPath, context },
          origin: { label: `context ${context}` }
        })
      )
      return { specs: facts.map(specOf), bad: [] }
    }
    const file = located(path, host, config.clusters)
    const near = path.relative(path.resolve(), file)
    const { bad, facts, warnings } = yield* ClustersFile.read(file, near.startsWith("..") ? file : near, host.home)
    const known = facts.filter((f) => f.addresses.length > 0)
    return {
      specs: facts.map(specOf),
      bad,
      file: {
        _tag: "Snapshot",
        partition: config.clusters,
        facts: known,
        bad: bad.length === 0 ? [] : [{ diagnostics: bad }],
        diagnostics: warnings
      }
    }
  })

const events = ({ specs, file }: Fleet): Stream.Stream<SourceEvent> => {
  const names = [...(file === undefined ? [] : [file.partition]), ...specs.flatMap(Cluster.partitions)]
  const first: ReadonlyArray<SourceEvent> = [{ _tag: "Partitions", names }, ...(file === undefined ? [] : [file])]
  return Stream.concat(
    Stream.fromIterable(first),
    Stream.mergeAll(specs.map(Cluster.stream), { concurrency: "unbounded" })
  )
}
