/**
 * A file system with something around each of its calls. Only the primitive calls are seen: `writeFileString` shows
 * as `writeFile`, `exists` as `access`, and what is written through an open file as `write`.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"

/** Calls that change something. */
export const writes = [
  "chmod",
  "chown",
  "copy",
  "copyFile",
  "link",
  "makeDirectory",
  "makeTempDirectory",
  "makeTempDirectoryScoped",
  "makeTempFile",
  "makeTempFileScoped",
  "remove",
  "rename",
  "symlink",
  "truncate",
  "utimes",
  "write",
  "writeFile"
] as const

export const reads = [
  "access",
  "lstat",
  "open",
  "readDirectory",
  "readDirectoryEntries",
  "readFile",
  "readLink",
  "realPath",
  "stat",
  "watch"
] as const

export type Op = (typeof writes)[number] | (typeof reads)[number]

export interface Call {
  readonly op: Op
  /** What it is about; of a rename, where to. */
  readonly path: string
  /** For a write of bytes: writes the first half of them. */
  readonly half?: Effect.Effect<unknown, any, any>
}

export const isWrite = (call: Call): boolean => (writes as ReadonlyArray<string>).includes(call.op)

export type Around = <A, E, R>(call: Call, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

const second = new Set<Op>(["rename", "copy", "copyFile", "link", "symlink"])

const subject = (op: Op, args: ReadonlyArray<unknown>): string => {
  const path = second.has(op) ? args[1] : args[0]
  return typeof path === "string" ? path : ""
}

export const tap = (fs: FileSystem.FileSystem, around: Around): FileSystem.FileSystem => {
  const own = fs as unknown as Record<string, (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, any, any>>
  const wrapped: Record<string, unknown> = {}
  for (const op of [...writes, ...reads]) {
    if (op === "write" || op === "open" || op === "watch") continue
    wrapped[op] = (...args: ReadonlyArray<unknown>) => {
      const path = subject(op, args)
      const half = op === "writeFile" ? own[op]!(args[0], halfOf(args[1] as Uint8Array), args[2]) : undefined
      return around({ op, path, ...(half === undefined ? {} : { half }) }, own[op]!(...args))
    }
  }
  wrapped.open = (path: string, options?: { readonly flag?: FileSystem.OpenFlag }) =>
    Effect.map(around({ op: "open", path }, fs.open(path, options)), (file) => tapFile(file, path, around))
  wrapped.watch = (path: string, options?: FileSystem.WatchOptions) =>
    Stream.unwrap(around({ op: "watch", path }, Effect.succeed(fs.watch(path, options))))
  return FileSystem.make(wrapped as unknown as Parameters<typeof FileSystem.make>[0])
}

const tapFile = (file: FileSystem.File, path: string, around: Around): FileSystem.File => ({
  [FileSystem.FileTypeId]: FileSystem.FileTypeId,
  stat: file.stat,
  sync: file.sync,
  seek: (...args) => file.seek(...args),
  read: (...args) => file.read(...args),
  readAlloc: (...args) => file.readAlloc(...args),
  truncate: (length) => around({ op: "truncate", path }, file.truncate(length)),
  write: (bytes) => around({ op: "write", path, half: file.writeAll(halfOf(bytes)) }, file.write(bytes)),
  writeAll: (bytes) => around({ op: "write", path, half: file.writeAll(halfOf(bytes)) }, file.writeAll(bytes))
})

const halfOf = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.length >>> 1)
