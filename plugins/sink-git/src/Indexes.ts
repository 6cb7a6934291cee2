/** A cluster's kustomization.yaml: names what is there and ours, also what is held, so that no consumer prunes it. */
import { emit } from "@coddiwomple/core/Emit"
import type { Draft } from "./Base.ts"
import type { FolderSet } from "./Folders.ts"
import { union } from "./Ledger.ts"
import { kustomization, type Wanted } from "./Wanted.ts"

/** It is there, as we wrote it. */
export const intact = (draft: Draft, folder: string): boolean => {
  const there = draft.there(kustomization, folder)
  return there !== undefined && there === draft.entry(kustomization, folder)?.digest
}

/** By folder, the files that its index names: our objects that are there. One that lives at another path now is named once. */
export const members = (due: FolderSet, draft: Draft, wanted: Wanted): ReadonlyMap<string, ReadonlyArray<string>> => {
  const { folders } = draft.base
  const out = new Map([...folders.list(due)].map((folder) => [folder, [] as Array<string>]))
  if (due === 0n) return out
  const stale: Array<readonly [folder: string, path: string, artifact: string]> = []
  for (const path of draft.paths()) {
    const now = union(wanted.at(path))
    for (const { entry, in: set } of draft.at(path)) {
      const { artifact } = entry
      if (artifact === undefined || artifact.startsWith("file:")) continue
      for (const folder of folders.list(set & due)) {
        if (draft.there(path, folder) === undefined) continue
        if ((now & folders.known(folder)) === 0n) stale.push([folder, path, artifact])
        else out.get(folder)!.push(path)
      }
    }
  }
  const current = new Map<string, ReadonlySet<string | undefined>>()
  const artifacts = (folder: string) => {
    const known = current.get(folder) ?? new Set(out.get(folder)!.map((path) => draft.entry(path, folder)?.artifact))
    current.set(folder, known)
    return known
  }
  for (const [folder] of stale) artifacts(folder)
  for (const [folder, path, artifact] of stale) if (!artifacts(folder).has(artifact)) out.get(folder)!.push(path)
  for (const list of out.values()) list.sort()
  return out
}

export const indexText = (resources: ReadonlyArray<string>): string =>
  emit({ apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", resources })
