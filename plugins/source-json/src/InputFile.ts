/**
 * One file on disk, read whole and only if it is fit to be read: a regular file of bounded size in UTF-8.
 * Nothing is opened before it is known to be a file, so that a named pipe cannot stop the program.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { suggest } from "@coddiwomple/core/Suggest"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import { JsonText } from "./JsonText.ts"

export const maximumBytes = 64 * 1024 * 1024

export interface InputFile {
  readonly path: string
  /** As places show it. */
  readonly shown: string
}

/** Changes whenever the file does: identity, size and time of the last write. */
export interface Stamp {
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly modified: number
}

type Failure = ReadonlyArray<Diagnostic.Diagnostic>

export interface Disk {
  readonly fs: FileSystem.FileSystem
  readonly path: Path.Path
}

/** Fails with what is wrong with the file. */
export const stamp = (disk: Disk, file: InputFile): Effect.Effect<Stamp, Failure> =>
  disk.fs.stat(file.path).pipe(
    Effect.catch((error) => Effect.flatMap(unreadable(disk, file, error), Effect.fail)),
    Effect.flatMap((info) => {
      if (info.type !== "File")
        return Effect.fail([problem(file, "CW003", `is ${kinds[info.type]}, not a regular file`)])
      if (info.size > BigInt(maximumBytes)) {
        return Effect.fail([problem(file, "CW005", `is larger than ${maximumBytes / 1024 / 1024} MB`)])
      }
      const modified = Option.match(info.mtime, { onNone: () => 0, onSome: (date) => date.getTime() })
      const ino = Option.getOrElse(info.ino, () => 0n)
      return Effect.succeed({ id: `${info.dev}:${ino}:${info.size}:${modified}`, modified })
    })
  )

/** The text, without a byte order mark. Call `stamp` first. */
export const text = (disk: Disk, file: InputFile): Effect.Effect<string, Failure> =>
  disk.fs.readFile(file.path).pipe(
    Effect.catch((error) => Effect.flatMap(unreadable(disk, file, error), Effect.fail)),
    Effect.flatMap((bytes) => {
      try {
        return Effect.succeed(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
      } catch {
        return Effect.fail([notUtf8(file, bytes)])
      }
    })
  )

const kinds: Record<FileSystem.File.Type, string> = {
  File: "a file",
  Directory: "a directory",
  SymbolicLink: "a symbolic link",
  BlockDevice: "a device",
  CharacterDevice: "a device",
  FIFO: "a named pipe",
  Socket: "a socket",
  Unknown: "of an unknown kind"
}

const problem = (file: InputFile, code: "CW003" | "CW005", message: string, help?: string): Diagnostic.Diagnostic =>
  Diagnostic.error(code, `${file.shown} ${message}`, { place: { file: file.shown }, help })

const unreadable = (disk: Disk, file: InputFile, error: PlatformError): Effect.Effect<Failure> => {
  const tag = error.reason._tag
  if (tag === "PermissionDenied")
    return Effect.succeed([problem(file, "CW003", "may not be read", "check its permissions")])
  if (tag !== "NotFound") {
    const cause = (error.reason.cause as { readonly code?: unknown } | undefined)?.code
    return Effect.succeed([problem(file, "CW003", `cannot be read (${typeof cause === "string" ? cause : tag})`)])
  }
  return disk.fs.readDirectory(disk.path.dirname(file.path)).pipe(
    Effect.orElseSucceed((): Array<string> => []),
    Effect.map((names) => {
      const near = suggest(disk.path.basename(file.path), names)
      return [problem(file, "CW003", "does not exist", near === undefined ? undefined : `did you mean "${near}"?`)]
    })
  )
}

const notUtf8 = (file: InputFile, bytes: Uint8Array): Diagnostic.Diagnostic => {
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  const lossy = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)
  // What was replaced is not what stands in the file.
  const again = new TextEncoder().encode(lossy)
  let i = 0
  while (i < bytes.length && again[i] === bytes[i]) i++
  const offset = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, i)).length
  return Diagnostic.error("CW002", utf16 ? "the file is UTF-16, not UTF-8" : "the file is not UTF-8 here", {
    place: new JsonText(file.shown, lossy).at(Math.min(offset, Math.max(0, lossy.length - 1))),
    help: "save the file as UTF-8"
  })
}
