/**
 * For `cw doctor`, which writes nothing: whether there can be files below the root, and what would keep a whole cluster
 * from being planned, as records that cannot be relied on or a folder that is a link.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { ClusterFact } from "@coddiwomple/core/Fact"
import { failure, fit } from "@coddiwomple/core/FilesSink"
import { Fleet } from "@coddiwomple/core/Model"
import { type PluginError, refused } from "@coddiwomple/core/PluginError"
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import { type Site, type Target, Targets } from "./Targets.ts"

export const probe = (site: Site, clusters: ReadonlyArray<ClusterFact>): Effect.Effect<void, PluginError> =>
  Effect.gen(function* () {
    const targets = new Targets(site)
    yield* fit(targets.disk)
    yield* writable(site)
    const fleet = new Fleet(
      clusters.map((cluster, index) => ({ ...cluster, index, source: "" })),
      ""
    )
    const found = yield* Effect.andThen(
      targets.follow(fleet),
      Effect.suspend(() => Effect.forEach(targets.all(), (target) => examine(target)))
    ).pipe(Effect.mapError((error) => failure(`cannot read ${site.root}`, error)))
    const findings = found.filter((finding) => finding !== undefined)
    if (findings.length > 0) return yield* Effect.fail(refused(findings))
  })

const examine = ({ cluster, tree }: Target): Effect.Effect<Diagnostic.Diagnostic | undefined, PlatformError> =>
  Effect.gen(function* () {
    const { disk, manifest } = tree.options
    const loaded = yield* manifest.load()
    // What another pipeline left of a cluster that we do not have is not our business.
    if ("code" in loaded) return cluster === undefined && loaded.code === "CW706" ? undefined : loaded
    // No such file is ever there: what is on the way to it counts.
    const seen = yield* disk.look(tree.full(".cw-doctor"))
    if (seen.kind !== "refused") return undefined
    return Diagnostic.error("CW704", seen.problem, {
      help: "nothing is written here until it is gone",
      place: { file: disk.root }
    })
  })

/** The folder, or the nearest one above it that exists, can be written to. */
const writable = ({ fs, root }: Site): Effect.Effect<void, PluginError> => {
  const check = (folder: string): Effect.Effect<void, PluginError> =>
    fs.stat(folder).pipe(
      Effect.flatMap(() => fs.access(folder, { writable: true })),
      Effect.catch((error) => {
        const above = folder.slice(0, folder.lastIndexOf("/"))
        if (error.reason._tag === "NotFound" && above !== "") return check(above)
        return Effect.fail(failure(`cannot write to ${root}`, error))
      })
    )
  return check(root)
}
