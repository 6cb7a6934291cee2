/**
 * Where in which object a step has its cause. The line is searched only when somebody wants to see it, in text as cw
 * prints it: two spaces a level, list items at the depth of their key.
 */
import type { Item, Path } from "./Parsed.ts"

export interface Cause {
  readonly cluster: string
  readonly item: Item
  readonly path: Path
}

/** A cause as it is shown and written. */
export interface Shown {
  readonly cluster: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** As `spec.endpoints[1].address`. */
  readonly path: string
  /** From 1, in the text of the object. */
  readonly line?: number
  /** That line, without indentation. */
  readonly source?: string
}

export const pathText = (path: Path): string =>
  path.reduce<string>(
    (text, step) => (typeof step === "number" ? `${text}[${step}]` : text === "" ? step : `${text}.${step}`),
    ""
  )

export const shown = ({ cluster, item, path }: Cause): Shown => {
  const found = item.text === undefined ? undefined : lineOf(item.text, path)
  return {
    cluster,
    kind: item.kind,
    namespace: item.namespace,
    name: item.name,
    path: pathText(path),
    ...(found === undefined ? {} : found)
  }
}

/** The line of a path, or of the nearest thing above it. */
export const lineOf = (text: string, path: Path): { readonly line: number; readonly source: string } | undefined => {
  const lines = text.split("\n")
  let [from, to, depth, found] = [0, lines.length, 0, -1]
  for (const step of path) {
    const next = typeof step === "number" ? itemAt(lines, from, to, depth, step) : keyAt(lines, from, to, depth, step)
    if (next === undefined) break
    found = next.at
    ;({ from, to, depth } = next)
  }
  if (found < 0) return undefined
  return { line: found + 1, source: text.split("\n")[found]!.trim() }
}

interface Block {
  readonly at: number
  readonly from: number
  readonly to: number
  readonly depth: number
}

const indentOf = (line: string): number => line.search(/[^ ]/)

const keyAt = (
  lines: ReadonlyArray<string>,
  from: number,
  to: number,
  depth: number,
  key: string
): Block | undefined => {
  for (let i = from; i < to; i++) {
    const line = lines[i]!
    if (indentOf(line) !== depth * 2) continue
    const rest = line.slice(depth * 2)
    if (!rest.startsWith(`${key}:`) && !rest.startsWith(`${JSON.stringify(key)}:`)) continue
    let end = i + 1
    const isItem = (text: string) => indentOf(text) === depth * 2 && text.startsWith("- ", depth * 2)
    while (end < to && (lines[end] === "" || indentOf(lines[end]!) > depth * 2 || isItem(lines[end]!))) end++
    // Its items stand at its own depth, its members one deeper.
    const items = i + 1 < end && isItem(lines[i + 1]!)
    return { at: i, from: i + 1, to: end, depth: items ? depth : depth + 1 }
  }
  return undefined
}

const itemAt = (lines: Array<string>, from: number, to: number, depth: number, index: number): Block | undefined => {
  const starts: Array<number> = []
  for (let i = from; i < to; i++)
    if (indentOf(lines[i]!) === depth * 2 && lines[i]!.startsWith("- ", depth * 2)) starts.push(i)
  const at = starts[index]
  if (at === undefined) return undefined
  const line = lines[at]!
  lines[at] = `${line.slice(0, depth * 2)}  ${line.slice(depth * 2 + 2)}`
  return { at, from: at, to: starts[index + 1] ?? to, depth: depth + 1 }
}
