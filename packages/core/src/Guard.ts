/**
 * The interlock and the guard: the only places that decide that something is not deleted, nor what was made of several
 * services written without some of them.
 * Pure: a plan goes in, the same plan with some items turned into `held` comes out, never the other way round.
 */
import type { Combines } from "./Artifact.ts"
import * as Diagnostic from "./Diagnostic.ts"
import type { Held, PartitionState } from "./Model.ts"
import { hold, type Plan, type PlanItem } from "./Plan.ts"

export type Policy = "sync" | "upsert-only"

/** Deletes beyond max(`deletes`, `percent` % of what is owned in the target) are held. */
export interface Limits {
  readonly deletes: number
  readonly percent: number
}

export const defaultLimits: Limits = { deletes: 10, percent: 20 }

export interface Safety {
  readonly policy: Policy
  readonly limits: Limits
  /** From `--allow-deletes`: a number that replaces the guard's, or `all`. */
  readonly allowDeletes?: number | "all"
  readonly partitions: ReadonlyArray<PartitionState>
  readonly held: ReadonlyMap<string, Held>
  /** Services of which nothing is certain, not even the hosts. */
  readonly uncertain?: ReadonlyArray<string>
}

/** Names of the partitions that forbid deletes, with why. */
export const inDoubt = (partitions: ReadonlyArray<PartitionState>): ReadonlyArray<string> =>
  partitions
    .filter((p) => p.state !== "synced" || p.doubt)
    .map((p) => {
      const why = p.state !== "synced" ? `is ${p.state}` : "has entries that cannot be read"
      return `${p.source}/${p.name} ${why}${p.reason === undefined ? "" : ` (${p.reason})`}`
    })

/** What may be missing in a body that combines several; undefined where nothing is. */
const lacking = (combines: Combines, { held, partitions, uncertain = [] }: Safety): string | undefined => {
  const [doubt] = inDoubt(partitions.filter((p) => p.state === "never-synced" || p.doubt))
  if (doubt !== undefined) return `source ${doubt}`
  if (uncertain.length > 0) return `nothing is known of service ${uncertain[0]}`
  const [first] = combines === "artifacts" ? held.keys() : []
  return first === undefined ? undefined : `service ${first} is held`
}

/** Why what belongs to services must stay as it is: one of them is held, or something of a held one is in its way. */
const obstacles = (plan: Plan, { held }: Safety): ((item: PlanItem) => string | undefined) => {
  const losers = new Map<string, Array<string>>()
  for (const { identity, rivals = [] } of held.values())
    for (const winner of rivals) losers.set(winner, [...(losers.get(winner) ?? []), identity])
  const known = new Map<string, boolean>()
  const isThere = (target: string, service: string): boolean => {
    const key = `${target}\u0000${service}`
    const there = known.get(key) ?? plan.owns?.(target, service) ?? false
    known.set(key, there)
    return there
  }
  return ({ formerly, service, target }) => {
    for (const one of [service, formerly]) if (one !== undefined && held.has(one)) return `service ${one} is held`
    const other = service === undefined ? undefined : losers.get(service)?.find((loser) => isThere(target, loser))
    return other === undefined ? undefined : `service ${other}, which wants the same, is held, and is here already`
  }
}

/** Applies policy, held services, interlock and guard, in that order. */
export const secure = <P extends Plan>(
  plan: P,
  safety: Safety
): P & { readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic> } => {
  const diagnostics: Array<Diagnostic.Diagnostic> = [...(plan.diagnostics ?? [])]
  const doubts = inDoubt(safety.partitions)
  const obstacle = obstacles(plan, safety)
  const first = plan.items.map((item) => {
    if (item.op === "held" || item.op === "conflict") return item
    const why = obstacle(item)
    if (why !== undefined) return hold(item, why)
    if (item.op === "update" && item.combines !== undefined) {
      const why = lacking(item.combines, safety)
      return why === undefined ? item : hold(item, `made of all services, and ${why}`)
    }
    if (item.op !== "delete") return item
    // Not named, so not proven to belong to another service than a held one.
    if (item.service === undefined && safety.held.size > 0) return hold(item, `${safety.held.size} services are held`)
    if (safety.policy === "upsert-only") return hold(item, "policy is upsert-only")
    if (doubts.length > 0)
      return hold(item, `source ${doubts[0]}${doubts.length > 1 ? ` and ${doubts.length - 1} more` : ""}`)
    return item
  })
  const held = first.filter((item, i) => item !== plan.items[i])
  const what = [
    ...(safety.policy === "sync" && held.some((i) => i.intended === "delete") ? ["deletes"] : []),
    ...(held.some((i) => i.combines !== undefined) ? ["updates of what is made of all services"] : [])
  ]
  if (doubts.length > 0 && what.length > 0)
    diagnostics.push(Diagnostic.warning("CW901", `${what.join(" and ")} are held: source ${doubts.join("; source ")}`))
  const items = guard(first, plan, safety, diagnostics)
  return { ...plan, items, diagnostics }
}

/** The plan without what somebody who looked at it left out. */
export const leave = <P extends Plan>(plan: P, isLeftOut: (item: PlanItem) => boolean): P => ({
  ...plan,
  items: plan.items.map((item) =>
    item.op !== "held" && item.op !== "conflict" && isLeftOut(item) ? hold(item, "left out of this apply") : item
  )
})

const guard = (
  items: ReadonlyArray<PlanItem>,
  plan: Plan,
  safety: Safety,
  diagnostics: Array<Diagnostic.Diagnostic>
): ReadonlyArray<PlanItem> => {
  const deletes = new Map<string, number>()
  for (const item of items) if (item.op === "delete") deletes.set(item.target, (deletes.get(item.target) ?? 0) + 1)
  const blocked = new Set<string>()
  for (const [target, count] of deletes) {
    const owned = plan.owned?.get(target) ?? 0
    const limit =
      safety.allowDeletes ?? Math.max(safety.limits.deletes, Math.floor((owned * safety.limits.percent) / 100))
    if (limit === "all" || count <= limit) continue
    blocked.add(target)
    diagnostics.push(
      Diagnostic.error("CW902", `${target}: ${count} deletes, the guard allows ${limit} of ${owned} owned objects`, {
        help: `look at the plan; if it is meant, run with --allow-deletes ${count}`
      })
    )
  }
  if (blocked.size === 0) return items
  const reason = "more deletes than the guard allows"
  return items.map((i) => {
    if (!blocked.has(i.target)) return i
    if (i.op === "delete") return hold(i, reason)
    // It would lose what the deletes are about.
    return i.op === "update" && i.combines !== undefined ? hold(i, `made of all services, and ${reason}`) : i
  })
}
