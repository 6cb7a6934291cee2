/** "A pod in a calls reviews.global:80": a verdict first, then the steps in the order in which the mesh takes them. */
import { useEffect, useState } from "react"
import type { Route, ServiceDetail } from "../Contract.ts"
import { Glyph, type Mark } from "./Glyph.tsx"
import { go, serviceHref, usePlace, withQuery } from "./link.tsx"
import { clusters as clusterStore, status } from "./live.ts"
import { CopyButton } from "./Code.tsx"
import { Problem } from "./Pane.tsx"
import { Skeleton } from "./Services.tsx"
import { call } from "./session.ts"
import { useStore } from "./store.ts"

const order = ["first", "then", "then"]
const few = 6
const tierWord = (tier: number, last: number): string =>
  tier === 0 ? order[0]! : tier === last && tier > 1 ? "last" : order[1]!

const sourceMark: Readonly<Record<string, Mark>> = {
  "live differs": "differs",
  "not there": "create",
  unknown: "unknown"
}
const endpointMark: Readonly<Record<string, Mark>> = {
  used: "ok",
  waiting: "stale",
  down: "delete",
  broken: "error",
  unknown: "unknown"
}
const endpointWord: Readonly<Record<string, string>> = {
  used: "answers",
  waiting: "waits",
  down: "down (what if)",
  broken: "cannot answer",
  unknown: "not connected"
}

export const RouteTab = ({ cluster, detail }: { readonly detail: ServiceDetail; readonly cluster: string }) => {
  const { query } = usePlace()
  const list = useStore(clusterStore)
  const generation = useStore(status)?.generation
  const host = query.get("host") ?? detail.hosts[0] ?? ""
  const port = Number(query.get("port") ?? detail.ports[0]?.port ?? 80)
  const down = (query.get("down") ?? "").split(",").filter((d) => d !== "")
  const [answer, setAnswer] = useState<{ readonly route?: Route; readonly problem?: string }>({})
  const key = JSON.stringify([detail.id, cluster, host, port, down, generation])
  useEffect(() => {
    let current = true
    if (host !== "")
      call((client) => client.Trace({ service: detail.id, cluster, host, port, down })).then(
        (route) => current && setAnswer({ route }),
        (error: Error) => current && setAnswer({ problem: error.message })
      )
    return () => {
      current = false
    }
    // The key says all of it.
    // oxlint-disable-next-line
  }, [key])
  const toggle = (name: string) =>
    go(withQuery({ down: (down.includes(name) ? down.filter((d) => d !== name) : [...down, name]).join(",") }), true)
  const { problem, route } = answer
  const [whole, setWhole] = useState(false)
  if (host === "")
    return (
      <section>
        <p className="dim">No host is known while this service is held.</p>
      </section>
    )
  const last = Math.max(0, ...(route?.endpoints.map((e) => e.tier) ?? []))
  const suspects = [
    ...new Set([cluster, ...(route?.endpoints.map((e) => e.cluster) ?? []), ...detail.backends.map((b) => b.cluster)])
  ].filter((c) => detail.backends.some((b) => b.cluster === c))
  return (
    <>
      <section className="question">
        <span>
          A pod in
          <select
            className="mono"
            aria-label="Caller's cluster"
            value={cluster}
            onChange={(e) => go(serviceHref(detail.id, { cluster: e.target.value }), true)}
          >
            {list.map((c) => (
              <option key={c.name}>{c.name}</option>
            ))}
          </select>
        </span>
        <span>
          calls
          <select
            className="mono"
            aria-label="Host"
            value={host}
            onChange={(e) => go(withQuery({ host: e.target.value }), true)}
          >
            {detail.hosts.map((h) => (
              <option key={h}>{h}</option>
            ))}
          </select>
          :
          <select
            className="mono"
            aria-label="Port"
            value={String(port)}
            onChange={(e) => go(withQuery({ port: e.target.value }), true)}
          >
            {detail.ports.map((p) => (
              <option key={p.port} value={p.port}>
                {p.port}
              </option>
            ))}
          </select>
        </span>
      </section>
      {problem !== undefined ? (
        <section>
          <Problem level="error" code="trace" text={problem} />
        </section>
      ) : route === undefined ? (
        <Skeleton />
      ) : (
        <section className="route">
          <p className="verdict">
            <Glyph
              mark={route.level === "ok" ? "ok" : route.level === "error" ? "error" : "differs"}
              label={route.level}
            />
            <span>
              <b>{route.verdict}</b> {route.detail}
            </span>
          </p>
          <ol>
            {route.steps.map((step, i) => (
              <li
                key={i}
                className={
                  step.problems.some((p) => p.severity === "error") ? "bad" : step.problems.length > 0 ? "warned" : ""
                }
              >
                <div className="stephead">
                  <h3>{step.title}</h3>
                  {sourceMark[step.source] === undefined ? (
                    <span className="chip plain">
                      {step.source === "as generated" ? "✓ as generated" : step.source}
                    </span>
                  ) : (
                    <span className={`chip ${step.source === "not there" ? "add" : "warn"}`}>
                      <Glyph mark={sourceMark[step.source]!} /> {step.source}
                    </span>
                  )}
                </div>
                {step.lines.map((l) => (
                  <p key={l}>
                    <Said line={l} object={step.object} detail={detail} />
                  </p>
                ))}
                {step.object === undefined || step.lines.some((l) => l.includes(step.object!)) ? null : (
                  <p>
                    <ObjectLink name={step.object} detail={detail} />
                  </p>
                )}
                {step.problems.map((p) => (
                  <Problem key={p.message} level={p.severity} code={p.code} text={p.message} help={p.help} />
                ))}
              </li>
            ))}
            {route.endpoints.length === 0 ? null : (
              <li>
                <h3>Endpoints, in the order they are tried</h3>
                <div className="endpoints">
                  {(whole ? route.endpoints : route.endpoints.slice(0, few)).map((e, i) => (
                    <div
                      key={i}
                      className={`endpoint ${e.state}${route.endpoints[i - 1]?.tier === e.tier ? " same" : ""}`}
                    >
                      <span className="tier">
                        {route.endpoints[i - 1]?.tier === e.tier ? "" : tierWord(e.tier, last)}
                      </span>
                      <Glyph mark={endpointMark[e.state]!} />
                      <div>
                        <p>
                          <b>{e.cluster}</b> {e.local ? <span className="chip">own cluster</span> : null}
                          <span className="right">
                            {endpointWord[e.state]}
                            {e.share !== undefined && e.share < 0.995 && e.share > 0
                              ? ` ${Math.round(e.share * 100)} %`
                              : ""}
                          </span>
                        </p>
                        <p className="mono">
                          {e.local ? null : <span>{e.address} </span>}
                          <span>
                            {e.local ? "" : "→ "}
                            {e.via.join(", ") || (e.local ? e.address : "nothing")}
                          </span>
                        </p>
                        {e.note === undefined || e.state === "down" ? null : <p className="word-error">{e.note}</p>}
                      </div>
                    </div>
                  ))}
                </div>
                {route.endpoints.length > few && !whole ? (
                  <button type="button" className="text more" onClick={() => setWhole(true)}>
                    Show all {route.endpoints.length}
                  </button>
                ) : null}
              </li>
            )}
            {suspects.length === 0 ? null : (
              <li>
                <h3>What if these are down</h3>
                <table className="whatif">
                  <thead>
                    <tr>
                      <th scope="col">Cluster</th>
                      <th scope="col">all of it</th>
                      <th scope="col">backend</th>
                      <th scope="col">gateway</th>
                    </tr>
                  </thead>
                  <tbody>
                    {suspects.slice(0, 12).map((name) => (
                      <tr key={name}>
                        <th scope="row">{name}</th>
                        {[name, `backend/${name}`, `gateway/${name}`].map((key) => (
                          <td key={key}>
                            <input
                              type="checkbox"
                              aria-label={`${key.replace("/", " of ")} is down`}
                              checked={down.includes(key)}
                              onChange={() => toggle(key)}
                            />
                          </td>
                        ))}
                      </tr>
                    ))}
                  </tbody>
                </table>
                {down.length === 0 ? null : (
                  <p className="then">
                    <Glyph mark={route.level === "error" ? "error" : route.level === "ok" ? "ok" : "differs"} />
                    <span>{route.then}</span>
                  </p>
                )}
              </li>
            )}
          </ol>
        </section>
      )}
      {route === undefined ? null : (
        <div className="foot">
          <code>
            $ cw trace --from {cluster} {host}:{port}
          </code>
          <span className="textbutton">
            <CopyButton label="Copy the route as text" text={route.text} /> Copy as text
          </span>
        </div>
      )}
    </>
  )
}

