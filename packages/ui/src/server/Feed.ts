/**
 * What one page is told: a snapshot, then what changes. Each reader keeps the cells that changed since it was told last,
 * newest only, and is woken at most every `coalesce` milliseconds: a slow one gets fewer, larger deltas, never a queue.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { Cluster, Info, Live, Status } from "../Contract.ts"
import type { Book } from "./Book.ts"

export interface Told {
  readonly book: Book
  /** Rung when anything but a cell changes. */
  readonly wakes: Set<() => void>
  readonly clusters: () => ReadonlyArray<Cluster>
  readonly info: () => Info
  readonly status: Effect.Effect<Status>
  /** Runs before each message. */
  readonly before: Effect.Effect<void>
  readonly now: () => number
}

/** The snapshot is taken and the reader registered in one synchronous step: no change falls between them. */
export const feed = (
  { before, book, clusters, info, now, status, wakes }: Told,
  coalesce: number
): Stream.Stream<Live> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const bell = yield* Queue.sliding<void>(1)
      const ring = () => void Queue.offerUnsafe(bell, undefined)
      const cells = new Map<number, number>()
      const rows = new Set<number>()
      let whole = true
      let events = 0
      let told = ""
      let statusAt = 0
      let statusDue = true
      const width = () => Math.max(1, book.clusters.length)
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const off = book.subscribe({
            cell: (row, column, byte) => {
              events++
              cells.set(row * width() + column, byte)
            },
            row: (row) => {
              events++
              rows.add(row)
            },
            reset: () => {
              whole = true
            }
          })
          const waker = () => {
            statusDue = true
            ring()
          }
          wakes.add(waker)
          return () => {
            off()
            wakes.delete(waker)
          }
        }),
        (release) => Effect.sync(release)
      )
      ring()
      const next = Effect.gen(function* () {
        yield* Queue.take(bell)
        yield* Effect.sleep(whole ? 0 : coalesce)
        yield* before
        const out: Array<Live> = []
        const list = clusters()
        const said = JSON.stringify(list)
        if (whole) {
          whole = false
          cells.clear()
          rows.clear()
          out.push({
            _tag: "Snapshot",
            epoch: book.epoch,
            seq: book.seq,
            time: now(),
            info: info(),
            clusters: list,
            rows: book.rows()
          })
          const holes = book.holes()
          if (holes.length > 0)
            out.push({ _tag: "Delta", seq: book.seq, time: now(), events: 0, cells: [], rows: [], removed: holes })
        } else {
          if (cells.size > 0 || rows.size > 0) {
            const flat: Array<number> = []
            for (const [key, byte] of cells)
              if (!rows.has(Math.floor(key / width()))) flat.push(Math.floor(key / width()), key % width(), byte)
            const present = [...rows].flatMap((at) => {
              const row = book.row(at)
              return row === undefined ? [] : [{ at, row }]
            })
            out.push({
              _tag: "Delta",
              seq: book.seq,
              time: now(),
              events,
              cells: flat,
              rows: present,
              removed: [...rows].filter((at) => book.isRemoved(at))
            })
          }
          if (said !== told) out.push({ _tag: "Clusters", clusters: list })
        }
        told = said
        cells.clear()
        rows.clear()
        events = 0
        if (statusDue && now() - statusAt >= 500) {
          statusDue = false
          statusAt = now()
          out.push(yield* status)
        } else if (statusDue) yield* Effect.forkDetach(Effect.andThen(Effect.sleep(500), Effect.sync(ring)))
        return out
      })
      return Stream.fromEffectRepeat(next).pipe(Stream.flatMap((all) => Stream.fromIterable(all)))
    })
  )
