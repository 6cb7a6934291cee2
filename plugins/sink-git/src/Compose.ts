/**
 * The tree after a plan: what is written and deleted on top of a base, the index of each cluster that changes, and the
 * inventory. Pure; the same for the base that was planned on and for any that came after it.
 */
import { emit } from "@coddiwomple/core/Emit"
import type { Entry, Inventory } from "@coddiwomple/core/Inventory"
import { executable, type Plan, type ReportItem } from "@coddiwomple/core/Plan"
import { type Base, manifestPath } from "./Base.ts"
import type { Comparison } from "./Compare.ts"
import { print } from "./Manifest.ts"
import { blobId, kustomization, textOf, type Wanted } from "./Wanted.ts"

/** Path below the prefix → text, or undefined for a deletion. */
export type Changes = ReadonlyMap<string, string | undefined>

export interface Composition {
  readonly changes: Changes
  readonly report: ReadonlyArray<ReportItem>
  /** What the branch holds when the commit is there. */
  readonly after: Omit<Base, "commit">
}

export const compose = (
  wanted: Wanted,
  plan: Pick<Plan, "items" | "unchanged">,
  base: Base,
  { silent }: Pick<Comparison, "silent">,
  owner: string,
  index: boolean
): Composition => {
  const report: Array<ReportItem> = []
  const changes = new Map<string, string | undefined>()
  const entries = new Map(base.inventory.entries)
  const tree = new Map(base.tree)
  const failed = new Set<string>()
  /** Clusters whose index may change. */
  const touched = new Set<string>()
  /** Clusters whose index the plan replaces, whoever wrote it. */
  const replaced = new Set<string>()

  for (const [path, entry] of silent) {
    // The base may have moved: only what still stands is taken over, only what is gone is forgotten.
    if (entry === undefined ? !tree.has(path) : tree.get(path) === entry.digest) {
      if (entry === undefined) entries.delete(path)
      else entries.set(path, entry)
      touched.add(wanted.targetOf(path))
    }
  }

  const items = executable(plan)
  for (const item of items) {
    if (item.op === "delete") continue
    const folder = wanted.targets.get(item.target) ?? item.target
    const path = `${folder}/${item.id}`
    const base = {
      op: item.op,
      target: item.target,
      id: item.id,
      ...(item.service === undefined ? {} : { service: item.service })
    }
    if (item.id === kustomization && index) {
      touched.add(item.target)
      replaced.add(item.target)
      report.push({ ...base, outcome: "applied" })
      continue
    }
    const place = wanted.files.get(path)
    const there = tree.get(path)
    const digest = place?.file.entry.digest ?? ""
    if (place === undefined || digest !== item.digest) {
      failed.add(item.target)
      report.push({ ...base, outcome: "failed", message: "the plan is out of date" })
    } else if (there !== digest && there !== item.before) {
      failed.add(item.target)
      report.push({ ...base, outcome: "failed", message: "somebody changed the file since the plan was made" })
    } else {
      if (there !== digest) changes.set(path, textOf(place.file))
      tree.set(path, digest)
      entries.set(path, place.file.entry)
      touched.add(item.target)
      report.push({ ...base, outcome: "applied" })
    }
  }
  for (const item of items) {
    if (item.op !== "delete") continue
    const path = `${wanted.targets.get(item.target) ?? item.target}/${item.id}`
    const base = {
      op: item.op,
      target: item.target,
      id: item.id,
      ...(item.service === undefined ? {} : { service: item.service })
    }
    const there = tree.get(path)
    if (failed.has(item.target)) {
      report.push({ ...base, outcome: "skipped", message: "something in this target failed" })
      continue
    }
    if (there !== undefined && there !== item.before) {
      report.push({ ...base, outcome: "failed", message: "somebody changed the file since the plan was made" })
      continue
    }
    if (there !== undefined) changes.set(path, undefined)
    tree.delete(path)
    entries.delete(path)
    touched.add(item.target)
    report.push({ ...base, outcome: "applied" })
  }

  if (index) {
    for (const [target, resources] of members(touched, entries, (p) => tree.has(p), wanted)) {
      const path = `${wanted.targets.get(target) ?? target}/${kustomization}`
      const there = tree.get(path)
      // Somebody else's, or changed by somebody else, and the plan did not take it over.
      if (there !== undefined && there !== entries.get(path)?.digest && !replaced.has(target)) continue
      if (resources.length === 0) {
        if (there !== undefined) changes.set(path, undefined)
        tree.delete(path)
        entries.delete(path)
        continue
      }
      const text = indexText(resources)
      const digest = blobId(text)
      if (there !== digest) changes.set(path, text)
      tree.set(path, digest)
      entries.set(path, { id: path, digest })
    }
  }
  const inventory: Inventory = { owner, entries }
  let manifest = base.manifest
  if (entries.size === 0) {
    // Nothing is ours any more: no trace stays.
    if (manifest !== undefined) changes.set(manifestPath, undefined)
    tree.delete(manifestPath)
    manifest = undefined
  } else if (changes.size > 0 || silent.size > 0) {
    const text = print(inventory)
    manifest = blobId(text)
    if (manifest !== base.manifest) changes.set(manifestPath, text)
    tree.set(manifestPath, manifest)
  }
  return { changes, report, after: { tree, inventory, manifest } }
}

/** By cluster, the files that its index names: our objects that are there. One that lives at another path now is named once. */
export const members = (
  targets: ReadonlySet<string>,
  entries: ReadonlyMap<string, Entry>,
  present: (path: string) => boolean,
  wanted: Wanted
): ReadonlyMap<string, ReadonlyArray<string>> => {
  const out = new Map([...targets].map((target) => [target, [] as Array<string>]))
  const stale: Array<readonly [target: string, name: string, artifact: string]> = []
  const current = new Set<string>()
  for (const [path, { artifact }] of entries) {
    if (artifact === undefined || artifact.startsWith("file:")) continue
    const target = wanted.targetOf(path)
    const list = out.get(target)
    if (list === undefined || !present(path)) continue
    const name = path.slice(path.indexOf("/") + 1)
    if (!wanted.files.has(path)) stale.push([target, name, artifact])
    else {
      list.push(name)
      current.add(`${target} ${artifact}`)
    }
  }
  for (const [target, name, artifact] of stale) if (!current.has(`${target} ${artifact}`)) out.get(target)!.push(name)
  for (const list of out.values()) list.sort()
  return out
}

export const indexText = (resources: ReadonlyArray<string>): string =>
  emit({ apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", resources })
