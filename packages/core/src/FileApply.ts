/**
 * Executes a plan of a tree, under its lock: record old ∪ new, write, bring the index in step, delete, remove folders
 * that became empty, record new. Killed anywhere, every file is the old or the new one and everything of ours is listed.
 */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Diagnostic from "./Diagnostic.ts"
import { type FileDisk, reasonOf, Refused } from "./FileDisk.ts"
import { updateIndex } from "./FileIndex.ts"
import { concurrency, type FileTree } from "./FileTree.ts"
import { same, type Slot, textOf, type Wanted } from "./FileSlot.ts"
import * as Inventory from "./Inventory.ts"
import { executable, type PlanItem, type Report, type ReportItem } from "./Plan.ts"
import { ancestors, folderOf } from "./SafePath.ts"
import { findings } from "./WriteFailures.ts"

const encoder = new TextEncoder()

type Failure = PlatformError | Refused
type Item = ReturnType<typeof executable>[number]

/** Deletes of what is only a part of a file: files that lose something, and files that lose all they had. */
export interface Shrink {
  readonly write: ReadonlyArray<Wanted>
  readonly remove: ReadonlyArray<string>
}

/**
 * `items` are those of this tree; `shrink` is done together with the deletes, once every other write came through.
 * Never fails: the report says what happened.
 */
export const apply = (
  tree: FileTree,
  items: ReadonlyArray<PlanItem>,
  shrink: Shrink = { write: [], remove: [] }
): Effect.Effect<Report> => new Run(tree, executable({ items, unchanged: 0 }), shrink).run()

class Run {
  private readonly tree: FileTree
  private readonly disk: FileDisk
  private readonly items: ReadonlyArray<Item>
  private readonly shrink: Shrink
  private readonly done: Array<ReportItem> = []
  private readonly diagnostics: Array<Diagnostic.Diagnostic> = []
  private failed = false
  /** Files come or go, so that the index may change. */
  private moves = false
  /** Folders in which names changed: to be synced. */
  private readonly touched = new Set<string>()
  /** What the manifest says of the files of this run. */
  private announced: Inventory.Inventory

  constructor(tree: FileTree, items: ReadonlyArray<Item>, shrink: Shrink) {
    this.tree = tree
    this.disk = tree.options.disk
    this.items = items
    this.shrink = shrink
    this.announced = Inventory.empty(tree.options.manifest.owner)
  }

  run(): Effect.Effect<Report> {
    return this.steps().pipe(
      Effect.catch((failure) => Effect.sync(() => this.giveUp(failure))),
      Effect.map(() => {
        const planned = new Set(this.items.map((i) => i.id))
        const items = this.done.filter((i) => planned.has(i.id) || i.outcome !== "applied")
        const diagnostics = [...findings(items), ...this.diagnostics]
        return { items, ...(diagnostics.length === 0 ? {} : { diagnostics }) }
      })
    )
  }

  private steps(): Effect.Effect<void, Failure> {
    return Effect.gen({ self: this }, function* () {
      const { tree } = this
      const index = tree.options.index?.path
      const deletes: Array<Pick<Item, "id" | "op" | "service">> = this.items.filter(
        (i) => i.op === "delete" && i.id !== index
      )
      for (const id of this.shrink.remove) deletes.push({ op: "delete", id })
      const writes = this.items.filter((i) => i.op !== "delete" && i.id !== index)
      this.moves =
        deletes.length > 0 ||
        tree.silent.size > 0 ||
        this.items.some((i) => i.op === "create" || i.id === index || tree.slots.get(i.id)?.entry === undefined) ||
        this.shrink.write.length > 0
      // Until all is recorded, memory is not to be trusted: an interrupt may come at any step.
      tree.known = false
      tree.counts = undefined
      yield* this.prepare()
      yield* this.announceAll(writes, deletes)
      yield* Effect.forEach(writes, (item) => this.one(item, this.putItem(item)), { concurrency, discard: true })
      if (!this.failed) {
        yield* Effect.forEach(this.shrink.write, (file) => this.derive(file), { discard: true })
        for (const id of this.shrink.remove) tree.slots.get(id)!.wanted = undefined
      }
      yield* this.followIndex(this.failed ? [] : deletes)
      if (this.failed) this.skip(deletes)
      else
        yield* Effect.forEach(deletes, (item) => this.one(item, this.remove(item.id)), { concurrency, discard: true })
      yield* this.tidyFolders()
      yield* Effect.forEach(this.touched, (folder) => this.disk.syncFolder(folder), { discard: true })
      yield* this.settle()
      tree.unkept += writes.length
      yield* tree.keep()
      tree.known = !this.failed
      tree.swept = tree.known
    })
  }

