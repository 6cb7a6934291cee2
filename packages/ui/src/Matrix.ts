/**
 * The matrix as the page keeps it: bytes in one typed array, names beside it, nothing per cell on the heap. Deltas change
 * it in place; who draws asks which rows are dirty. Rows keep their numbers, so a view is a list of numbers.
 */
import { code, decode, states, worst } from "./Cells.ts"
import type { Delta, Row, Snapshot } from "./Contract.ts"
import type { Query, Target } from "./Search.ts"

export const sorts = ["worst", "name", "namespace", "changed", "clusters"] as const
export type Sort = (typeof sorts)[number]

export interface MatrixRow extends Target {
  readonly id: string
  readonly title: string
  readonly space: string
  readonly why: string | undefined
  removed: boolean
}

export class Matrix {
  width = 0
  size = 0
  epoch = 0
  cells = new Uint8Array(0)
  rows: Array<MatrixRow> = []
  /** Cells per state. */
  readonly counts = new Array<number>(states.length).fill(0)
  /** Milliseconds at which a cell changed last, for the dot of ten seconds. */
  readonly recent = new Map<number, number>()
  /** Changes since somebody sorted last. */
  changes = 0
  private readonly listeners = new Set<() => void>()
  private readonly numbers = new Map<string, number>()

  listen(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  snapshot({ clusters, epoch, rows }: Snapshot): void {
    this.width = clusters.length
    this.size = rows.length
    this.epoch = epoch
    this.cells = new Uint8Array(Math.max(1, Math.ceil(rows.length * 1.1)) * this.width)
    this.rows = rows.map(row)
    this.numbers.clear()
    this.recent.clear()
    this.changes = 0
    rows.forEach((r, i) => {
      decode(r.c, this.cells, i * this.width)
      this.numbers.set(r.i, i)
    })
    this.recount()
    this.tell()
  }

  delta({ cells, removed, rows, time }: Delta): void {
    for (let i = 0; i < cells.length; i += 3) this.set(cells[i]!, cells[i + 1]!, cells[i + 2]!, time)
    for (const each of rows) this.put(each.at, each.row, time)
    for (const at of removed) {
      const found = this.rows[at]
      if (found === undefined || found.removed) continue
      found.removed = true
      for (let c = 0; c < this.width; c++) this.counts[this.cells[at * this.width + c]!]!--
    }
    this.changes += cells.length / 3 + rows.length + removed.length
    if (this.recent.size > 5000) for (const [key, at] of this.recent) if (time - at > 10_000) this.recent.delete(key)
    this.tell()
  }

  number(id: string): number | undefined {
    return this.numbers.get(id)
  }

  cell(at: number, column: number): number {
    return this.cells[at * this.width + column] ?? code.none
  }

  worst(at: number): number {
    const found = worst(this.cells, at * this.width, (at + 1) * this.width)
    return this.rows[at]!.held ? Math.min(found, code.held) : found
  }

  /** The column to look at first: the worst, of equals the first; undefined where the service is nowhere. */
  worstColumn(at: number): number | undefined {
    const found = worst(this.cells, at * this.width, (at + 1) * this.width)
    if (found === code.none) return undefined
    const column = this.cells.subarray(at * this.width, (at + 1) * this.width).indexOf(found)
    return column < 0 ? undefined : column
  }

  present(at: number): number {
    let n = 0
    for (let i = at * this.width; i < (at + 1) * this.width; i++) if (this.cells[i] !== code.none) n++
    return n
  }

  /** Numbers of the rows that match, sorted. */
  view(query: Query, sort: Sort, now: number): Uint32Array {
    const found: Array<number> = []
    for (let i = 0; i < this.size; i++) {
      const each = this.rows[i]!
      if (!each.removed && query.test(each, this.cells, i * this.width, this.width, now)) found.push(i)
    }
    const { rows } = this
    const byName = (a: number, b: number) =>
      compare(rows[a]!.name, rows[b]!.name) || compare(rows[a]!.namespace, rows[b]!.namespace)
    const bySpace = (a: number, b: number) =>
      compare(rows[a]!.namespace, rows[b]!.namespace) || compare(rows[a]!.name, rows[b]!.name)
    if (sort === "name") found.sort(byName)
    else if (sort === "namespace") found.sort(bySpace)
    else if (sort === "changed") found.sort((a, b) => rows[b]!.changed - rows[a]!.changed || byName(a, b))
    else {
      const key = new Uint32Array(this.size)
      for (const at of found)
        key[at] = sort === "worst" ? Math.min(this.worst(at), code.ok) : this.width - this.present(at)
      found.sort((a, b) => key[a]! - key[b]! || bySpace(a, b))
    }
    return Uint32Array.from(found)
  }

  private set(at: number, column: number, byte: number, time: number): void {
    if (at >= this.size || column >= this.width || byte >= states.length) return
    const i = at * this.width + column
    this.counts[this.cells[i]!]!--
    this.counts[byte]!++
    this.cells[i] = byte
    this.recent.set(i, time)
    ;(this.rows[at] as { changed: number }).changed = time
  }

  private put(at: number, wire: Row, time: number): void {
    if (at >= this.size) this.grow(at + 1)
    const before = this.rows[at]
    for (let c = 0; c < this.width; c++) {
      const i = at * this.width + c
      if (before !== undefined && !before.removed) this.counts[this.cells[i]!]!--
    }
    const old = this.cells.slice(at * this.width, (at + 1) * this.width)
    decode(wire.c, this.cells, at * this.width)
    for (let c = 0; c < this.width; c++) {
      const i = at * this.width + c
      this.counts[this.cells[i]!]!++
      if (before === undefined || old[c] !== this.cells[i]) this.recent.set(i, time)
    }
    this.rows[at] = row(wire)
    this.numbers.set(wire.i, at)
  }

  private grow(size: number): void {
    if (size * this.width > this.cells.length) {
      const next = new Uint8Array(Math.ceil(size * 1.2) * this.width)
      next.set(this.cells)
      this.cells = next
    }
    this.cells.fill(code.none, this.size * this.width, size * this.width)
    this.size = size
  }

  private recount(): void {
    this.counts.fill(0)
    const end = this.size * this.width
    for (let i = 0; i < end; i++) this.counts[this.cells[i]!]!++
  }

  private tell(): void {
    for (const listener of this.listeners) listener()
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const row = (wire: Row): MatrixRow => ({
  id: wire.i,
  title: wire.n,
  space: wire.s,
  name: wire.n.toLowerCase(),
  namespace: wire.s.toLowerCase(),
  hosts: wire.h,
  ports: wire.p,
  changed: wire.t,
  held: wire.k !== undefined,
  why: wire.k,
  removed: false
})
