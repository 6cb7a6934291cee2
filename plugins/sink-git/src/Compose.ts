/**
 * The tree after a plan: what is written and deleted on top of a base, the index of each cluster that changes, and the
 * inventory. Pure; the same for the base that was planned on and for any that came after it.
 */
import type { Wanted as File } from "@coddiwomple/core/FileSlot"
import { executable, type Plan, type PlanItem, type ReportItem } from "@coddiwomple/core/Plan"
import { PathSet } from "@coddiwomple/core/SafePath"
import { type Base, Draft, manifestPath } from "./Base.ts"
import type { Silent } from "./Compare.ts"
import type { FolderSet } from "./Folders.ts"
import { intact, indexText, members } from "./Indexes.ts"
import { print } from "./Manifest.ts"
import { blobId, kustomization, type Wanted } from "./Wanted.ts"

/** A file below the prefix: what is written there, or undefined for a deletion. */
export interface Change {
  /** Undefined: beside the folders of the clusters. */
  readonly folder: string | undefined
  readonly path: string
  readonly file: File | string | undefined
}

export interface Composition {
  readonly changes: ReadonlyArray<Change>
  readonly report: ReadonlyArray<ReportItem>
  /** What differs from the base when the commit is there. */
  readonly draft: Draft
  readonly manifest: string | undefined
}

export const compose = (
  wanted: Wanted,
  plan: Pick<Plan, "items" | "unchanged">,
  base: Base,
  silent: ReadonlyArray<Silent>,
  owner: string,
  index: boolean
): Composition => {
  const report: Array<ReportItem> = []
  const changes: Array<Change> = []
  const draft = new Draft(base)
  const { folders } = base
  const failed = new Set<string>()
  /** Folders whose index may change, and those whose index the plan replaces, whoever wrote it. */
  let touched: FolderSet = 0n
  let replaced: FolderSet = 0n
  let recorded = false
  const folderOf = (item: PlanItem) => wanted.targets.get(item.target) ?? item.target

  for (const { entry, in: set, path } of silent) {
    for (const folder of folders.list(set)) {
      // The base may have moved: only what still stands is taken over, only what is gone is forgotten.
      const there = base.there(path, folder)
      if (entry === undefined ? there !== undefined : there !== entry.digest) continue
      const bit = folders.known(folder)
      draft.put(path, bit, entry)
      touched |= bit
      recorded = true
    }
  }

  const items = executable(plan)
  const kept = staying(plan.items, folderOf)
  for (const item of items) {
    if (item.op === "delete") continue
    const folder = folderOf(item)
    const bit = folders.bit(folder)
    if (item.id === kustomization && index) {
      touched |= bit
      replaced |= bit
      report.push(told(item, "applied"))
      continue
    }
    const file = wanted.file(item.id, folder)
    const there = draft.there(item.id, folder)
    const digest = file?.entry.digest ?? ""
    const why =
      file === undefined || digest !== item.digest
        ? "the plan is out of date"
        : there !== digest && there !== item.before
          ? "somebody changed the file since the plan was made"
          : there === undefined
            ? kept(folder, item.id)
            : undefined
    if (why !== undefined) {
      failed.add(item.target)
      report.push(told(item, "failed", why))
      continue
    }
    if (draft.entry(item.id, folder) === undefined || !intact(draft, folder)) touched |= bit
    if (there !== digest) changes.push({ folder, path: item.id, file: file! })
    draft.put(item.id, bit, file!.entry)
    report.push(told(item, "applied"))
  }
  for (const item of items) {
    if (item.op !== "delete") continue
    const folder = folderOf(item)
    const there = draft.there(item.id, folder)
    if (failed.has(item.target)) report.push(told(item, "skipped", "something in this target failed"))
    else if (there !== undefined && there !== item.before)
      report.push(told(item, "failed", "somebody changed the file since the plan was made"))
    else {
      if (there !== undefined) changes.push({ folder, path: item.id, file: undefined })
      draft.put(item.id, folders.bit(folder), undefined)
      touched |= folders.bit(folder)
      report.push(told(item, "applied"))
    }
  }

  for (const [folder, resources] of index ? members(touched, draft, wanted) : []) {
    const there = base.there(kustomization, folder)
    const bit = folders.known(folder)
    // Somebody else's, or changed by somebody else, and the plan did not take it over.
    if (there !== undefined && !intact(draft, folder) && (replaced & bit) === 0n) continue
    const text = resources.length === 0 ? undefined : indexText(resources)
    const digest = text === undefined ? undefined : blobId(text)
    if (there !== digest) changes.push({ folder, path: kustomization, file: text })
    draft.put(kustomization, bit, digest === undefined ? undefined : { id: kustomization, digest })
  }
  let { manifest } = base
  if (changes.length > 0 || recorded) {
    // Nothing is ours any more: no trace stays.
    const file = isEmpty(draft) ? undefined : print(owner, base.ledger, folders, draft.lists)
    const digest = file === undefined ? undefined : blobId(file)
    if (digest !== manifest) changes.push({ folder: undefined, path: manifestPath, file })
    manifest = digest
  }
  return { changes, report, draft, manifest }
}

const isEmpty = (draft: Draft): boolean => {
  for (const path of draft.paths()) if (draft.at(path).length > 0) return false
  return true
}

const told = (
  { id, op, service, target }: ReturnType<typeof executable>[number],
  outcome: ReportItem["outcome"],
  message?: string
): ReportItem => {
  // One object an item: the first commit has a hundred thousand of them.
  if (message !== undefined) return { op, target, id, ...(service === undefined ? {} : { service }), outcome, message }
  return service === undefined ? { op, target, id, outcome } : { op, target, id, service, outcome }
}

/** Why a new file cannot be: what the engine holds would have to make room for it. */
const staying = (
  items: ReadonlyArray<PlanItem>,
  folderOf: (item: PlanItem) => string
): ((folder: string, path: string) => string | undefined) => {
  const held = items.filter((item) => item.op === "held" && item.intended === "delete")
  if (held.length === 0) return () => undefined
  const set = new PathSet()
  for (const item of held) set.add(`${folderOf(item)}/${item.id}`)
  return (folder, path) => {
    const other = set.add(`${folder}/${path}`)
    return other === undefined ? undefined : `it collides with ${other}, which is held`
  }
}
