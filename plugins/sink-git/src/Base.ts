/**
 * What a branch holds below our folder: the inventory, and every file that is not as the inventory says. Where a file is
 * listed and nothing odd is known of it, its blob is the listed one.
 */
import type { Entry } from "@coddiwomple/core/Inventory"
import { stateFolder } from "@coddiwomple/core/SafePath"
import type { Folders, FolderSet } from "./Folders.ts"
import { find, Ledger, type Listed, put } from "./Ledger.ts"

export const manifestPath = `${stateFolder}/manifest.json`

/** Blob id, with its mode in front where it is no plain file; null: listed, but not there. */
export type Odd = string | null

export class Base {
  readonly folders: Folders
  readonly ledger: Ledger
  /** Path below the folder of a cluster → folder → what is there. Also of folders that are not ours. */
  readonly odd = new Map<string, Map<string, Odd>>()
  /** Files beside the folders. */
  readonly top = new Map<string, string>()
  /** Undefined: there is no such branch yet. */
  commit: string | undefined
  /** Blob of the manifest. */
  manifest: string | undefined
  /** Paths that changed since somebody compared. */
  readonly touched = new Set<string>()

  constructor(folders: Folders, ledger: Ledger, commit: string | undefined, manifest: string | undefined) {
    this.folders = folders
    this.ledger = ledger
    this.commit = commit
    this.manifest = manifest
  }

  /** Blob of a file, or undefined. */
  there(path: string, folder: string): string | undefined {
    const odd = this.odd.get(path)?.get(folder)
    if (odd !== undefined) return odd ?? undefined
    return this.ledger.entry(path, this.folders.known(folder))?.digest
  }

  /** Takes note of what a tree holds at a full path; undefined: nothing. */
  see(full: string, id: string | undefined): void {
    const at = full.indexOf("/")
    if (at < 0) {
      if (id === undefined) this.top.delete(full)
      else this.top.set(full, id)
      return
    }
    const [folder, path] = [full.slice(0, at), full.slice(at + 1)]
    const listed = this.ledger.entry(path, this.folders.known(folder))
    this.touched.add(path)
    if (id === listed?.digest) this.plain(path, folder)
    else {
      const byFolder = this.odd.get(path)
      if (byFolder === undefined) this.odd.set(path, new Map([[folder, id ?? null]]))
      else byFolder.set(folder, id ?? null)
    }
  }

  private plain(path: string, folder: string): void {
    const byFolder = this.odd.get(path)
    if (byFolder?.delete(folder) === true && byFolder.size === 0) this.odd.delete(path)
  }

  /** A commit with these changes is there now. */
  become(draft: Draft, commit: string, manifest: string | undefined): void {
    for (const [path, list] of draft.lists) {
      this.ledger.set(path, list)
      this.touched.add(path)
      if (!this.odd.has(path)) continue
      for (const folder of this.folders.list(draft.edited.get(path)!)) this.plain(path, folder)
    }
    this.commit = commit
    this.manifest = manifest
  }
}

export const nothing = (folders: Folders): Base => new Base(folders, new Ledger(), undefined, undefined)

/** Changes on top of a base: where it says something, the file is listed and there, or neither. */
export class Draft {
  readonly base: Base
  /** Lists in place of the ledger's. */
  readonly lists = new Map<string, Array<{ entry: Entry; in: FolderSet }>>()
  readonly edited = new Map<string, FolderSet>()

  constructor(base: Base) {
    this.base = base
  }

  put(path: string, folders: FolderSet, entry: Entry | undefined): void {
    const list = this.lists.get(path)
    // Cluster by cluster, one body comes by again and again.
    if (list?.length === 1 && list[0]!.entry === entry) list[0]!.in |= folders
    else this.lists.set(path, put(list ?? this.base.ledger.at(path), folders, entry))
    this.edited.set(path, (this.edited.get(path) ?? 0n) | folders)
  }

  at(path: string): ReadonlyArray<Listed> {
    return this.lists.get(path) ?? this.base.ledger.at(path)
  }

  entry(path: string, folder: string): Entry | undefined {
    return find(this.at(path), this.base.folders.known(folder))
  }

  there(path: string, folder: string): string | undefined {
    const edited = this.edited.get(path)
    if (edited === undefined || (edited & this.base.folders.known(folder)) === 0n) return this.base.there(path, folder)
    return this.entry(path, folder)?.digest
  }

  /** Paths of the inventory, those that leave it too. */
  paths(): ReadonlyArray<string> {
    const { ledger } = this.base
    const fresh = [...this.lists.keys()].filter((path) => ledger.at(path).length === 0)
    return fresh.length === 0 ? ledger.paths : [...ledger.paths, ...fresh]
  }
}
