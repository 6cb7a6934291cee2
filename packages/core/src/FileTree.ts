/**
 * A set of files that one pipeline owns below one folder: the files that are wanted, those on disk, and the manifest.
 * `plan` compares the three and never writes; `FileApply.ts` brings the disk there. What was seen stays in memory, so that
 * a later plan touches only what changed. Nothing is ours without being listed, and nothing unlisted is replaced or deleted.
 */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Diagnostic from "./Diagnostic.ts"
import { examine as examineSlot } from "./FileCompare.ts"
import type { FileDisk } from "./FileDisk.ts"
import { updateIndex } from "./FileIndex.ts"
import type { FileManifest } from "./FileManifest.ts"
import { blank, type Slot, same, type Wanted } from "./FileSlot.ts"
import type { FileStamps } from "./FileStamps.ts"
import type { Entry } from "./Inventory.ts"
import { hold, type PlanItem } from "./Plan.ts"
import type { SafePath } from "./SafePath.ts"

/** Text of a file that lists others, as kustomization.yaml. Kept in step with what is there, before files are deleted. */
export interface Index {
  readonly path: SafePath
  /** Says of an artifact whether its file is listed. */
  readonly includes: (artifact: string) => boolean
  readonly text: (paths: ReadonlyArray<string>) => string
}

export interface TreeOptions {
  readonly target: string
  /** Below the root of the disk; paths of files are relative to it. Empty: the root itself. */
  readonly folder: string
  readonly disk: FileDisk
  readonly manifest: FileManifest
  /** Takes over foreign files at paths that are wanted. */
  readonly adopt: boolean
  /** Replaces our files that somebody changed. */
  readonly overwrite: boolean
  readonly index?: Index
  /** What a new process need not read. */
  readonly stamps?: FileStamps
}

/** All files that are wanted, or the difference to those of the last plan. */
export type Change =
  | { readonly all: ReadonlyArray<Wanted> }
  | { readonly upserts: Iterable<Wanted>; readonly removes: Iterable<string> }

export interface TreePlan {
  readonly items: ReadonlyArray<PlanItem>
  readonly unchanged: number
  readonly owned: number
  readonly bookkeeping: boolean
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
  /** The whole target is left alone. */
  readonly failed?: Diagnostic.Diagnostic
}

/** Files that are looked at or written at the same time. */
export const concurrency = 16
const maximumFindings = 20
const mostUnkept = 500

export class FileTree {
  readonly options: TreeOptions
  /** Name of the target in plans. */
  target: string
  slots = new Map<string, Slot>()
  /** False: the disk has to be read again, all of it. */
  known = false
  /** Stamp of the manifest as it was read or written. */
  stamp = ""
  /** Entries of the manifest that change without a change of files: adopted, described anew, vanished. */
  silent = new Map<string, Entry | undefined>()
  untidy = false
  /** Temporary files of killed processes are gone. */
  swept = false
  /** What the last plan found to do or to say, by path. */
  open = new Map<string, PlanItem>()
  /** A path came or went since the index was made. */
  moved = true
  /** Files read or written since the stamps were kept. */
  unkept = 0
  /** Kept while nothing changes. */
  counts: { readonly owned: number; readonly unchanged: number } | undefined

  constructor(options: TreeOptions) {
    this.options = options
    this.target = options.target
  }

  /** From now on, plans call it by another name. */
  rename(target: string): void {
    if (target === this.target) return
    this.target = target
    this.known = false
  }

  /** Whether the manifest lists something of a service. */
  owns(service: string): boolean {
    for (const { entry } of this.slots.values()) if (entry?.service === service) return true
    return false
  }

  full(path: string): string {
    return this.options.folder === "" ? path : `${this.options.folder}/${path}`
  }

  /** Compares. `recheck` looks at every file again, cheaply where it did not change. */
  plan(change: Change, recheck = false): Effect.Effect<TreePlan, PlatformError> {
    return Effect.gen({ self: this }, function* () {
      const { disk, manifest } = this.options
      disk.refresh()
      // Another run of the same pipeline may have written: what it owns is ours.
      const looks = recheck || this.open.size > 0
      if (this.known && looks && (yield* manifest.stamp()) !== this.stamp) this.known = false
      const fresh = !this.known
      const touched = this.take(change)
      if (fresh) {
        const failed = yield* this.load()
        if (failed !== undefined) return refuse(failed, [failed])
      }
      if (fresh || recheck || touched.size > 0 || this.open.size > 0) this.counts = undefined
      const before = this.open
      const indexPath = this.options.index?.path
      const paths = new Set(fresh || recheck ? this.slots.keys() : [...touched, ...before.keys()])
      if (indexPath !== undefined) paths.delete(indexPath)
      const findings: Array<Diagnostic.Diagnostic> = []
      const refusals: Array<string> = []
      this.open = new Map()
      const examine = (path: string) =>
        examineSlot(this, path, findings).pipe(
          Effect.map((result) => {
            if (typeof result === "string") refusals.push(result)
            else if (result !== undefined) this.open.set(path, result)
          })
        )
      // Until it came through, memory does not know what to look at the next time.
      this.known = false
      yield* Effect.forEach(paths, examine, { concurrency, discard: true })
      const listed = indexPath !== undefined && (this.moved || fresh || recheck || before.has(indexPath))
      if (listed && refusals.length === 0) {
        updateIndex(this, "planned")
        this.moved = false
        yield* examine(indexPath)
        const item = this.open.get(indexPath)
        if (item !== undefined) this.open.set(indexPath, { ...item, lists: true })
      }
      if (refusals.length > 0) {
        const all = [...new Set(refusals)].sort().slice(0, maximumFindings)
        const diagnostics = all.map((why) =>
          Diagnostic.error("CW704", why, {
            help: "nothing is written here until it is gone",
            place: { file: disk.root }
          })
        )
        return refuse(diagnostics[0]!, diagnostics)
      }
      this.known = true
      yield* this.keep()
      const { items, owned, unchanged } = this.summary()
      return {
        items,
        unchanged,
        owned,
        bookkeeping: this.silent.size > 0 || this.untidy,
        diagnostics: findings.slice(0, maximumFindings)
      }
    })
  }

