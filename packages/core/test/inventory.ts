/**
 * For tests of what stays: a sink with one target per cluster that remembers what it owns only as the text of an
 * inventory, so that a new engine over the same disk is a new process.
 */
import * as Effect from "effect/Effect"
import * as ClusterSet from "../src/ClusterSet.ts"
import type { Desired } from "../src/Desired.ts"
import { digest } from "../src/Digest.ts"
import * as Inventory from "../src/Inventory.ts"
import * as Plan from "../src/Plan.ts"
import * as Sink from "../src/Sink.ts"
import { Empty } from "./nodes.ts"

export interface Live {
  readonly text: string
  readonly service: string | undefined
}

export const disk = () => {
  const live = new Map<string, Map<string, Live>>()
  const records = new Map<string, string>()
  const plans: Array<Plan.Plan> = []
  /** Targets that cannot be written. */
  const broken = new Set<string>()
  const owned = (target: string): Inventory.Inventory => {
    const read = Inventory.fromText(records.get(target) ?? Inventory.toText(Inventory.empty("test")))
    if ("problem" in read) throw new Error(read.problem)
    return read
  }
  const wanted = (
    desired: Desired,
    target: string
  ): Map<string, Live & { readonly combines?: Plan.PlanItem["combines"] }> => {
    const index = desired.model.fleet.byName.get(target)?.index
    return new Map(
      [...desired.artifacts()]
        .filter((a) => index !== undefined && ClusterSet.has(a.targets, index))
        .map((a) => [
          a.id,
          { text: a.text, service: a.service, ...(a.combines === undefined ? {} : { combines: a.combines }) }
        ])
    )
  }
  const planned = (
    desired: Desired,
    target: string
  ): { readonly items: Array<Plan.PlanItem>; readonly unchanged: number } => {
    const { entries } = owned(target)
    const there = live.get(target) ?? new Map<string, Live>()
    const want = wanted(desired, target)
    const items: Array<Plan.PlanItem> = []
    for (const [id, { combines, service, text }] of want) {
      const about = { target, id, digest: digest(text), ...(service === undefined ? {} : { service }) }
      const old = there.get(id)
      if (old === undefined) items.push({ ...about, op: "create" })
      else if (old.text !== text)
        items.push({
          ...about,
          op: "update",
          ...Plan.inherited(entries.get(id)?.service, service),
          ...(combines === undefined ? {} : { combines })
        })
    }
    for (const [id, { service }] of entries)
      if (!want.has(id)) items.push({ op: "delete", target, id, ...(service === undefined ? {} : { service }) })
    return { items, unchanged: want.size - items.filter((i) => i.op !== "delete").length }
  }
  const plugin = Sink.make({
    type: "disk",
    summary: "",
    config: Empty,
    make: () => ({
      plan: (desired: Desired) =>
        Effect.sync((): Plan.Plan => {
          const targets = [...new Set([...desired.model.fleet.byName.keys(), ...records.keys()])].sort()
          const all = targets.map((target) => planned(desired, target))
          return {
            items: all.flatMap(({ items }) => items),
            unchanged: all.reduce((sum, { unchanged }) => sum + unchanged, 0),
            owned: new Map(targets.map((target) => [target, owned(target).entries.size])),
            owns: (target, service) => [...owned(target).entries.values()].some((entry) => entry.service === service)
          }
        }),
      apply: (plan: Plan.Plan, desired: Desired) =>
        Effect.sync((): Plan.Report => {
          plans.push(plan)
          const items = Plan.executable(plan).map((item) => ({
            ...item,
            outcome: broken.has(item.target) ? ("failed" as const) : ("applied" as const)
          }))
          for (const target of new Set(items.map((item) => item.target))) {
            const mine = items.filter((item) => item.target === target && item.outcome === "applied")
            const want = wanted(desired, target)
            const there = live.get(target) ?? new Map<string, Live>()
            live.set(target, there)
            for (const { id, op } of mine) {
              if (op === "delete") there.delete(id)
              else there.set(id, { text: want.get(id)!.text, service: want.get(id)!.service })
            }
            const now = Inventory.settle(owned(target), mine, (id) => ({ digest: digest(want.get(id)?.text ?? "") }))
            records.set(target, Inventory.toText(now))
          }
          return { items }
        })
    })
  })
  return { plugin, live, records, plans, broken }
}
