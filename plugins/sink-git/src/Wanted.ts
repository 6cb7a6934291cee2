/**
 * The files that should be there, by path below a cluster's folder, with Git's own blob ids for digests and the set of
 * folders for each. Follows the changes of a generation; what did not change keeps its object, and is never hashed again.
 */
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Desired } from "@coddiwomple/core/Desired"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { type More, textOf, type Wanted as File, want as wantFile } from "@coddiwomple/core/FileSlot"
import type { Layout } from "@coddiwomple/core/Layout"
import { Mapping } from "@coddiwomple/core/Mapping"
import { collisions, type SafePath } from "@coddiwomple/core/SafePath"
import { Buffer } from "node:buffer"
import { hash } from "node:crypto"
import { Folders, type FolderSet } from "./Folders.ts"

export const kustomization = "kustomization.yaml" as SafePath

/** As Git names the content of a file. */
export const blobId = (text: string): string => hash("sha1", `blob ${Buffer.byteLength(text)}\0${text}`, "hex")

/** A file with its blob id for a digest. */
export const want = (path: SafePath, text: string | (() => string), more?: More): File =>
  wantFile(path, text, more, blobId)

export interface Want {
  readonly file: File
  readonly in: FolderSet
}

const none: ReadonlyArray<Want> = []

export class Wanted {
  readonly folders = new Folders()
  private readonly layout: Layout
  private readonly above: number
  private readonly mapping: Mapping
  private readonly files = new Map<string, ReadonlyArray<Want>>()
  /** Files of all folders together. */
  size = 0
  /** Paths that changed since somebody compared. */
  touched: Set<string> | "all" = "all"
  /** Folder below the prefix → cluster, and back. */
  private clusters = new Map<string, string>()
  targets = new Map<string, string>()
  /** Clusters whose folders cannot be told apart everywhere. */
  failed = new Map<string, Diagnostic.Diagnostic>()
  private told: number | undefined

  constructor(layout: Layout, prefix: string, index: boolean) {
    this.layout = layout
    this.above = prefix.length
    this.mapping = new Mapping(layout, () => true, index ? [kustomization] : [], want)
  }

  at(path: string): ReadonlyArray<Want> {
    return this.files.get(path) ?? none
  }

  file(path: string, folder: string): File | undefined {
    const bit = this.folders.known(folder)
    return this.at(path).find((one) => (one.in & bit) !== 0n)?.file
  }

  paths(): Iterable<string> {
    return this.files.keys()
  }

  /** Brings the files in line with a generation. */
  follow(desired: Desired): void {
    const changes = this.told === undefined ? undefined : desired.changesSince(this.told)
    this.told = undefined
    const { clusters } = desired.model.fleet
    const changed = this.mapping.update(desired, changes === undefined || changes.all ? "all" : changes.groups)
    if (changed === "all" || changes?.all !== false) {
      this.place(clusters.map((c) => c.name))
      this.rebuild(clusters.map((c) => (this.failed.has(c.name) ? undefined : this.targets.get(c.name))))
    } else {
      for (const [index, { removes, upserts }] of changed) {
        const target = clusters[index]!.name
        if (this.failed.has(target)) continue
        const folder = this.folders.bit(this.targets.get(target)!)
        for (const path of removes) this.put(path, folder, undefined)
        for (const [path, file] of upserts) this.put(path, folder, file)
      }
    }
    this.told = desired.generation
  }

  /** `folders` by cluster. */
  private rebuild(folders: ReadonlyArray<string | undefined>): void {
    this.touched = "all"
    this.files.clear()
    this.size = 0
    const bits = folders.map((folder) => (folder === undefined ? 0n : this.folders.bit(folder)))
    const files = this.mapping.files()
    if (files === undefined) {
      for (const [index, bit] of bits.entries())
        if (bit !== 0n) for (const file of this.mapping.cluster(index)) this.put(file.path, bit, file)
      return
    }
    // Most bodies are for sets of clusters that others have too.
    const sets = new WeakMap<ClusterSet.ClusterSet, FolderSet>()
    const straight = bits.every((bit, i) => bit === 1n << BigInt(i))
    for (const { file, targets } of files) {
      const set = sets.get(targets) ?? (straight ? ofWords(targets) : ofBits(targets, bits))
      sets.set(targets, set)
      if (set === 0n) continue
      this.files.set(file.path, [...this.at(file.path), { file, in: set }])
      this.size += this.folders.size(set)
    }
  }

  private put(path: string, folder: FolderSet, file: File | undefined): void {
    if (this.touched !== "all") this.touched.add(path)
    const list: Array<Want> = []
    let joined = file === undefined
    for (const one of this.at(path)) {
      if ((one.in & folder) !== 0n) this.size--
      const rest = one.file === file ? one.in | folder : one.in & ~folder
      if (one.file === file) joined = true
      if (rest !== 0n) list.push(rest === one.in ? one : { file: one.file, in: rest })
    }
    if (!joined) list.push({ file: file!, in: folder })
    if (file !== undefined) this.size++
    if (list.length === 0) this.files.delete(path)
    else this.files.set(path, list)
  }

  private place(clusters: ReadonlyArray<string>): void {
    this.targets = new Map(clusters.map((name) => [name, this.layout.folder(name).slice(this.above)]))
    this.clusters = new Map([...this.targets].map(([name, folder]) => [folder, name]))
    const clashes = collisions(this.targets.values())
    this.failed = new Map()
    for (const [name, folder] of this.targets) {
      const other = clashes.get(folder)
      if (other === undefined) continue
      const message = `cluster ${name}: its folder collides with ${other} on some file systems`
      this.failed.set(name, Diagnostic.error("CW704", message))
    }
  }

  /** The cluster of a folder, or the folder where there is no such cluster any more. */
  targetOf(folder: string): string {
    return this.clusters.get(folder) ?? folder
  }
}

/** Where the bit of a cluster is at its index. */
const ofWords = (targets: ClusterSet.ClusterSet): FolderSet =>
  targets.reduceRight<FolderSet>((set, word) => (set << 32n) | BigInt(word), 0n)

const ofBits = (targets: ClusterSet.ClusterSet, bits: ReadonlyArray<FolderSet>): FolderSet => {
  let set = 0n
  for (const index of ClusterSet.indices(targets)) set |= bits[index] ?? 0n
  return set
}

export { textOf }
