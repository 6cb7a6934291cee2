/** `uses: files`: every cluster's objects and files in a folder of its own. */
import { Host } from "@coddiwomple/core/Host"
import { parse } from "@coddiwomple/core/Layout"
import { located } from "@coddiwomple/core/Located"
import { permanent } from "@coddiwomple/core/PluginError"
import * as Sink from "@coddiwomple/core/Sink"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { Config } from "./Config.ts"
import { makeFiles } from "./Files.ts"

export default Sink.make({
  type: "files",
  summary: "Writes one folder per cluster, one file per object, and deletes only what it wrote",
  config: Config,
  examples: [
    { summary: "One folder per cluster, with kustomization.yaml", config: { path: "clusters" } },
    { summary: "One file per cluster", config: { path: "out", single: true, kustomization: false } },
    {
      summary: "By service",
      config: { path: ".", layout: "clusters/{cluster}/{service}/{kind}-{namespace}-{name}.yaml" }
    }
  ],
  exclusive: ({ path }, site) => [`file:${site.path(path)}`],
  make: (config) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const host = yield* Host
      const layout = parse(config.layout)
      if ("problem" in layout) return yield* Effect.fail(permanent(`layout: ${layout.problem}`))
      const root = located(path, host, config.path)
      const cache = host.cacheDirectory === undefined ? undefined : path.join(host.cacheDirectory, "files")
      return makeFiles({ fs, root, owner: host.pipeline, finite: host.finite, config, layout, cache })
    })
})
