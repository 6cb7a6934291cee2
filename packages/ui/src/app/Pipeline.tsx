/** Who reads from whom, what each node is doing, and the last generations with their causes and results. */
import { useLayoutEffect, useMemo, useRef, useState } from "react"
import type { Generation, NodeInfo, Status } from "../Contract.ts"
import { draw, nodeHeight, nodeWidth } from "./graph.ts"
import { Glyph, type Mark } from "./Glyph.tsx"
import { go, usePlace, withQuery } from "./link.tsx"
import { info as infoStore, status as statusStore } from "./live.ts"
import { marks, ModelPane, NodePane, tone } from "./NodePane.tsx"
import { Skeleton } from "./Services.tsx"
import { useStore } from "./store.ts"
import { ago, clock, count, millis, plural } from "./words.ts"

const said = (n: NodeInfo, status: Status): string => {
  if (n.state === "failed") return n.reason ?? "failed"
  const lost = n.partitions?.filter((p) => p.state !== "synced") ?? []
  if (n.kind === "source") {
    const all = n.partitions?.length ?? 0
    return all === 0
      ? n.state === "starting"
        ? "waiting for the first list"
        : n.state
      : lost.length === 0
        ? all === 1
          ? "synced"
          : `${all} synced`
        : `${all - lost.length} synced, ${lost.length} ${lost[0]!.state === "stale" ? "stale" : "waiting"}`
  }
  if (n.kind === "transform") return n.groups === undefined ? "not run yet" : plural(n.groups, "service")
  if (n.kind === "check") return n.state === "ready" ? "passes" : (n.reason ?? n.state)
  if (n.plan === undefined) return status.generation === 0 ? "waiting for a generation" : n.state
  const waiting = n.plan.create + n.plan.update + n.plan.delete
  return waiting === 0 ? `${count(n.plan.unchanged)} as they should be` : `${plural(waiting, "change")} waiting`
}

export const Pipeline = () => {
  const { query } = usePlace()
  const status = useStore(statusStore)
  const info = useStore(infoStore)
  if (status === undefined || info === undefined) return <Skeleton />
  const table = query.get("as") === "table"
  const stage = query.get("stage")
  const selected = status.nodes.find((n) => n.id === stage)
  return (
    <div className="split">
      <div className="main">
        <div className="pagebar">
          <h1>{info.pipeline}</h1>
          <span className="dim">
            {plural(status.nodes.length + 1, "node")}, running {ago(info.started)}, <code>{info.file}</code>
          </span>
          <span className="legend right dim" aria-hidden="true">
            <svg width="18" height="6">
              <path d="M0 3h18" className="edge busy" />
            </svg>{" "}
            rate{" "}
            <svg width="18" height="6">
              <path d="M0 3h18" className="edge idle" />
            </svg>{" "}
            nothing in 5 m
          </span>
          <div className="segments" role="group" aria-label="Form">
            <button type="button" aria-pressed={!table} onClick={() => go(withQuery({ as: undefined }), true)}>
              Graph
            </button>
            <button type="button" aria-pressed={table} onClick={() => go(withQuery({ as: "table" }), true)}>
              Table
            </button>
          </div>
        </div>
        {status.findings
          .filter((f) => f.severity === "error")
          .map((f) => (
            <div key={f.message} className="notice error">
              <Glyph mark="error" />
              <p>
                <b>{f.message}</b> {f.help}
              </p>
              <code>{f.code}</code>
            </div>
          ))}
        <div className="scroll">
          {table ? <NodeTable status={status} stage={stage} /> : <GraphView status={status} stage={stage} />}
          <Generations status={status} />
        </div>
      </div>
      {stage === "model" ? (
        <ModelPane status={status} />
      ) : selected === undefined ? null : (
        <NodePane key={selected.id} node={selected} status={status} />
      )}
    </div>
  )
}

