/**
 * Cuts a JSON array into its elements by brackets and quotes alone, without checking them: the fast first pass, so that
 * an element whose text did not change is neither parsed nor decoded again. A second text is cut only where it differs
 * from the first. Depth and number are bounded here.
 */
import { check, Fault, maximumDepth } from "./JsonTree.ts"

export interface Slices {
  /** Offset of each element, and the offset behind it. */
  readonly starts: ReadonlyArray<number>
  readonly ends: ReadonlyArray<number>
  /** How many elements at the start, and at the end, are those of the text before. */
  readonly prefix: number
  readonly suffix: number
  /** How many keys stand in each element, counted by their colons. */
  readonly keys: ReadonlyArray<number>
}

/** A text that was cut before. */
export interface Before {
  readonly text: string
  readonly slices: Slices
}

export const maximumElements = 1_000_000

const quote = 34
const comma = 44
const open = 91
const backslash = 92
const close = 93
const openBrace = 123
const closeBrace = 125
const colon = 58

/** Undefined where the text is JSON, but no array. */
export const cut = (text: string, before?: Before): Slices | Fault | undefined => {
  let i = blank(text, 0)
  if (text.charCodeAt(i) !== open) return check(text)
  const equal = before === undefined ? 0 : commonPrefix(before.text, text)
  const prefix = before === undefined ? 0 : wholeWithin(before.slices, equal)
  const starts = before === undefined ? [] : before.slices.starts.slice(0, prefix)
  const ends = before === undefined ? [] : before.slices.ends.slice(0, prefix)
  const keys = before === undefined ? [] : before.slices.keys.slice(0, prefix)
  const rest = before === undefined ? undefined : new Rest(before, text, equal)
  i = prefix > 0 ? before!.slices.starts[prefix]! : blank(text, i + 1)
  if (prefix === 0 && text.charCodeAt(i) === close) return only(text, i, { starts, ends, prefix, suffix: 0, keys })
  for (;;) {
    if (starts.length === maximumElements) return new Fault("CW005", `more than ${maximumElements} entries`, i)
    const from = rest?.reached(i)
    if (from !== undefined) {
      const suffix = rest!.copy(from, starts, ends, keys)
      return { starts, ends, prefix, suffix, keys }
    }
    const end = behind(text, i, keys)
    if (end instanceof Fault) return end
    // An empty element or a missing bracket: the strict reader says what is wrong.
    if (end === i) return check(text)
    starts.push(i)
    ends.push(end)
    i = blank(text, end)
    const c = text.charCodeAt(i)
    if (c === close) return only(text, i, { starts, ends, prefix, suffix: 0, keys })
    if (c !== comma) return check(text)
    i = blank(text, i + 1)
  }
}

/** The array must be all there is. */
const only = (text: string, i: number, slices: Slices): Slices | Fault | undefined =>
  blank(text, i + 1) === text.length ? slices : check(text)

/** How many elements to keep of a text that is equal up to an offset: all but the last that ends before it. */
const wholeWithin = (slices: Slices, equal: number): number => {
  let n = 0
  while (n < slices.ends.length && slices.ends[n]! < equal) n++
  return Math.max(0, n - 1)
}

/** The end of the text before that is also the end of this one. */
class Rest {
  private readonly slices: Slices
  private readonly shift: number
  private readonly tail: number
  private old = 0

  constructor(before: Before, text: string, equal: number) {
    this.slices = before.slices
    this.shift = text.length - before.text.length
    this.tail = text.length - commonSuffix(before.text, text, equal)
  }

  /** The element of the text before that starts here, where all from here on is as it was. */
  reached(i: number): number | undefined {
    if (i < this.tail) return undefined
    const { starts } = this.slices
    while (this.old < starts.length && starts[this.old]! + this.shift < i) this.old++
    return starts[this.old]! + this.shift === i ? this.old : undefined
  }

  copy(from: number, starts: Array<number>, ends: Array<number>, keys: Array<number>): number {
    for (let i = from; i < this.slices.starts.length; i++) {
      starts.push(this.slices.starts[i]! + this.shift)
      ends.push(this.slices.ends[i]! + this.shift)
      keys.push(this.slices.keys[i]!)
    }
    return this.slices.starts.length - from
  }
}

/** By halves: comparing long stretches at once is many times faster than character by character. */
const commonPrefix = (a: string, b: string): number => {
  let low = 0
  let high = Math.min(a.length, b.length)
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (a.slice(low, middle) === b.slice(low, middle)) low = middle
    else high = middle - 1
  }
  return low
}

/** Of what lies behind the common prefix. */
const commonSuffix = (a: string, b: string, prefix: number): number => {
  let low = 0
  let high = Math.min(a.length, b.length) - prefix
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (a.slice(a.length - middle, a.length - low) === b.slice(b.length - middle, b.length - low)) low = middle
    else high = middle - 1
  }
  return low
}

const blank = (text: string, i: number): number => {
  for (;;) {
    const c = text.charCodeAt(i)
    if (c !== 32 && c !== 10 && c !== 13 && c !== 9) return i
    i++
  }
}

/** The offset behind the value at `i`, where there is one; adds the number of its keys to the list. */
const behind = (text: string, i: number, counts: Array<number>): number | Fault => {
  const length = text.length
  let depth = 0
  let keys = 0
  for (; i < length; i++) {
    const c = text.charCodeAt(i)
    if (c === quote) {
      for (i++; i < length; i++) {
        const inside = text.charCodeAt(i)
        if (inside === quote) break
        if (inside === backslash) i++
      }
      if (depth > 0) continue
      counts.push(0)
      return i + 1
    } else if (c === openBrace || c === open) {
      if (++depth >= maximumDepth) return new Fault("CW005", `nested deeper than ${maximumDepth} levels`, i)
    } else if (c === closeBrace || c === close) {
      if (depth === 0) break
      if (--depth > 0) continue
      counts.push(keys)
      return i + 1
    } else if (c === colon) {
      keys++
    } else if (depth === 0 && (c === comma || c === 32 || c === 10 || c === 13 || c === 9)) {
      break
    }
  }
  counts.push(0)
  return i
}
