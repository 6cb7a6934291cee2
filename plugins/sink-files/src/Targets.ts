/**
 * The trees of a files sink: one per cluster folder, and those of clusters that are gone but still have files. The records
 * of a folder lie in `.cw/clusters/<folder>/` below the root, so that the folders hold nothing but manifests.
 */
import { digest } from "@coddiwomple/core/Digest"
import { emit } from "@coddiwomple/core/Emit"
import { FileDisk } from "@coddiwomple/core/FileDisk"
import { FileManifest } from "@coddiwomple/core/FileManifest"
import { FileStamps } from "@coddiwomple/core/FileStamps"
import { FileTree, type Index } from "@coddiwomple/core/FileTree"
import type { Fleet } from "@coddiwomple/core/Model"
import type { Layout } from "@coddiwomple/core/Layout"
import { collisions, fold, problem, type SafePath, stateFolder } from "@coddiwomple/core/SafePath"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type { Config } from "./Config.ts"

export const records = `${stateFolder}/clusters`
export const kustomization = "kustomization.yaml" as SafePath

export interface Target {
  readonly tree: FileTree
  /** Position in the fleet; undefined when the cluster is gone. */
  cluster: number | undefined
}

export interface Site {
  readonly fs: FileSystem.FileSystem
  /** Absolute. */
  readonly root: string
  readonly owner: string
  readonly finite: boolean
  readonly config: Config
  readonly layout: Layout
  /** Where stamps of files are kept; undefined: nowhere. */
  readonly cache: string | undefined
}

const index: Index = {
  path: kustomization,
  includes: (artifact) => !artifact.startsWith("file:"),
  text: (resources) => emit({ apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", resources })
}

export class Targets {
  readonly disk: FileDisk
  private readonly site: Site
  private readonly byFolder = new Map<string, Target>()
  private searched = false
  /** Folders that cannot be told apart everywhere, with the other one. */
  clashes: ReadonlyMap<string, string> = new Map()

  constructor(site: Site) {
    this.site = site
    this.disk = new FileDisk(site.fs, site.root, site.config.fsync, digest(records).slice(0, 8))
  }

  /** Brings the targets in line with the fleet. The first time, looks for folders of clusters that are gone. */
  follow(fleet: Fleet): Effect.Effect<void, PlatformError> {
    return Effect.gen({ self: this }, function* () {
      if (!this.searched) {
        this.disk.refresh()
        for (const folder of yield* this.search("")) this.byFolder.set(folder, this.make(folder))
        this.searched = true
      }
      for (const target of this.byFolder.values()) target.cluster = undefined
      const folders = fleet.clusters.map((cluster) => this.site.layout.folder(cluster.name))
      // What a cluster left under another spelling of the name may be the very files that are wanted now.
      this.clashes = collisions([...folders, ...(yield* this.leftBeside(folders))])
      for (const [i, cluster] of fleet.clusters.entries()) {
        const folder = folders[i]!
        const target = this.byFolder.get(folder) ?? this.make(folder)
        target.cluster = cluster.index
        target.tree.rename(cluster.name)
        this.byFolder.set(folder, target)
      }
      for (const { cluster, tree } of this.byFolder.values())
        if (cluster === undefined) tree.rename(this.nameOf(tree.options.folder))
    })
  }

  /** Folders of clusters that are gone which some disk takes for one of these; those without records are forgotten. */
  private leftBeside(folders: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>, PlatformError> {
    return Effect.gen({ self: this }, function* () {
      const wanted = new Map(folders.map((folder) => [fold(folder), folder]))
      const found: Array<string> = []
      for (const folder of this.byFolder.keys()) {
        if ((wanted.get(fold(folder)) ?? folder) === folder || folders.includes(folder)) continue
        if ((yield* this.disk.list(`${records}/${folder}`)).includes("manifest.json")) found.push(folder)
        else this.byFolder.delete(folder)
      }
      return found
    })
  }

  all(): ReadonlyArray<Target> {
    return [...this.byFolder.values()].sort((a, b) => (a.tree.target < b.tree.target ? -1 : 1))
  }

  forget(target: Target): void {
    this.byFolder.delete(target.tree.options.folder)
  }

  private search(folder: string): Effect.Effect<ReadonlyArray<string>, PlatformError> {
    return Effect.gen({ self: this }, function* () {
      const found: Array<string> = []
      for (const name of yield* this.disk.list(`${records}${folder}`)) {
        if (name === "manifest.json" && folder !== "") found.push(folder.slice(1))
        if (problem(name) === undefined) found.push(...(yield* this.search(`${folder}/${name}`)))
      }
      return found
    })
  }

  /** A folder without a cluster goes by its path: its cluster's name may be in use elsewhere. */
  private nameOf(folder: string): string {
    return `${this.site.config.path}/${folder}`
  }

  private make(folder: string): Target {
    const target = this.nameOf(folder)
    const { cache, config, finite, fs, owner, root } = this.site
    const state = `${records}/${folder}`
    const disk = new FileDisk(fs, root, config.fsync, digest(state).slice(0, 8))
    const manifest = new FileManifest(disk, state, owner, !finite)
    const { adopt, overwrite } = config
    const tree = new FileTree({
      target,
      folder,
      disk,
      manifest,
      adopt,
      overwrite,
      ...(config.kustomization ? { index } : {}),
      ...(cache === undefined ? {} : { stamps: new FileStamps(fs, cache, `${root}/${folder}`) })
    })
    return { tree, cluster: undefined }
  }
}
