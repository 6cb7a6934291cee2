/** What is there against what would be there, one resource at a time; the merge view is loaded when the first is looked at. */
import { useEffect, useRef, useState } from "react"
import type { Change, ServiceDetail } from "../Contract.ts"
import { Glyph, type Mark } from "./Glyph.tsx"
import { Link, withQuery } from "./link.tsx"
import { clusters as clusterStore } from "./live.ts"
import { useStore } from "./store.ts"
import { plural } from "./words.ts"

export const opMark: Readonly<Record<Change["op"], Mark>> = {
  create: "create",
  update: "differs",
  delete: "delete",
  held: "held",
  conflict: "error"
}
export const opWord: Readonly<Record<Change["op"], string>> = {
  create: "to create",
  update: "to update",
  delete: "to delete",
  held: "held",
  conflict: "conflict"
}

export const parts = (id: string): { readonly kind: string; readonly name: string; readonly namespace: string } => {
  const [, kind, namespace, name] = id.split("/")
  return id.startsWith("file:") || name === undefined || kind === undefined || !/^[A-Z]/.test(kind)
    ? { kind: "File", name: id.replace(/^file:/, ""), namespace: "" }
    : { kind, name, namespace: namespace ?? "" }
}

/** How many lines come and go. */
const Lines = ({ change }: { readonly change: Change }) => (
  <span className="counts">
    {(change.added ?? 0) > 0 ? <span className="word-create">+{change.added}</span> : null}
    {(change.removed ?? 0) > 0 ? <span className="word-delete">−{change.removed}</span> : null}
  </span>
)

export const Diff = ({
  changes,
  cluster,
  detail,
  wide
}: {
  readonly detail: ServiceDetail
  readonly changes: ReadonlyArray<Change>
  readonly cluster: string
  readonly wide: boolean
}) => {
  const list = useStore(clusterStore)
  if (changes.length === 0)
    return (
      <section>
        <p className="verdict">
          <Glyph mark="ok" />
          <span>
            <b>Nothing differs in {cluster}.</b> What is there is what is generated.
          </span>
        </p>
      </section>
    )
  const elsewhere = (change: Change) =>
    detail.changes
      .filter(
        (c) =>
          c.id === change.id &&
          c.op === change.op &&
          JSON.stringify(c.fields) === JSON.stringify(change.fields) &&
          list.some((l) => l.name === c.target)
      )
      .map((c) => c.target)
  return (
    <section className="diffs">
      <div className="bar">
        <b>{plural(changes.length, "object")} differ</b>
        <span className="dim">what is there left, generated right</span>
        <Link to={withQuery({ q: undefined }, "/plan")} className="button primary right">
          Plan this
        </Link>
      </div>
      {changes.map((c) => (
        <OneDiff key={c.sink + c.target + c.id} change={c} wide={wide} same={elsewhere(c)} />
      ))}
    </section>
  )
}

export const OneDiff = ({
  change,
  same,
  wide
}: {
  readonly change: Change
  readonly wide: boolean
  readonly same?: ReadonlyArray<string>
}) => {
  const { kind, name, namespace } = parts(change.resource ?? change.id)
  const before = change.op === "create" || change.intended === "create" ? "" : change.live
  const after = change.op === "delete" || change.intended === "delete" ? "" : change.next
  return (
    <article className="diff">
      <header>
        <Glyph mark={opMark[change.op]} />
        <span>{kind}</span> <b>{name}</b>
        {namespace === "" || !wide ? null : <span className="dim">{namespace}</span>}
        <Lines change={change} />
        <span className={`right word-${opMark[change.op]}`}>{opWord[change.op]}</span>
      </header>
      {change.resource === undefined || !wide ? null : <p className="reason dim mono">{change.id}</p>}
      {change.reason === undefined ? null : <p className="reason">{change.reason}</p>}
      {same !== undefined && same.length > 1 ? (
        <p className="reason dim">
          The same in {same.length} clusters: {same.slice(0, 6).join(", ")}
          {same.length > 6 ? ` and ${same.length - 6} more` : ""}
        </p>
      ) : null}
      {change.fields.length > 0 ? (
        <table className="fields">
          <tbody>
            {change.fields.map((f) => (
              <tr key={f.path}>
                <th scope="row">{f.path}</th>
                <td>
                  {f.before === undefined ? null : <del>{f.before}</del>}
                  {f.after === undefined ? null : <ins>{f.after}</ins>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      {before !== undefined && after !== undefined ? (
        <Merge before={before} after={after} split={wide} />
      ) : change.fields.length === 0 ? (
        <p className="reason dim">
          {change.op === "delete"
            ? "The object is deleted as a whole."
            : `+${change.added ?? 0} −${change.removed ?? 0} lines`}
        </p>
      ) : null}
    </article>
  )
}

const Merge = ({
  after,
  before,
  split
}: {
  readonly before: string
  readonly after: string
  readonly split: boolean
}) => {
  const host = useRef<HTMLDivElement>(null)
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    let destroy: (() => void) | undefined
    let gone = false
    import("./merge.ts").then(
      ({ mount }) => {
        if (gone || host.current === null) return
        destroy = mount(host.current, before, after, split)
        host.current.dataset.ready = ""
      },
      () => setFailed(true)
    )
    return () => {
      gone = true
      destroy?.()
    }
  }, [before, after, split])
  return failed ? <pre className="plain">{after}</pre> : <div className="merge" ref={host} />
}
