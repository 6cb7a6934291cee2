/** One service: the way of its calls, what is generated for it, what differs, and what happened. */
import { useEffect, useState } from "react"
import { states } from "../Cells.ts"
import type { ServiceDetail } from "../Contract.ts"
import { Diff } from "./Diff.tsx"
import { EventTable } from "./Events.tsx"
import { Glyph, Icon, stateWord } from "./Glyph.tsx"
import { on } from "./keys.ts"
import { go, serviceHref, usePlace, withQuery } from "./link.tsx"
import {
  clusters as clusterStore,
  events as eventStore,
  heard,
  info as infoStore,
  matrix,
  status,
  version
} from "./live.ts"
import { Pane, Problem, Tabs } from "./Pane.tsx"
import { Resources } from "./Resources.tsx"
import { RouteTab } from "./RouteTab.tsx"
import { Skeleton } from "./Services.tsx"
import { call } from "./session.ts"
import { useStore } from "./store.ts"
import { ago } from "./words.ts"

/** The service, read again when its row or the generation changes. */
const useDetail = (id: string): { readonly detail?: ServiceDetail; readonly problem?: string } => {
  const [state, setState] = useState<{
    readonly id: string
    readonly detail?: ServiceDetail
    readonly problem?: string
  }>({ id })
  useStore(version)
  const at = matrix.number(id)
  const stamp = at === undefined ? "" : `${matrix.rows[at]!.changed} ${matrix.rows[at]!.removed}`
  const generation = useStore(status)?.generation
  useEffect(() => {
    let current = true
    call((client) => client.Service({ id })).then(
      (detail) => current && setState({ id, detail }),
      (error: Error) =>
        current &&
        setState((before) => ({
          id,
          ...(before.id === id && before.detail !== undefined
            ? { detail: { ...before.detail, gone: true } }
            : { problem: error.message })
        }))
    )
    return () => {
      current = false
    }
  }, [id, stamp, generation])
  return state.id === id ? state : {}
}

