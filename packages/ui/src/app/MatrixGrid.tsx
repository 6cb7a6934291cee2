/**
 * The matrix: a scroller with one canvas for all cells, and DOM only for the names and heads that are in sight. What is
 * drawn depends on the window, never on the number of rows; the cell in focus is mirrored as an element for readers.
 */
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react"
import { states } from "../Cells.ts"
import type { Cluster } from "../Contract.ts"
import type { Matrix } from "../Matrix.ts"
import { between, type Columns } from "./columns.ts"
import { stateWord } from "./Glyph.tsx"
import { go, serviceHref } from "./link.tsx"
import { ColumnHead, Name } from "./MatrixHeads.tsx"
import { paint } from "./paint.ts"
import { prefs } from "./prefs.ts"
import { useStore } from "./store.ts"

const head = 118
const groupHead = 24

export interface Cursor {
  readonly row: number
  readonly column: number
}

interface Props {
  readonly matrix: Matrix
  readonly view: Uint32Array
  readonly columns: Columns
  readonly clusters: ReadonlyArray<Cluster>
  readonly cursor: Cursor | undefined
  readonly setCursor: (cursor: Cursor | undefined) => void
  readonly marked: ReadonlySet<string>
  readonly onMark: (id: string) => void
  readonly onGroup: (group: string) => void
  readonly onPin: (cluster: string) => void
  readonly corner: React.ReactNode
  readonly version: number
}