const GraphView = ({ stage, status }: { readonly status: Status; readonly stage: string | null }) => {
  const box = useRef<HTMLDivElement>(null)
  const [room, setRoom] = useState(900)
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setRoom(entry!.contentRect.width - 32))
    observer.observe(box.current!)
    return () => observer.disconnect()
  }, [])
  const shape = status.nodes.map((n) => `${n.id} ${n.kind} ${n.reads.join()}`).join("\n")
  // Only the shape moves nodes, never a counter.
  // oxlint-disable-next-line
  const drawing = useMemo(() => draw(status.nodes, room), [shape, room])
  const quiet = (id: string) => {
    const node = status.nodes.find((n) => n.id === id)
    return node !== undefined && node.rate.every((r) => r === 0)
  }
  const width = (id: string) => {
    const node = status.nodes.find((n) => n.id === id)
    return Math.min(3.5, 1 + Math.log10(1 + (node?.rate.reduce((a, b) => a + b, 0) ?? 0)))
  }
  const next = (id: string, key: string): string | undefined => {
    const at = drawing.spots.get(id)
    if (at === undefined) return undefined
    const all = [...drawing.spots.values()]
    if (key === "ArrowRight") return drawing.edges.find((e) => e.from === id)?.to
    if (key === "ArrowLeft") return drawing.edges.find((e) => e.to === id)?.from
    const column = all.filter((s) => s.column === at.column).sort((a, b) => a.y - b.y)
    return column[column.indexOf(at) + (key === "ArrowDown" ? 1 : -1)]?.id
  }
  return (
    <div className="graph" ref={box} role="group" aria-label="Pipeline graph; arrows follow the edges">
      <div className="plane" style={{ width: drawing.width, height: drawing.height }}>
        <svg width={drawing.width} height={drawing.height} aria-hidden="true">
          {drawing.edges.map((e) => (
            <path
              key={`${e.from} ${e.to}`}
              d={e.path}
              className={`edge${quiet(e.from) ? " idle" : ""}`}
              style={{ strokeWidth: quiet(e.from) ? 1.5 : width(e.from) }}
            />
          ))}
        </svg>
        {drawing.heads.map((h) => (
          <h2 key={h.x} style={{ left: h.x, width: nodeWidth }}>
            {h.name}
          </h2>
        ))}
        {[...drawing.spots.values()].map(({ id, x, y }) => {
          const node = status.nodes.find((n) => n.id === id)
          const many = (node?.partitions?.length ?? 0) > 1
          return (
            <button
              key={id}
              type="button"
              id={`node-${id}`}
              className={`node${many ? " many" : ""}${stage === id ? " selected" : ""}`}
              aria-pressed={stage === id}
              style={{ left: x, top: y, width: nodeWidth, height: nodeHeight }}
              onClick={() => go(withQuery({ stage: stage === id ? undefined : id, tab: undefined }))}
              onKeyDown={(event) => {
                const to = next(id, event.key)
                if (to === undefined) return
                event.preventDefault()
                document.getElementById(`node-${to}`)?.focus()
              }}
            >
              <span className="nodehead">
                <Glyph mark={node === undefined ? "ok" : marks[node.state]} label={node?.state ?? "ready"} />
                <span>
                  <b title={id}>{id}</b>
                  <i>{node?.type ?? `generation ${status.generation}`}</i>
                </span>
                {many ? <em>×{node!.partitions!.length}</em> : null}
              </span>
              <span className={`line ${node === undefined ? "" : tone(node)}`}>
                {node === undefined
                  ? `${plural(status.services, "service")}${status.held > 0 ? `, ${status.held} held` : ""}`
                  : said(node, status)}
              </span>
              <span className="line small">
                <span>
                  {node === undefined
                    ? ""
                    : node.p99 === undefined
                      ? node.last === undefined
                        ? "no events yet"
                        : `last ${ago(node.last)} ago`
                      : `p99 ${millis(node.p99)}`}
                </span>
                <span>
                  {node?.applied !== undefined
                    ? `gen ${node.applied}`
                    : node?.desired !== undefined
                      ? `gen ${node.desired}`
                      : node === undefined
                        ? ""
                        : `${node.rate.slice(-6).reduce((a, b) => a + b, 0)}/min`}
                </span>
              </span>
            </button>
          )
        })}
      </div>
    </div>
  )
}

const NodeTable = ({ stage, status }: { readonly status: Status; readonly stage: string | null }) => (
  <table className="table">
    <thead>
      <tr>
        <th scope="col">Node</th>
        <th scope="col">Kind</th>
        <th scope="col">State</th>
        <th scope="col">Says</th>
        <th scope="col">Reads</th>
        <th scope="col" className="num">
          p50
        </th>
        <th scope="col" className="num">
          p99
        </th>
      </tr>
    </thead>
    <tbody>
      {status.nodes.map((n) => (
        <tr key={n.id} className={stage === n.id ? "selected" : ""} onClick={() => go(withQuery({ stage: n.id }))}>
          <th scope="row">
            <button type="button" className="text" onClick={() => go(withQuery({ stage: n.id }))}>
              {n.id}
            </button>
          </th>
          <td>
            {n.kind} <span className="dim">{n.type}</span>
          </td>
          <td className={`nowrap ${tone(n)}`}>
            <Glyph mark={marks[n.state]} /> {n.state}
          </td>
          <td>{said(n, status)}</td>
          <td className="mono">{n.reads.join(", ") || (n.kind === "source" ? "" : "model")}</td>
          <td className="num">{millis(n.p50)}</td>
          <td className="num">{millis(n.p99)}</td>
        </tr>
      ))}
    </tbody>
  </table>
)

const levelMarks: Readonly<Record<Generation["level"], Mark>> = {
  ok: "ok",
  warning: "held",
  error: "error",
  running: "stale"
}

const Generations = ({ status }: { readonly status: Status }) => (
  <div className="generations">
    <div className="pagebar small">
      <h2>Generations</h2>
      <span className="dim">newest first</span>
    </div>
    <table className="table">
      <thead>
        <tr>
          <th scope="col" className="num">
            Gen.
          </th>
          <th scope="col">Time</th>
          <th scope="col">Cause</th>
          <th scope="col" className="num">
            Touches
          </th>
          <th scope="col" className="num">
            Render
          </th>
          <th scope="col">Result</th>
        </tr>
      </thead>
      <tbody>
        {status.generations.slice(0, 50).map((g) => (
          <tr key={`${g.generation} ${g.time}`}>
            <td className="num strong">{g.generation}</td>
            <td>
              <time>{clock(g.time)}</time>
            </td>
            <td>{g.cause}</td>
            <td className="num">{plural(g.touched, "service")}</td>
            <td className="num">{millis(g.render)}</td>
            <td
              className={`nowrap ${g.level === "error" ? "word-error" : g.level === "warning" ? "word-differs" : ""}`}
            >
              <Glyph mark={levelMarks[g.level]} /> {g.result}
            </td>
          </tr>
        ))}
        {status.generations.length === 0 ? (
          <tr>
            <td colSpan={6} className="dim">
              No generation yet: the sources have not said everything.
            </td>
          </tr>
        ) : null}
      </tbody>
    </table>
  </div>
)