export const Service = ({ id }: { readonly id: string }) => {
  const { query } = usePlace()
  const { detail, problem } = useDetail(id)
  const list = useStore(clusterStore)
  const info = useStore(infoStore)
  useStore(heard)
  const lines = useStore(eventStore)
  const at = matrix.number(id)
  const wanted = query.get("cluster") ?? undefined
  const here = list.findIndex((c) => c.name === wanted)
  const runs = list.flatMap((_, i) => (at !== undefined && matrix.cell(at, i) < states.length - 1 ? [i] : []))
  const index = here >= 0 ? here : ((at === undefined ? undefined : matrix.worstColumn(at)) ?? 0)
  const cluster = list[index]?.name ?? ""
  const state = at === undefined ? "none" : states[matrix.cell(at, index)]!
  const close = withQuery(
    {
      cluster: undefined,
      tab: undefined,
      res: undefined,
      port: undefined,
      host: undefined,
      down: undefined,
      view: undefined
    },
    "/services"
  )
  const step = (by: number) => {
    const order = runs.length === 0 ? list.map((_, i) => i) : runs
    const now = order.indexOf(index)
    const next = order[(now + by + order.length) % order.length]
    if (next !== undefined) go(serviceHref(id, { cluster: list[next]!.name }), true)
  }
  const tab = query.get("tab") ?? "route"
  const page = query.get("view") === "page"
  useEffect(() => {
    const offs = [
      on("Escape", "Close the pane", () => go(close)),
      on("e", "Show the route", () => go(withQuery({ tab: undefined }))),
      on("d", "Show differences", () => go(withQuery({ tab: "diff" })))
    ]
    return () => offs.forEach((off) => off())
  }, [close])

  const changes = detail?.changes.filter((c) => c.target === cluster || !list.some((l) => l.name === c.target)) ?? []
  const own = lines.filter((l) => l.services?.includes(id) === true)
  const row = at === undefined ? undefined : matrix.rows[at]
  const lost = list[index]?.state === "stale" || list[index]?.state === "unreached"
  return (
    <Pane
      label={`Service ${id}`}
      title={detail?.name ?? row?.title ?? id}
      sub={<span>{detail?.namespace ?? row?.space ?? ""}</span>}
      close={close}
      wide={page}
      page={withQuery({ view: page ? undefined : "page" })}
      place={
        <>
          <select
            className="mono"
            aria-label="Cluster"
            value={cluster}
            onChange={(e) => go(serviceHref(id, { cluster: e.target.value }), true)}
          >
            {list.map((c, i) => (
              <option key={c.name} value={c.name}>
                {c.name}
                {at !== undefined && matrix.cell(at, i) === states.length - 1 ? " (not here)" : ""}
              </option>
            ))}
          </select>
          <button
            type="button"
            className="iconbutton"
            title="Previous cluster that has it"
            aria-label="Previous cluster that has it"
            onClick={() => step(-1)}
          >
            <Icon name="left" />
          </button>
          <button
            type="button"
            className="iconbutton"
            title="Next cluster that has it"
            aria-label="Next cluster that has it"
            onClick={() => step(1)}
          >
            <Icon name="right" />
          </button>
          <span className={`state word-${state}`}>
            <Glyph mark={lost && state !== "none" ? "stale" : state} />{" "}
            {lost ? "not connected, last known" : stateWord(state)}
          </span>
          {row !== undefined && row.changed > 0 ? <time className="age">{ago(row.changed)} ago</time> : null}
        </>
      }
      tabs={
        <Tabs
          current={tab}
          href={(t) => withQuery({ tab: t === "route" ? undefined : t, res: undefined })}
          tabs={[
            { id: "route", name: "Route" },
            {
              id: "resources",
              name: "Resources",
              n: detail?.resources.filter((r) => r.clusters.includes(cluster)).length
            },
            ...(info?.compares === true || changes.length > 0
              ? [{ id: "diff", name: "Diff", n: changes.length, loud: true }]
              : []),
            { id: "events", name: "Events", n: own.length }
          ]}
        />
      }
    >
      {problem !== undefined && detail === undefined ? (
        <section>
          <Problem
            level="error"
            code="not here"
            text={problem}
            help="It was removed, or the address is of another fleet."
          />
        </section>
      ) : detail === undefined ? (
        <Skeleton />
      ) : (
        <>
          {detail.gone ? (
            <section>
              <Problem
                level="warning"
                code="removed"
                text="This service is not there any more"
                help="What you see is what was known last."
              />
            </section>
          ) : null}
          {detail.held.length > 0 ? (
            <section>
              {detail.held.map((f) => (
                <Problem
                  key={f.message}
                  level={f.severity}
                  code={f.code}
                  text={`Held: ${f.message}`}
                  help={`${f.help}${f.place === undefined ? "" : `; ${f.place}`}`}
                />
              ))}
              <p className="dim">
                Nothing new is generated for it; what lives in the clusters is neither changed nor deleted.
              </p>
            </section>
          ) : null}
          {tab === "resources" ? (
            <Resources detail={detail} cluster={cluster} />
          ) : tab === "diff" ? (
            <Diff detail={detail} changes={changes} cluster={cluster} wide={page} />
          ) : tab === "events" ? (
            <section className="flush">
              <EventTable lines={own.toReversed().slice(0, 200)} compact />
              {own.length === 0 ? (
                <p className="dim pad">Nothing has happened to it since this page was opened.</p>
              ) : null}
            </section>
          ) : (
            <RouteTab detail={detail} cluster={cluster} />
          )}
          {detail.findings.length > 0 && tab === "route" ? (
            <section>
              <h3>Findings</h3>
              {detail.findings.map((f) => (
                <Problem key={f.message} level={f.severity} code={f.code} text={f.message} help={f.help} />
              ))}
            </section>
          ) : null}
        </>
      )}
    </Pane>
  )
}