/** A line of the simulator, in which the object it names is a link. */
const Said = ({
  detail,
  line,
  object
}: {
  readonly line: string
  readonly object: string | undefined
  readonly detail: ServiceDetail
}) => {
  const at = object === undefined ? -1 : line.indexOf(object)
  if (object === undefined || at < 0) return line
  return (
    <>
      {line.slice(0, at)}
      <ObjectLink name={object} detail={detail} inline />
      {line.slice(at + object.length)}
    </>
  )
}

const ObjectLink = ({
  detail,
  inline,
  name
}: {
  readonly name: string
  readonly detail: ServiceDetail
  readonly inline?: boolean
}) => {
  const [kind, full] = name.split(" ")
  const bare = full?.split("/").at(-1)
  const found = detail.resources.find((r) => r.kind === kind && r.name === bare)
  if (found === undefined) return <code>{name}</code>
  return (
    <>
      {inline === true ? `${found.kind} ` : ""}
      <a
        href={withQuery({ tab: "resources", res: found.id })}
        onClick={(e) => {
          e.preventDefault()
          go(withQuery({ tab: "resources", res: found.id }))
        }}
      >
        <code>{found.name}</code>
      </a>{" "}
      <span className="dim">
        {inline === true ? "" : found.kind}
        {found.namespace === "" ? "" : `${inline === true ? "" : " "}in ${found.namespace}`}
      </span>
    </>
  )
}
