/**
 * `Sink.files`: a sink from one function that says which files should be there. Plan, line counts, ownership, prune,
 * atomic writes and locking come with it. Records lie in `.cw/nodes/<pipeline>.<node>/` below the root, so that several
 * such sinks can share a folder.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import type { Desired } from "./Desired.ts"
import * as Diagnostic from "./Diagnostic.ts"
import { digest } from "./Digest.ts"
import { apply } from "./FileApply.ts"
import { FileDisk, type Fsync, reasonOf, type Refused } from "./FileDisk.ts"
import { hold, isLeft } from "./FileLock.ts"
import { FileManifest } from "./FileManifest.ts"
import { FileTree, type TreePlan } from "./FileTree.ts"
import { type Wanted, want } from "./FileSlot.ts"
import { Host } from "./Host.ts"
import { located } from "./Located.ts"
import { NodeName } from "./NodeName.ts"
import type { Plan, Report } from "./Plan.ts"
import { type Eventually, eventually, permanent, PluginError, refused } from "./PluginError.ts"
import { check, collisions, escape, type SafePath, stateFolder } from "./SafePath.ts"
import type { SinkImpl } from "./Sink.ts"
import { cureOf } from "./WriteFailures.ts"

export interface FileText {
  /** Relative to the root, with `/`. What comes from names goes through `SafePath.escape` first. */
  readonly path: string
  readonly text: string
  /**
   * Identity of the service it belongs to: held together with it. A file without is taken to be made of all services,
   * and is not updated while some of them are not known.
   */
  readonly service?: string
}

export interface FilesOptions {
  /** Folder of the files; relative to the folder of the pipeline file, which is the default. */
  readonly root?: string
  /** Takes over files that are there already and differ. Default false: they are conflicts. */
  readonly adopt?: boolean
  /** Replaces files of ours that somebody changed. Default false: they are conflicts. */
  readonly overwrite?: boolean
  /** Default `auto`: folders and records are synced, files are not. */
  readonly fsync?: Fsync
}

export const failure = (doing: string, error: PlatformError | Refused): PluginError => {
  if (error._tag === "Refused")
    return refused([
      Diagnostic.error("CW704", `${doing}: ${error.message}`, { help: "name another folder, or clear the way" })
    ])
  const message = `${doing}: ${reasonOf(error)}`
  const help = cureOf(reasonOf(error))
  const diagnostics = help === undefined ? {} : { diagnostics: [Diagnostic.error("CW803", message, { help })] }
  return new PluginError({ message, retryable: true, cause: error, ...diagnostics })
}

/** The plan of one tree, as a plan of a sink. */
export const planOf = (target: string, tree: TreePlan): Plan => ({
  items: [...tree.items],
  unchanged: tree.unchanged,
  owned: new Map([[target, tree.owned]]),
  ...(tree.bookkeeping ? { bookkeeping: true } : {}),
  diagnostics: tree.diagnostics,
  ...(tree.failed === undefined ? {} : { failed: new Map([[target, tree.failed]]) })
})

/** Fails where nothing can ever be below the root. */
export const fit = (disk: FileDisk): Effect.Effect<void, PluginError> =>
  disk.rootProblem().pipe(
    Effect.mapError((error) => failure(`cannot read ${disk.root}`, error)),
    Effect.flatMap((why) => {
      if (why === undefined) return Effect.void
      const message = `cannot write to ${disk.root}: ${why}`
      return Effect.fail(
        refused([Diagnostic.error("CW704", message, { help: "name a folder, or a path to make one at" })])
      )
    })
  )

/** Runs something while this process alone writes: the lock lies in a folder below the root of the disk. */
export const locked = <A, E>(
  fs: FileSystem.FileSystem,
  disk: FileDisk,
  folder: string,
  effect: Effect.Effect<A, E>
): Effect.Effect<A, E | PluginError> => {
  const file = `${folder}/lock`
  const prepare = Effect.mapError(disk.makeFolder(folder), (error) => failure(`cannot write to ${disk.root}`, error))
  return Effect.scoped(
    Effect.andThen(
      Effect.suspend(() => {
        disk.refresh()
        return prepare
      }),
      Effect.andThen(hold(fs, disk.at(file), disk.at(file)), effect)
    )
  )
}

