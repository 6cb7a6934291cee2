/** A file's text with its lines: turns offsets into places. Every place lies within the text, whatever the offset. */
import type { Place } from "@coddiwomple/core/Diagnostic"
import { maskBelow, withoutMasked } from "./Mask.ts"

export interface Span {
  readonly start: number
  readonly end: number
}

export class SourceText {
  readonly file: string
  readonly text: string
  private readonly starts: ReadonlyArray<number>

  constructor(file: string, text: string) {
    this.file = file
    this.text = text
    const starts = [0]
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1)
    this.starts = starts
  }

  /** Marks the first line of the span; an empty span is one column wide. */
  place({ start, end }: Span): Place {
    const offset = Math.max(0, Math.min(start, this.text.length))
    const line = this.lineOf(offset)
    const from = this.starts[line - 1]!
    const source = this.line(line)
    const col = Math.min(offset - from, source.length) + 1
    const endCol = Math.max(col, Math.min(end - from, source.length) + 1)
    return { file: this.file, line, col, ...(endCol > col ? { endCol } : {}), source: this.masked(line) }
  }

  /** What may be said of the line of an offset. */
  said(message: string, offset: number): string {
    const line = this.lineOf(Math.max(0, Math.min(offset, this.text.length)))
    return withoutMasked(message, this.line(line), this.masked(line))
  }

  private line(line: number): string {
    const next = this.starts[line]
    return this.text.slice(this.starts[line - 1], next === undefined ? undefined : next - 1).replace(/\r$/, "")
  }

  private masked(line: number): string {
    return maskBelow(this.above(line), this.line(line))
  }

  /** Lines above, nearest first: only a few are ever asked for. */
  private *above(line: number): Generator<string> {
    for (let i = line - 1; i > 0; i--) yield this.line(i)
  }

  /** The line of an offset, from 1. */
  lineOf(offset: number): number {
    let low = 0
    let high = this.starts.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (this.starts[middle]! <= offset) low = middle
      else high = middle
    }
    return low + 1
  }

  /** Offset of the first character of a line that is not a space. */
  indentOf(line: number): number {
    let at = this.starts[line - 1] ?? this.text.length
    while (this.text[at] === " ") at++
    return at
  }
}
