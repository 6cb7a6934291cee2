/**
 * What is wanted against what a commit holds: the only place that decides whether a file is ours. It is ours when the
 * inventory lists it and its blob is the one that we wrote; nothing else is replaced or deleted. What was found at a path
 * stands until the path changes on either side, so that a generation costs what changed.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Entry } from "@coddiwomple/core/Inventory"
import { added } from "@coddiwomple/core/LineCount"
import { hold, inherited, type PlanItem } from "@coddiwomple/core/Plan"
import { PathSet } from "@coddiwomple/core/SafePath"
import { type Base, Draft } from "./Base.ts"
import type { FolderSet } from "./Folders.ts"
import { intact, indexText, members } from "./Indexes.ts"
import { type Listed, same, union } from "./Ledger.ts"
import { blobId, kustomization, textOf, type Want, type Wanted } from "./Wanted.ts"

export interface Rules {
  readonly adopt: boolean
  readonly overwrite: boolean
  /** A kustomization.yaml per cluster is wanted. */
  readonly index: boolean
}

/** Entries that change without a change of files: adopted, described anew, vanished. */
export interface Silent {
  readonly path: string
  readonly in: FolderSet
  readonly entry: Entry | undefined
}

export interface Comparison {
  /** The caller's own. */
  readonly items: Array<PlanItem>
  readonly silent: ReadonlyArray<Silent>
  readonly unchanged: number
  /** Entries of the inventory by target. */
  readonly owned: ReadonlyMap<string, number>
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
}

/** What is to do or to say at one path. */
interface Found {
  readonly items: Array<PlanItem>
  readonly silent: Array<Silent>
  readonly findings: Array<Diagnostic.Diagnostic>
  /** What will be listed and is not: created, or taken over. */
  readonly joining: Array<Listed>
  /** Files that are wanted and not as they should be. */
  open: number
}

const maximumFindings = 20

/** Lines of a text that stands in many clusters are counted once. */
const lines = new WeakMap<object, number>()
const linesOf = ({ file }: Want): number => {
  const known = lines.get(file) ?? added(textOf(file))
  lines.set(file, known)
  return known
}

export class Compare {
  private readonly wanted: Wanted
  private readonly rules: Rules
  private base: Base | undefined
  private readonly found = new Map<string, Found>()
  private open = 0

  constructor(wanted: Wanted, rules: Rules) {
    this.wanted = wanted
    this.rules = rules
  }

  with(base: Base): Comparison {
    const { rules, wanted } = this
    this.look(base)
    const items: Array<PlanItem> = []
    const silent: Array<Silent> = []
    const findings: Array<Diagnostic.Diagnostic> = []
    for (const one of this.found.values()) {
      for (const item of one.items) items.push(item)
      silent.push(...one.silent)
      findings.push(...one.findings)
    }
    const blocked = this.block(items, findings)
    const same = rules.index ? this.indexes(items, silent, findings, blocked) : 0
    const owned = new Map<string, number>()
    for (const [set, count] of base.ledger.counts) {
      for (const folder of base.folders.list(set)) {
        const target = wanted.targetOf(folder)
        owned.set(target, (owned.get(target) ?? 0) + count)
      }
    }
    return { items, silent, unchanged: wanted.size - this.open + same, owned, diagnostics: limited(findings) }
  }

  /** Looks at what changed since the last time. */
  private look(base: Base): void {
    const { found, wanted } = this
    let paths: Iterable<string> = wanted.touched === "all" ? [] : new Set([...wanted.touched, ...base.touched])
    const known = this.base === base
    // Until it came through, nothing is known.
    this.base = undefined
    if (wanted.touched === "all" || !known) {
      found.clear()
      this.open = 0
      paths = new Set([...wanted.paths(), ...base.ledger.paths])
    }
    for (const path of paths) {
      this.open -= found.get(path)?.open ?? 0
      const now = this.examine(path, base)
      this.open += now?.open ?? 0
      if (now === undefined) found.delete(path)
      else found.set(path, now)
    }
    this.base = base
    base.touched.clear()
    wanted.touched = new Set()
  }