  /** Nobody else wrote since the plan; what a killed process left is cleared away. */
  private prepare(): Effect.Effect<void, Failure> {
    return Effect.gen({ self: this }, function* () {
      const { disk, tree } = this
      const { manifest } = tree.options
      disk.refresh()
      yield* disk.makeFolder(manifest.folder)
      if ((yield* manifest.stamp()) !== tree.stamp)
        return yield* Effect.fail(new Refused(`${manifest.path} was changed since the plan`))
      if (tree.swept) {
        tree.swept = false
        return
      }
      const folders = new Set([manifest.folder])
      for (const [path, slot] of tree.slots) {
        if (slot.entry === undefined && slot.wanted?.refused !== undefined) continue
        for (const folder of ancestors(tree.full(path))) folders.add(folder)
      }
      if (tree.options.folder === "") folders.add("")
      yield* Effect.forEach(folders, (folder) => disk.sweep(folder), { discard: true })
    })
  }

  /** Old ∪ new goes into the manifest before anything is written. */
  private announceAll(
    writes: ReadonlyArray<Item>,
    deletes: ReadonlyArray<Pick<Item, "id" | "op" | "service">>
  ): Effect.Effect<void, Failure> {
    const { tree } = this
    const entries = new Map<string, Inventory.Entry>()
    for (const { id } of deletes) {
      const entry = tree.slots.get(id)?.entry
      if (entry !== undefined) entries.set(id, entry)
    }
    this.announced = { owner: this.announced.owner, entries }
    const files = writes.flatMap(({ id }) => tree.slots.get(id)?.wanted ?? [])
    const { index } = tree.options
    if (index !== undefined && this.moves && tree.open.get(index.path)?.op !== "conflict") {
      updateIndex(tree, "planned", new Set(deletes.map((i) => i.id)))
      const slot = tree.slots.get(index.path)
      if (slot?.wanted !== undefined && slot.wanted.entry.digest !== slot.disk) files.push(slot.wanted)
    }
    for (const file of this.shrink.write) if (!writes.some((i) => i.id === file.path)) files.push(file)
    return this.announce(files)
  }

  private announce(files: ReadonlyArray<Wanted>): Effect.Effect<void, Failure> {
    const fresh = files.filter(({ entry: { digest, id } }) => {
      const entry = this.announced.entries.get(id)
      return entry === undefined || (entry.digest !== digest && entry.pending !== digest)
    })
    const { silent, slots } = this.tree
    const adopted = [...silent].filter(([, entry]) => entry !== undefined)
    if (fresh.length === 0 && adopted.length === 0) return Effect.void
    const entries = new Map(this.announced.entries)
    for (const { path } of fresh) {
      const slot = slots.get(path)
      const { pending: _, ...entry } = slot?.entry ?? { id: path, digest: "" }
      // Besides the new body only the one that was seen can be there, be it ours, adopted or overwritten.
      if (slot?.disk !== undefined) entries.set(path, { ...entry, digest: slot.disk })
    }
    const items = fresh.map(({ entry, path }): PlanItem => {
      const service = entry.service === undefined ? {} : { service: entry.service }
      return { op: "update", target: "", id: path, digest: entry.digest, ...service }
    })
    const widened = new Map(Inventory.widen({ ...this.announced, entries }, items).entries)
    for (const { entry, path } of fresh) {
      if (entry.artifact !== undefined) widened.set(path, { ...widened.get(path)!, artifact: entry.artifact })
    }
    this.announced = { ...this.announced, entries: widened }
    return this.record(
      new Map([...adopted, ...fresh.map(({ path }) => [path, this.announced.entries.get(path)] as const)])
    )
  }

