/**
 * The interlock and the guard: the only places that decide that something is not deleted, nor what was made of several
 * services written without some of them.
 * Pure: a plan goes in, the same plan with some items turned into `held` comes out, never the other way round.
 */
import type { Combines } from "./Artifact.ts"
import * as Diagnostic from "./Diagnostic.ts"
import type { Held, PartitionState } from "./Model.ts"
import { hold, type Plan, type PlanItem } from "./Plan.ts"
import type { Rivals } from "./Rivals.ts"

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
  /** Who wants what a held service has. */
  readonly rivals?: Rivals
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
const obstacles = (plan: Plan, { held, partitions, rivals }: Safety): ((item: PlanItem) => string | undefined) => {
  const [doubt] = inDoubt(partitions)
  /** Why what is live of a service stays; undefined where it need not. */
  const staying = (service: string): string | undefined =>
    held.has(service)
      ? `service ${service}, which wants the same, is held, and is here already`
      : doubt !== undefined && rivals?.isGone(service) === true
        ? `service ${service}, which has the same here, is gone, but source ${doubt}`
        : undefined
  // Who is about to take over an object wants the same, whatever is known of the other.
  const heirs = new Map<string, Set<string>>()
  for (const { formerly, service } of plan.items) {
    if (service === undefined || formerly === undefined || staying(formerly) === undefined) continue
    heirs.set(service, (heirs.get(service) ?? new Set()).add(formerly))
  }
  const known = new Map<string, boolean>()
  const isThere = (target: string, service: string): boolean => {
    const key = `${target}\u0000${service}`
    const there = known.get(key) ?? plan.owns?.(target, service) ?? false
    known.set(key, there)
    return there
  }
  const blocked = (target: string, ...services: ReadonlyArray<Iterable<string>>): string | undefined => {
    for (const service of services.flatMap((some) => [...some])) {
      const why = staying(service)
      if (why !== undefined && isThere(target, service)) return why
    }
    return undefined
  }
  if (held.size === 0 && doubt === undefined) return () => undefined
  return ({ combines, formerly, op, service, target }) => {
    for (const one of [service, formerly]) if (one !== undefined && held.has(one)) return `service ${one} is held`
    if (formerly !== undefined && staying(formerly) !== undefined) return staying(formerly)
    if (service !== undefined) return blocked(target, rivals?.of(service) ?? [], heirs.get(service) ?? [])
    if (combines === undefined || op !== "update") return undefined
    const why = blocked(target, rivals?.contested() ?? [], ...heirs.values())
    return why === undefined ? undefined : `made of all services, and ${why}`
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
  const items = unlisted(follow(guard(first, plan, safety, diagnostics), safety.rivals))
  return { ...plan, items, diagnostics }
}

/** Where something of a service has to wait, so does who wants what it had: that may be live still. */
const follow = (items: ReadonlyArray<PlanItem>, rivals: Rivals | undefined): ReadonlyArray<PlanItem> => {
  if (rivals === undefined) return items
  const where = ({ target }: PlanItem, service: string): string => `${target}\u0000${service}`
  const waiting = new Set(items.flatMap((i) => (i.op === "held" && i.service !== undefined ? where(i, i.service) : [])))
  if (waiting.size === 0) return items
  const next = items.map((item) => {
    if (item.op === "held" || item.op === "conflict" || item.service === undefined) return item
    const other = rivals.before(item.service).find((one) => waiting.has(where(item, one)))
    return other === undefined ? item : hold(item, `service ${other}, which had the same, has to wait here itself`)
  })
  return next.some((item, i) => item !== items[i]) ? follow(next, rivals) : items
}

/** A list that only differs by what is held stays as it is: else every plan would write it again. */
const unlisted = (items: ReadonlyArray<PlanItem>): ReadonlyArray<PlanItem> => {
  const isDue = ({ lists, op }: PlanItem) => lists === true && op === "update"
  if (!items.some(isDue)) return items
  const awaited = new Set(items.flatMap((i) => (i.op === "held" && i.intended === "create" ? i.target : [])))
  const written = new Set(
    items.flatMap((i) => (i.lists === true || i.op === "held" || i.op === "conflict" ? [] : i.target))
  )
  return items.map((item) =>
    isDue(item) && awaited.has(item.target) && !written.has(item.target) ? hold(item, "it lists what is held") : item
  )
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
