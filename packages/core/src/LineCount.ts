/** How many lines a change adds and removes: the numbers of a plan. What is too different counts as wholly replaced. */
import { diffArrays } from "diff"

export interface LineCount {
  readonly added: number
  readonly removed: number
}

/** Edits beyond which the exact number tells nobody anything. */
const maximumEdits = 2000

const linesOf = (text: string): Array<string> => {
  const lines = text.split("\n")
  if (lines.at(-1) === "") lines.pop()
  return lines
}

/** Lines of a text. */
export const added = (text: string): number => linesOf(text).length

export const changed = (before: string, after: string): LineCount => {
  let a = linesOf(before)
  let b = linesOf(after)
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  a = a.slice(start, a.length - end)
  b = b.slice(start, b.length - end)
  if (a.length === 0 || b.length === 0) return { added: b.length, removed: a.length }
  const parts = diffArrays(a, b, { maxEditLength: maximumEdits })
  if (parts === undefined) return { added: b.length, removed: a.length }
  let [more, less] = [0, 0]
  for (const part of parts) {
    if (part.added) more += part.value.length
    else if (part.removed) less += part.value.length
  }
  return { added: more, removed: less }
}