  private one(item: Pick<Item, "id" | "op" | "service">, effect: Effect.Effect<void, Failure>): Effect.Effect<void> {
    const { target } = this.tree
    const base = { op: item.op, target, id: item.id, ...(item.service === undefined ? {} : { service: item.service }) }
    return effect.pipe(
      Effect.map(() => {
        this.tree.open.delete(item.id)
        this.done.push({ ...base, outcome: "applied" })
      }),
      Effect.catch((failure) =>
        Effect.sync(() => {
          this.failed = true
          this.done.push({ ...base, outcome: "failed", message: why(failure) })
        })
      )
    )
  }

  private putItem(item: Item): Effect.Effect<void, Failure> {
    const slot = this.tree.slots.get(item.id)
    const file = slot?.wanted
    if (slot === undefined || file === undefined || file.refused !== undefined || file.entry.digest !== item.digest) {
      return Effect.fail(new Refused("the plan is out of date"))
    }
    return this.put(slot, file)
  }

  private put(slot: Slot, file: Wanted): Effect.Effect<void, Failure> {
    const path = this.tree.full(file.path)
    return this.asSeen(slot, path).pipe(
      Effect.andThen(Effect.suspend(() => this.disk.write(path, encoder.encode(textOf(file))))),
      Effect.map((seen) => {
        // A new name may stand in new folders.
        if (slot.disk === undefined) for (const folder of ancestors(path)) this.touched.add(folder)
        this.touched.add(folderOf(path))
        slot.wanted = file
        slot.disk = file.entry.digest
        slot.stamp = seen.kind === "file" ? seen.stamp : 0
      })
    )
  }

  private remove(id: string): Effect.Effect<void, Failure> {
    const slot = this.tree.slots.get(id)
    if (slot?.entry === undefined || slot.wanted !== undefined)
      return Effect.fail(new Refused("the plan is out of date"))
    const path = this.tree.full(id)
    return this.asSeen(slot, path).pipe(
      Effect.andThen(this.disk.remove(path)),
      Effect.map(() => {
        slot.disk = undefined
        this.touched.add(folderOf(path))
      })
    )
  }

  private asSeen(slot: Slot, path: string): Effect.Effect<void, Failure> {
    return Effect.flatMap(this.disk.look(path), (seen) => {
      const same = slot.disk === undefined ? seen.kind === "absent" : seen.kind === "file" && seen.stamp === slot.stamp
      return same
        ? Effect.void
        : Effect.fail(new Refused(seen.kind === "refused" ? seen.problem : `${path} was changed since the plan`))
    })
  }

  /** A write that follows from others: it is in the report only if it was planned, or fails. */
  private derive(file: Wanted): Effect.Effect<void, Failure> {
    const slot = this.tree.slots.get(file.path)
    if (slot === undefined || slot.disk === file.entry.digest) return Effect.void
    const op = slot.disk === undefined ? "create" : "update"
    return Effect.andThen(this.announce([file]), this.one({ op, id: file.path }, this.put(slot, file)))
  }

  /** Before files are deleted, the index stops naming them; it never names a file that could not be written. */
  private followIndex(deletes: ReadonlyArray<Pick<Item, "id" | "op" | "service">>): Effect.Effect<void, Failure> {
    const { tree } = this
    const { index } = tree.options
    if (index === undefined || !this.moves || tree.open.get(index.path)?.op === "conflict") return Effect.void
    const planned = this.items.find((i) => i.id === index.path)
    updateIndex(tree, "now", new Set(deletes.map((i) => i.id)))
    const slot = tree.slots.get(index.path)
    if (slot === undefined) return Effect.void
    if (slot.wanted !== undefined) {
      if (slot.disk !== slot.wanted.entry.digest) return this.derive(slot.wanted)
      // A run that was cut short came as far as this.
      if (!same(slot.entry, slot.wanted.entry)) tree.silent.set(index.path, slot.wanted.entry)
      return planned === undefined ? Effect.void : this.one(planned, Effect.void)
    }
    const due = deletes.length > 0 || planned?.op === "delete"
    if (!due || slot.disk === undefined || slot.entry === undefined) return Effect.void
    this.announced = { ...this.announced, entries: new Map(this.announced.entries).set(index.path, slot.entry) }
    return this.one({ op: "delete", id: index.path }, this.remove(index.path))
  }

