/**
 * Hints that a file may have changed, from the directories whose entries decide what its path means: its parent, and
 * the parent of every symbolic link on the way (a Kubernetes ConfigMap swaps `..data`). A hint promises nothing and
 * none is owed: whoever takes one looks at the file, and looks now and then without one.
 */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"

export interface Disk {
  readonly fs: FileSystem.FileSystem
  readonly path: Path.Path
}

export interface Hints {
  /** Watches what decides the paths now. Changes after it are hinted at. */
  readonly refresh: Effect.Effect<void>
  /** Returns at a hint, or after the time given. */
  readonly wait: (timeout: Duration.Input) => Effect.Effect<void>
}

const mostLinks = 40

/** `paths` may be asked for again at each refresh: what is looked at can change. */
export const make = Effect.fnUntraced(function* (
  disk: Disk,
  paths: ReadonlyArray<string> | (() => ReadonlyArray<string>)
): Effect.fn.Return<Hints, never, Scope.Scope> {
  const hints = yield* Queue.sliding<void>(1)
  const watchers = yield* FiberMap.make<string>()
  const watch = Effect.fnUntraced(function* (key: string, directory: string) {
    const ready = yield* Deferred.make<void>()
    const installed = () => Deferred.doneUnsafe(ready, Effect.void)
    const events = disk.fs.watch(directory, { onReady: installed })
    const pump = Stream.runForEach(events, () => Queue.offer(hints, undefined))
    // Where no watch can be had (too many, a network mount) the poll has to do.
    yield* FiberMap.run(watchers, key, pump.pipe(Effect.ignore, Effect.ensuring(Effect.sync(installed))))
    yield* Deferred.await(ready).pipe(Effect.timeoutOption("1 second"))
  })
  return {
    refresh: Effect.gen(function* () {
      const wanted = new Map<string, string>()
      for (const path of typeof paths === "function" ? paths() : paths) {
        for (const directory of yield* directories(disk, path)) {
          const key = yield* keyOf(disk, directory)
          if (key !== undefined) wanted.set(key, directory)
        }
      }
      for (const [key] of [...watchers]) if (!wanted.has(key)) yield* FiberMap.remove(watchers, key)
      for (const [key, directory] of wanted) if (!FiberMap.hasUnsafe(watchers, key)) yield* watch(key, directory)
    }),
    wait: (timeout) => Queue.take(hints).pipe(Effect.timeoutOption(timeout), Effect.asVoid)
  }
})

/** Changes when a directory is replaced by another of the same name, whose watch would be dead. */
const keyOf = (disk: Disk, directory: string): Effect.Effect<string | undefined> =>
  disk.fs.stat(directory).pipe(
    Effect.map((info) => {
      const born = Option.match(info.birthtime, { onNone: () => 0, onSome: (date) => date.getTime() })
      return `${directory}\u0000${info.dev}:${Option.getOrElse(info.ino, () => 0n)}:${born}`
    }),
    Effect.orElseSucceed(() => undefined)
  )

/** Walks a path as the kernel does; stops at what does not exist, in whose parent it would appear. */
const directories = Effect.fnUntraced(function* (disk: Disk, path: string) {
  const { root } = disk.path.parse(path)
  const split = (absolute: string) =>
    absolute
      .slice(root.length)
      .split(disk.path.sep)
      .filter((part) => part !== "")
  const out = new Set<string>()
  let current = root
  let rest = split(path)
  let links = 0
  while (rest.length > 0) {
    const [name, ...after] = rest
    const next = disk.path.join(current, name!)
    const link = yield* disk.fs.readLink(next).pipe(
      Effect.map((target): string | undefined => target),
      Effect.catch((error) => Effect.succeed(error.reason._tag === "NotFound" ? null : undefined))
    )
    if (link !== undefined || after.length === 0) out.add(current)
    if (link === null || (link !== undefined && ++links > mostLinks)) break
    if (link === undefined) {
      current = next
      rest = after
    } else {
      rest = [...split(disk.path.resolve(current, link)), ...after]
      current = root
    }
  }
  return out
})
