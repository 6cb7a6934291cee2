/**
 * Files below one root, touched so that nothing outside can be: every folder on the way is looked at without following
 * links, files are replaced by rename, and a folder is removed only when it is empty.
 * Node has no `openat`: between the look and the write a local attacker with rights in the tree could still swap a folder.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import { isAbsent, makeFolder, makeFolders, orThere, Refused } from "./MakeFolders.ts"
import { folderOf } from "./SafePath.ts"

export { isAbsent, Refused }

export type Seen =
  | { readonly kind: "absent" }
  /** `stamp` changes when the file does: made of time, size and inode. */
  | { readonly kind: "file"; readonly stamp: number; readonly size: number }
  | { readonly kind: "refused"; readonly problem: string }

/** `always` also syncs every file before its rename; `auto` only folders and cw's own records. */
export type Fsync = "auto" | "always" | "never"

/** What went wrong, as the operating system says it: `ENOSPC: no space left on device`. */
export const reasonOf = (error: PlatformError): string => {
  const cause = "cause" in error.reason ? error.reason.cause : undefined
  return cause instanceof Error ? cause.message : error.message
}

const absent: Seen = { kind: "absent" }
const folder = "folder"

/** Files above this size are not read to see what they are: we wrote none of them unless the size is right. */
const maximumRead = 256 * 1024 * 1024

/** 53 bits of time, size and inode. */
const stampOf = (info: FileSystem.File.Info): number => {
  const time = Option.match(info.mtime, { onNone: () => 0, onSome: (d) => d.getTime() })
  const inode = Number(Option.getOrElse(info.ino, () => 0n) & 0xffffffffn)
  const size = Number(info.size)
  let a = Math.imul(time >>> 0, 0x9e3779b1) ^ Math.imul(size, 0x85ebca6b)
  let b = Math.imul(Math.floor(time / 2 ** 32) ^ inode, 0xc2b2ae35) ^ Math.imul(size, 0x27d4eb2f) ^ (time >>> 0)
  a = Math.imul(a ^ (a >>> 15), 0x2c1b3c6d)
  b = Math.imul(b ^ (b >>> 13) ^ a, 0x297a2d39)
  return (a >>> 0) * 2 ** 21 + (b >>> 11)
}

/** Milliseconds that an interrupt waits for the file in hand: a disk that hangs must not keep the process. */
const patience = 5000

/**
 * An interrupt waits until this is done: the operating system goes on with what it was told anyway, and would make a
 * temporary file right after it was removed.
 */
const whole = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDetach(effect, { startImmediately: true }), (fiber) =>
      restore(Fiber.join(fiber)).pipe(
        Effect.onInterrupt(() => Effect.timeoutOption(Effect.interruptible(Fiber.await(fiber)), patience))
      )
    )
  )

export class FileDisk {
  readonly root: string
  private readonly fs: FileSystem.FileSystem
  private readonly fsync: Fsync
  /** Beginning of the names of our temporary files: only the holder of the lock uses it. */
  private readonly mark: string
  private folders = new Map<string, Seen | typeof folder>()
  private noFollow = true

  constructor(fs: FileSystem.FileSystem, root: string, fsync: Fsync, mark: string) {
    this.fs = fs
    this.root = root
    this.fsync = fsync
    this.mark = `.cw-${mark}-`
  }

  at(path: string): string {
    return path === "" ? this.root : `${this.root}/${path}`
  }

  /** Forgets what was seen of folders. Each plan and each apply begins with it. */
  refresh(): void {
    this.folders.clear()
  }

  /** What is at a path, without following links below the root. */
  look(path: string): Effect.Effect<Seen, PlatformError> {
    return Effect.flatMap(this.lookFolder(folderOf(path)), (above) => {
      if (above !== folder) return Effect.succeed(above)
      return this.fs.lstat(this.at(path)).pipe(
        Effect.map((info): Seen => {
          if (info.type === "File") return { kind: "file", stamp: stampOf(info), size: Number(info.size) }
          return { kind: "refused", problem: `${path} is ${nameOf(info.type)}, not a file` }
        }),
        Effect.catch((error) => (isAbsent(error) ? Effect.succeed(absent) : Effect.fail(error)))
      )
    })
  }

