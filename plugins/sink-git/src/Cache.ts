/**
 * The bare, blobless repository in which commits are made. It may vanish at any time: whatever is wrong with it (stale
 * locks, broken objects, a killed git) is cured by throwing it away. One process works in it; a second one takes a
 * temporary folder.
 */
import { hold } from "@coddiwomple/core/FileLock"
import { makeFolders, type Refused } from "@coddiwomple/core/MakeFolders"
import { PluginError } from "@coddiwomple/core/PluginError"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"

/** Packs pile up, one for each commit and fetch; beyond this a fresh clone is cheaper. */
const mostPacks = 200

export interface Cache {
  /** Bare repository. */
  readonly directory: string
  /** Nothing is in it. */
  readonly fresh: boolean
  readonly discard: Effect.Effect<void, PluginError>
}

const failed = (doing: string) => (cause: PlatformError | Refused) =>
  new PluginError({ message: `cannot ${doing}: ${cause.message}`, retryable: true, cause })

/**
 * Ready for use until the scope closes. `folder` is the place that lasts; `temporary` is taken where there is none, or where
 * another process uses it.
 */
export const open = (
  fs: FileSystem.FileSystem,
  folder: string | undefined,
  url: string,
  temporary: Effect.Effect<string, PluginError>
): Effect.Effect<Cache, PluginError, Scope.Scope> =>
  Effect.gen(function* () {
    const lasting = folder === undefined ? undefined : yield* lock(fs, folder)
    const repository = `${lasting ?? (yield* temporary)}/repository.git`
    const make = Effect.gen(function* () {
      yield* makeFolders(fs, `${repository}/objects/pack`)
      yield* makeFolders(fs, `${repository}/refs/heads`)
      yield* fs.writeFileString(`${repository}/config`, configText(url))
      // Last: without it the folder is no repository.
      yield* fs.writeFileString(`${repository}/HEAD`, "ref: refs/heads/none\n")
    }).pipe(Effect.mapError(failed(`prepare ${repository}`)))
    const remove = fs
      .remove(repository, { recursive: true, force: true })
      .pipe(Effect.mapError(failed(`remove ${repository}`)))
    const discard = Effect.andThen(remove, make)
    const fit = yield* Effect.gen(function* () {
      const config = yield* fs.readFileString(`${repository}/config`)
      const packs = yield* fs.readDirectory(`${repository}/objects/pack`)
      yield* fs.access(`${repository}/HEAD`)
      return config === configText(url) && packs.length < 2 * mostPacks
    }).pipe(Effect.orElseSucceed(() => false))
    if (!fit) yield* discard
    return { directory: repository, fresh: !fit, discard }
  })

/** A folder that goes with the scope. */
export const temporary = (fs: FileSystem.FileSystem): Effect.Effect<string, PluginError, Scope.Scope> =>
  fs.makeTempDirectoryScoped({ prefix: "cw-git-" }).pipe(Effect.mapError(failed("make a folder")))

/** Undefined where another process holds it, or where it cannot be had. */
const lock = (fs: FileSystem.FileSystem, folder: string): Effect.Effect<string | undefined, never, Scope.Scope> =>
  makeFolders(fs, folder, 0o700).pipe(
    Effect.andThen(hold(fs, `${folder}/lock`, `${folder}/lock`)),
    Effect.as(folder),
    Effect.orElseSucceed(() => undefined)
  )

const quote = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`

/** Written by hand: one process less, and nothing from templates. */
const configText = (url: string): string => `[core]
\trepositoryformatversion = 1
\tbare = true
\tfilemode = true
[extensions]
\tpartialClone = origin
[remote "origin"]
\turl = ${quote(url)}
\tpromisor = true
\tpartialclonefilter = blob:none
`