  private examine(path: string, base: Base): Found | undefined {
    const { rules, wanted } = this
    if (rules.index && path === kustomization) return undefined
    const [wants, list, odd] = [wanted.at(path), base.ledger.at(path), base.odd.get(path)]
    const asWanted = (want: Want) =>
      want.file.refused === undefined && list.some((l) => l.in === want.in && same(l.entry, want.file.entry))
    if (odd === undefined && wants.length === list.length && wants.every(asWanted)) return undefined
    const { folders } = base
    const at: Found = { items: [], silent: [], findings: [], joining: [], open: 0 }
    let strange: FolderSet = 0n
    for (const folder of odd?.keys() ?? []) strange |= folders.known(folder)
    for (const want of wants) this.file(path, want, base, strange, at)
    const all = union(wants)
    for (const { entry, in: set } of list) {
      for (const folder of folders.list(set & ~all)) {
        const target = wanted.targetOf(folder)
        if (wanted.failed.has(target)) continue
        const there = odd?.get(folder)
        const service = entry.service === undefined ? {} : { service: entry.service }
        const item = { op: "delete" as const, target, id: path, before: there ?? entry.digest, ...service }
        if (there === undefined) at.items.push(item)
        else if (there === null) at.silent.push({ path, in: folders.known(folder), entry: undefined })
        else {
          const what = `${folder}/${path} is not wanted any more, but was changed by someone else: kept`
          at.findings.push(Diagnostic.warning("CW703", what))
          at.items.push(hold(item, "changed by someone else"))
        }
      }
    }
    return at
  }

  private file(path: string, want: Want, base: Base, strange: FolderSet, at: Found): void {
    const { rules, wanted } = this
    const { folders, ledger } = base
    const { refused } = want.file
    const { digest, service } = want.file.entry
    const { combines } = want.file
    const more = { ...(service === undefined ? {} : { service }), ...(combines === undefined ? {} : { combines }) }
    // One object an item: the first commit has a hundred thousand of them.
    const say = (folder: string, rest: Pick<PlanItem, "op"> & Partial<PlanItem>) => {
      at.open++
      at.items.push({ target: wanted.targetOf(folder), id: path, ...more, ...rest })
    }
    const create = (folder: string) => {
      at.open++
      const target = wanted.targetOf(folder)
      at.items.push({ op: "create", target, id: path, ...more, digest, added: linesOf(want), removed: 0 })
    }
    if (refused !== undefined) {
      for (const folder of folders.list(want.in)) {
        at.findings.push(Diagnostic.error("CW704", `${folder}/${path}: ${refused}`, { service }))
        say(folder, { op: "conflict", reason: refused })
      }
      return
    }
    let rest = want.in & ~strange
    for (const { entry, in: set } of ledger.at(path)) {
      const both = rest & set
      if (both === 0n) continue
      rest &= ~both
      const formerly = inherited(entry.service, service)
      if (entry.digest !== digest)
        for (const folder of folders.list(both))
          say(folder, { op: "update", digest, before: entry.digest, ...formerly })
      else if (!same(entry, want.file.entry)) at.silent.push({ path, in: both, entry: want.file.entry })
    }
    for (const folder of folders.list(rest)) create(folder)
    let joining = rest
    for (const folder of folders.list(want.in & strange)) {
      const there = base.there(path, folder)
      const bit = folders.known(folder)
      const entry = ledger.entry(path, bit)
      if (there === undefined || (entry === undefined && rules.adopt)) joining |= bit
      if (there === undefined) create(folder)
      else if (there === digest) at.silent.push({ path, in: bit, entry: want.file.entry })
      else if (entry === undefined ? rules.adopt : rules.overwrite) say(folder, { op: "update", digest, before: there })
      else {
        const reason = entry === undefined ? "there is a file that cw does not own" : "changed by someone else"
        at.findings.push(conflict(`${folder}/${path}`, entry === undefined, service))
        say(folder, { op: "conflict", intended: "update", digest, before: there, reason })
      }
    }
    if (joining !== 0n) at.joining.push({ entry: want.file.entry, in: joining })
  }

