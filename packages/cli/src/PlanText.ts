/**
 * A plan as a person reads it: one line per object, grouped by sink and target, in an order that does not depend on
 * the run, so that two plans can be compared. Pure; whatever came from a cluster or a file is made printable.
 */
import { parseId } from "@coddiwomple/core/Artifact"
import { printable } from "@coddiwomple/core/Diagnostic"
import { type Counts, counts, type FieldChange, type Plan, type PlanItem } from "@coddiwomple/core/Plan"
import type { Paint, Style } from "./Terminal.ts"

export interface SinkPlan {
  readonly sink: string
  readonly plan: Plan
}

const marks: Record<PlanItem["op"], readonly [mark: string, style: Style]> = {
  create: ["+", "added"],
  update: ["~", "changed"],
  delete: ["-", "removed"],
  held: ["!", "warning"],
  conflict: ["x", "error"]
}

const maximumFields = 20

/** What the object is and where: `["ServiceEntry", "istio-system/reviews"]`; a path has no kind. */
const naming = (id: string): readonly [kind: string, name: string] => {
  const object = parseId(id)
  if (object === undefined) return ["", printable(id.replace(/^file:/, ""))]
  return [
    printable(object.kind),
    printable(object.namespace === "" ? object.name : `${object.namespace}/${object.name}`)
  ]
}

const orderKey = (item: PlanItem): string => [item.target, ...naming(item.id), item.id].join("\u0000")

const json = (v: unknown): string => (v === undefined ? "(none)" : (JSON.stringify(v) ?? String(v)))

const most = 120

/** At most so many characters, from `start` on. */
const cut = (text: string, start: number): string => {
  const rest = `${start > 0 ? "…" : ""}${text.slice(start)}`
  return printable(rest.length > most ? `${rest.slice(0, most)}…` : rest)
}

/** Of long values the part that differs is shown, not the beginning that they share. */
const field = (change: FieldChange, paint: Paint): string => {
  const [before, after] = [json(change.before), json(change.after)]
  let same = 0
  if (Math.max(before.length, after.length) > most) while (same < before.length && before[same] === after[same]) same++
  const start = same > most / 2 ? same - 30 : 0
  return paint("dim", `      ${printable(change.path)}: ${cut(before, start)} -> ${cut(after, start)}`)
}

const detail = (item: PlanItem): string => {
  if (item.op === "held") return `${item.intended ?? "change"} held: ${printable(item.reason ?? "no reason given")}`
  if (item.op === "conflict") return `conflict: ${printable(item.reason ?? "not ours")}`
  if (item.added !== undefined || item.removed !== undefined) return `(+${item.added ?? 0} -${item.removed ?? 0})`
  return ""
}

const itemLines = (item: PlanItem, width: number, paint: Paint): ReadonlyArray<string> => {
  const [mark, style] = marks[item.op]
  const [kind, name] = naming(item.id)
  const text = `${width === 0 ? "" : `${kind.padEnd(width)} `}${name}`
  const more = detail(item)
  const fields = item.op === "update" ? (item.fields ?? []) : []
  return [
    `  ${paint(style, mark)} ${text}${more === "" ? "" : `  ${paint(item.op === "held" || item.op === "conflict" ? style : "dim", more)}`}`,
    ...fields.slice(0, maximumFields).map((f) => field(f, paint)),
    ...(fields.length > maximumFields ? [paint("dim", `      … ${fields.length - maximumFields} more fields`)] : [])
  ]
}

const targetLines = (
  sink: string,
  target: string,
  items: ReadonlyArray<PlanItem>,
  paint: Paint
): ReadonlyArray<string> => {
  const width = Math.max(...items.map((item) => naming(item.id)[0].length))
  return [
    paint("bold", target === "" || target === "." || target === sink ? sink : `${sink}/${printable(target)}`),
    ...items.flatMap((item) => itemLines(item, width, paint))
  ]
}

