/**
 * One cw at a time in a folder: a lock file with process, machine and time. It is created with O_EXCL, beats while it is
 * held, and is taken over only when its holder is known to be gone: a dead process of this machine, or a silent other one.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Diagnostic from "./Diagnostic.ts"
import { isAbsent, reasonOf } from "./FileDisk.ts"
import { PluginError, refused } from "./PluginError.ts"

export interface ProcessIdentity {
  readonly pid: number
  /** Machine and process namespace: the same for two processes that can see each other's ids. */
  readonly machine: string
  readonly isAlive: (pid: number) => boolean
}

const fromRuntime = (): ProcessIdentity => {
  const self = globalThis.process
  const builtin = self?.getBuiltinModule
  let space = ""
  try {
    space = builtin?.("node:fs").readlinkSync("/proc/self/ns/pid") ?? ""
  } catch {
    // Only Linux has it.
  }
  return {
    pid: self?.pid ?? 0,
    machine: `${builtin?.("node:os").hostname() ?? "unknown"}${space === "" ? "" : ` ${space}`}`,
    isAlive: (pid) => {
      try {
        self?.kill(pid, 0)
        return true
      } catch (cause) {
        // EPERM: it lives and belongs to somebody else.
        return (cause as NodeJS.ErrnoException).code !== "ESRCH"
      }
    }
  }
}

/** Who we are to other processes; replaced in tests. */
export const CurrentProcess = Context.Reference<ProcessIdentity>("cw/core/CurrentProcess", {
  defaultValue: fromRuntime
})

/** A holder beats this often (milliseconds)… */
const beat = 10_000
/** …and one of another machine is gone when it was silent for so long. */
const silence = 60_000

interface Note {
  readonly pid: number
  readonly machine: string
  readonly since: string
  readonly token: string
}

/** What stands in a lock file; `strange` is no file at all. */
type Found = Note | "unreadable" | "strange"

/** Tokens of the locks that this process holds: its own id in a lock file may stem from a former process. */
const held = new WeakMap<ProcessIdentity, Set<string>>()
const heldBy = (me: ProcessIdentity): Set<string> => {
  const known = held.get(me)
  if (known !== undefined) return known
  const tokens = new Set<string>()
  held.set(me, tokens)
  return tokens
}

/** Holds the lock until the scope closes. Fails with CW804, retryable, while another holds it. The folder must exist. */
export const hold = (
  fs: FileSystem.FileSystem,
  file: string,
  shown: string
): Effect.Effect<void, PluginError, Scope.Scope> =>
  Effect.gen(function* () {
    const me = yield* CurrentProcess
    const now = yield* Clock.currentTimeMillis
    const token = globalThis.crypto.randomUUID()
    const note: Note = { pid: me.pid, machine: me.machine, since: new Date(now).toISOString(), token }
    yield* Effect.acquireRelease(
      take(fs, file, note, me).pipe(
        Effect.catchTag("PlatformError", (error) =>
          Effect.fail(
            new PluginError({ message: `cannot lock ${shown}: ${reasonOf(error)}`, retryable: true, cause: error })
          )
        ),
        Effect.flatMap((holder) => (holder === undefined ? Effect.void : Effect.fail(locked(shown, holder))))
      ),
      () =>
        fs
          .remove(file, { force: true })
          .pipe(Effect.ignore, Effect.ensuring(Effect.sync(() => heldBy(me).delete(token))))
    )
    const touch = Effect.flatMap(Clock.currentTimeMillis, (at) =>
      Effect.ignore(fs.utimes(file, new Date(at), new Date(at)))
    )
    yield* Effect.sleep(beat).pipe(Effect.andThen(touch), Effect.repeat(Schedule.forever), Effect.forkScoped)
  })

/** A process was killed while it held the lock: whoever takes it next clears it away. */
export const isLeft = (fs: FileSystem.FileSystem, file: string): Effect.Effect<boolean, PlatformError> =>
  Effect.gen(function* () {
    const note = yield* read(fs, file)
    return note !== undefined && (yield* isGone(fs, file, note, yield* CurrentProcess))
  })

