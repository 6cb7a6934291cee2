/** The names and heads beside the cells of the matrix: elements with places of their own, so that scrolling renders none anew. */
import { memo } from "react"
import { code, states } from "../Cells.ts"
import type { Cluster } from "../Contract.ts"
import { Glyph, stateWord } from "./Glyph.tsx"
import { Link, serviceHref } from "./link.tsx"

interface NameProps {
  readonly id: string
  readonly name: string
  readonly space: string
  readonly worst: number
  readonly n: number
  readonly y: number
  readonly selected: boolean
  readonly marked: boolean
  readonly removed: boolean
  readonly row: number
  readonly cluster: string | undefined
}

export const Name = memo(({ cluster, id, marked, n, name, removed, row, selected, space, worst, y }: NameProps) => {
  const state = states[worst]!
  return (
    <div
      role="row"
      aria-rowindex={row + 2}
      aria-selected={selected}
      className={`name${selected ? " selected" : ""}${removed ? " removed" : ""}`}
      style={{ transform: `translateY(${y}px)` }}
    >
      <div role="rowheader" aria-colindex={1}>
        <Link to={serviceHref(id, { cluster })} title={`${name}${space === "" ? "" : ` in ${space}`}`} tabIndex={-1}>
          <span className="slot">
            {marked ? <span className="tick" /> : worst < code.unknown ? <Glyph mark={state} /> : null}
          </span>
          <span className="what">
            <b>{name}</b> <span>{space}</span>
          </span>
          <span className="n">{n}</span>
          <span className="sr">{stateWord(state)}</span>
        </Link>
      </div>
    </div>
  )
})

interface HeadProps {
  readonly name: string
  readonly group: string
  readonly collapsed: boolean
  readonly size: number
  readonly left: number
  readonly width: number
  readonly index: number
  readonly selected: boolean
  readonly cluster: Cluster | undefined
  readonly onGroup: (group: string) => void
}

/** Long names keep their end, and the end is the loud part: there they differ. */
const tail = (name: string) => {
  const short = name.length > 13 ? `…${name.slice(-12)}` : name
  const [, stem, end] = /^(.*[-_.])([^-_.]+)$/.exec(short) ?? [undefined, "", short]
  return (
    <>
      {stem}
      <b>{end}</b>
    </>
  )
}

export const ColumnHead = memo(
  ({ cluster, collapsed, group, index, left, name, onGroup, selected, size, width }: HeadProps) => {
    const gone = cluster?.state === "stale" || cluster?.state === "unreached"
    return (
      <div
        role="columnheader"
        aria-colindex={index + 2}
        className={`colhead${selected ? " selected" : ""}${gone ? " gone" : ""}`}
        style={{ transform: `translateX(${left}px)`, width }}
      >
        {collapsed ? (
          <button type="button" tabIndex={-1} title={`${group}: open ${size} clusters`} onClick={() => onGroup(group)}>
            {name === "" ? "all" : tail(name)}
          </button>
        ) : (
          <Link
            to={`/clusters/${encodeURIComponent(name)}`}
            tabIndex={-1}
            title={gone ? `${name}: not connected${cluster?.reason === undefined ? "" : `, ${cluster.reason}`}` : name}
          >
            {tail(name)}
          </Link>
        )}
      </div>
    )
  }
)
