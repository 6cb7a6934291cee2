/**
 * The inventory by path below a cluster's folder: each body that we wrote there, with the folders that have it. The sets
 * of one path do not meet.
 */
import type { Entry } from "@coddiwomple/core/Inventory"
import type { FolderSet } from "./Folders.ts"

export interface Listed {
  readonly entry: Entry
  readonly in: FolderSet
}

const none: ReadonlyArray<Listed> = []

export class Ledger {
  private readonly lists = new Map<string, ReadonlyArray<Listed>>()
  /** Paths by the set of folders that have them. */
  readonly counts = new Map<FolderSet, number>()
  private sorted: ReadonlyArray<string> | undefined

  /** Number of paths. */
  get size(): number {
    return this.lists.size
  }

  at(path: string): ReadonlyArray<Listed> {
    return this.lists.get(path) ?? none
  }

  entry(path: string, folder: FolderSet): Entry | undefined {
    return find(this.at(path), folder)
  }

  /** Whether something of a service is listed in one of these folders. */
  owns(service: string, folders: FolderSet): boolean {
    for (const list of this.lists.values())
      for (const listed of list) if (listed.entry.service === service && (listed.in & folders) !== 0n) return true
    return false
  }

  /** In the order of code points. */
  get paths(): ReadonlyArray<string> {
    this.sorted ??= [...this.lists.keys()].sort()
    return this.sorted
  }

  /** What is listed from now on; nothing where the list is empty. */
  set(path: string, list: ReadonlyArray<Listed>): void {
    const old = this.lists.get(path)
    for (const { in: set } of old ?? none) this.count(set, -1)
    for (const { in: set } of list) this.count(set, 1)
    if ((old === undefined) !== (list.length === 0)) this.sorted = undefined
    if (list.length === 0) this.lists.delete(path)
    else this.lists.set(path, list)
  }

  private count(set: FolderSet, more: number): void {
    const now = (this.counts.get(set) ?? 0) + more
    if (now === 0) this.counts.delete(set)
    else this.counts.set(set, now)
  }
}

export const find = (list: ReadonlyArray<Listed>, folder: FolderSet): Entry | undefined => {
  for (const listed of list) if ((listed.in & folder) !== 0n) return listed.entry
  return undefined
}

/** The list with another entry, or none, in these folders; shares nothing with the old one. */
export const put = (
  list: ReadonlyArray<Listed>,
  folders: FolderSet,
  entry: Entry | undefined
): Array<{ entry: Entry; in: FolderSet }> => {
  const out: Array<{ entry: Entry; in: FolderSet }> = []
  let joined = entry === undefined
  for (const listed of list) {
    if (!joined && entry !== undefined && same(listed.entry, entry)) {
      out.push({ entry, in: listed.in | folders })
      joined = true
      continue
    }
    const rest = listed.in & ~folders
    if (rest !== 0n) out.push({ entry: listed.entry, in: rest })
  }
  if (!joined) out.push({ entry: entry!, in: folders })
  return out
}

export const union = (list: ReadonlyArray<{ readonly in: FolderSet }>): FolderSet => {
  let all = 0n
  for (const { in: set } of list) all |= set
  return all
}

export const same = (a: Entry, b: Entry): boolean =>
  a === b || (a.digest === b.digest && a.service === b.service && a.artifact === b.artifact)
