/**
 * Where a tree of files keeps its inventory: `manifest.json`, and beside it a journal, so that recording a small change
 * of a large inventory costs the change. The journal names the manifest it continues, and is void beside another one;
 * a torn last line is a write that never happened.
 */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Diagnostic from "./Diagnostic.ts"
import type { FileDisk, Refused } from "./FileDisk.ts"
import { type Entry, fromText, toText } from "./Inventory.ts"
import { problem } from "./SafePath.ts"

export interface Loaded {
  readonly entries: Map<string, Entry>
  /** Differs when another process wrote the records. */
  readonly stamp: string
  /** A process was killed while it wrote: there are temporary files, or a torn line. */
  readonly untidy: boolean
}

/** Below this many entries the whole manifest is written each time. */
const small = 1000

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

export class FileManifest {
  /** Path of the manifest itself, as shown in findings. */
  readonly path: string
  readonly folder: string
  private readonly journal: string
  private readonly disk: FileDisk
  readonly owner: string
  /** A journal is worth it only for a process that goes on; one that ends leaves one tidy file. */
  private readonly journaling: boolean
  private lines = 0
  /** Of the manifest that is there. */
  private base: string | undefined
  private rewrite = false

  constructor(disk: FileDisk, folder: string, owner: string, journaling: boolean) {
    this.disk = disk
    this.folder = folder
    this.owner = owner
    this.journaling = journaling
    this.path = `${folder}/manifest.json`
    this.journal = `${folder}/journal.ndjson`
  }

  /** What is recorded; a diagnostic (CW704, CW705, CW706) when that cannot be relied on. */
  load(): Effect.Effect<Loaded | Diagnostic.Diagnostic, PlatformError> {
    return Effect.gen({ self: this }, function* () {
      const stamp = yield* this.stamp()
      const base = yield* this.text(this.path)
      const journal = yield* this.text(this.journal)
      const untidy = (yield* this.disk.leftovers(this.folder)).length > 0
      if (typeof base === "object") return this.unreadable(base.problem)
      if (typeof journal === "object") return this.unreadable(journal.problem)
      const stored = base === undefined ? { owner: this.owner, entries: new Map<string, Entry>() } : fromText(base)
      if ("problem" in stored) return this.unreadable(stored.problem)
      const entries = new Map(stored.entries)
      if (stored.owner !== this.owner) return this.foreign(stored.owner)
      this.base = base === undefined ? undefined : mark(base)
      const lines = journal === undefined ? [] : journal.split("\n")
      const torn = lines.pop() !== "" && journal !== undefined
      const follows = this.base !== undefined && lines[0] === JSON.stringify({ continues: this.base })
      for (const [i, line] of (follows ? lines.slice(1) : []).entries()) {
        const change = parseLine(line)
        if (change === undefined) return this.unreadable(`line ${i + 2} of its journal is not valid`)
        if (change.entry === undefined) entries.delete(change.id)
        else entries.set(change.id, change.entry)
      }
      for (const id of entries.keys()) {
        const why = problem(id)
        if (why !== undefined) return this.unreadable(`it lists the path ${JSON.stringify(id)}: ${why}`)
      }
      this.lines = lines.length
      this.rewrite = journal !== undefined && (torn || !follows)
      return { entries, stamp, untidy: untidy || this.rewrite }
    })
  }

  private text(path: string): Effect.Effect<string | undefined | { readonly problem: string }, PlatformError> {
    return Effect.gen({ self: this }, function* () {
      const seen = yield* this.disk.look(path)
      if (seen.kind === "absent") return undefined
      if (seen.kind === "refused") return { problem: seen.problem }
      const bytes = yield* this.disk.read(path, seen.size)
      if (bytes === undefined) return { problem: "it is too large" }
      try {
        return decoder.decode(bytes)
      } catch {
        return { problem: "it is not UTF-8" }
      }
    })
  }

  /** Says whether another process wrote since. */
  stamp(): Effect.Effect<string, PlatformError> {
    const one = (path: string) =>
      Effect.map(this.disk.look(path), (seen) => (seen.kind === "file" ? seen.stamp : seen.kind))
    return Effect.zipWith(one(this.path), one(this.journal), (a, b) => `${a} ${b}`)
  }

  /** Records changes (undefined: no longer owned). `all` is the whole inventory after them. */
  record(
    changes: ReadonlyMap<string, Entry | undefined>,
    all: { readonly size: number; readonly entries: () => ReadonlyMap<string, Entry> }
  ): Effect.Effect<void, PlatformError | Refused> {
    if (changes.size === 0 && this.base !== undefined && !this.rewrite) return Effect.void
    return Effect.gen({ self: this }, function* () {
      const { base, lines } = this
      const append =
        this.journaling &&
        base !== undefined &&
        !this.rewrite &&
        all.size >= small &&
        lines + changes.size <= all.size / 4
      // Whatever happens from here on, the next record starts afresh unless this one came through.
      this.rewrite = true
      if (append) {
        const more = [...changes].map(([id, entry]) => JSON.stringify(entry === undefined ? { id } : printable(entry)))
        if (lines === 0) more.unshift(JSON.stringify({ continues: base }))
        yield* this.disk.append(this.journal, encoder.encode(`${more.join("\n")}\n`))
        if (lines === 0) yield* this.disk.syncFolder(this.folder)
        this.lines += more.length
      } else {
        const text = toText({ owner: this.owner, entries: all.entries() })
        yield* this.disk.write(this.path, encoder.encode(text), true)
        yield* this.disk.syncFolder(this.folder)
        if ((yield* this.disk.look(this.journal)).kind === "file") yield* this.disk.remove(this.journal)
        this.base = mark(text)
        this.lines = 0
      }
      this.rewrite = false
    })
  }

  private unreadable(why: string): Diagnostic.Diagnostic {
    return Diagnostic.error("CW705", `${this.path} cannot be relied on: ${why}`, {
      place: { file: this.disk.at(this.path) },
      help: "restore it, for instance from version control; or remove it and run once with adopt: true"
    })
  }

  private foreign(owner: string): Diagnostic.Diagnostic {
    return Diagnostic.error("CW706", `these files belong to pipeline ${owner}, not to ${this.owner}`, {
      place: { file: this.disk.at(this.path) }
    })
  }
}

const printable = ({ id, artifact, digest, pending, service, uid }: Entry) => ({
  id,
  artifact,
  digest,
  pending,
  service,
  uid
})

const parseLine = (line: string): { readonly id: string; readonly entry?: Entry } | undefined => {
  try {
    const { id, ...rest } = JSON.parse(line) as Record<string, unknown>
    if (typeof id !== "string") return undefined
    if (Object.keys(rest).length === 0) return { id }
    const checked = fromText(JSON.stringify({ version: 1, pipeline: "", entries: { [id]: rest } }))
    return "problem" in checked ? undefined : { id, entry: checked.entries.get(id)! }
  } catch {
    return undefined
  }
}

/** FNV-1a, twice: tells one manifest from another. Nobody gains by forging it. */
const mark = (text: string): string => {
  let a = 0x811c9dc5
  let b = 0x1000193
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193)
    b = Math.imul(b ^ text.charCodeAt(i), 0x85ebca6b)
  }
  return `${text.length}-${(a >>> 0).toString(16)}-${(b >>> 0).toString(16)}`
}
