/** All clusters with those first that need a look; for a broken one, why, what it means now, and what to do. */
import { useMemo } from "react"
import type { Cluster } from "../Contract.ts"
import { Code } from "./Code.tsx"
import { Glyph, type Mark } from "./Glyph.tsx"
import { go, usePlace, withQuery } from "./link.tsx"
import { clusters as clusterStore, events as eventStore, info as infoStore, matrix, version } from "./live.ts"
import { Empty } from "./Empty.tsx"
import { Pane, Problem } from "./Pane.tsx"
import { Skeleton } from "./Services.tsx"
import { useStore } from "./store.ts"
import { ago, clock, plural } from "./words.ts"

const order: Readonly<Record<Cluster["state"], number>> = { unreached: 0, stale: 1, connected: 2, declared: 3 }
const marks: Readonly<Record<Cluster["state"], Mark>> = {
  unreached: "error",
  stale: "error",
  connected: "ok",
  declared: "runs"
}
export const clusterWord: Readonly<Record<Cluster["state"], string>> = {
  unreached: "never reached",
  stale: "not connected",
  connected: "connected",
  declared: "from a file"
}

export const Clusters = () => {
  const { path } = usePlace()
  const all = useStore(clusterStore)
  const info = useStore(infoStore)
  const byName = usePlace().query.get("sort") === "name"
  const sorted = useMemo(
    () => [...all].sort((a, b) => (byName ? 0 : order[a.state] - order[b.state]) || (a.name < b.name ? -1 : 1)),
    [all, byName]
  )
  const selected = all.find((c) => c.name === path[1])
  if (info === undefined) return <Skeleton />
  if (all.length === 0) return <Empty kind="clusters" />
  const lost = all.filter((c) => c.state === "stale" || c.state === "unreached").length
  const live = all.some((c) => c.state !== "declared")
  const versions = all.some((c) => c.istio !== undefined)
  const href = (name: string) => withQuery({}, `/clusters/${encodeURIComponent(name)}`)
  return (
    <div className="split">
      <div className="main">
        <div className="pagebar">
          <h1>{plural(all.length, "cluster")}</h1>
          <span className="dim">
            {live
              ? `${all.length - lost} connected${lost > 0 ? `; ${lost} not connected` : ""}`
              : "known from files; this run connects to none"}
          </span>
          <select
            className="right"
            aria-label="Sort"
            value={byName ? "name" : "worst"}
            onChange={(e) => go(withQuery({ sort: e.target.value === "name" ? "name" : undefined }), true)}
          >
            <option value="worst">Worst first</option>
            <option value="name">By name</option>
          </select>
        </div>
        <div className="tablebox">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Cluster</th>
                <th scope="col">State</th>
                {versions ? (
                  <th scope="col" className="opt">
                    Istio
                  </th>
                ) : null}
                <th scope="col">Gateway</th>
                <th scope="col" className="opt">
                  Region
                </th>
                <th scope="col" className="num">
                  Services
                </th>
                {live ? (
                  <>
                    <th scope="col" className="num">
                      Ours
                    </th>
                    <th scope="col" className="num">
                      Since
                    </th>
                    <th scope="col">May write</th>
                  </>
                ) : null}
              </tr>
            </thead>
            <tbody>
              {sorted.map((c) => (
                <tr
                  key={c.name}
                  className={c.name === selected?.name ? "selected" : ""}
                  onClick={() => go(href(c.name))}
                >
                  <th scope="row">
                    <a
                      href={href(c.name)}
                      onClick={(e) => {
                        if (e.ctrlKey || e.metaKey) return
                        e.preventDefault()
                        e.stopPropagation()
                        go(href(c.name))
                      }}
                    >
                      {c.name}
                    </a>
                  </th>
                  <td className={`nowrap word-${marks[c.state]}`}>
                    <Glyph mark={marks[c.state]} /> {clusterWord[c.state]}
                  </td>
                  {versions ? <td className="mono opt">{c.istio ?? <span className="dim">unknown</span>}</td> : null}
                  <td className="mono">{c.gateway}</td>
                  <td className="opt">{c.region ?? <span className="dim">none</span>}</td>
                  <td className={`num${c.services === 0 ? " dim" : ""}`}>{c.services}</td>
                  {live ? (
                    <>
                      <td className="num">{c.owned ?? <span className="dim">none</span>}</td>
                      <td className="num">
                        {c.since === undefined ? <span className="dim">none</span> : ago(c.since)}
                      </td>
                      <td className={c.writable === "no" ? "word-differs" : "dim"}>{c.writable ?? "not asked"}</td>
                    </>
                  ) : null}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </div>
      {selected === undefined ? null : <ClusterPane cluster={selected} />}
    </div>
  )
}

const ClusterPane = ({ cluster: c }: { readonly cluster: Cluster }) => {
  const lines = useStore(eventStore)
  useStore(version)
  const own = lines
    .filter((l) => l.cluster === c.name)
    .slice(-8)
    .reverse()
  const lost = c.state === "stale" || c.state === "unreached"
  const index = useStore(clusterStore).findIndex((x) => x.name === c.name)
  let only = 0
  for (let i = 0; i < matrix.size; i++) if (matrix.cell(i, index) < 8 && matrix.present(i) === 1) only++
  return (
    <Pane
      label={`Cluster ${c.name}`}
      title={c.name}
      close={withQuery({}, "/clusters")}
      place={
        <>
          <span className={`state word-${marks[c.state]}`}>
            <Glyph mark={marks[c.state]} /> {clusterWord[c.state]}
          </span>
          {c.since === undefined ? null : <span className="dim">since {clock(c.since)}</span>}
        </>
      }
    >
      {lost ? (
        <>
          <section>
            <Problem
              level="error"
              code=""
              text={c.state === "unreached" ? "This cluster has not answered yet" : "Contact with this cluster is lost"}
              help={c.reason ?? "No reason is known."}
            />
            {c.reason?.includes("\n") === true ? <Code text={c.reason} language="text" /> : null}
          </section>
          <section>
            <h3>What to do</h3>
            <p>cw tries again by itself, with growing pauses. Nothing has to be restarted here.</p>
            {c.context === undefined ? null : (
              <Code
                command
                wrap
                text={`kubectl --context ${c.context}${c.kubeconfig === undefined ? "" : ` --kubeconfig ${c.kubeconfig}`} get --raw /version`}
              />
            )}
          </section>
          <section>
            <h3>What this means now</h3>
            <dl className="facts">
              <dt>Shown values</dt>
              <dd>
                {c.state === "unreached"
                  ? "none: it has never been read"
                  : c.since === undefined
                    ? "last known, drawn hollow"
                    : `as of ${clock(c.since)}, drawn hollow`}
              </dd>
              <dt>Services here</dt>
              <dd>{c.services === 0 ? "none is known" : `${c.services}, of which ${only} run only here`}</dd>
              <dt>Other clusters</dt>
              <dd>keep its gateway as a failover target</dd>
              <dt>Plans</dt>
              <dd>leave this cluster out; deletes that rest on its facts are held</dd>
            </dl>
          </section>
        </>
      ) : null}
      <section>
        <h3>Connection</h3>
        <dl className="facts">
          <dt>Context</dt>
          <dd className={c.context === undefined ? "dim" : "mono"}>{c.context ?? "none: cw does not connect to it"}</dd>
          {c.kubeconfig === undefined ? null : (
            <>
              <dt>Kubeconfig</dt>
              <dd className="mono">{c.kubeconfig}</dd>
            </>
          )}
          <dt>Gateway</dt>
          <dd className="mono">{c.addresses.length === 0 ? "none" : c.gateway}</dd>
          {c.addresses.slice(1).map((a) => (
            <div key={a} className="row">
              <dt />
              <dd className="mono">{a}</dd>
            </div>
          ))}
          <dt>Said by</dt>
          <dd>
            {c.source}, {c.origin}
          </dd>
        </dl>
      </section>
      <section>
        <h3>Mesh</h3>
        <dl className="facts">
          <dt>Istio</dt>
          <dd className="mono">{c.istio ?? "unknown"}</dd>
          <dt>Dataplane</dt>
          <dd>{c.dataplane ?? "sidecar"}</dd>
          <dt>Region</dt>
          <dd>{c.region ?? "none"}</dd>
          {c.namespace === undefined ? null : (
            <>
              <dt>Namespace</dt>
              <dd className="mono">{c.namespace}</dd>
            </>
          )}
          <dt>Services</dt>
          <dd>
            <a
              href={`/services?q=${encodeURIComponent(`cluster:${c.name}`)}`}
              onClick={(e) => {
                e.preventDefault()
                go(`/services?q=${encodeURIComponent(`cluster:${c.name}`)}`)
              }}
            >
              {plural(c.services, "service")}
            </a>
          </dd>
        </dl>
      </section>
      {own.length === 0 ? null : (
        <section>
          <h3>Last changes</h3>
          <ul className="lines">
            {own.map((l) => (
              <li key={l.seq}>
                <time>{clock(l.time)}</time>{" "}
                <Glyph mark={l.level === "error" ? "error" : l.level === "warning" ? "warning" : "ok"} />{" "}
                <span>{l.text}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </Pane>
  )
}
