/**
 * A set of files that one pipeline owns below one folder: the files that are wanted, those on disk, and the manifest.
 * `plan` compares the three and never writes; `FileApply.ts` brings the disk there. What was seen stays in memory, so that
 * a later plan touches only what changed. Nothing is ours without being listed, and nothing unlisted is replaced or deleted.
 */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Diagnostic from "./Diagnostic.ts"
import { digest, digestBytes } from "./Digest.ts"
import type { FileDisk } from "./FileDisk.ts"
import type { FileManifest } from "./FileManifest.ts"
import type { Entry } from "./Inventory.ts"
import { added, changed, type LineCount } from "./LineCount.ts"
import { hold, type PlanItem } from "./Plan.ts"
import type { SafePath } from "./SafePath.ts"

/** A file that should be there. Shared by all trees that want the same. */
export interface Wanted {
  readonly path: SafePath
  readonly text: string | (() => string)
  /** What the manifest will say: path, digest, service, artifact. */
  readonly entry: Entry
  /** Why it must not be written, as a collision: it becomes a conflict, and what is there stays. */
  readonly refused?: string
}

export const textOf = (file: Wanted): string => (typeof file.text === "string" ? file.text : file.text())

export const want = (
  path: SafePath,
  text: string | (() => string),
  more: { readonly service?: string | undefined; readonly artifact?: string; readonly refused?: string } = {}
): Wanted => ({
  path,
  text,
  entry: {
    id: path,
    digest: digest(typeof text === "string" ? text : text()),
    ...(more.service === undefined ? {} : { service: more.service }),
    ...(more.artifact === undefined ? {} : { artifact: more.artifact })
  },
  ...(more.refused === undefined ? {} : { refused: more.refused })
})

/** One path: what is wanted there, what the manifest says, and what was last seen on disk. */
export interface Slot {
  wanted: Wanted | undefined
  entry: Entry | undefined
  /** Digest of the content seen; undefined: no file. */
  disk: string | undefined
  stamp: number
}

/** Text of a file that lists others, as kustomization.yaml. Kept in step with what is there, before files are deleted. */
export interface Index {
  readonly path: SafePath
  readonly includes: (path: string) => boolean
  readonly text: (paths: ReadonlyArray<string>) => string
}

export interface TreeOptions {
  /** Name of the target in plans. */
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
const encoder = new TextEncoder()

export class FileTree {
  readonly options: TreeOptions
  slots = new Map<string, Slot>()
  /** False: the disk has to be read again, all of it. */
  known = false
  /** Stamp of the manifest as it was read or written. */
  stamp = ""
  /** Entries of the manifest that change without a change of files: adopted, described anew, vanished. */
  silent = new Map<string, Entry | undefined>()
  untidy = false
  /** What the last plan found to do or to say, by path. */
  open = new Map<string, PlanItem>()
  /** A path came or went since the index was made. */
  moved = true

  constructor(options: TreeOptions) {
    this.options = options
  }

  full(path: string): string {
    return this.options.folder === "" ? path : `${this.options.folder}/${path}`
  }

  /** Compares. `recheck` looks at every file again, cheaply where it did not change. */
  plan(change: Change, recheck = false): Effect.Effect<TreePlan, PlatformError> {
    return Effect.gen({ self: this }, function* () {
      const { disk } = this.options
      disk.refresh()
      const fresh = !this.known
      const touched = this.take(change)
      if (fresh) {
        const failed = yield* this.load()
        if (failed !== undefined) return refuse(failed, [failed])
      }
      const before = this.open
      const indexPath = this.options.index?.path
      const paths = new Set(fresh || recheck ? this.slots.keys() : [...touched, ...before.keys()])
      if (indexPath !== undefined) paths.delete(indexPath)
      const findings: Array<Diagnostic.Diagnostic> = []
      const refusals: Array<string> = []
      this.open = new Map()
      const examine = (path: string) =>
        this.examine(path, findings).pipe(
          Effect.map((result) => {
            if (typeof result === "string") refusals.push(result)
            else if (result !== undefined) this.open.set(path, result)
          })
        )
      yield* Effect.forEach(paths, examine, { concurrency, discard: true }).pipe(
        Effect.onError(() => Effect.sync(() => void (this.open = before)))
      )
      const listed = indexPath !== undefined && (this.moved || fresh || recheck || before.has(indexPath))
      if (listed && refusals.length === 0) {
        this.index("planned")
        yield* examine(indexPath)
      }
      if (refusals.length > 0) {
        this.known = false
        const all = [...new Set(refusals)].sort().slice(0, maximumFindings)
        const diagnostics = all.map((why) => Diagnostic.error("CW704", why, { help: "nothing is written here until it is gone", place: { file: disk.root } }))
        return refuse(diagnostics[0]!, diagnostics)
      }
      this.known = true
      const { items, owned, unchanged } = this.summary()
      return { items, unchanged, owned, bookkeeping: this.silent.size > 0 || this.untidy, diagnostics: findings.slice(0, maximumFindings) }
    })
  }