const sinkLines = ({ sink, plan }: SinkPlan, { paint, showUnchanged, limit }: Options): ReadonlyArray<string> => {
  if (plan.opaque === true)
    return [paint("bold", sink), `  ${paint("changed", "~")} runs; what it changes cannot be said beforehand`]
  const items = [...plan.items].sort((a, b) => (orderKey(a) < orderKey(b) ? -1 : 1))
  const byTarget = Map.groupBy(items.slice(0, limit), (item) => item.target)
  const lines = [...byTarget].flatMap(([target, list]) => targetLines(sink, target, list, paint))
  if (limit !== undefined && items.length > limit)
    lines.push(paint("dim", `  … ${items.length - limit} more; \`cw plan\` shows all`))
  for (const [target, finding] of plan.failed ?? []) {
    lines.push(
      paint("bold", `${sink}/${printable(target)}`),
      `  ${paint("error", "x")} cannot be read: ${printable(finding.message.replace(`cluster ${target}: `, ""))}`
    )
  }
  if (showUnchanged === true && plan.unchanged > 0) lines.push(paint("bold", sink), `    ${plan.unchanged} unchanged`)
  return lines
}

const total = (plans: ReadonlyArray<SinkPlan>): Counts => {
  const sum = { create: 0, update: 0, delete: 0, held: 0, conflict: 0, unchanged: 0 }
  for (const { plan } of plans) {
    if (plan.opaque === true) continue
    const n = counts(plan)
    for (const key of Object.keys(sum) as Array<keyof Counts>) sum[key] += n[key]
  }
  return sum
}

/** `Changes: 1 to create, …`, or that there is nothing to do; then what `beside` the plans must be known. */
export const totals = (plans: ReadonlyArray<SinkPlan>, beside: ReadonlyArray<string> = []): string => {
  const n = total(plans)
  const opaque = plans.filter((p) => p.plan.opaque === true && p.plan.items.length > 0).length
  const failed = plans.reduce((sum, { plan }) => sum + (plan.failed?.size ?? 0), 0)
  const told = [
    `${n.create} to create`,
    `${n.update} to update`,
    `${n.delete} to delete`,
    ...(n.held > 0 ? [`${n.held} held`] : []),
    ...(n.conflict > 0 ? [`${n.conflict} in conflict`] : []),
    `${n.unchanged} unchanged`,
    ...(failed > 0 ? [`${failed} cluster${failed === 1 ? "" : "s"} failed`] : []),
    ...beside
  ]
  const nothing = n.create + n.update + n.delete + n.held + n.conflict + failed === 0 && opaque === 0
  if (nothing) return `No changes: ${[`${n.unchanged} unchanged`, ...beside].join(", ")}.`
  return `Changes: ${told.join(", ")}${opaque === 0 ? "" : `; ${opaque} sink${opaque === 1 ? "" : "s"} that cannot say`}.`
}

/** Whether an apply would write something. */
export const pending = (plans: ReadonlyArray<SinkPlan>): boolean => {
  const n = total(plans)
  return n.create + n.update + n.delete > 0 || plans.some(({ plan }) => plan.opaque === true && plan.items.length > 0)
}

export interface Options {
  readonly paint: Paint
  readonly showUnchanged?: boolean
  /** At most so many objects per sink. */
  readonly limit?: number
  /** What the plan was made from. */
  readonly inputs?: ReadonlyArray<string>
  /** What failed or is held beside what the plans say. */
  readonly beside?: ReadonlyArray<string>
}

export const render = (
  pipeline: string,
  generation: number,
  plans: ReadonlyArray<SinkPlan>,
  options: Options
): string => {
  const inputs =
    options.inputs === undefined || options.inputs.length === 0 ? "" : ` (${options.inputs.map(printable).join(", ")})`
  return [
    options.paint("bold", `Plan for ${printable(pipeline)}, generation ${generation}${inputs}`),
    ...plans.flatMap((plan) => sinkLines(plan, options)),
    totals(plans, options.beside)
  ].join("\n")
}
