/** Makes the folder that a person names for `cw init` or `cw new`, or says in words why there can be none. */
import { statSync } from "node:fs"
import { relative } from "node:path"
import { reasonOf } from "@coddiwomple/core/FileDisk"
import { makeFolders } from "@coddiwomple/core/MakeFolders"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { brief } from "./OutFile.ts"

/** A path as a person would name it from here. */
export const shown = (path: string): string => {
  const short = relative(process.cwd(), path) || "."
  return short.startsWith("..") ? path : short
}

/** A word for the shell. */
export const shellWord = (text: string): string =>
  /^[\w./+@%:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

const isElse = (path: string): boolean => {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === false
  } catch {
    // What stands in the way above is found when it is made.
    return false
  }
}

/** Undefined where the folder is there now. The path is absolute. */
export const make = (path: string): Effect.Effect<string | undefined, never, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    if (isElse(path)) return `${shown(path)} is not a folder`
    const made = yield* Effect.result(makeFolders(yield* FileSystem.FileSystem, path))
    if (made._tag === "Success") return undefined
    const { failure } = made
    const why = failure._tag === "Refused" ? "nothing can be created there" : brief(reasonOf(failure))
    return `${shown(path)} cannot be made: ${why}`
  })
