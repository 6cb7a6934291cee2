/** Two texts as a unified difference, for golden files and for what a node changes. */
import { printable } from "@coddiwomple/core/Diagnostic"
import { structuredPatch } from "diff"

/** Empty where the texts are equal; at most `limit` lines of changes. */
export const unified = (
  before: string,
  after: string,
  from: string,
  to: string,
  limit = Number.POSITIVE_INFINITY
): string => {
  const { hunks } = structuredPatch(from, to, before, after, undefined, undefined, { context: 3 })
  if (hunks.length === 0) return ""
  const lines = hunks.flatMap((h) => [
    `@@ -${h.oldStart},${h.oldLines} +${h.newStart},${h.newLines} @@`,
    ...h.lines.filter((line) => !line.startsWith("\\"))
  ])
  const shown = lines.length > limit ? [...lines.slice(0, limit), `… ${lines.length - limit} more lines`] : lines
  return [`--- ${from}`, `+++ ${to}`, ...shown].map(printable).join("\n")
}
