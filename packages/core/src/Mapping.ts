/**
 * Artifacts to paths, kept up to date by the groups that changed. A path is the same in all clusters and its file is held
 * once for all of them. While no two artifacts want one place, an update costs the change; else all is mapped anew.
 */
import type { Artifact } from "./Artifact.ts"
import * as ClusterSet from "./ClusterSet.ts"
import type { Desired } from "./Desired.ts"
import { type Wanted, want } from "./FileSlot.ts"
import type { Layout } from "./Layout.ts"
import { collisions, fold, PathSet, problem, type SafePath } from "./SafePath.ts"

interface Placed {
  readonly artifact: Artifact
  /** Path without a group, as the layout gives it. */
  readonly path: string
  readonly file: Wanted
}

export interface ClusterChange {
  readonly upserts: Map<string, Wanted>
  readonly removes: Set<string>
}

export class Mapping {
  private readonly layout: Layout
  private readonly takes: (artifact: Artifact) => boolean
  private readonly reserved: ReadonlyArray<string>
  private readonly make: typeof want
  private groups = new Map<string, ReadonlyArray<Placed>>()
  private paths = new PathSet()
  /** Path → the artifact that has it, and how many bodies of it there are. */
  private owners = new Map<string, { readonly id: string; count: number }>()
  private clean = false

  /** `reserved` are paths that no artifact may have; `make` computes what the sink takes for a digest. */
  constructor(
    layout: Layout,
    takes: (artifact: Artifact) => boolean,
    reserved: ReadonlyArray<string>,
    make: typeof want = want
  ) {
    this.layout = layout
    this.takes = takes
    this.reserved = reserved
    this.make = make
  }

  /** What changed by cluster index; `all` when everything has to be asked for with `cluster`. */
  update(desired: Desired, groups: ReadonlySet<string> | "all"): ReadonlyMap<number, ClusterChange> | "all" {
    if (groups !== "all" && this.clean) {
      const changes = this.follow(desired, groups)
      if (changes !== undefined) return changes
    }
    this.rebuild(desired)
    return "all"
  }

  private follow(desired: Desired, groups: ReadonlySet<string>): ReadonlyMap<number, ClusterChange> | undefined {
    const changes = new Map<number, ClusterChange>()
    const at = (index: number): ClusterChange => {
      const change = changes.get(index) ?? { upserts: new Map(), removes: new Set() }
      changes.set(index, change)
      return change
    }
    const before = new Map([...groups].map((group) => [group, this.groups.get(group) ?? []] as const))
    for (const list of before.values()) for (const placed of list) this.release(placed)
    for (const [group, list] of before) {
      const now = this.place(desired, group, list)
      if (now.length === 0) this.groups.delete(group)
      else this.groups.set(group, now)
      for (const placed of now) if (!this.claim(placed)) this.clean = false
    }
    if (!this.clean) return undefined
    for (const [group, list] of before) {
      const now = this.groups.get(group) ?? []
      const kept = new Set(now.map((placed) => placed.artifact))
      const old = new Set(list.map((placed) => placed.artifact))
      for (const { artifact, file } of list) {
        if (!kept.has(artifact)) for (const i of ClusterSet.indices(artifact.targets)) at(i).removes.add(file.path)
      }
      for (const { artifact, file } of now) {
        if (!old.has(artifact)) for (const i of ClusterSet.indices(artifact.targets)) at(i).upserts.set(file.path, file)
      }
    }
    // A path can move from one body to another, also between groups.
    for (const { removes, upserts } of changes.values()) for (const path of upserts.keys()) removes.delete(path)
    return changes
  }

  private rebuild(desired: Desired): void {
    const before = this.groups
    this.groups = new Map()
    this.paths = new PathSet()
    for (const path of this.reserved) this.paths.add(path)
    this.owners = new Map()
    this.clean = true
    for (const group of desired.groupNames) {
      const placed = this.place(desired, group, before.get(group) ?? [])
      if (placed.length > 0) this.groups.set(group, placed)
      for (const one of placed) if (!this.claim(one)) this.clean = false
    }
    if (!this.clean) this.separate()
  }