  private skip(deletes: ReadonlyArray<Pick<Item, "id" | "op" | "service">>): void {
    if (deletes.length === 0) return
    const { target } = this.tree
    const message = "another change in this target failed"
    for (const { id, op, service } of deletes) {
      this.done.push({ op, target, id, ...(service === undefined ? {} : { service }), outcome: "skipped", message })
    }
    this.diagnostics.push(Diagnostic.warning("CW903", `${target}: ${deletes.length} deletes are held: ${message}`))
  }

  /** Folders of files that are gone, where nothing is left in them. The root stays. */
  private tidyFolders(): Effect.Effect<void, Failure> {
    const { tree } = this
    const gone = this.done.filter((i) => i.op === "delete" && i.outcome === "applied").map((i) => i.id)
    for (const [path, entry] of tree.silent) if (entry === undefined) gone.push(path)
    const candidates = new Set(gone.flatMap((path) => ancestors(tree.full(path))))
    const inside = tree.options.folder
    const deepestFirst = [...candidates]
      .filter((folder) => folder !== "" && (inside === "" || folder === inside || folder.startsWith(`${inside}/`)))
      .sort((a, b) => b.length - a.length)
    return Effect.forEach(
      deepestFirst,
      (folder) => {
        const prefix = inside === "" ? `${folder}/` : `${folder}/`.slice(inside.length + 1)
        for (const [path, slot] of tree.slots)
          if (slot.disk !== undefined && path.startsWith(prefix)) return Effect.void
        return Effect.map(this.disk.removeFolder(folder), (removed) => {
          if (!removed) return
          this.touched.delete(folder)
          this.touched.add(folderOf(folder))
        })
      },
      { discard: true }
    )
  }

  /** What was written and deleted goes into the manifest; what failed stays listed as it was announced. */
  private settle(): Effect.Effect<void, Failure> {
    const { silent, slots, untidy } = this.tree
    const settled = Inventory.settle(this.announced, this.done, (id) => slots.get(id)?.wanted?.entry)
    const changes = new Map<string, Inventory.Entry | undefined>(silent)
    for (const id of this.announced.entries.keys()) {
      const wanted = slots.get(id)?.wanted?.entry
      const now = settled.entries.get(id)
      // Entries that trees have in common are held once.
      changes.set(id, now?.digest === wanted?.digest && now?.pending === undefined ? now && wanted : now)
    }
    const record = changes.size === 0 && !untidy ? Effect.void : this.record(changes)
    return Effect.map(record, () => {
      for (const [id, entry] of changes) {
        const slot = slots.get(id)
        if (slot === undefined) continue
        slot.entry = entry
        if (entry === undefined && slot.wanted === undefined) slots.delete(id)
      }
      silent.clear()
      this.tree.untidy = false
    })
  }

  private record(changes: ReadonlyMap<string, Inventory.Entry | undefined>): Effect.Effect<void, Failure> {
    const { tree } = this
    const { manifest } = tree.options
    const entries = () => {
      const all = new Map<string, Inventory.Entry>()
      for (const [path, slot] of tree.slots) if (slot.entry !== undefined) all.set(path, slot.entry)
      for (const [id, entry] of this.announced.entries) all.set(id, entry)
      for (const [id, entry] of changes) {
        if (entry === undefined) all.delete(id)
        else all.set(id, entry)
      }
      return all
    }
    return manifest.record(changes, { size: tree.slots.size, entries }).pipe(
      Effect.andThen(manifest.stamp()),
      Effect.map((stamp) => {
        tree.stamp = stamp
      })
    )
  }

  /** The records could not be written, or a folder not removed: what was not tried failed, and nothing is forgotten. */
  private giveUp(failure: Failure): void {
    const { target } = this.tree
    const { manifest } = this.tree.options
    this.tree.swept = false
    const message = why(failure)
    const tried = new Set(this.done.map((i) => i.id))
    const left = this.items.filter((i) => !tried.has(i.id))
    for (const { id, op, service } of left) {
      const outcome = op === "delete" ? "skipped" : "failed"
      this.done.push({ op, target, id, ...(service === undefined ? {} : { service }), outcome, message })
    }
    this.done.push({ op: "update", target, id: manifest.path, outcome: "failed", message })
  }
}

const why = (failure: Failure): string => (failure._tag === "PlatformError" ? reasonOf(failure) : failure.message)
