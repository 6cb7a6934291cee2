/**
 * The files that should be there, by path below the prefix, with Git's own blob ids for digests. Follows the changes of a
 * generation; what did not change keeps its object, and is never hashed again.
 */
import type { Desired } from "@coddiwomple/core/Desired"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { textOf, type Wanted as File } from "@coddiwomple/core/FileTree"
import type { Layout } from "@coddiwomple/core/Layout"
import { Mapping } from "@coddiwomple/core/Mapping"
import { collisions, type SafePath } from "@coddiwomple/core/SafePath"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"

export const kustomization = "kustomization.yaml" as SafePath

/** As Git names the content of a file. */
export const blobId = (text: string): string =>
  createHash("sha1")
    .update(`blob ${Buffer.byteLength(text)}\0`)
    .update(text)
    .digest("hex")

type More = { readonly service?: string | undefined; readonly artifact?: string; readonly refused?: string }

/** Like core's `want`, with the blob id for a digest. */
export const want = (path: SafePath, text: string | (() => string), more: More = {}): File => ({
  path,
  text,
  entry: {
    id: path,
    digest: blobId(typeof text === "string" ? text : text()),
    ...(more.service === undefined ? {} : { service: more.service }),
    ...(more.artifact === undefined ? {} : { artifact: more.artifact })
  },
  ...(more.refused === undefined ? {} : { refused: more.refused })
})

export interface Place {
  /** Cluster. */
  readonly target: string
  readonly file: File
}

export class Wanted {
  private readonly layout: Layout
  private readonly above: number
  private readonly mapping: Mapping
  /** Path below the prefix → what is wanted there. */
  readonly files = new Map<string, Place>()
  /** Folder below the prefix → cluster, and back. */
  folders = new Map<string, string>()
  targets = new Map<string, string>()
  /** Clusters whose folders cannot be told apart everywhere. */
  failed = new Map<string, Diagnostic.Diagnostic>()
  private told: number | undefined

  constructor(layout: Layout, prefix: string, index: boolean) {
    this.layout = layout
    this.above = prefix.length
    this.mapping = new Mapping(layout, () => true, index ? [kustomization] : [], want)
  }

  /** Brings the files in line with a generation. */
  follow(desired: Desired): void {
    const changes = this.told === undefined ? undefined : desired.changesSince(this.told)
    this.told = undefined
    const { clusters } = desired.model.fleet
    const changed = this.mapping.update(desired, changes === undefined || changes.all ? "all" : changes.groups)
    if (changed === "all" || changes?.all !== false) {
      this.place(clusters.map((c) => c.name))
      this.files.clear()
      for (const cluster of clusters) {
        if (this.failed.has(cluster.name)) continue
        const folder = this.targets.get(cluster.name)!
        for (const file of this.mapping.cluster(cluster.index))
          this.files.set(`${folder}/${file.path}`, { target: cluster.name, file })
      }
    } else {
      for (const [index, { removes, upserts }] of changed) {
        const target = clusters[index]!.name
        const folder = this.targets.get(target)
        if (folder === undefined || this.failed.has(target)) continue
        for (const path of removes) this.files.delete(`${folder}/${path}`)
        for (const [path, file] of upserts) this.files.set(`${folder}/${path}`, { target, file })
      }
    }
    this.told = desired.generation
  }

  private place(clusters: ReadonlyArray<string>): void {
    this.targets = new Map(clusters.map((name) => [name, this.layout.folder(name).slice(this.above)]))
    this.folders = new Map([...this.targets].map(([name, folder]) => [folder, name]))
    const clashes = collisions(this.targets.values())
    this.failed = new Map()
    for (const [name, folder] of this.targets) {
      const other = clashes.get(folder)
      if (other === undefined) continue
      const message = `cluster ${name}: its folder collides with ${other} on some file systems`
      this.failed.set(name, Diagnostic.error("CW704", message))
    }
  }

  /** The cluster of a path, or its folder where there is no such cluster any more. */
  targetOf(path: string): string {
    const folder = path.slice(0, path.indexOf("/"))
    return this.folders.get(folder) ?? folder
  }
}

export { textOf }
