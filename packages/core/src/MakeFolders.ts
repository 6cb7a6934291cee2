/**
 * Makes a folder and those above it, step by step: Node's own recursive way never ends where a file system has no room
 * for new names, as /proc.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"

/** Something stands in the way that will not go away by itself. */
export class Refused extends Error {
  readonly _tag = "Refused"
}

export const isAbsent = (error: PlatformError): boolean => error.reason._tag === "NotFound"

type Failure = PlatformError | Refused

/** That somebody else was quicker is no failure. */
export const orThere = <E extends Failure>(make: Effect.Effect<void, E>): Effect.Effect<void, E> =>
  Effect.catch(make, (error) =>
    error._tag === "PlatformError" && error.reason._tag === "AlreadyExists" ? Effect.void : Effect.fail(error)
  )

/** One folder, in one that is there. */
export const makeFolder = (fs: FileSystem.FileSystem, at: string, mode?: number): Effect.Effect<void, Failure> =>
  Effect.catch(fs.makeDirectory(at, mode === undefined ? {} : { mode }), (error) =>
    Effect.fail(isAbsent(error) ? new Refused(`${at} cannot be made: nothing can be created there`) : error)
  )

/** `mode` is that of folders that are made. */
export const makeFolders = (fs: FileSystem.FileSystem, at: string, mode?: number): Effect.Effect<void, Failure> => {
  const above = at.slice(0, at.lastIndexOf("/"))
  return Effect.flatMap(fs.exists(at), (there) =>
    there
      ? Effect.void
      : Effect.andThen(
          above === "" || above === at ? Effect.void : makeFolders(fs, above, mode),
          orThere(makeFolder(fs, at, mode))
        )
  )
}