  /** Keeps the stamps, once enough has changed for that to be cheaper than reading. */
  keep(): Effect.Effect<void> {
    const { stamps } = this.options
    if (stamps === undefined || this.unkept < mostUnkept) return Effect.void
    this.unkept = 0
    const files: Array<readonly [string, string, number]> = []
    for (const [path, { disk, entry, stamp }] of this.slots)
      if (entry !== undefined && disk === entry.digest) files.push([path, disk, stamp])
    return stamps.save(files)
  }

  private load(): Effect.Effect<Diagnostic.Diagnostic | undefined, PlatformError> {
    return Effect.gen({ self: this }, function* () {
      const loaded = yield* this.options.manifest.load()
      if ("code" in loaded) return loaded
      const stamps = yield* this.options.stamps?.load() ?? Effect.succeed(undefined)
      const slots = new Map<string, Slot>()
      for (const entry of loaded.entries.values()) {
        // Paths and entries that trees have in common are held once.
        const file = this.slots.get(entry.id)?.wanted
        const path = file?.path ?? entry.id
        const kept = same(file?.entry, entry) ? file!.entry : entry
        const [id, stamp] = stamps?.get(path) ?? []
        const seen = id !== undefined && kept.digest.startsWith(id)
        slots.set(path, {
          wanted: undefined,
          entry: kept,
          disk: seen ? kept.digest : undefined,
          stamp: seen ? stamp! : 0
        })
      }
      for (const [path, { wanted }] of this.slots) {
        if (wanted === undefined || path === this.options.index?.path) continue
        const slot = slots.get(path)
        if (slot === undefined) slots.set(path, blank(wanted))
        else slot.wanted = wanted
      }
      this.slots = slots
      this.stamp = loaded.stamp
      this.untidy = loaded.untidy
      this.silent = new Map()
      this.open = new Map()
      this.moved = true
      return undefined
    })
  }

  /** Takes over what is wanted; returns the paths where that changed. */
  private take(change: Change): ReadonlySet<string> {
    const touched = new Set<string>()
    const put = (file: Wanted) => {
      const slot = this.slots.get(file.path)
      if (slot === undefined) this.slots.set(file.path, blank(file))
      else {
        const old = slot.wanted
        slot.wanted = file
        if (old !== undefined && same(old.entry, file.entry) && old.refused === file.refused) return
        if (old === undefined) this.moved = true
      }
      if (slot === undefined) this.moved = true
      touched.add(file.path)
    }
    const drop = (path: string) => {
      const slot = this.slots.get(path)
      if (slot?.wanted === undefined) return
      slot.wanted = undefined
      this.moved = true
      touched.add(path)
    }
    if ("all" in change) {
      const wanted = new Set<string>()
      for (const file of change.all) {
        wanted.add(file.path)
        put(file)
      }
      for (const path of this.slots.keys()) if (!wanted.has(path) && path !== this.options.index?.path) drop(path)
    } else {
      for (const path of change.removes) drop(path)
      for (const file of change.upserts) put(file)
    }
    return touched
  }

  private summary() {
    let items = [...this.open.values()]
    const blocked = this.options.index !== undefined && this.open.get(this.options.index.path)?.op === "conflict"
    // An index that we may not change would go on naming what was deleted.
    if (blocked)
      items = items.map((i) => (i.op === "delete" ? hold(i, `${this.options.index!.path} cannot be changed`) : i))
    this.counts ??= this.count()
    return { items, ...this.counts }
  }

  private count() {
    let owned = 0
    let unchanged = 0
    for (const [path, slot] of this.slots) {
      if (slot.entry !== undefined) owned++
      if (slot.wanted !== undefined && !this.open.has(path)) unchanged++
    }
    return { owned, unchanged }
  }
}

const refuse = (failed: Diagnostic.Diagnostic, diagnostics: ReadonlyArray<Diagnostic.Diagnostic>): TreePlan => ({
  items: [],
  unchanged: 0,
  owned: 0,
  bookkeeping: false,
  diagnostics,
  failed
})
