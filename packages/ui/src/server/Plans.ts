/**
 * Plans that somebody looks at: made from the plans of the sinks at one moment, immutable, named by a digest of what they
 * hold, and valid for ten minutes. A plan is stale as soon as any sink would now do something else.
 */
import { canonical, digest } from "@coddiwomple/core/Digest"
import { leave } from "@coddiwomple/core/Guard"
import { compareItems, counts, executable, type Plan, type PlanItem } from "@coddiwomple/core/Plan"
import type { PlanDoc, PlanLine } from "../Contract.ts"
import { change, type Planned } from "./Detail.ts"

const lifetime = 10 * 60_000
const shown = 5000
const remembered = 50

export interface Made {
  readonly doc: PlanDoc
  readonly plans: ReadonlyArray<Planned>
  readonly fingerprint: string
}

export const fingerprint = (plans: ReadonlyArray<Planned>): string =>
  digest(
    canonical(
      [...plans]
        .sort((a, b) => (a.sink < b.sink ? -1 : 1))
        .map(({ sink, plan }) => [
          sink,
          [...plan.items].sort(compareItems).map((i) => [i.op, i.target, i.id, i.digest ?? "", i.before ?? ""])
        ]) as never
    )
  )

const keyOf = (sink: string, { id, target }: { readonly target: string; readonly id: string }): string =>
  JSON.stringify([sink, target, id])

const keysOf = (lines: ReadonlyArray<PlanLine>): ReadonlySet<string> => new Set(lines.map((l) => keyOf(l.sink, l)))

/** Whether an item of a sink's plan is one of these lines. */
export const among = (lines: ReadonlyArray<PlanLine>): ((sink: string, item: PlanItem) => boolean) => {
  const keys = keysOf(lines)
  return (sink, item) => keys.has(keyOf(sink, item))
}

/** The plans as they are applied where these lines are left out; undefined where a line is none of theirs. */
export const without = (
  plans: ReadonlyArray<Planned>,
  lines: ReadonlyArray<PlanLine>
): ReadonlyArray<Planned> | undefined => {
  const isLeftOut = among(lines)
  const rest = plans.map(({ plan, sink }) => ({ sink, plan: leave(plan, (item) => isLeftOut(sink, item)) }))
  return written(plans) - written(rest) === keysOf(lines).size ? rest : undefined
}

const written = (plans: ReadonlyArray<Planned>): number => plans.reduce((n, { plan }) => n + executable(plan).length, 0)

export interface Setting {
  readonly pipeline: string
  readonly file: string
  readonly types: ReadonlyMap<string, string>
  /** May this sink be applied from here? */
  readonly allowed: (type: string) => boolean
}

export class Plans {
  private readonly made = new Map<string, Made>()
  private readonly setting: Setting

  constructor(setting: Setting) {
    this.setting = setting
  }

  make(plans: ReadonlyArray<Planned>, generation: number, now: number): Made {
    const print = fingerprint(plans)
    const id = digest(canonical([print, generation] as never))
      .replace(/^.*:/, "")
      .slice(0, 12)
    const made: Made = { doc: document(this.setting, id, plans, generation, now), plans, fingerprint: print }
    this.made.delete(id)
    this.made.set(id, made)
    for (const old of this.made.keys()) if (this.made.size > remembered) this.made.delete(old)
    return made
  }

  /** With `stale` as it is now. */
  get(id: string, current: (sinks: ReadonlyArray<string>) => ReadonlyArray<Planned>, now: number): Made | undefined {
    const made = this.made.get(id)
    if (made === undefined) return undefined
    const stale = now > made.doc.expires || fingerprint(current(made.plans.map((p) => p.sink))) !== made.fingerprint
    return { ...made, doc: { ...made.doc, stale } }
  }
}

const rank = { delete: 0, update: 1, create: 2, conflict: 3, held: 4 } as const

const document = (
  setting: Setting,
  id: string,
  plans: ReadonlyArray<Planned>,
  generation: number,
  now: number
): PlanDoc => {
  const total = { create: 0, update: 0, delete: 0, held: 0, conflict: 0 }
  let unchanged = 0
  for (const { plan } of plans) {
    const n = counts(plan)
    for (const op of Object.keys(total) as Array<keyof typeof total>) total[op] += n[op]
    unchanged += n.unchanged
  }
  const items = plans
    .flatMap(({ plan, sink }) => plan.items.map((item) => ({ sink, item })))
    .sort((a, b) => rank[a.item.op] - rank[b.item.op] || compareItems(a.item, b.item))
  const sinks = plans.map(({ plan, sink }) => {
    const type = setting.types.get(sink) ?? ""
    return { id: sink, type, targets: targetsOf(plan), opaque: plan.opaque === true, allowed: setting.allowed(type) }
  })
  const targets = new Set(sinks.flatMap((s) => s.targets))
  const clusters = sinks.some((s) => s.type === "kubectl-apply")
  const noun = clusters ? "cluster" : "target"
  return {
    id,
    pipeline: setting.pipeline,
    made: now,
    expires: now + lifetime,
    generation,
    stale: false,
    items: items.slice(0, shown).map(({ item, sink }) => change(sink, item)),
    more: Math.max(0, items.length - shown),
    unchanged,
    counts: total,
    sinks,
    leftOut: plans.flatMap(({ plan }) => [...(plan.failed ?? [])].map(([target, d]) => ({ target, why: d.message }))),
    risks: plans.flatMap(({ plan, sink }) => risks(sink, plan)),
    confirm: `${targets.size} ${noun}${targets.size === 1 ? "" : "s"}`,
    command: `cw run --once ${setting.file}${sinks.length === setting.types.size ? "" : ` --sink ${sinks.map((s) => s.id).join(",")}`}`
  }
}

const targetsOf = (plan: Plan): ReadonlyArray<string> => [...new Set(executable(plan).map((i) => i.target))].sort()

const risks = (sink: string, plan: Plan): PlanDoc["risks"] => {
  const out: Array<PlanDoc["risks"][number]> = []
  const deletes = plan.items.filter((i) => i.op === "delete")
  const services = new Set(deletes.flatMap((i) => i.service ?? []))
  if (deletes.length > 0) {
    const names = [...services].slice(0, 3).join(", ")
    out.push({
      level: "error",
      head: `${deletes.length} object${deletes.length === 1 ? " is" : "s are"} deleted`,
      text:
        services.size === 0 ? `by ${sink}` : `of ${names}${services.size > 3 ? ` and ${services.size - 3} more` : ""}`
    })
  }
  const conflicts = plan.items.filter((i) => i.op === "conflict")
  if (conflicts.length > 0)
    out.push({
      level: "warning",
      head: `${conflicts.length} object${conflicts.length === 1 ? " is" : "s are"} in conflict`,
      text: conflicts[0]!.reason ?? "others own them"
    })
  for (const [target, d] of plan.failed ?? [])
    out.push({ level: "warning", head: `${target} could not be read`, text: `${d.message}; it is left out` })
  for (const d of plan.diagnostics ?? [])
    if (d.severity !== "info" && !(plan.failed?.size ?? 0))
      out.push({ level: "warning", head: d.code, text: d.message })
  return out.slice(0, 20)
}
