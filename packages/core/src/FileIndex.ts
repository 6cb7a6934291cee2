/**
 * The file of a tree that lists the others, as kustomization.yaml. It names what is there: also what is held, so that no
 * consumer prunes it, and nothing that could not be written or is about to be deleted.
 */
import type { Entry } from "./Inventory.ts"
import { type FileTree, type Index } from "./FileTree.ts"
import { blank, want } from "./FileSlot.ts"

/**
 * Brings the wanted text of the index up to date: with what is there once the plan was executed (`planned`) or with
 * what is there (`now`), in both cases without what is `gone`. Stale files that stay are listed too.
 */
export const updateIndex = (tree: FileTree, moment: "planned" | "now", gone: ReadonlySet<string> = new Set()): void => {
  const index = tree.options.index!
  const members = membersOf(tree, index, moment, gone)
  const file = members.length === 0 ? undefined : want(index.path, index.text(members))
  const slot = tree.slots.get(index.path)
  if (slot !== undefined) slot.wanted = file
  else if (file !== undefined) tree.slots.set(index.path, blank(file))
}

/** Our files, without stale ones whose artifact lives at another path now. */
const membersOf = (
  tree: FileTree,
  index: Index,
  moment: "planned" | "now",
  gone: ReadonlySet<string>
): ReadonlyArray<string> => {
  const listed: Array<string> = []
  const stale: Array<Entry> = []
  for (const [path, { disk, entry, wanted }] of tree.slots) {
    const artifact = wanted?.entry.artifact ?? entry?.artifact
    if (path === index.path || artifact === undefined || !index.includes(artifact) || gone.has(path)) continue
    if (wanted === undefined) {
      if (entry !== undefined && disk !== undefined) stale.push(entry)
    } else if (
      disk === undefined
        ? moment === "planned" && wanted.refused === undefined
        : entry !== undefined || tree.open.get(path)?.op !== "conflict"
    ) {
      listed.push(path)
    }
  }
  if (stale.length > 0) {
    const artifacts = new Set(listed.map((path) => tree.slots.get(path)!.wanted!.entry.artifact))
    for (const { artifact, id } of stale) if (artifact === undefined || !artifacts.has(artifact)) listed.push(id)
  }
  return listed.sort()
}