  private lookFolder(path: string): Effect.Effect<Seen | typeof folder, PlatformError> {
    const known = this.folders.get(path)
    if (known !== undefined) return Effect.succeed(known)
    // The root itself may be a link: whoever wrote the configuration chose it.
    const info = path === "" ? this.fs.stat(this.root) : this.fs.lstat(this.at(path))
    const here = info.pipe(
      Effect.map((i): Seen | typeof folder =>
        i.type === "Directory"
          ? folder
          : { kind: "refused", problem: `${path === "" ? this.root : path} is ${nameOf(i.type)}, not a folder` }
      ),
      Effect.catch((error) => (isAbsent(error) ? Effect.succeed(absent) : Effect.fail(error)))
    )
    const found =
      path === ""
        ? here
        : Effect.flatMap(this.lookFolder(folderOf(path)), (above) => (above === folder ? here : Effect.succeed(above)))
    return Effect.tap(found, (seen) => Effect.sync(() => this.folders.set(path, seen)))
  }

  /** The bytes of a file of that size; undefined when it is too large to be ours. A last link is not followed. */
  read(path: string, size: number): Effect.Effect<Uint8Array | undefined, PlatformError> {
    if (size > maximumRead) return Effect.sync(() => undefined)
    return Effect.scoped(
      Effect.gen({ self: this }, function* () {
        const file = yield* this.open(path)
        // One byte more than expected, so that a file that grew meanwhile is not taken for its beginning.
        const buffer = new Uint8Array(size + 1)
        let length = 0
        do {
          const n = Number(yield* file.read(buffer.subarray(length)))
          if (n === 0) break
          length += n
        } while (length !== size && length < buffer.length)
        return buffer.subarray(0, length)
      })
    )
  }

  private open(path: string): Effect.Effect<FileSystem.File, PlatformError, Scope.Scope> {
    if (!this.noFollow) return this.fs.open(this.at(path))
    return this.fs.open(this.at(path), { noFollow: true }).pipe(
      Effect.catch((error) => {
        // Where the platform has no O_NOFOLLOW, the look before must do.
        if (error.reason._tag !== "BadArgument") return Effect.fail(error)
        this.noFollow = false
        return this.fs.open(this.at(path))
      })
    )
  }

  /** Makes a folder and those above it; refuses to go through links. */
  makeFolder(path: string): Effect.Effect<void, PlatformError | Refused> {
    return Effect.flatMap(this.lookFolder(path), (seen) => {
      if (seen === folder) return Effect.void
      if (seen.kind === "refused") return Effect.fail(new Refused(seen.problem))
      if (path === "")
        return Effect.andThen(
          makeFolders(this.fs, this.root),
          Effect.sync(() => this.folders.clear())
        )
      return this.makeFolder(folderOf(path)).pipe(
        // Where another writer of this run, or another tree beside, was quicker: look again.
        Effect.andThen(orThere(makeFolder(this.fs, this.at(path)))),
        Effect.andThen(Effect.sync(() => this.folders.delete(path))),
        Effect.andThen(Effect.suspend(() => this.lookFolder(path))),
        Effect.flatMap((now) =>
          now === folder
            ? Effect.void
            : Effect.fail(new Refused(now.kind === "refused" ? now.problem : `${path} vanished`))
        )
      )
    })
  }

  /** Why nothing can be below the root, which may be absent yet. */
  rootProblem(at: string = this.root): Effect.Effect<string | undefined, PlatformError> {
    return this.fs.stat(at).pipe(
      Effect.map(({ type }) => (type === "Directory" ? undefined : `${at} is ${nameOf(type)}, not a folder`)),
      Effect.catch((error) => {
        const above = at.slice(0, at.lastIndexOf("/"))
        if (isAbsent(error)) return Effect.succeed(undefined)
        // ENOTDIR: something above is in the way.
        return /^ENOTDIR\b/.test(reasonOf(error)) && above !== "" ? this.rootProblem(above) : Effect.fail(error)
      })
    )
  }