  /** New paths that cannot live beside what is there and stays: in another spelling, or a file for a folder. */
  private block(items: Array<PlanItem>, findings: Array<Diagnostic.Diagnostic>): ReadonlyMap<string, FolderSet> {
    const { folders, odd, top } = this.base!
    const blocked = new Map<string, FolderSet>()
    if (odd.size === 0 && top.size === 0) return blocked
    // Ours do not collide with ours: that is seen before. What is listed and goes makes room.
    const set = new PathSet()
    for (const path of top.keys()) set.add(path)
    for (const [path, byFolder] of odd) {
      for (const [folder, blob] of byFolder) if (blob !== null) set.add(`${folder}/${path}`)
    }
    for (const [i, item] of items.entries()) {
      if (item.op !== "create") continue
      const folder = this.wanted.targets.get(item.target)!
      const path = `${folder}/${item.id}`
      const other = set.add(path)
      if (other === undefined) continue
      const reason = `collides with ${other}, which is there already`
      findings.push(Diagnostic.error("CW702", `${path} ${reason}`, { service: item.service }))
      items[i] = { ...item, op: "conflict", reason }
      blocked.set(item.id, (blocked.get(item.id) ?? 0n) | folders.known(folder))
    }
    return blocked
  }

  /** The index of each cluster as it will be before anything is deleted. How many stay as they are. */
  private indexes(
    items: Array<PlanItem>,
    silent: ReadonlyArray<Silent>,
    findings: Array<Diagnostic.Diagnostic>,
    blocked: ReadonlyMap<string, FolderSet>
  ): number {
    const { rules, wanted } = this
    const base = this.base!
    const { folders, ledger } = base
    const draft = new Draft(base)
    let due: FolderSet = 0n
    for (const { entry, in: set, path } of silent) {
      draft.put(path, set, entry)
      due |= set
    }
    for (const [path, { joining }] of this.found) {
      for (const { entry, in: set } of joining) {
        const free = set & ~(blocked.get(path) ?? 0n)
        if (free !== 0n) draft.put(path, free, entry)
        due |= free
      }
    }
    for (const [target, folder] of wanted.targets) {
      if (wanted.failed.has(target)) due &= ~folders.known(folder)
      else if (!intact(draft, folder)) due |= folders.bit(folder)
    }
    let same = 0
    for (const [target, folder] of wanted.targets)
      if (!wanted.failed.has(target) && (due & folders.known(folder)) === 0n) same++
    for (const [folder, resources] of members(due, draft, wanted)) {
      const target = wanted.targetOf(folder)
      if (resources.length === 0 || !wanted.targets.has(target)) continue
      const digest = blobId(indexText(resources))
      const there = base.there(kustomization, folder)
      const entry = ledger.entry(kustomization, folders.known(folder))
      if (there === digest && entry?.digest === digest) {
        same++
        continue
      }
      const item = { target, id: kustomization, digest, lists: true } as const
      if (there === undefined) items.push({ ...item, op: "create", added: resources.length + 3, removed: 0 })
      else if (there === digest || (entry === undefined ? rules.adopt : there === entry.digest || rules.overwrite))
        items.push({ ...item, op: "update", before: there })
      else {
        findings.push(conflict(`${folder}/${kustomization}`, entry === undefined, undefined))
        const reason = "cw did not write this index"
        items.push({ ...item, op: "conflict", intended: "update", before: there, reason })
      }
    }
    return same
  }
}

const conflict = (path: string, foreign: boolean, service: string | undefined): Diagnostic.Diagnostic =>
  foreign
    ? Diagnostic.error("CW702", `${path}: there is a file that cw does not own`, {
        service,
        help: "move it away, or set adopt: true to replace it"
      })
    : Diagnostic.warning("CW703", `${path} was changed by someone else: kept`, {
        service,
        help: "revert that commit, or set overwrite: true to replace it"
      })

const limited = (findings: ReadonlyArray<Diagnostic.Diagnostic>): ReadonlyArray<Diagnostic.Diagnostic> => {
  const rest = findings.slice(maximumFindings)
  if (rest.length === 0) return findings
  const first = rest[0]!
  const more = `${rest.length} more findings, the first: ${first.message}`
  return [...findings.slice(0, maximumFindings), { ...first, message: more }]
}
