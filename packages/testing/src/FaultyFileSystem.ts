/** A real file system in which chosen calls fail, hang, tear or die. What is not chosen goes through untouched. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { type PlatformError, systemError, type SystemErrorTag } from "effect/PlatformError"
import type { Platform } from "./Subject.ts"
import { type Call, isWrite, type Op, tap } from "./Tap.ts"

export interface FileFault {
  /** All writing calls where nothing is said. */
  readonly op?: Op | ReadonlyArray<Op>
  /** A part of the path, or a pattern. */
  readonly path?: string | RegExp
  /** From the n-th matching call on, counted from 1; the first by default. */
  readonly nth?: number
  /** How many calls meet the fault; all from then on by default. */
  readonly times?: number
  /**
   * A tag fails with that error, a code of the operating system as Node reports it (`ENOSPC`); `hang` never answers;
   * `torn` writes half of the bytes and then fails; `die` is a defect.
   */
  readonly bring: SystemErrorTag | `E${Uppercase<string>}` | "hang" | "torn" | "die"
}

/** The platform with faults in its file system. Counting starts anew with each process. */
export const over =
  (...faults: ReadonlyArray<FileFault>) =>
  (platform: Platform): Platform =>
    Layer.effect(
      FileSystem.FileSystem,
      Effect.map(FileSystem.FileSystem, (fs) => faulty(fs, faults))
    ).pipe(Layer.provideMerge(platform))

export const faulty = (fs: FileSystem.FileSystem, faults: ReadonlyArray<FileFault>): FileSystem.FileSystem => {
  const counts = faults.map(() => 0)
  return tap(fs, (call, effect) =>
    Effect.suspend(() => {
      for (const [i, fault] of faults.entries()) {
        if (!matches(fault, call)) continue
        const n = ++counts[i]!
        const first = fault.nth ?? 1
        if (n < first || n >= first + (fault.times ?? Number.POSITIVE_INFINITY)) continue
        return bring(fault, call) as unknown as typeof effect
      }
      return effect
    })
  )
}

const matches = (fault: FileFault, call: Call): boolean => {
  const op =
    fault.op === undefined
      ? isWrite(call)
      : typeof fault.op === "string"
        ? fault.op === call.op
        : fault.op.includes(call.op)
  if (!op) return false
  return (
    fault.path === undefined ||
    (typeof fault.path === "string" ? call.path.includes(fault.path) : fault.path.test(call.path))
  )
}

const bring = (fault: FileFault, call: Call): Effect.Effect<never, PlatformError> => {
  switch (fault.bring) {
    case "hang":
      return Effect.never
    case "die":
      return Effect.die(new Error(`${call.op} ${call.path} died`))
    case "torn":
      return Effect.andThen(
        Effect.ignore(call.half ?? Effect.void) as Effect.Effect<void>,
        Effect.fail(problem("EIO", call))
      )
    default:
      return Effect.fail(problem(fault.bring, call))
  }
}

const problem = (what: string, call: Call): PlatformError => {
  const code = /^E[A-Z]+$/.test(what) ? what : undefined
  const cause =
    code === undefined
      ? undefined
      : Object.assign(new Error(`${code}: ${call.op} '${call.path}'`), { code, syscall: call.op, path: call.path })
  return systemError({
    module: "FileSystem",
    method: call.op,
    _tag: code === undefined ? (what as SystemErrorTag) : (tags[code] ?? "Unknown"),
    pathOrDescriptor: call.path,
    ...(cause === undefined ? {} : { cause, syscall: call.op })
  })
}

/** As the platform maps codes of the operating system. */
const tags: Readonly<Record<string, SystemErrorTag>> = {
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
  EEXIST: "AlreadyExists",
  ENOENT: "NotFound",
  EISDIR: "BadResource",
  ENOTDIR: "BadResource",
  EBUSY: "Busy",
  ELOOP: "BadResource"
}