export const MatrixGrid = ({
  clusters,
  columns,
  corner,
  cursor,
  marked,
  matrix,
  onGroup,
  onMark,
  onPin,
  setCursor,
  version,
  view
}: Props) => {
  const scroller = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const { density, names, theme } = useStore(prefs)
  const rowHeight = density === "compact" ? 24 : 32
  const [box, setBox] = useState({ left: 0, top: 0, width: 0, height: 0 })
  const [focused, setFocused] = useState(false)
  const [scheme, setScheme] = useState(0)
  const wide = Math.max(0, box.width - names)
  const high = Math.max(0, box.height - head)

  useLayoutEffect(() => {
    const at = scroller.current!
    const measure = () =>
      setBox({ left: at.scrollLeft, top: at.scrollTop, width: at.clientWidth, height: at.clientHeight })
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(at)
    let waiting = false
    const onScroll = () => {
      if (waiting) return
      waiting = true
      requestAnimationFrame(() => {
        waiting = false
        measure()
      })
    }
    at.addEventListener("scroll", onScroll, { passive: true })
    const changed = () => setScheme((n) => n + 1)
    const queries = ["(prefers-color-scheme: dark)", "(forced-colors: active)", "(prefers-contrast: more)"].map((q) =>
      matchMedia(q)
    )
    for (const query of queries) query.addEventListener("change", changed)
    return () => {
      observer.disconnect()
      at.removeEventListener("scroll", onScroll)
      for (const query of queries) query.removeEventListener("change", changed)
    }
  }, [])

  useLayoutEffect(() => {
    if (canvas.current === null || wide === 0) return
    paint(canvas.current, {
      matrix,
      view,
      columns,
      clusters,
      left: box.left,
      top: box.top,
      width: wide,
      height: high,
      rowHeight,
      cursor,
      focused,
      theme: `${theme} ${matchMedia("(prefers-color-scheme: dark)").matches} ${matchMedia("(forced-colors: active)").matches} ${scheme}`
    })
    if (version > 0) performance.mark("cw-painted")
  })

  // The dot of a changed cell goes after ten seconds.
  useEffect(() => {
    if (matrix.recent.size === 0) return
    const timer = setTimeout(() => {
      matrix.recent.clear()
      setScheme((n) => n)
    }, 10_500)
    return () => clearTimeout(timer)
  }, [version, matrix])

  const reveal = useCallback(
    (next: Cursor) => {
      const at = scroller.current!
      const y = next.row * rowHeight
      if (y < at.scrollTop) at.scrollTop = y
      else if (y + rowHeight > at.scrollTop + high) at.scrollTop = y + rowHeight - high
      const column = columns.columns[next.column]
      if (column === undefined) return
      if (column.x < at.scrollLeft) at.scrollLeft = column.x - 8
      else if (column.x + column.width > at.scrollLeft + wide) at.scrollLeft = column.x + column.width - wide + 8
    },
    [columns, high, rowHeight, wide]
  )

  const before = useRef<string>("")
  useEffect(() => {
    const key = cursor === undefined ? "" : `${cursor.row} ${cursor.column}`
    if (cursor !== undefined && key !== before.current && wide > 0) reveal(cursor)
    before.current = key
  }, [cursor, reveal, wide])

  const open = (next: Cursor, replace = false) => {
    const at = view[next.row]
    const column = columns.columns[next.column]
    if (at === undefined) return
    setCursor(next)
    if (column?.collapsed === true) return onGroup(column.group)
    go(
      serviceHref(matrix.rows[at]!.id, {
        cluster: column === undefined ? undefined : clusters[column.indices[0]!]?.name
      }),
      replace
    )
  }

  const move = (down: number, right: number) => {
    const next = {
      row: Math.max(0, Math.min(view.length - 1, (cursor?.row ?? (down > 0 ? -1 : 0)) + down)),
      column: Math.max(0, Math.min(columns.columns.length - 1, (cursor?.column ?? 0) + right))
    }
    setCursor(next)
    reveal(next)
  }

  const page = Math.max(1, Math.floor(high / rowHeight) - 1)
  const onKey = (event: React.KeyboardEvent) => {
    if (event.altKey || event.metaKey) return
    const single = prefs.get().singleKeys && !event.ctrlKey
    const keys: Readonly<Record<string, () => void>> = {
      ArrowDown: () => move(1, 0),
      ArrowUp: () => move(-1, 0),
      ArrowLeft: () => move(0, -1),
      ArrowRight: () => move(0, 1),
      PageDown: () => move(page, 0),
      PageUp: () => move(-page, 0),
      Home: () => (event.ctrlKey ? move(-view.length, -1e6) : move(0, -1e6)),
      End: () => (event.ctrlKey ? move(view.length, 0) : move(0, 1e6)),
      Enter: () => cursor !== undefined && open(cursor),
      ...(single
        ? {
            j: () => move(1, 0),
            k: () => move(-1, 0),
            h: () => move(0, -1),
            l: () => move(0, 1),
            x: () =>
              cursor !== undefined && view[cursor.row] !== undefined && onMark(matrix.rows[view[cursor.row]!]!.id),
            f: () => {
              const column = cursor === undefined ? undefined : columns.columns[cursor.column]
              if (column !== undefined && !column.collapsed) onPin(column.name)
            }
          }
        : {})
    }
    const act = keys[event.key]
    if (act === undefined) return
    event.preventDefault()
    event.stopPropagation()
    act()
  }

  const place = (event: React.MouseEvent): Cursor | undefined => {
    const rect = canvas.current!.getBoundingClientRect()
    const x = event.clientX - rect.left + box.left
    const row = Math.floor((event.clientY - rect.top + box.top) / rowHeight)
    const column = columns.columns.findIndex((c) => x >= c.x && x < c.x + c.width)
    return row < 0 || row >= view.length || column < 0 ? undefined : { row, column }
  }

  const from = Math.max(0, Math.floor(box.top / rowHeight))
  const to = Math.min(view.length, Math.ceil((box.top + high) / rowHeight))
  const [first, last] = useMemo(() => between(columns, box.left, box.left + wide), [columns, box.left, wide])
  const active = cursor === undefined ? undefined : view[cursor.row]
  const column = cursor === undefined ? undefined : columns.columns[cursor.column]
  const activeText =
    active === undefined || column === undefined
      ? ""
      : `${matrix.rows[active]!.title} ${matrix.rows[active]!.space}, ${column.name}: ${column.collapsed ? `${column.indices.length} clusters` : stateWord(states[matrix.cell(active, column.indices[0]!)]!)}`

  return (
    <div ref={scroller} className="matrix">
      <div className="sizer" style={{ width: names + columns.width, height: head + view.length * rowHeight }}>
        <div className="window" style={{ width: box.width, height: box.height }}>
          <div className="corner" style={{ width: names, height: head }}>
            {corner}
          </div>
          <div
            className="gridpart"
            role="grid"
            aria-label="Services by cluster"
            aria-rowcount={view.length + 1}
            aria-colcount={columns.columns.length + 1}
            aria-activedescendant={active === undefined ? undefined : "active-cell"}
            tabIndex={0}
            onKeyDown={onKey}
            onFocus={(event) => {
              if (event.target === event.currentTarget) setFocused(true)
            }}
            onBlur={() => setFocused(false)}
          >
            <div className="heads" role="rowgroup" style={{ left: names, width: wide, height: head }}>
              <div role="row" aria-rowindex={1} className="moved" style={{ transform: `translateX(${-box.left}px)` }}>
                <div role="columnheader" aria-colindex={1} className="sr">
                  Service
                </div>
                {columns.columns.slice(first, last).map((c, i) => (
                  <ColumnHead
                    key={c.name + c.group}
                    name={c.name}
                    group={c.group}
                    collapsed={c.collapsed}
                    size={c.indices.length}
                    left={c.x}
                    width={c.width}
                    index={first + i}
                    selected={cursor?.column === first + i}
                    cluster={c.collapsed ? undefined : clusters[c.indices[0]!]}
                    onGroup={onGroup}
                  />
                ))}
              </div>
            </div>
            <canvas
              ref={canvas}
              aria-hidden="true"
              style={{ left: names, top: head, width: wide, height: high }}
              onClick={(event) => {
                const next = place(event)
                if (next !== undefined) open(next)
              }}
            />
            <div className="names" role="rowgroup" style={{ top: head, width: names, height: high }}>
              {/* Rows keep their places and the sheet under them moves: a frame renders only the rows that are new. */}
              <div className="moved" style={{ transform: `translateY(${-box.top}px)` }}>
                {Array.from({ length: Math.max(0, to - from) }, (_, i) => {
                  const row = from + i
                  const at = view[row]!
                  const each = matrix.rows[at]
                  if (each === undefined) return null
                  return (
                    <Name
                      key={row % 200}
                      row={row}
                      id={each.id}
                      name={each.title}
                      space={each.space}
                      worst={matrix.worst(at)}
                      n={matrix.present(at)}
                      y={row * rowHeight}
                      selected={cursor?.row === row}
                      marked={marked.has(each.id)}
                      removed={each.removed}
                      cluster={column === undefined || column.collapsed ? undefined : column.name}
                    />
                  )
                })}
              </div>
            </div>
            {active !== undefined && column !== undefined ? (
              <div role="row" className="sr" aria-rowindex={cursor!.row + 2}>
                <div id="active-cell" role="gridcell" aria-colindex={cursor!.column + 2} aria-selected="true">
                  {activeText}
                </div>
              </div>
            ) : null}
          </div>
          <div className="groups" style={{ left: names, width: wide, height: groupHead }}>
            {columns.groups.map((g) =>
              g.name === "" || g.x + g.width < box.left || g.x > box.left + wide ? null : (
                <button
                  key={g.name}
                  type="button"
                  tabIndex={-1}
                  className="group"
                  title={`${g.name}: ${g.size} clusters`}
                  aria-expanded={!g.collapsed}
                  style={{
                    left: Math.max(g.x - box.left, 0),
                    width: Math.max(0, g.x + g.width - box.left - Math.max(g.x - box.left, 0)),
                    height: groupHead
                  }}
                  onClick={() => onGroup(g.name)}
                >
                  {g.collapsed ? (
                    `› ${g.size}`
                  ) : (
                    <>
                      {g.width - Math.max(0, box.left - g.x) > 56 ? <b>{g.name}</b> : null} {g.size}
                    </>
                  )}
                </button>
              )
            )}
          </div>
        </div>
      </div>
    </div>
  )
}
