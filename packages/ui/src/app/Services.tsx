/** The first screen: services by clusters, searched, sorted, grouped, and every one of those choices in the address. */
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react"
import { sorts, type Sort } from "../Matrix.ts"
import { parse } from "../Search.ts"
import { layout } from "./columns.ts"
import {
  clusters as clusterStore,
  epoch as epochStore,
  info as infoStore,
  matrix,
  status as statusStore,
  version as versionStore
} from "./live.ts"
import { Glyph } from "./Glyph.tsx"
import { go, Link, usePlace, withQuery } from "./link.tsx"
import { type Cursor, MatrixGrid } from "./MatrixGrid.tsx"
import { Empty } from "./Empty.tsx"
import { on } from "./keys.ts"
import { call } from "./session.ts"
import { store, useStore } from "./store.ts"
import { count, download, plural } from "./words.ts"

const sortWords: Readonly<Record<Sort, string>> = {
  worst: "Worst first",
  name: "By name",
  namespace: "By namespace",
  changed: "Last change",
  clusters: "Most clusters"
}

/** Marked rows; changes since the rows were sorted; how many rows match. */
export const marks = store<ReadonlySet<string>>(new Set())
export const resort = store(0)
export const unsorted = store(0)

export const Services = () => {
  const { path, query } = usePlace()
  const all = useStore(clusterStore)
  const version = useStore(versionStore)
  const epoch = useStore(epochStore)
  const info = useStore(infoStore)
  const status = useStore(statusStore)
  const marked = useStore(marks)
  const again = useStore(resort)
  const text = useDeferredValue(
    [
      query.get("q") ?? "",
      ...(query.get("state") ?? "")
        .split(",")
        .filter((s) => s !== "")
        .map((s) => `state:${s}`)
    ].join(" ")
  )
  const sort = (sorts as ReadonlyArray<string>).includes(query.get("sort") ?? "")
    ? (query.get("sort") as Sort)
    : "worst"
  const by = query.get("group") ?? "region"
  const collapsed = useMemo(() => new Set((query.get("closed") ?? "").split(",").filter((g) => g !== "")), [query])
  const pinned = query.get("pin") ?? undefined
  const names = useMemo(() => all.map((c) => c.name), [all])
  const search = useMemo(() => parse(text, names), [text, names])
  const only = query.get("cols") === "match" || search.columns !== undefined ? search.columns : undefined
  const columns = useMemo(() => layout(all, by, collapsed, only, pinned), [all, by, collapsed, only, pinned])
  const [cursor, setCursor] = useState<Cursor>()
  const sorted = useRef({ key: "", size: 0 })
  const loose = useRef<Uint32Array>(new Uint32Array(0))

  const key = `${text}\u0000${sort}\u0000${epoch}\u0000${again}`
  const view = useMemo(() => {
    void version
    if (sorted.current.key === key && sorted.current.size === matrix.size) return loose.current
    // New rows go to the end until somebody sorts: nothing moves under the pointer.
    if (sorted.current.key === key && matrix.size > sorted.current.size) {
      const fresh: Array<number> = []
      for (let i = sorted.current.size; i < matrix.size; i++)
        if (search.test(matrix.rows[i]!, matrix.cells, i * matrix.width, matrix.width, Date.now())) fresh.push(i)
      loose.current = Uint32Array.from([...loose.current, ...fresh])
    } else {
      loose.current = matrix.view(search, sort, Date.now())
      matrix.changes = 0
    }
    sorted.current = { key, size: matrix.size }
    performance.mark("cw-filtered")
    return loose.current
  }, [key, version, search, sort])

  useEffect(() => unsorted.set(Math.round(matrix.changes)), [version, view])
  useEffect(() => on("r", "Sort again", () => resort.set((n) => n + 1)), [])

  // The address names the service; the cursor follows.
  const selected = path[0] === "services" ? path[1] : undefined
  const column = query.get("cluster")
  useEffect(() => {
    if (selected === undefined) return
    const at = matrix.number(selected)
    const row = at === undefined ? -1 : view.indexOf(at)
    if (row < 0) return
    const best = matrix.worstColumn(at!)
    const wanted = column ?? (best === undefined ? undefined : all[best]?.name)
    const index = columns.columns.findIndex((c) => !c.collapsed && c.name === wanted)
    setCursor((before) => ({ row, column: index >= 0 ? index : (before?.column ?? 0) }))
  }, [selected, column, view, columns, all])

  const onGroup = useCallback((group: string) => {
    const now = new Set((new URLSearchParams(location.search).get("closed") ?? "").split(",").filter((g) => g !== ""))
    if (!now.delete(group)) now.add(group)
    go(withQuery({ closed: [...now].join(",") }), true)
  }, [])
  const onPin = useCallback(
    (cluster: string) =>
      go(withQuery({ pin: new URLSearchParams(location.search).get("pin") === cluster ? undefined : cluster }), true),
    []
  )
  const onMark = useCallback((id: string) => {
    marks.set((before) => {
      const next = new Set(before)
      if (!next.delete(id)) next.add(id)
      return next
    })
  }, [])

  if (info === undefined) return <Skeleton />
  if (all.length === 0 && matrix.size === 0)
    return (
      <Empty
        kind={
          status === undefined || status.nodes.some((n) => n.kind === "source" && n.state === "starting")
            ? "loading"
            : "clusters"
        }
      />
    )
  const lost = all.filter((c) => c.state === "stale" || c.state === "unreached")
  const crashed = status?.nodes.find((n) => n.kind === "source" && n.state === "failed")
  const spaces = new Set<string>()
  for (const at of view.subarray(0, 20_000)) spaces.add(matrix.rows[at]!.space)
  const regions = all.some((c) => c.region !== undefined)
  const labels = [...new Set(all.flatMap((c) => Object.keys(c.labels ?? {})))].slice(0, 8)
  const problems = search.terms.filter((t) => t.problem !== undefined)

  const corner = (
    <>
      <h1>{plural(view.length, "service")}</h1>
      <p>
        {columns.columns.length === all.length && only === undefined
          ? `in ${plural(all.length, "cluster")}`
          : `in ${only?.size ?? all.length} of ${plural(all.length, "cluster")}`}
        {spaces.size > 1 ? `, ${plural(spaces.size, "namespace")}` : ""}
      </p>
      <div className="selects">
        <select
          aria-label="Sort"
          value={sort}
          onChange={(e) => go(withQuery({ sort: e.target.value === "worst" ? undefined : e.target.value }), true)}
        >
          {sorts.map((s) => (
            <option key={s} value={s}>
              {sortWords[s]}
            </option>
          ))}
        </select>
        <select
          aria-label="Group clusters"
          value={by}
          onChange={(e) =>
            go(withQuery({ group: e.target.value === "region" ? undefined : e.target.value, closed: undefined }), true)
          }
        >
          <option value="region">{regions ? "By region" : "By name"}</option>
          <option value="none">No groups</option>
          {labels.map((l) => (
            <option key={l} value={l}>
              By {l}
            </option>
          ))}
        </select>
      </div>
    </>
  )

  return (
    <div className="services">
      {crashed !== undefined ? (
        <div className="notice error" role="alert">
          <Glyph mark="error" />
          <p>
            <b>Source {crashed.id} has failed.</b> {crashed.reason}{" "}
            <Link to={`/pipeline?stage=${encodeURIComponent(crashed.id)}`}>Show it</Link>
          </p>
        </div>
      ) : lost.length > 0 && matrix.size > 0 ? (
        <div className="notice warn">
          <Glyph mark="warning" />
          <p>
            <b>
              {lost.length === 1 ? `${lost[0]!.name} is not connected` : `${lost.length} clusters are not connected`}
            </b>
            {lost.length === 1
              ? lost[0]!.reason === undefined
                ? ""
                : `: ${lost[0]!.reason}`
              : `: ${lost
                  .slice(0, 3)
                  .map((c) => c.name)
                  .join(", ")}${lost.length > 3 ? ` and ${lost.length - 3} more` : ""}`}{" "}
            <Link to={`/clusters/${encodeURIComponent(lost[0]!.name)}`}>Why</Link>
          </p>
        </div>
      ) : null}
      {problems.length > 0 ? (
        <div className="notice warn">
          <Glyph mark="warning" />
          <p>
            {problems.map((t) => (
              <span key={t.text}>
                <u>{t.text}</u> {t.problem}.{" "}
              </span>
            ))}
          </p>
        </div>
      ) : null}
      {marked.size > 0 ? <Marked ids={marked} /> : null}
      {view.length === 0 ? (
        matrix.size === 0 ? (
          <Empty kind="services" />
        ) : (
          <div className="none">
            <h2>No service matches</h2>
            <p>{plural(matrix.size, "service")} are there. Take a term away:</p>
            <p className="terms">
              {search.terms.map((t) => (
                <button
                  key={t.text}
                  type="button"
                  onClick={() =>
                    go(
                      withQuery({
                        q: (query.get("q") ?? "")
                          .split(/\s+/)
                          .filter((w) => w !== t.text)
                          .join(" "),
                        state:
                          t.key === "state"
                            ? (query.get("state") ?? "")
                                .split(",")
                                .filter((s) => s !== t.value)
                                .join(",")
                            : (query.get("state") ?? undefined)
                      })
                    )
                  }
                >
                  <code>{t.text}</code> ×
                </button>
              ))}
            </p>
          </div>
        )
      ) : matrix.size > 200_000 && text === "" ? (
        <div className="none">
          <h2>{count(matrix.size)} services are too many to show at once</h2>
          <p>
            Type a namespace: <code>ns:team-6</code>
          </p>
        </div>
      ) : (
        <MatrixGrid
          matrix={matrix}
          view={view}
          columns={columns}
          clusters={all}
          cursor={cursor}
          setCursor={setCursor}
          marked={marked}
          onMark={onMark}
          onGroup={onGroup}
          onPin={onPin}
          corner={corner}
          version={version}
        />
      )}
    </div>
  )
}

/** What can be done with marked rows: their YAML in one file. Nothing that writes. */
const Marked = ({ ids }: { readonly ids: ReadonlySet<string> }) => {
  const [problem, setProblem] = useState<string>()
  const save = () =>
    void Promise.all([...ids].map((id) => call((client) => client.Service({ id })))).then(
      (all) =>
        download(
          `${ids.size === 1 ? [...ids][0] : `${ids.size}-services`}.yaml`,
          all.flatMap((s) => s.resources.map((r) => `# ${s.id}, for ${r.clusters.join(" ")}\n${r.text}`)).join("---\n")
        ),
      (error: Error) => setProblem(error.message)
    )
  return (
    <div className="notice plain">
      <p>
        <b>{plural(ids.size, "service")} marked</b> {problem}
      </p>
      <button type="button" className="text" onClick={save}>
        Download YAML
      </button>
      <button type="button" className="text" onClick={() => marks.set(new Set())}>
        Clear
      </button>
    </div>
  )
}

/** The final layout in grey, after a moment: a fast answer never flickers. */
export const Skeleton = () => (
  <div className="skeleton" role="status" aria-label="Loading">
    {Array.from({ length: 14 }, (_, i) => (
      <div key={i} />
    ))}
  </div>
)
