/** What happens, newest on top; the tail can be stopped, and what is read does not move away. */
import { memo, useDeferredValue, useEffect, useMemo, useState } from "react"
import type { EventLine } from "../Contract.ts"
import { Glyph } from "./Glyph.tsx"
import { on } from "./keys.ts"
import { go, Link, serviceHref, usePlace, withQuery } from "./link.tsx"
import { events as eventStore } from "./live.ts"
import { useStore } from "./store.ts"
import { clock, download, plural } from "./words.ts"

const shown = 500

export const Events = () => {
  const { query } = usePlace()
  const all = useStore(eventStore)
  const [frozen, setFrozen] = useState<ReadonlyArray<EventLine>>()
  const text = useDeferredValue((query.get("q") ?? "").toLowerCase())
  const level = query.get("level") ?? ""
  const source = frozen ?? all
  const lines = useMemo(
    () =>
      source
        .filter(
          (l) =>
            (level === "" || l.level === level) &&
            text
              .split(/\s+/)
              .every(
                (w) =>
                  w === "" ||
                  l.text.toLowerCase().includes(w) ||
                  l.node.includes(w) ||
                  l.kind.includes(w) ||
                  (l.cluster ?? "").includes(w) ||
                  (l.services ?? []).some((s) => s.includes(w))
              )
        )
        .toReversed(),
    [source, text, level]
  )
  useEffect(
    () =>
      on(" ", "Stop and go on with the live tail", () =>
        setFrozen((f) => (f === undefined ? eventStore.get() : undefined))
      ),
    []
  )
  const missed = frozen === undefined ? 0 : all.filter((l) => l.seq > (frozen.at(-1)?.seq ?? 0)).length
  return (
    <div className="main">
      <div className="pagebar">
        <h1>Events</h1>
        <span className="dim">
          {plural(lines.length, "event")}
          {missed > 0 ? `, ${missed} newer` : ""}
        </span>
        <div className="right bar">
          <select aria-label="Level" value={level} onChange={(e) => go(withQuery({ level: e.target.value }), true)}>
            <option value="">All levels</option>
            <option value="warning">Warnings</option>
            <option value="error">Errors</option>
          </select>
          <button
            type="button"
            className="button"
            aria-pressed={frozen === undefined}
            onClick={() => setFrozen(frozen === undefined ? all : undefined)}
          >
            {frozen === undefined ? "Live" : "Stopped"}
          </button>
          <button
            type="button"
            className="button"
            disabled={lines.length === 0}
            onClick={() =>
              download("events.jsonl", lines.map((l) => `${JSON.stringify(l)}\n`).join(""), "application/jsonl")
            }
          >
            Download JSONL
          </button>
        </div>
      </div>
      <div className="tablebox">
        <EventTable lines={lines.slice(0, shown)} />
        {lines.length === 0 ? (
          <p className="dim pad">
            {all.length === 0 ? "Nothing has happened since cw was started." : "No event matches."}
          </p>
        ) : null}
      </div>
    </div>
  )
}

export const EventTable = ({
  compact,
  lines
}: {
  readonly lines: ReadonlyArray<EventLine>
  readonly compact?: boolean
}) => (
  <table className={`table events${compact === true ? " compact" : ""}`}>
    <thead className={compact === true ? "sr" : ""}>
      <tr>
        <th scope="col">Time</th>
        <th scope="col">Node</th>
        {compact === true ? null : <th scope="col">Kind</th>}
        <th scope="col">What</th>
        {compact === true ? null : <th scope="col">Services</th>}
        {compact === true ? null : (
          <th scope="col" className="num">
            Gen.
          </th>
        )}
      </tr>
    </thead>
    <tbody>
      {lines.map((l) => (
        <Row key={`${l.seq} ${l.time}`} line={l} compact={compact === true} />
      ))}
    </tbody>
  </table>
)

const Row = memo(({ compact, line: l }: { readonly line: EventLine; readonly compact: boolean }) => (
  <tr>
    <td className="nowrap">
      <time>{clock(l.time)}</time>
    </td>
    <td className="mono nowrap">
      <Glyph mark={l.level === "error" ? "error" : l.level === "warning" ? "warning" : "ok"} label={l.level} /> {l.node}
    </td>
    {compact ? null : <td className="dim nowrap">{l.kind}</td>}
    <td className="what">{l.text}</td>
    {compact ? null : (
      <td className="mono">
        {(l.services ?? []).slice(0, 2).map((s) => (
          <Link key={s} to={serviceHref(s)}>
            {s}
          </Link>
        ))}
        {(l.services?.length ?? 0) > 2 ? <span className="dim"> +{l.services!.length - 2}</span> : null}
      </td>
    )}
    {compact ? null : <td className="num dim">{l.generation ?? ""}</td>}
  </tr>
))
