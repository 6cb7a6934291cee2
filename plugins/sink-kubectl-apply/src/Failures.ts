/** What did not work, as findings: one per cause and cluster, however many objects it struck. */
import { parseId } from "@coddiwomple/core/Artifact"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { ReportItem } from "@coddiwomple/core/Plan"

const shown = 5

const nameOf = (item: ReportItem): string => {
  const id = parseId(item.id)
  return id === undefined ? item.id : `${id.kind} ${id.namespace === "" ? "" : `${id.namespace}/`}${id.name}`
}

/** The same cause for several objects differs only in their names. */
const causeOf = (item: ReportItem): string => {
  const name = parseId(item.id)?.name
  return name === undefined ? (item.message ?? "") : (item.message ?? "").replaceAll(name, "…")
}

const codes = { failed: "CW801", unknown: "CW802", skipped: "CW903" } as const

export const failures = (items: ReadonlyArray<ReportItem>): ReadonlyArray<Diagnostic.Diagnostic> => {
  const causes = new Map<string, Array<ReportItem>>()
  for (const item of items) {
    if (item.outcome === "applied") continue
    const key = `${item.target}\u0000${item.outcome}\u0000${causeOf(item)}`
    const list = causes.get(key)
    if (list === undefined) causes.set(key, [item])
    else list.push(item)
  }
  return [...causes.values()].map((list) => {
    const first = list[0]!
    const outcome = first.outcome as keyof typeof codes
    const names = list.slice(0, shown).map(nameOf).join(", ")
    const more = list.length > shown ? `, and ${list.length - shown} more` : ""
    const what =
      outcome === "unknown"
        ? "outcome unknown"
        : outcome === "skipped"
          ? `not ${first.op === "delete" ? "deleted" : "applied"}`
          : `${first.op} failed`
    const make = outcome === "skipped" ? Diagnostic.warning : Diagnostic.error
    return make(
      outcome === "skipped" && first.op !== "delete" ? "CW801" : codes[outcome],
      `cluster ${first.target}: ${names}${more}: ${what}: ${first.message ?? "no reason given"}`,
      {
        service: list.length === 1 ? first.service : undefined
      }
    )
  })
}
