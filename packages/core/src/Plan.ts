/**
 * What a sink would change, computed without writing, and what it then did.
 * The engine may only turn items into `held`; a sink executes exactly the items that are not held or in conflict.
 */
import type { Combines } from "./Artifact.ts"
import type { Diagnostic } from "./Diagnostic.ts"

export type Operation = "create" | "update" | "delete" | "held" | "conflict"

/** One difference of one field: JSON-pointer-like path with dots and brackets, values as JSON. */
export interface FieldChange {
  readonly path: string
  readonly before?: unknown
  readonly after?: unknown
}

export interface PlanItem {
  readonly op: Operation
  /** Unit of independence inside a sink: a cluster, a directory, a branch. */
  readonly target: string
  /** Artifact id, or a path. */
  readonly id: string
  readonly service?: string
  /** The service that the inventory says it belongs to, where that is another one: it is held together with both. */
  readonly formerly?: string
  /** As the artifact says: an update of it is held while some of what it combines is not known. */
  readonly combines?: Combines
  /** It lists the others of its target, as they will be once the plan is executed. */
  readonly lists?: true
  /** For `held`: what it would have been. */
  readonly intended?: "create" | "update" | "delete"
  /** For `held` and `conflict`: why. */
  readonly reason?: string
  /** Digest of the body that would be written; absent for a delete. */
  readonly digest?: string
  /** Digest, version or UID of what is there now: a saved plan is refused when it moved. */
  readonly before?: string
  readonly fields?: ReadonlyArray<FieldChange>
  readonly added?: number
  readonly removed?: number
}

export interface Plan {
  readonly items: ReadonlyArray<PlanItem>
  /** Number of objects that are already as they should be. */
  readonly unchanged: number
  /** Entries of the inventory by target: the base of the delete guard. */
  readonly owned?: ReadonlyMap<string, number>
  /** Whether the inventory of a target has something of a service. */
  readonly owns?: (target: string, service: string) => boolean
  /** Nothing can be said about what is there: `Sink.write`. */
  readonly opaque?: boolean
  /** Nothing changes in the target, but the sink's own records must be written: apply is called all the same. */
  readonly bookkeeping?: boolean
  readonly diagnostics?: ReadonlyArray<Diagnostic>
  /** Targets that could not be read; nothing is applied there. */
  readonly failed?: ReadonlyMap<string, Diagnostic>
}

export type Outcome = "applied" | "failed" | "unknown" | "skipped"

export interface ReportItem {
  readonly op: "create" | "update" | "delete"
  readonly target: string
  readonly id: string
  readonly service?: string
  readonly outcome: Outcome
  readonly message?: string
  readonly attempts?: number
}

export interface Report {
  readonly items: ReadonlyArray<ReportItem>
  readonly diagnostics?: ReadonlyArray<Diagnostic>
}

export const nothing: Plan = { items: [], unchanged: 0 }

/** The items a sink executes. */
export const executable = (plan: Plan): ReadonlyArray<PlanItem & { readonly op: "create" | "update" | "delete" }> =>
  plan.items.filter(
    (i): i is PlanItem & { readonly op: "create" | "update" | "delete" } =>
      i.op === "create" || i.op === "update" || i.op === "delete"
  )

export interface Counts {
  readonly create: number
  readonly update: number
  readonly delete: number
  readonly held: number
  readonly conflict: number
  readonly unchanged: number
}

export const counts = (plan: Plan): Counts => {
  const n = { create: 0, update: 0, delete: 0, held: 0, conflict: 0 }
  for (const item of plan.items) n[item.op]++
  return { ...n, unchanged: plan.unchanged }
}

/** Tells the items of one plan or report apart. */
export const keyOf = ({ id, target }: { readonly target: string; readonly id: string }): string =>
  `${target}\u0000${id}`

/** The member of an item that says whose it was: `before` is the service that the inventory names. */
export const inherited = (before: string | undefined, service: string | undefined): Pick<PlanItem, "formerly"> =>
  before === undefined || before === service ? {} : { formerly: before }

/** What is left of a plan when its apply is over: what was applied is as it should be, or gone. */
export const left = (plan: Plan, { items }: Report): Plan => {
  const done = new Set(items.filter((item) => item.outcome === "applied").map(keyOf))
  const rest = plan.items.filter((item) => item.op === "held" || item.op === "conflict" || !done.has(keyOf(item)))
  const owned = new Map(plan.owned)
  let unchanged = plan.unchanged
  for (const item of executable(plan)) {
    if (!done.has(keyOf(item))) continue
    if (item.op !== "delete" && plan.opaque !== true) unchanged++
    const more = { create: 1, update: 0, delete: -1 }[item.op]
    if (plan.owned !== undefined) owned.set(item.target, (owned.get(item.target) ?? 0) + more)
  }
  return { ...plan, items: rest, unchanged, ...(plan.owned === undefined ? {} : { owned }) }
}

/** Order in which plans are printed and compared: target, id. */
export const compareItems = (a: PlanItem, b: PlanItem): number =>
  a.target < b.target ? -1 : a.target > b.target ? 1 : a.id < b.id ? -1 : a.id > b.id ? 1 : 0

export const hold = (item: PlanItem, reason: string): PlanItem => ({
  ...item,
  op: "held",
  intended: item.op === "held" || item.op === "conflict" ? (item.intended ?? "update") : item.op,
  reason
})
