/**
 * What a finite run comes to: the exit status, and one sentence for a person.
 * 1 nothing came of it · 3 some services, clusters or sinks are not as they should be · 4 a safety rule held something.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Plan } from "@coddiwomple/core/Plan"
import type { RunResult, SinkOutcome } from "@coddiwomple/core/Status"
import * as ExitCode from "./ExitCode.ts"

type State = "done" | "partial" | "failed"

/** The delete guard, and what belongs to somebody else: findings that say no on purpose. */
const safetyCodes: ReadonlySet<string> = new Set(["CW702", "CW703", "CW705", "CW706", "CW709", "CW902"])

/** A safety rule stands in the way of a plan. */
export const safety = (plan: Plan): boolean =>
  plan.items.some((item) => item.op === "conflict") ||
  (plan.diagnostics ?? []).some((d) => Diagnostic.isError(d) && safetyCodes.has(d.code))

const sinkState = ({ plan, report }: SinkOutcome, dryRun: boolean): State => {
  if (plan === undefined || (report === undefined && !dryRun)) return "failed"
  const items = report?.items ?? []
  const bad = items.filter((item) => item.outcome === "failed" || item.outcome === "unknown").length
  const wrong = [...(plan.diagnostics ?? []), ...(report?.diagnostics ?? [])].some(
    (d) => Diagnostic.isError(d) && !safetyCodes.has(d.code)
  )
  if (bad === 0 && (plan.failed?.size ?? 0) === 0) return wrong ? "partial" : "done"
  const good = items.some((item) => item.outcome === "applied") || plan.unchanged > 0 || plan.items.length > bad
  return good ? "partial" : "failed"
}

export const exitCode = (result: RunResult, dryRun = false): number => {
  if (result.refusal !== undefined || result.generation === 0) return ExitCode.failed
  const codes: Array<number> = []
  const states = result.sinks.map((sink) => sinkState(sink, dryRun))
  if (states.length > 0 && states.every((state) => state === "failed")) codes.push(ExitCode.failed)
  const incomplete =
    result.held.size > 0 ||
    result.sourceFailures.length > 0 ||
    result.partitions.some((p) => p.state !== "synced" || p.doubt)
  if (incomplete || states.some((state) => state !== "done")) codes.push(ExitCode.partial)
  if (result.sinks.some((sink) => sink.plan !== undefined && safety(sink.plan))) codes.push(ExitCode.refused)
  return ExitCode.worst(codes)
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`

/** What is missing beside the objects themselves: who reads only the last line must not take it for success. */
export const shortfalls = (result: RunResult, dryRun: boolean): ReadonlyArray<string> => {
  const list = (kind: string, ids: Iterable<string | undefined>): ReadonlyArray<string> => {
    const names = [...new Set(ids)].filter((id) => id !== undefined)
    return names.length === 0 ? [] : [`${kind}${names.length === 1 ? "" : "s"} ${names.join(", ")} failed`]
  }
  return [
    ...list(
      "source",
      result.sourceFailures.filter(Diagnostic.isError).map((d) => d.node)
    ),
    ...list(
      "sink",
      result.sinks.filter((s) => s.plan === undefined || (s.report === undefined && !dryRun)).map((s) => s.sink)
    ),
    ...(result.held.size > 0 ? [`${count(result.held.size, "service")} held`] : [])
  ]
}

/** One line: `bookinfo: 6 services in 2 clusters, 12 applied, 1 held.` */
export const sentence = (pipeline: string, result: RunResult, dryRun: boolean): string => {
  const items = result.sinks.flatMap((sink) => sink.report?.items ?? [])
  const outcomes = (name: string) => items.filter((item) => item.outcome === name).length
  const told = [`${count(result.services, "service")} in ${count(result.clusters, "cluster")}`]
  if (dryRun) told.push("dry run: nothing written")
  else if (result.refusal !== undefined) told.push("refused, nothing written")
  else if (result.sinks.length > 0) told.push(`${outcomes("applied")} applied`)
  if (outcomes("failed") > 0) told.push(`${outcomes("failed")} failed`)
  if (outcomes("unknown") > 0) told.push(`${outcomes("unknown")} unknown`)
  const unchanged = result.sinks.reduce((n, sink) => n + (sink.plan?.unchanged ?? 0), 0)
  if (unchanged > 0) told.push(`${unchanged} unchanged`)
  const plans = result.sinks.flatMap((sink) => (sink.plan === undefined ? [] : [sink.plan]))
  const conflicts = plans.reduce((n, plan) => n + plan.items.filter((item) => item.op === "conflict").length, 0)
  if (conflicts > 0) told.push(`${conflicts} in conflict`)
  const unread = plans.reduce((n, plan) => n + (plan.failed?.size ?? 0), 0)
  if (unread > 0) told.push(`${count(unread, "cluster")} failed`)
  told.push(...shortfalls(result, dryRun))
  return `${Diagnostic.printable(pipeline)}: ${told.join(", ")}.`
}

const once = (all: ReadonlyArray<Diagnostic.Diagnostic>): ReadonlyArray<Diagnostic.Diagnostic> => [
  ...new Map(all.map((d) => [JSON.stringify([d.code, d.message, d.place, d.object, d.node]), d])).values()
]

/** Findings of a run apart from those of its plans, each once. */
export const findingsBesidePlans = (result: RunResult): ReadonlyArray<Diagnostic.Diagnostic> => {
  const planned = new Set(
    result.sinks.flatMap((sink) => [...(sink.plan?.diagnostics ?? []), ...(sink.plan?.failed?.values() ?? [])])
  )
  return once(
    [
      ...result.sourceFailures,
      ...result.diagnostics,
      ...[...result.held.values()].flat(),
      ...(result.refusal?.diagnostics ?? []),
      ...result.sinks.flatMap(({ diagnostics, report, sink }) =>
        [...diagnostics, ...(report?.diagnostics ?? [])]
          .filter((d) => !planned.has(d))
          .map((d) => ({ node: sink, ...d }))
      )
    ].filter((d) => !planned.has(d))
  )
}

/** Every finding of a run, each once. */
export const findings = (result: RunResult): ReadonlyArray<Diagnostic.Diagnostic> =>
  once([
    ...findingsBesidePlans(result),
    ...result.sinks.flatMap(({ plan, sink }) =>
      [...(plan?.diagnostics ?? []), ...(plan?.failed?.values() ?? [])].map((d) => ({ node: sink, ...d }))
    )
  ])
