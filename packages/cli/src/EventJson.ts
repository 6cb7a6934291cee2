/**
 * What happens, as JSON lines for programs: `type, time, pipeline, generation, level` and the members of the type.
 * A released type keeps its members; new ones may come. Bodies and secrets never appear, only names and counts.
 */
import { parseId } from "@coddiwomple/core/Artifact"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Stamped } from "@coddiwomple/core/Event"
import { counts, type Plan, type PlanItem, type ReportItem } from "@coddiwomple/core/Plan"

export type Line = Readonly<Record<string, unknown>> & { readonly type: string }

type Level = "info" | "warning" | "error"

const object = (id: string): Readonly<Record<string, string>> => {
  const parts = parseId(id)
  return parts === undefined ? { id } : { id, ...parts }
}

const item = (type: string, level: Level, sink: string, i: PlanItem | ReportItem): Line => {
  const { id, fields: _fields, ...rest } = i as PlanItem
  return { type, level, sink, ...object(id), ...rest }
}

export const planLines = (sink: string, plan: Plan): ReadonlyArray<Line> => [
  ...(plan.diagnostics ?? []).map((d) => diagnostic({ node: sink, ...d })),
  ...[...(plan.failed ?? [])].map(([target, d]) => ({ ...diagnostic({ node: sink, ...d }), target })),
  ...plan.items.map((i) =>
    i.op === "held" || i.op === "conflict" ? item("held", "warning", sink, i) : item("planned_change", "info", sink, i)
  ),
  { type: "change_summary", level: "info", sink, ...counts(plan), ...(plan.opaque === true ? { opaque: true } : {}) }
]

export const diagnostic = (d: Diagnostic.Diagnostic): Line => ({
  ...Diagnostic.toJson(d),
  type: "diagnostic",
  level: d.severity
})

const reportLine = (sink: string, i: ReportItem): Line =>
  i.outcome === "applied" ? item("apply_complete", "info", sink, i) : item("apply_errored", "error", sink, i)

const linesOf = (event: Stamped): ReadonlyArray<Line> => {
  switch (event.type) {
    case "source":
      return [
        {
          type: event.state === "synced" ? "source_synced" : "source_stale",
          level: event.state === "synced" ? "info" : "warning",
          node: event.node,
          partition: event.partition,
          state: event.state,
          facts: event.facts
        }
      ]
    case "generation-started":
      return [{ type: "generation_started", level: "info", touched: event.touched, services: event.services }]
    case "generation-rendered":
      return [
        ...Object.entries(event.timings).map(([node, millis]) => ({
          type: "stage_complete",
          level: "info",
          node,
          millis: Math.round(millis * 100) / 100
        })),
        { type: "generation_complete", level: event.held > 0 ? "warning" : "info", held: event.held }
      ]
    case "generation-refused":
      return [{ type: "generation_refused", level: "error", node: event.node }, ...event.diagnostics.map(diagnostic)]
    case "planned":
      return planLines(event.node, event.plan)
    case "applied":
      return [
        ...event.report.items.map((i) => reportLine(event.node, i)),
        ...(event.report.diagnostics ?? []).map((d) => diagnostic({ node: event.node, ...d }))
      ]
    case "sink-failed":
      return [
        {
          type: "sink_failed",
          level: "error",
          sink: event.node,
          ...(event.retryInMillis === undefined ? {} : { retryInMillis: event.retryInMillis })
        },
        ...event.diagnostics.map(diagnostic)
      ]
    case "node-state":
      return [
        {
          type: "status",
          level: event.state === "failed" ? "error" : "info",
          node: event.node,
          state: event.state,
          ...(event.reason === undefined ? {} : { reason: event.reason })
        }
      ]
    case "reloaded":
      return [{ type: "config_reloaded", level: "info", changed: event.changed, removed: event.removed }]
    case "reload-failed":
      return [{ type: "config_reload_failed", level: "error" }, ...event.diagnostics.map(diagnostic)]
    case "diagnostic":
      return [diagnostic(event.diagnostic)]
  }
}

/** The lines of one event, without a final newline; `shown` takes out what must not be said. */
export const lines = (event: Stamped, shown: (line: Line) => Line = (line) => line): ReadonlyArray<string> => {
  const common = {
    time: new Date(event.time).toISOString(),
    pipeline: event.pipeline,
    ...("generation" in event ? { generation: event.generation } : {})
  }
  return linesOf(event)
    .map(shown)
    .map(({ type, level, ...rest }) => JSON.stringify({ type, ...common, level, ...rest }))
}
