/**
 * Executes a plan of a tree, under its lock: record old ∪ new, write, bring the index in step, delete, remove folders
 * that became empty, record new. Killed anywhere, every file is the old or the new one and everything of ours is listed.
 */
import * as Effect from "effect/Effect"
import * as Diagnostic from "./Diagnostic.ts"
import { type FileDisk, reasonOf, type Refused } from "./FileDisk.ts"
import { concurrency, type FileTree, type Slot, textOf, type Wanted } from "./FileTree.ts"
import { type Entry, settle, widen } from "./Inventory.ts"
import type { PlatformError } from "effect/PlatformError"
import type { Plan, PlanItem, Report, ReportItem } from "./Plan.ts"
import { executable } from "./Plan.ts"
import { ancestors, folderOf } from "./SafePath.ts"

const encoder = new TextEncoder()

type Failure = PlatformError | Refused
type Item = ReturnType<typeof executable>[number]

const why = (failure: Failure): string => (failure._tag === "PlatformError" ? reasonOf(failure) : failure.message)

/**
 * `items` are those of this tree. `shrink` are files that lose something now that deletes are due: they are written
 * together with the index, once every other write came through.
 */
export const apply = (tree: FileTree, items: ReadonlyArray<PlanItem>, shrink: ReadonlyArray<Wanted> = []): Effect.Effect<Report> =>
  new Run(tree, executable({ items, unchanged: 0 } satisfies Plan), shrink).run()

class Run {
  private readonly tree: FileTree
  private readonly disk: FileDisk
  private readonly items: ReadonlyArray<Item>
  private readonly shrink: ReadonlyArray<Wanted>
  private readonly report: Array<ReportItem> = []
  private readonly diagnostics: Array<Diagnostic.Diagnostic> = []
  private failed = false
  /** Folders whose names changed: to be synced. */
  private readonly changed = new Set<string>()
  /** Records of this run, as the manifest has them after the first record. */
  private entries: ReadonlyMap<string, Entry> = new Map()

  constructor(tree: FileTree, items: ReadonlyArray<Item>, shrink: ReadonlyArray<Wanted>) {
    this.tree = tree
    this.disk = tree.options.disk
    this.items = items
    this.shrink = shrink
  }

  run(): Effect.Effect<Report> {
    const { tree } = this
    return Effect.gen({ self: this }, function* () {
      const index = tree.options.index?.path
      const deletes = this.items.filter((i) => i.op === "delete" && i.id !== index)
      const writes = this.items.filter((i) => i.op !== "delete" && i.id !== index)
      // Until all is recorded, memory is not to be trusted: an interrupt may come at any step.
      tree.known = false
      yield* this.prepare()
      yield* this.widen(writes, [...deletes, ...this.items.filter((i) => i.id === index)])
      yield* Effect.forEach(writes, (item) => this.one(item, this.put(item)), { concurrency, discard: true })
      if (this.failed) {
        yield* this.syncIndex(new Set())
        this.skip(deletes)
      } else {
        for (const file of this.shrink) yield* this.derive(file.path, file)
        yield* this.syncIndex(new Set(deletes.map((i) => i.id)))
        if (this.failed) this.skip(deletes)
        else yield* Effect.forEach(deletes, (item) => this.one(item, this.remove(item)), { concurrency, discard: true })
      }
      yield* this.tidyFolders()
      yield* Effect.forEach(this.changed, (folder) => this.disk.syncFolder(folder), { discard: true })
      yield* this.settle()
      tree.known = !this.failed
    }).pipe(
      Effect.catch((failure) => Effect.sync(() => this.giveUp(failure))),
      Effect.map(() => ({ items: this.report, ...(this.diagnostics.length === 0 ? {} : { diagnostics: this.diagnostics }) }))
    )
  }

  /** Nobody else wrote since the plan; what a killed process left is cleared away. */
  private prepare(): Effect.Effect<void, Failure> {
    const { disk, tree } = this
    const { manifest } = tree.options
    return Effect.gen(function* () {
      disk.refresh()
      yield* disk.makeFolder(manifest.folder)
      if ((yield* manifest.stamp()) !== tree.stamp) return yield* Effect.fail(moved(manifest.path))
      if (tree.swept) return
      const folders = new Set([manifest.folder])
      for (const path of tree.slots.keys()) {
        const folder = folderOf(tree.full(path))
        if (folders.has(folder)) continue
        folders.add(folder)
        for (const above of ancestors(folder)) folders.add(above)
      }
      yield* Effect.forEach(folders, (folder) => disk.sweep(folder), { discard: true })
      tree.swept = true
    })
  }

  private widen(writes: ReadonlyArray<Item>, rest: ReadonlyArray<Item>): Effect.Effect<void, Failure> {
    const { tree } = this
    const touched = new Map<string, Entry>()
    for (const { id } of [...writes, ...rest]) {
      const slot = tree.slots.get(id)
      const known = slot?.entry
      // The one body that may be there besides the new one is the one that was seen, be it adopted or overwritten.
      if (slot?.disk !== undefined) touched.set(id, { ...(known === undefined ? { id } : without(known)), digest: slot.disk })
      else if (known !== undefined) touched.set(id, known)
    }
    const { owner } = this.owner()
    const upserts = [...writes, ...rest.filter((i) => i.op !== "delete")]
    this.entries = widen({ owner, entries: touched }, upserts).entries
    const changes = new Map<string, Entry | undefined>()
    for (const { id } of upserts) changes.set(id, this.entries.get(id))
    for (const [id, entry] of tree.silent) if (entry !== undefined) changes.set(id, entry)
    return changes.size === 0 ? Effect.void : this.record(changes)
  }

  private settle(): Effect.Effect<void, Failure> {
    const { tree } = this
    const { entries } = settle({ ...this.owner(), entries: this.entries }, this.report, (id) => tree.slots.get(id)?.wanted?.entry)
    const changes = new Map<string, Entry | undefined>(tree.silent)
    for (const id of new Set([...this.entries.keys(), ...entries.keys()])) {
      const wanted = tree.slots.get(id)?.wanted?.entry
      const now = entries.get(id)
      // Entries that trees have in common are held once.
      changes.set(id, now !== undefined && wanted !== undefined && now.digest === wanted.digest && now.pending === undefined ? wanted : now)
    }
    if (changes.size === 0 && !tree.untidy) return Effect.void
    return this.record(changes).pipe(
      Effect.map(() => {
        for (const [id, entry] of changes) {
          const slot = tree.slots.get(id)
          if (entry !== undefined && slot !== undefined) slot.entry = entry
          else if (slot !== undefined && slot.wanted === undefined) tree.slots.delete(id)
          else if (slot !== undefined) slot.entry = undefined
        }
        tree.silent.clear()
        tree.untidy = false
      })
    )
  }

  private record(changes: ReadonlyMap<string, Entry | undefined>): Effect.Effect<void, Failure> {
    const { tree } = this
    const { manifest } = tree.options
    const entries = () => {
      const all = new Map<string, Entry>()
      for (const [path, slot] of tree.slots) if (slot.entry !== undefined) all.set(path, slot.entry)
      for (const [id, entry] of changes) entry === undefined ? all.delete(id) : all.set(id, entry)
      return all
    }
    return manifest.record(changes, { size: tree.slots.size, entries }).pipe(
      Effect.andThen(manifest.stamp()),
      Effect.map((stamp) => void (tree.stamp = stamp))
    )
  }
}
