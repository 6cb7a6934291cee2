/**
 * The groups that one set of transforms offers to its readers, without held services, kept up to date by what was
 * touched. Guards one invariant: no two artifacts of one identity for one cluster.
 */
import * as HashMap from "effect/HashMap"
import type { Artifact } from "./Artifact.ts"
import * as ClusterSet from "./ClusterSet.ts"
import { fleetGroup } from "./Desired.ts"
import * as Diagnostic from "./Diagnostic.ts"
import type { Held } from "./Model.ts"

export type Groups = HashMap.HashMap<string, ReadonlyArray<Artifact>>

interface Upstream {
  readonly node: string
  readonly groups: Groups
}

export class Bundle {
  readonly groups: Groups
  /** Artifact id → the groups that hold it; nearly always one. */
  private readonly holders: Map<string, string | ReadonlyArray<string>>

  private constructor(groups: Groups, holders: Map<string, string | ReadonlyArray<string>>) {
    this.groups = groups
    this.holders = holders
  }

  /** The next bundle, or the clashes that forbid it. Updates in place: the old bundle must not be used again. */
  static update(
    old: Bundle | undefined,
    sources: ReadonlyArray<Upstream>,
    touched: ReadonlySet<string>,
    held: ReadonlyMap<string, Held>
  ): Bundle | ReadonlyArray<Diagnostic.Diagnostic> {
    const before = old?.groups ?? HashMap.empty<string, ReadonlyArray<Artifact>>()
    const holders = old?.holders ?? new Map<string, string | ReadonlyArray<string>>()
    let groups = HashMap.beginMutation(before)
    const doubtful = new Set<string>()
    const clashes: Array<Diagnostic.Diagnostic> = []
    const cold = HashMap.isEmpty(before)
    for (const name of touched) {
      if (!cold) for (const a of lookup(before, name)) release(holders, a.id, name)
      const next = held.has(name) ? [] : gather(sources, name)
      for (let i = 0; i < next.length; i++) {
        const artifact = next[i]!
        if (take(holders, artifact.id, name)) doubtful.add(artifact.id)
        for (let j = 0; j < i; j++) {
          const other = next[j]!
          if (other.id === artifact.id && ClusterSet.intersects(other.targets, artifact.targets))
            clashes.push(clash(other, name, artifact, name))
        }
      }
      if (next.length > 0) groups = HashMap.set(groups, name, next)
      else if (!cold) groups = HashMap.remove(groups, name)
    }
    const result = HashMap.endMutation(groups)
    for (const id of doubtful) clashes.push(...across(result, holders.get(id), id))
    return clashes.length === 0 ? new Bundle(result, holders) : clashes
  }
}

const gather = (sources: ReadonlyArray<Upstream>, name: string): ReadonlyArray<Artifact> =>
  sources.length === 1 ? lookup(sources[0]!.groups, name) : sources.flatMap((s) => lookup(s.groups, name))

/** The artifacts of a group; none where it has none. */
export const lookup = (groups: Groups, name: string): ReadonlyArray<Artifact> => {
  const found = HashMap.get(groups, name)
  return found._tag === "Some" ? found.value : []
}

/** True when another group already holds the id. */
const take = (holders: Map<string, string | ReadonlyArray<string>>, id: string, group: string): boolean => {
  const now = holders.get(id)
  if (now === undefined) {
    holders.set(id, group)
    return false
  }
  if (typeof now === "string") {
    if (now === group) return false
    holders.set(id, [now, group])
    return true
  }
  if (!now.includes(group)) holders.set(id, [...now, group])
  return true
}

const release = (holders: Map<string, string | ReadonlyArray<string>>, id: string, group: string): void => {
  const now = holders.get(id)
  if (now === group) holders.delete(id)
  else if (now !== undefined && typeof now !== "string") {
    const rest = now.filter((g) => g !== group)
    if (rest.length === 0) holders.delete(id)
    else holders.set(id, rest.length === 1 ? rest[0]! : rest)
  }
}

const across = (
  groups: Groups,
  names: string | ReadonlyArray<string> | undefined,
  id: string
): ReadonlyArray<Diagnostic.Diagnostic> => {
  if (names === undefined || typeof names === "string") return []
  const all = names.flatMap((group) =>
    lookup(groups, group).flatMap((artifact) => (artifact.id === id ? [{ artifact, group }] : []))
  )
  const out: Array<Diagnostic.Diagnostic> = []
  for (let i = 0; i < all.length; i++) {
    for (let j = 0; j < i; j++) {
      const [a, b] = [all[j]!, all[i]!]
      // Two of one group have been compared already.
      if (a.group !== b.group && ClusterSet.intersects(a.artifact.targets, b.artifact.targets))
        out.push(clash(a.artifact, a.group, b.artifact, b.group))
    }
  }
  return out
}

const clash = (a: Artifact, groupOfA: string, b: Artifact, groupOfB: string): Diagnostic.Diagnostic => {
  // An artifact of a service that does not say so is still made for the service.
  const who = ({ node, service }: Artifact, group: string) => {
    const about = service ?? (group === fleetGroup ? undefined : group)
    return `${node ?? "a transform"}${about === undefined ? "" : ` (service ${about})`}`
  }
  const message = `${a.id} is made twice for one cluster: by ${who(a, groupOfA)} and by ${who(b, groupOfB)}`
  return Diagnostic.error("CW621", message, {
    node: b.node
  })
}
