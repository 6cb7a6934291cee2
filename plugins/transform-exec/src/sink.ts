/** A sink in any language: one run per cluster with all its objects. Opaque: its plan says that it will run, not what changes. */
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import { Host } from "@coddiwomple/core/Host"
import * as Sink from "@coddiwomple/core/Sink"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { Config } from "./Config.ts"
import { objectOf, request, told } from "./ResourceList.ts"
import { run } from "./Run.ts"

export default Sink.make({
  type: "exec",
  summary: "Runs a command per cluster with everything the cluster should have",
  config: Config,
  accepts: ["object"],
  deletes: false,
  examples: [{ summary: "A script that opens a ticket", config: { command: ["./open-ticket.sh"] } }],
  make: (config) =>
    Effect.gen(function* () {
      const { directory } = yield* Host
      const services = yield* Effect.context<ChildProcessSpawner | FileSystem.FileSystem | Path.Path>()
      return Sink.write((desired) =>
        Effect.forEach(
          desired.model.fleet.clusters,
          (cluster) => {
            const items = [...desired.artifacts()].filter(
              (a) => a.form === "object" && ClusterSet.has(a.targets, cluster.index)
            )
            const spec = config.functionConfig === undefined ? told(cluster, desired.services) : {}
            return run(config, directory, request(config, items.map(objectOf), spec))
          },
          { concurrency: 2, discard: true }
        ).pipe(Effect.provideContext(services))
      )
    })
})