const locked = (shown: string, holder: Found): PluginError => {
  if (holder === "strange") {
    const message = `${shown} is not a file, so it cannot be a lock`
    return refused([Diagnostic.error("CW804", message, { help: "remove it" })])
  }
  const who =
    holder === "unreadable"
      ? "another cw"
      : `process ${holder.pid} on ${holder.machine.split(" ")[0]} since ${holder.since}`
  const message = `${shown} is held by ${who}`
  const help = `wait for it to end; if no cw runs there, remove the file`
  return new PluginError({ message, retryable: true, diagnostics: [Diagnostic.error("CW804", message, { help })] })
}

/** Undefined when the lock is ours now, else who holds it. */
const take = (
  fs: FileSystem.FileSystem,
  file: string,
  note: Note,
  me: ProcessIdentity
): Effect.Effect<Found | undefined, PlatformError> =>
  Effect.gen(function* () {
    const ours = heldBy(me)
    for (let attempt = 0; attempt < 5; attempt++) {
      ours.add(note.token)
      const created = yield* fs.writeFileString(file, JSON.stringify(note), { flag: "wx" }).pipe(
        Effect.as(true),
        Effect.catch((error) => (error.reason._tag === "AlreadyExists" ? Effect.succeed(false) : Effect.fail(error))),
        Effect.onError(() => Effect.sync(() => ours.delete(note.token)))
      )
      if (created) return undefined
      ours.delete(note.token)
      const found = yield* read(fs, file)
      if (found === undefined) continue
      if (!(yield* isGone(fs, file, found, me))) return found
      yield* evict(fs, file, found)
    }
    return "unreadable"
  })

const read = (fs: FileSystem.FileSystem, file: string): Effect.Effect<Found | undefined, PlatformError> =>
  fs.stat(file).pipe(
    // A pipe would hold whoever reads it.
    Effect.flatMap(
      ({ type }): Effect.Effect<Found, PlatformError> =>
        type === "File" ? Effect.map(fs.readFileString(file), parse) : Effect.succeed("strange")
    ),
    // Somebody may be writing it at this moment, or was killed in that moment.
    Effect.flatMap((note) =>
      note === "unreadable"
        ? Effect.sleep(50).pipe(Effect.andThen(fs.readFileString(file)), Effect.map(parse))
        : Effect.succeed(note)
    ),
    Effect.catch((error) => (isAbsent(error) ? Effect.sync(() => undefined) : Effect.fail(error)))
  )

const parse = (text: string): Note | "unreadable" => {
  try {
    const note = JSON.parse(text) as Note
    return typeof note.pid === "number" && typeof note.machine === "string" && typeof note.token === "string"
      ? note
      : "unreadable"
  } catch {
    return "unreadable"
  }
}

const isGone = (
  fs: FileSystem.FileSystem,
  file: string,
  note: Found,
  me: ProcessIdentity
): Effect.Effect<boolean, PlatformError> => {
  if (note === "strange") return Effect.succeed(false)
  if (note === "unreadable") return Effect.succeed(true)
  if (heldBy(me).has(note.token)) return Effect.succeed(false)
  if (note.machine === me.machine) return Effect.succeed(note.pid === me.pid || !me.isAlive(note.pid))
  return Effect.gen(function* () {
    const info = yield* fs.stat(file).pipe(Effect.option)
    const now = yield* Clock.currentTimeMillis
    const last = Option.flatMap(info, (i) => i.mtime)
    return Option.isSome(last) && now - last.value.getTime() > silence
  })
}

/** Moves the dead lock aside and removes it; when it was another's by now, puts that back. */
const evict = (fs: FileSystem.FileSystem, file: string, dead: Found): Effect.Effect<void, PlatformError> => {
  const aside = `${file}.old`
  return Effect.gen(function* () {
    yield* fs.rename(file, aside)
    const moved = parse(yield* fs.readFileString(aside))
    if (typeof moved === "object" && (typeof dead !== "object" || moved.token !== dead.token))
      yield* fs.rename(aside, file)
    else yield* fs.remove(aside, { force: true })
  }).pipe(Effect.catch((error) => (isAbsent(error) ? Effect.void : Effect.fail(error))))
}
