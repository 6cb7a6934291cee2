/**
 * Files that a person names for cw to write: a plan, a report. Only an earlier one of the same kind is ever replaced, or
 * an empty file; what is no regular file, as a device or a link, is left alone.
 */
import { existsSync, lstatSync, readFileSync, type Stats } from "node:fs"
import { dirname, resolve } from "node:path"
import * as WholeFile from "./WholeFile.ts"

export interface Kind {
  /** As in "is not … of cw". */
  readonly what: string
  /** The flag that names the file. */
  readonly flag: string
  /** Whether a text is an earlier one. */
  readonly is: (text: string) => boolean
}

/** What is wrong, and what to do. */
export type Problem = readonly [what: string, advice: string]

/** Larger files are none of ours. */
const most = 256 * 2 ** 20

/** Why nothing may be written there; undefined where it may. */
export const problem = (path: string, { flag, is, what }: Kind): Problem | undefined => {
  const another = `name another file with ${flag}`
  try {
    const info = lstatSync(path, { throwIfNoEntry: false })
    if (info === undefined) return aboveProblem(path)
    if (!info.isFile()) return [`${path} is ${nameOf(info)}, not a file`, another]
    if (info.size === 0 || (info.size < most && is(readFileSync(path, "utf8")))) return undefined
    return [`${path} exists and is not ${what} of cw: it is not replaced`, `${another}, or remove that one`]
  } catch (cause) {
    return [`${path} cannot be written: ${reason(cause)}`, another]
  }
}

const aboveProblem = (path: string): Problem | undefined => {
  const folder = dirname(path)
  if (existsSync(folder)) return undefined
  return [`the folder ${folder} does not exist`, "make it first, or name a file elsewhere"]
}

/** Puts the file in place whole; or says why not, and leaves what was there. */
export const write = (path: string, text: string, kind: Kind): Problem | undefined => {
  const found = problem(path, kind)
  if (found !== undefined) return found
  try {
    WholeFile.replace(resolve(path), text)
    return undefined
  } catch (cause) {
    return [`${path} cannot be written: ${reason(cause)}`, `mend that, or name another file with ${kind.flag}`]
  }
}

const nameOf = (info: Stats): string =>
  info.isDirectory()
    ? "a folder"
    : info.isSymbolicLink()
      ? "a symbolic link"
      : info.isFIFO()
        ? "a named pipe"
        : info.isSocket()
          ? "a socket"
          : "a device"

/** As the operating system says it, without the repetition of the path: `EACCES: permission denied`. */
export const brief = (message: string): string => message.replace(/[,:] \w+ '.*$/s, "")

export const reason = (cause: unknown): string => brief(cause instanceof Error ? cause.message : String(cause))