  private load(): Effect.Effect<Diagnostic.Diagnostic | undefined, PlatformError> {
    return Effect.gen({ self: this }, function* () {
      const loaded = yield* this.options.manifest.load()
      if ("code" in loaded) return loaded
      const slots = new Map<string, Slot>()
      for (const entry of loaded.entries.values()) {
        // Paths and entries that trees have in common are held once.
        const file = this.slots.get(entry.id)?.wanted
        const path = file?.path ?? entry.id
        slots.set(path, { wanted: undefined, entry: same(file?.entry, entry) ? file!.entry : entry, disk: undefined, stamp: 0 })
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

  /** What is to do at one path: an item, nothing, or why the whole tree is refused. */
  private examine(path: string, findings: Array<Diagnostic.Diagnostic>): Effect.Effect<PlanItem | string | undefined, PlatformError> {
    return Effect.gen({ self: this }, function* () {
      const { adopt, disk, overwrite, target } = this.options
      const slot = this.slots.get(path)
      if (slot === undefined) return undefined
      const { entry, wanted } = slot
      const service = wanted?.entry.service ?? entry?.service
      const item = { target, id: path, ...(service === undefined ? {} : { service }) }
      this.silent.delete(path)
      const place = { file: disk.at(this.full(path)) }
      if (wanted?.refused !== undefined) {
        findings.push(Diagnostic.error("CW704", `${path}: ${wanted.refused}`, { service, place }))
        // What we own there stays, and stays listed.
        if (entry !== undefined) {
          const there = yield* disk.look(this.full(path))
          slot.disk = there.kind === "file" ? (slot.disk ?? entry.digest) : undefined
          slot.stamp = 0
        }
        return { ...item, op: "conflict" as const, reason: wanted.refused }
      }
      const seen = yield* disk.look(this.full(path))
      if (seen.kind === "refused") return seen.problem
      if (seen.kind === "absent") {
        slot.disk = undefined
        if (wanted !== undefined) return { ...item, op: "create" as const, digest: wanted.entry.digest, added: added(textOf(wanted)), removed: 0 }
        if (entry !== undefined) this.silent.set(path, undefined)
        else this.slots.delete(path)
        return undefined
      }
      let bytes: Uint8Array | undefined
      if (slot.disk === undefined || slot.stamp !== seen.stamp) {
        bytes = yield* disk.read(this.full(path), seen.size)
        slot.disk = bytes === undefined ? "too large" : wanted !== undefined && equal(bytes, textOf(wanted)) ? wanted.entry.digest : digestBytes(bytes)
        slot.stamp = seen.stamp
      }
      const there = slot.disk
      const ours = entry !== undefined && (there === entry.digest || there === entry.pending)
      if (wanted === undefined) {
        if (entry === undefined) {
          this.slots.delete(path)
          return undefined
        }
        const gone = { ...item, op: "delete" as const, before: there, added: 0 }
        if (ours) return { ...gone, removed: added(yield* this.content(path, seen.size, bytes)) }
        findings.push(Diagnostic.warning("CW703", `${path} is not wanted any more, but was changed by someone else: kept`, { service, place }))
        return hold(gone, "changed by someone else")
      }
      if (there === wanted.entry.digest) {
        if (!same(entry, wanted.entry)) this.silent.set(path, wanted.entry)
        return undefined
      }
      if (ours || (entry === undefined ? adopt : overwrite)) {
        const pair = `${there} ${wanted.entry.digest}`
        const counts = counted.get(pair) ?? changed(yield* this.content(path, seen.size, bytes), textOf(wanted))
        remember(pair, counts)
        return { ...item, op: "update" as const, digest: wanted.entry.digest, before: there, ...counts }
      }
      const reason = entry === undefined ? "there is a file that cw does not own" : "changed by someone else"
      findings.push(
        entry === undefined
          ? Diagnostic.error("CW702", `${path}: ${reason}`, { service, place, help: "move it away, or set adopt: true to replace it" })
          : Diagnostic.warning("CW703", `${path} was changed by someone else: kept`, { service, place, help: "restore or remove it, or set overwrite: true to replace it" })
      )
      return { ...item, op: "conflict" as const, intended: "update" as const, digest: wanted.entry.digest, before: there, reason }
    })
  }

  /** For line counts only. */
  private content(path: string, size: number, bytes: Uint8Array | undefined): Effect.Effect<string, PlatformError> {
    return bytes === undefined
      ? Effect.map(this.options.disk.read(this.full(path), size), (b) => new TextDecoder().decode(b))
      : Effect.succeed(new TextDecoder().decode(bytes))
  }

  /**
   * Brings the wanted text of the index up to date: for a plan, with what will be there before anything is deleted; for
   * an apply, with what is there once `gone` has been deleted.
   */
  index(moment: "planned" | ReadonlySet<string>): void {
    const index = this.options.index!
    const members = this.members(index, moment)
    this.moved = moment !== "planned"
    const file = members.length === 0 ? undefined : want(index.path, index.text(members))
    const slot = this.slots.get(index.path)
    if (slot !== undefined) slot.wanted = file
    else if (file !== undefined) this.slots.set(index.path, blank(file))
  }

  /** Our files, without stale ones whose artifact lives at another path now. */
  private members(index: Index, moment: "planned" | ReadonlySet<string>): ReadonlyArray<string> {
    const listed: Array<string> = []
    const stale: Array<Entry> = []
    for (const [path, { disk, entry, wanted }] of this.slots) {
      if (path === index.path || !index.includes(path) || (moment !== "planned" && moment.has(path))) continue
      if (wanted === undefined) {
        if (entry !== undefined && disk !== undefined) stale.push(entry)
      } else if (disk === undefined ? moment === "planned" && wanted.refused === undefined : entry !== undefined || this.open.get(path)?.op !== "conflict") {
        listed.push(path)
      }
    }
    if (stale.length > 0) {
      const artifacts = new Set(listed.map((path) => this.slots.get(path)!.wanted!.entry.artifact))
      for (const { artifact, id } of stale) if (artifact === undefined || !artifacts.has(artifact)) listed.push(id)
    }
    return listed.sort()
  }

  private summary() {
    let owned = 0
    let unchanged = 0
    for (const [path, slot] of this.slots) {
      if (slot.entry !== undefined) owned++
      if (slot.wanted !== undefined && !this.open.has(path)) unchanged++
    }
    let items = [...this.open.values()]
    const blocked = this.options.index !== undefined && this.open.get(this.options.index.path)?.op === "conflict"
    // An index that we may not change would go on naming what was deleted.
    if (blocked) items = items.map((i) => (i.op === "delete" ? hold(i, `${this.options.index!.path} cannot be changed`) : i))
    return { items, owned, unchanged }
  }
}

// One change of one body comes by once per cluster.
const counted = new Map<string, LineCount>()
const remember = (pair: string, counts: LineCount): void => {
  if (counted.size > 100_000) counted.clear()
  counted.set(pair, counts)
}

const blank = (wanted: Wanted): Slot => ({ wanted, entry: undefined, disk: undefined, stamp: 0 })

const same = (a: Entry | undefined, b: Entry | undefined): boolean =>
  a === b ||
  (a !== undefined &&
    b !== undefined &&
    a.digest === b.digest &&
    a.pending === b.pending &&
    a.service === b.service &&
    a.artifact === b.artifact)

const equal = (bytes: Uint8Array, text: string): boolean => {
  // Three bytes at most stand for one unit of the text.
  if (bytes.length < text.length || bytes.length > text.length * 3) return false
  const other = encoder.encode(text)
  if (other.length !== bytes.length) return false
  for (let i = 0; i < other.length; i++) if (other[i] !== bytes[i]) return false
  return true
}

const refuse = (failed: Diagnostic.Diagnostic, diagnostics: ReadonlyArray<Diagnostic.Diagnostic>): TreePlan => ({
  items: [],
  unchanged: 0,
  owned: 0,
  bookkeeping: false,
  diagnostics,
  failed
})
