/**
 * The files that a cluster's paths mean, and their texts. Only regular files of bounded size in UTF-8 are read; a path that
 * means nothing is an error, never an empty answer.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Disk } from "@coddiwomple/core/Hints"
import { type Base, located, start } from "@coddiwomple/core/Located"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { glob, isDynamicPattern } from "tinyglobby"

export const stdin = "-"
const maximumBytes = 64 * 1024 * 1024
const extensions = "**/*.{yaml,yml,json}"

type Failure = ReadonlyArray<Diagnostic.Diagnostic>

export interface Listing {
  /** Absolute, sorted, each once; `-` for standard input. */
  readonly files: ReadonlyArray<string>
  /** Folders in which a change may matter. */
  readonly folders: ReadonlyArray<string>
}

export const list = (disk: Disk, base: Base, paths: ReadonlyArray<string>): Effect.Effect<Listing, Failure> =>
  Effect.gen(function* () {
    const files = new Set<string>()
    const folders = new Set<string>()
    const failures: Array<Diagnostic.Diagnostic> = []
    for (const path of paths) {
      if (path === stdin) {
        files.add(stdin)
        continue
      }
      const found = yield* Effect.result(one(disk, base, path))
      if (found._tag === "Failure") failures.push(found.failure)
      else {
        for (const file of found.success.files) {
          files.add(file)
          folders.add(disk.path.dirname(file))
        }
        for (const folder of found.success.folders) folders.add(folder)
      }
    }
    if (failures.length > 0) return yield* Effect.fail(failures)
    return { files: [...files].sort(), folders: [...folders].sort() }
  })

const one = (disk: Disk, base: Base, path: string): Effect.Effect<Listing, Diagnostic.Diagnostic> =>
  Effect.gen(function* () {
    const absolute = located(disk.path, base, path)
    const info = yield* disk.fs.stat(absolute).pipe(Effect.option)
    if (Option.isSome(info) && info.value.type === "File") return { files: [absolute], folders: [] }
    const isFolder = Option.isSome(info) && info.value.type === "Directory"
    if (!isFolder && !isDynamicPattern(path)) {
      const near = yield* disk.fs.readDirectory(disk.path.dirname(absolute)).pipe(Effect.orElseSucceed(() => []))
      const what = Option.isSome(info) ? "is neither a file nor a folder" : "does not exist"
      return yield* Effect.fail(missing(path, what, Suggest.help(disk.path.basename(absolute), near)))
    }
    const { from, rest } = start(base, path)
    const cwd = isFolder ? absolute : from
    const options = { cwd, absolute: true, dot: false, expandDirectories: false } as const
    const pattern = isFolder ? extensions : rest
    const all = yield* Effect.tryPromise({
      try: (signal) => glob(pattern, { ...options, onlyFiles: false, onlyDirectories: false, signal }),
      catch: (cause) => missing(path, `cannot be searched: ${cause instanceof Error ? cause.message : String(cause)}`)
    })
    const files = all.filter((name) => !name.endsWith("/"))
    if (files.length === 0)
      return yield* Effect.fail(missing(path, isFolder ? "holds no .yaml, .yml or .json file" : "matches no file"))
    return { files: files.map((file) => disk.path.normalize(file)), folders: isFolder ? [absolute] : [] }
  })

const missing = (path: string, what: string, help?: string): Diagnostic.Diagnostic =>
  Diagnostic.error("CW003", `${path} ${what}`, { place: { file: path }, help })

export interface Stamp {
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly modified: number
}

export const stamp = (disk: Disk, file: string, shown: string): Effect.Effect<Stamp, Failure> =>
  disk.fs.stat(file).pipe(
    Effect.mapError((error) => [unreadable(shown, error.reason._tag)]),
    Effect.flatMap((info) => {
      if (info.type !== "File") return Effect.fail([problem("CW003", shown, "is not a regular file")])
      if (info.size > BigInt(maximumBytes))
        return Effect.fail([problem("CW005", shown, `is larger than ${maximumBytes >> 20} MB`)])
      const modified = Option.match(info.mtime, { onNone: () => 0, onSome: (date) => date.getTime() })
      return Effect.succeed({
        id: `${info.dev}:${Option.getOrElse(info.ino, () => 0n)}:${info.size}:${modified}`,
        modified
      })
    })
  )

/** Call `stamp` first: it says whether the file may be opened. */
export const text = (disk: Disk, file: string, shown: string): Effect.Effect<string, Failure> =>
  disk.fs.readFile(file).pipe(
    Effect.mapError((error) => [unreadable(shown, error.reason._tag)]),
    Effect.flatMap((bytes) => decode(bytes, shown))
  )

/** All of standard input, once for the process. */
let input: Promise<Uint8Array> | undefined
const readInput = async (): Promise<Uint8Array> => {
  const chunks: Array<Uint8Array> = []
  let size = 0
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > maximumBytes) throw new Error("too large")
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export const fromStdin: Effect.Effect<string, Failure> = Effect.tryPromise({
  try: () => (input ??= readInput()),
  catch: () => [problem("CW005", "standard input", `is larger than ${maximumBytes >> 20} MB, or cannot be read`)]
}).pipe(Effect.flatMap((bytes) => decode(bytes, "standard input")))

const decode = (bytes: Uint8Array, shown: string): Effect.Effect<string, Failure> => {
  try {
    return Effect.succeed(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch {
    return Effect.fail([problem("CW001", shown, "is not UTF-8")])
  }
}

const problem = (code: "CW001" | "CW003" | "CW005", shown: string, message: string): Diagnostic.Diagnostic =>
  Diagnostic.error(code, `${shown} ${message}`, { place: { file: shown } })

const unreadable = (shown: string, tag: string): Diagnostic.Diagnostic =>
  problem(
    "CW003",
    shown,
    tag === "NotFound" ? "does not exist" : tag === "PermissionDenied" ? "may not be read" : `cannot be read (${tag})`
  )