/**
 * A sink that keeps these files and no others of its own. The function may be plain, a Promise or an Effect, and is
 * called once per generation. Needs `policy: sync` to delete what it does not name any more.
 */
export const files = (
  f: (desired: Desired) => Eventually<ReadonlyArray<FileText>>,
  options: FilesOptions = {}
): Effect.Effect<SinkImpl<Plan, PluginError>, never, FileSystem.FileSystem | Path.Path | Host> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const host = yield* Host
    const node = yield* NodeName
    const target = options.root ?? "."
    const state = `${stateFolder}/nodes/${escape(host.pipeline)}.${escape(node)}`
    const disk = new FileDisk(fs, located(path, host, target), options.fsync ?? "auto", digest(state).slice(0, 8))
    const tree = new FileTree({
      target,
      folder: "",
      disk,
      manifest: new FileManifest(disk, state, host.pipeline, !host.finite),
      adopt: options.adopt ?? false,
      overwrite: options.overwrite ?? false
    })
    let last: ReadonlyMap<string, Wanted> = new Map()
    let planned = -1
    /** A lock that a killed process left; undefined until it was looked for. */
    let left: boolean | undefined

    const plan = (desired: Desired): Effect.Effect<Plan, PluginError> =>
      Effect.gen(function* () {
        yield* fit(disk)
        const listed = yield* eventually(() => f(desired))
        const all = yield* wantedOf(listed, last)
        last = new Map(all.map((file) => [file.path, file]))
        const again = planned === desired.generation
        planned = desired.generation
        return yield* Effect.gen(function* () {
          const result = yield* tree.plan({ all }, again)
          left ??= yield* isLeft(fs, disk.at(`${state}/lock`))
          const plan = planOf(target, { ...result, bookkeeping: result.bookkeeping || left })
          return { ...plan, owns: (_target: string, service: string) => tree.owns(service) }
        }).pipe(Effect.mapError((error) => failure(`cannot read ${disk.root}`, error)))
      })

    return {
      plan,
      apply: (plan: Plan, desired: Desired): Effect.Effect<Report, PluginError> => {
        if (desired.generation !== planned) return Effect.fail(outdated())
        if (plan.failed !== undefined) return Effect.succeed({ items: [] })
        return Effect.map(locked(fs, disk, state, apply(tree, plan.items)), (report) => {
          left = false
          return report
        })
      }
    }
  })

export const outdated = (): PluginError => new PluginError({ message: "the plan is out of date", retryable: true })

/** Checked, and without digests computed twice. Unsafe and colliding paths are refused one by one. */
const wantedOf = (
  listed: ReadonlyArray<FileText>,
  last: ReadonlyMap<string, Wanted>
): Effect.Effect<ReadonlyArray<Wanted>, PluginError> =>
  Effect.suspend(() => {
    if (!Array.isArray(listed)) return Effect.fail(permanent("Sink.files needs a list of { path, text }"))
    for (const file of listed as ReadonlyArray<Partial<FileText> | null>) {
      if (typeof file?.path === "string" && typeof file.text === "string") continue
      return Effect.fail(permanent("Sink.files needs a list of { path, text }, both strings"))
    }
    const clashes = collisions(listed.map((file) => file.path))
    const seen = new Set<string>()
    const out: Array<Wanted> = []
    for (const { path, text, service } of listed) {
      if (seen.has(path)) continue
      seen.add(path)
      const checked = check(path)
      const other = clashes.get(path)
      const refused =
        typeof checked === "object"
          ? `unsafe path: ${checked.problem}`
          : other === undefined
            ? undefined
            : other === path
              ? "two files of this path"
              : `collides with ${other} on some file systems`
      const old = last.get(path)
      const same = old !== undefined && old.text === text && old.entry.service === service && old.refused === refused
      out.push(
        same
          ? old
          : want(path as SafePath, text, {
              service,
              combines: service === undefined ? "services" : undefined,
              ...(refused === undefined ? {} : { refused })
            })
      )
    }
    return Effect.succeed(out)
  })
