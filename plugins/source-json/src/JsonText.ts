/**
 * The text of one JSON file and the places in it. Lines and trees are computed at the first question, one entry at a
 * time: a good file pays nothing, and a file with ten thousand findings is still read only once.
 */
import type { Place } from "@coddiwomple/core/Diagnostic"
import * as JsonTree from "./JsonTree.ts"
import type { Slices } from "./Slices.ts"

export type Path = ReadonlyArray<string | number>

/** Longer lines are shown without a frame: minified files would repeat themselves in every finding. */
const longestLine = 2000

const none: Slices = { starts: [], ends: [], prefix: 0, suffix: 0, keys: [] }

export class JsonText {
  /** As a person names it. */
  readonly file: string
  readonly text: string
  readonly slices: Slices
  private lines: ReadonlyArray<number> | undefined
  private tree: { readonly index: number; readonly node: JsonTree.Node | undefined } | undefined

  constructor(file: string, text: string, slices: Slices = none) {
    this.file = file
    this.text = text
    this.slices = slices
  }

  /** Text of one entry. */
  slice(index: number): string {
    return this.text.slice(this.slices.starts[index], this.slices.ends[index])
  }

  /** Paths of the keys that stand twice in one object of an entry. */
  duplicates(index: number): ReadonlyArray<Path> {
    const out: Array<Path> = []
    const visit = (node: JsonTree.Node, path: Path): void => {
      const seen = new Set<string>()
      for (const member of node.members ?? []) {
        if (seen.has(member.key)) out.push([...path, member.key])
        seen.add(member.key)
        visit(member.value, [...path, member.key])
      }
      node.items?.forEach((item, i) => visit(item, [...path, i]))
    }
    const root = this.entry(index)
    if (root !== undefined) visit(root, [])
    return out
  }

  /**
   * Place of a field of an entry, or of its key. A path that leads nowhere gives the nearest thing above it;
   * the empty path gives the entry's name, which says more than a bracket.
   */
  place(index: number, path: Path, at: "key" | "value" = "value"): Place | undefined {
    let node = this.entry(index)
    if (node === undefined) return undefined
    if (path.length === 0) {
      const name = last(node, "name")
      if (name !== undefined) node = name.value
    }
    let key: JsonTree.Member | undefined
    for (const step of path) {
      const next = this.step(node, step)
      if (next === undefined) break
      key = next.member
      node = next.node
    }
    return at === "key" && key !== undefined ? this.at(key.start, key.end) : this.at(node.start, node.end)
  }

  /** Place of a stretch of text; what goes beyond its first line is cut off. */
  at(start: number, end: number = start + 1): Place {
    const lines = (this.lines ??= lineStarts(this.text))
    let low = 0
    let high = lines.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (lines[middle]! <= start) low = middle
      else high = middle - 1
    }
    const from = lines[low]!
    const next = lines[low + 1]
    let to = next === undefined ? this.text.length : next - 1
    if (this.text[to - 1] === "\r") to--
    const place = {
      file: this.file,
      line: low + 1,
      col: start - from + 1,
      endCol: Math.max(start + 1, Math.min(end, to)) - from + 1
    }
    return to - from > longestLine ? place : { ...place, source: this.text.slice(from, to) }
  }

  private step(
    node: JsonTree.Node,
    step: string | number
  ): { readonly node: JsonTree.Node; readonly member: JsonTree.Member | undefined } | undefined {
    if (typeof step === "number") {
      // A single object stands for a list of one.
      const item = node.items === undefined && step === 0 ? node : node.items?.[step]
      return item === undefined ? undefined : { node: item, member: undefined }
    }
    const member = last(node, step)
    return member === undefined ? undefined : { node: member.value, member }
  }

  private entry(index: number): JsonTree.Node | undefined {
    if (this.tree?.index !== index) {
      const start = this.slices.starts[index]
      const node = start === undefined ? undefined : JsonTree.parse(this.text, start)
      this.tree = { index, node: node instanceof JsonTree.Fault ? undefined : node }
    }
    return this.tree.node
  }
}

/** As JSON.parse does, the last of equal keys counts. */
const last = (node: JsonTree.Node, key: string): JsonTree.Member | undefined =>
  node.members?.findLast((m) => m.key === key)

const lineStarts = (text: string): ReadonlyArray<number> => {
  const out = [0]
  for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) out.push(i + 1)
  return out
}