  private place(desired: Desired, group: string, before: ReadonlyArray<Placed>): ReadonlyArray<Placed> {
    const known = new Map(before.map((placed) => [placed.artifact, placed]))
    return desired.group(group).flatMap((artifact) => {
      if (!this.takes(artifact)) return []
      const old = known.get(artifact)
      const path = old?.path ?? this.layout.path(artifact)
      if (old?.file.path === path && old.file.refused === undefined) return [old]
      return [{ artifact, path, file: fileOf(artifact, path, this.make) }]
    })
  }

  private claim({ artifact: { id }, file, path }: Placed): boolean {
    // What is refused anyway takes no place.
    if (file.refused !== undefined) return true
    const owner = this.owners.get(path)
    if (owner !== undefined) {
      owner.count++
      return owner.id === id
    }
    this.owners.set(path, { id, count: 1 })
    return this.paths.add(path) === undefined
  }

  private release({ file, path }: Placed): void {
    const owner = this.owners.get(path)
    if (file.refused !== undefined || owner === undefined || --owner.count > 0) return
    this.owners.delete(path)
    this.paths.remove(path)
  }

  /** Objects that differ in nothing but their API group get the group into their paths, all of them. */
  private separate(): void {
    const ids = new Map<string, Set<string>>()
    const apart = (path: string): boolean => {
      const same = [...(ids.get(path) ?? [])]
      return same.length > 1 && new Set(same.map((id) => id.slice(id.indexOf("/")))).size === 1
    }
    for (const list of this.groups.values()) {
      for (const { artifact, file, path } of list) {
        if (artifact.form !== "object" || file.refused !== undefined) continue
        const same = ids.get(path)
        if (same === undefined) ids.set(path, new Set([artifact.id]))
        else same.add(artifact.id)
      }
    }
    for (const [group, list] of this.groups) {
      if (!list.some(({ path }) => apart(path))) continue
      this.groups.set(
        group,
        list.map((placed) => {
          if (!apart(placed.path)) return placed
          return { ...placed, file: fileOf(placed.artifact, this.layout.path(placed.artifact, true), this.make) }
        })
      )
    }
  }

  /** All files with their clusters; undefined where two artifacts want one place: then each cluster is asked for. */
  files(): Iterable<{ readonly file: Wanted; readonly targets: ClusterSet.ClusterSet }> | undefined {
    return this.clean ? placedFiles(this.groups) : undefined
  }

  /** All files of one cluster, colliding ones refused. */
  cluster(index: number): ReadonlyArray<Wanted> {
    const out: Array<Wanted> = []
    for (const list of this.groups.values()) {
      for (const { artifact, file } of list) if (ClusterSet.has(artifact.targets, index)) out.push(file)
    }
    return this.clean ? out : refuseCollisions(out, this.reserved)
  }
}

function* placedFiles(groups: ReadonlyMap<string, ReadonlyArray<Placed>>) {
  for (const list of groups.values()) for (const { artifact, file } of list) yield { file, targets: artifact.targets }
}

const fileOf = (artifact: Artifact, path: string, make: typeof want): Wanted => {
  const why = problem(path)
  return make(path as SafePath, artifact.text, {
    service: artifact.service,
    artifact: artifact.id,
    combines: artifact.combines,
    ...(why === undefined ? {} : { refused: `unsafe path: ${why}` })
  })
}

/** Two artifacts of one path become one refused file: neither may win by chance. */
const refuseCollisions = (files: ReadonlyArray<Wanted>, reserved: ReadonlyArray<string>): ReadonlyArray<Wanted> => {
  const safe = files.filter((file) => file.refused === undefined)
  const clashes = collisions([...reserved, ...safe.map((file) => file.path)])
  const taken = new Set(reserved.map(fold))
  const out = new Map<string, Wanted>()
  for (const file of files) {
    const other = clashes.get(file.path)
    if (file.refused !== undefined || other === undefined) {
      out.set(file.path, file)
      continue
    }
    const first = out.get(file.path)
    const refused =
      first !== undefined && first.entry.artifact !== file.entry.artifact
        ? `two artifacts want this path: ${first.entry.artifact} and ${file.entry.artifact}`
        : taken.has(fold(file.path))
          ? "the path is cw's own"
          : other === file.path
            ? "two artifacts want this path"
            : `collides with ${other} on some file systems`
    const path = reserved.includes(file.path) ? (file.entry.artifact as SafePath) : file.path
    out.set(path, { ...file, path, refused })
  }
  return [...out.values()]
}