  /** Puts the file in place whole, or leaves what was there. Ends with what is there now. */
  write(path: string, bytes: Uint8Array, record = false): Effect.Effect<Seen, PlatformError | Refused> {
    const temporary = this.temporary(folderOf(path), "tmp")
    const sync = this.fsync === "always" || (record && this.fsync === "auto")
    const fill = sync
      ? Effect.scoped(
          Effect.flatMap(this.fs.open(temporary, { flag: "wx" }), (file) =>
            Effect.andThen(file.writeAll(bytes), file.sync)
          )
        )
      : this.fs.writeFile(temporary, bytes, { flag: "wx" })
    const replace = fill.pipe(
      Effect.andThen(this.fs.rename(temporary, this.at(path))),
      Effect.onError(() => Effect.ignore(this.fs.remove(temporary, { force: true })))
    )
    return this.makeFolder(folderOf(path)).pipe(
      Effect.andThen(whole(replace)),
      Effect.andThen(Effect.suspend(() => this.look(path)))
    )
  }

  /** Adds to the end of a file, in one write. */
  append(path: string, bytes: Uint8Array): Effect.Effect<void, PlatformError> {
    return whole(
      Effect.scoped(
        Effect.flatMap(this.fs.open(this.at(path), { flag: "a" }), (file) =>
          Effect.andThen(file.writeAll(bytes), this.fsync === "never" ? Effect.void : file.sync)
        )
      )
    )
  }

  remove(path: string): Effect.Effect<void, PlatformError> {
    return whole(this.fs.remove(this.at(path), { force: true }))
  }

  /**
   * Removes a folder if it is empty, and says whether it did. There is no `rmdir` here: it is moved aside first, so that
   * what somebody puts into it at this moment comes back with it instead of being deleted.
   */
  removeFolder(path: string): Effect.Effect<boolean, PlatformError> {
    const remove = Effect.gen({ self: this }, function* () {
      if ((yield* this.lookFolder(path)) !== folder || (yield* this.list(path)).length > 0) return false
      const aside = this.temporary(folderOf(path), "dir")
      this.folders.delete(path)
      yield* this.fs.rename(this.at(path), aside)
      if ((yield* this.fs.readDirectory(aside)).length > 0) {
        yield* this.fs.rename(aside, this.at(path))
        return false
      }
      yield* this.fs.remove(aside, { recursive: true })
      return true
    })
    return whole(remove)
  }

  /** Names in a folder; none when it is absent or no folder. */
  list(path: string): Effect.Effect<ReadonlyArray<string>, PlatformError> {
    return Effect.flatMap(this.lookFolder(path), (seen) =>
      seen === folder ? this.fs.readDirectory(this.at(path)) : Effect.succeed([])
    )
  }

  /** Our temporary files in a folder: left over from a process that was killed. Only under the lock is that certain. */
  leftovers(path: string): Effect.Effect<ReadonlyArray<string>, PlatformError> {
    return Effect.map(this.list(path), (names) =>
      names.filter((name) => name.startsWith(this.mark)).map((name) => (path === "" ? name : `${path}/${name}`))
    )
  }

  sweep(path: string): Effect.Effect<void, PlatformError> {
    return Effect.flatMap(this.leftovers(path), (found) =>
      Effect.forEach(
        found,
        (name) => (name.endsWith(".dir") ? Effect.asVoid(this.removeFolder(name)) : this.remove(name)),
        { discard: true }
      )
    )
  }

  /** Makes renames and removals in a folder survive a loss of power. */
  syncFolder(path: string): Effect.Effect<void, PlatformError> {
    if (this.fsync === "never") return Effect.void
    return Effect.scoped(
      this.fs.open(this.at(path)).pipe(
        // Some systems cannot open a folder: they offer nothing better.
        Effect.option,
        Effect.flatMap((file) => (Option.isSome(file) ? file.value.sync : Effect.void))
      )
    ).pipe(
      Effect.catch((error) =>
        /^(EINVAL|ENOTSUP|ENOSYS|EISDIR|EPERM)\b/.test(reasonOf(error)) ? Effect.void : Effect.fail(error)
      )
    )
  }

  private temporary(inFolder: string, extension: "tmp" | "dir"): string {
    return this.at(`${inFolder === "" ? "" : `${inFolder}/`}${this.mark}${run}-${counter++}.${extension}`)
  }
}

/** Differs between processes, so that a new one never meets an old one's temporary files. */
const run = globalThis.crypto.randomUUID().slice(0, 8)
let counter = 0

const nameOf = (type: FileSystem.File.Type): string =>
  ({
    File: "a file",
    Directory: "a folder",
    SymbolicLink: "a symbolic link",
    BlockDevice: "a device",
    CharacterDevice: "a device",
    FIFO: "a named pipe",
    Socket: "a socket",
    Unknown: "something unknown"
  })[type]
