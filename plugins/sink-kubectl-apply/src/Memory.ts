/**
 * What a running sink remembers of a cluster, so that the next plan costs what changed and not what is there: the ids of
 * every group, the inventory, and what is still open. A plan from memory looks at the changed groups and at nothing else;
 * from time to time, after any failure, when asked again for the same generation, and in a finite run, everything is.
 */
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Desired } from "@coddiwomple/core/Desired"
import { fleetGroup } from "@coddiwomple/core/Desired"
import type { Loaded } from "@coddiwomple/kubernetes/InventoryStore"

export interface Remembered {
  /** Generation of the last plan. */
  readonly generation: number
  /** When everything was last looked at; milliseconds since the epoch. */
  readonly at: number
  readonly loaded: Loaded
  readonly namespaces: ReadonlyMap<string, boolean> | undefined
  readonly identity: string | undefined
  /** Ids by group. */
  readonly groups: Map<string, ReadonlyArray<string>>
  /** Groups with items that are not applied yet. */
  readonly open: ReadonlySet<string>
}

/** Drift made by others is found at the next generation after so many milliseconds. */
const resync = 300_000

/** Beyond so many groups, looking at everything is cheaper. */
const most = 100

/** The groups a plan has to look at; undefined: all. */
export const scope = (
  desired: Desired,
  memory: Remembered | undefined,
  now: number
): ReadonlySet<string> | undefined => {
  if (memory === undefined || now - memory.at > resync || desired.generation <= memory.generation) return undefined
  const { all, groups } = desired.changesSince(memory.generation)
  if (all || groups.size + memory.open.size > most) return undefined
  return new Set([...groups, ...memory.open])
}

/** Ids of a group for one cluster, by index. */
export const idsOf = (desired: Desired, group: string, index: number): ReadonlyArray<string> =>
  desired.group(group).flatMap((a) => (a.form === "object" && ClusterSet.has(a.targets, index) ? [a.id] : []))

/** Ids by group, brought up to date where `looked` says; everywhere where it says nothing. */
export const groupsOf = (
  desired: Desired,
  index: number,
  before: Remembered | undefined,
  looked: ReadonlySet<string> | undefined
): Map<string, ReadonlyArray<string>> => {
  const groups = looked === undefined || before === undefined ? new Map<string, ReadonlyArray<string>>() : before.groups
  for (const group of looked ?? desired.groupNames) {
    const ids = idsOf(desired, group, index)
    if (ids.length === 0) groups.delete(group)
    else groups.set(group, ids)
  }
  return groups
}

/** Everything of some groups: what they had at the last plan, and what the inventory has of them. */
export const thingsOf = (memory: Remembered, groups: ReadonlySet<string>): ReadonlyArray<string> => {
  const ids = new Set([...groups].flatMap((group) => memory.groups.get(group) ?? []))
  for (const [id, entry] of memory.loaded.inventory.entries) if (groups.has(entry.service ?? fleetGroup)) ids.add(id)
  return [...ids]
}
