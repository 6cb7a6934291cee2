/** What is generated for a service: for one cluster, or for all with equal bodies told once. */
import { useMemo } from "react"
import type { Resource, ServiceDetail } from "../Contract.ts"
import { Code } from "./Code.tsx"
import { Glyph } from "./Glyph.tsx"
import { go, usePlace, withQuery } from "./link.tsx"
import { clusters as clusterStore, info as infoStore } from "./live.ts"
import { useStore } from "./store.ts"
import { download, plural } from "./words.ts"

export const Resources = ({ cluster, detail }: { readonly detail: ServiceDetail; readonly cluster: string }) => {
  const { query } = usePlace()
  const all = query.get("clusters") === "all"
  const total = useStore(clusterStore).length
  const open = query.get("res")
  const shown = useMemo(
    () => detail.resources.filter((r) => all || r.clusters.includes(cluster)),
    [detail, all, cluster]
  )
  const differing = detail.changes.filter((c) => c.target === cluster).map((c) => c.resource ?? c.id)
  const first = shown.find((r) => differing.includes(r.id)) ?? shown[0]
  const text = shown.map((r) => r.text).join("---\n")
  return (
    <section className="resources">
      <div className="bar">
        <div className="segments" role="group" aria-label="Which clusters">
          <button type="button" aria-pressed={!all} onClick={() => go(withQuery({ clusters: undefined }), true)}>
            This cluster
          </button>
          <button type="button" aria-pressed={all} onClick={() => go(withQuery({ clusters: "all" }), true)}>
            All clusters
          </button>
        </div>
        <span className="dim">{plural(shown.length, "object")}</span>
        <button
          type="button"
          className="button right"
          disabled={shown.length === 0}
          title="Download what is shown as one YAML file"
          onClick={() => download(`${detail.id}${all ? "" : `-${cluster}`}.yaml`, text)}
        >
          Download YAML
        </button>
      </div>
      {shown.length === 0 ? (
        <p className="dim">
          {detail.resources.length === 0
            ? "Nothing is generated for this service."
            : `Nothing is generated for it in ${cluster}. All clusters: ${plural(detail.resources.length, "object")}.`}
        </p>
      ) : null}
      {shown.map((r) => (
        <Body
          key={r.id + r.clusters[0]}
          resource={r}
          all={all}
          total={total}
          cluster={cluster}
          detail={detail}
          open={open === null ? shown.length <= 3 || r === first : open === r.id}
        />
      ))}
    </section>
  )
}

const Body = ({
  all,
  cluster,
  detail,
  open,
  resource,
  total
}: {
  readonly resource: Resource
  readonly all: boolean
  readonly total: number
  readonly cluster: string
  readonly detail: ServiceDetail
  readonly open: boolean
}) => {
  const change = detail.changes.find((c) => (c.resource ?? c.id) === resource.id && c.target === cluster)
  const op =
    change?.op === "held"
      ? "held"
      : change?.op === "update"
        ? "differs"
        : change?.op === "conflict"
          ? "error"
          : change?.op
  const n = resource.clusters.length
  const compares = useStore(infoStore)?.compares === true
  return (
    <details open={open} className="resource">
      <summary>
        <Glyph mark={op ?? (compares ? "ok" : "runs")} />
        <span className="kind">{resource.kind}</span> <b>{resource.name}</b>
        <span className="dim right">
          {all
            ? n === total
              ? "same in all clusters"
              : n <= 2
                ? resource.clusters.join(", ")
                : `same in ${n} clusters`
            : resource.namespace}
        </span>
      </summary>
      {all && n > 2 && n < total ? <p className="dim clusterlist">{resource.clusters.join(", ")}</p> : null}
      <Code
        title={resource.kind}
        note={`${resource.text.replace(/\n$/, "").split("\n").length} lines, made by ${resource.node}${resource.ownership === "fields" ? ", only these fields are ours" : ""}`}
        text={resource.text}
        file={`${resource.name.replace(/[^\w.-]/g, "_")}.yaml`}
      />
    </details>
  )
}
