/** What to do where nothing is yet: why it is empty, and the next command. */
import { Code } from "./Code.tsx"
import { clusters, info, status } from "./live.ts"
import { Glyph } from "./Glyph.tsx"
import { Link } from "./link.tsx"
import { useStore } from "./store.ts"
import { plural } from "./words.ts"

const example = `[
  {
    "name": "east",
    "address": "gw-east.example.net",
    "kubeconfig_path": "kube/east.yaml",
    "kubeconfig_context": "east"
  },
  {
    "name": "west",
    "address": "203.0.113.22",
    "kubeconfig_path": "kube/west.yaml",
    "kubeconfig_context": "west",
    "region": "us-west1"
  }
]
`

export const Empty = ({ kind }: { readonly kind: "clusters" | "services" | "loading" }) => {
  const about = useStore(info)
  const state = useStore(status)
  const list = useStore(clusters)
  const sources = state?.nodes.filter((n) => n.kind === "source") ?? []
  if (kind === "services" || kind === "loading") {
    const waiting = sources.flatMap((s) => s.partitions ?? []).filter((p) => p.state !== "synced")
    const lost = list.filter((c) => c.state === "unreached" || c.state === "stale")
    const none = lost.length > 0 && lost.length === list.length
    return (
      <div className="empty one">
        <section>
          <h1>{kind === "loading" ? "Reading the sources" : "No services yet"}</h1>
          <p className="lead">
            {kind === "loading"
              ? "Rows appear as each source has been read. Nothing has to be done."
              : none
                ? `${list.length === 1 ? "The one cluster that is known" : `None of the ${list.length} clusters that are known`} could${list.length === 1 ? " not" : ""} be read so far. cw keeps trying, and this page goes on by itself.`
                : `${plural(list.length, "cluster")} ${list.length === 1 ? "is" : "are"} known, and no service that counts runs there. This page goes on by itself as soon as one appears.`}
          </p>
          {kind === "services" && lost.length > 0 ? (
            <>
              <h2>Why</h2>
              <ul className="looked">
                {lost.slice(0, 8).map((c) => (
                  <li key={c.name}>
                    <Glyph mark="error" />
                    <Link to={`/clusters/${encodeURIComponent(c.name)}`}>{c.name}</Link>
                    <span>{c.reason ?? "no answer yet"}</span>
                  </li>
                ))}
              </ul>
              {lost.length > 8 ? <p className="dim">and {lost.length - 8} more</p> : null}
            </>
          ) : null}
          <h2>Looked at</h2>
          <Looked quiet={lost.length > 0} />
          {waiting.length > 0 && lost.length === 0 ? (
            <p className="dim">
              Waiting for{" "}
              {waiting
                .map((p) => p.name)
                .slice(0, 8)
                .join(", ")}
            </p>
          ) : null}
        </section>
      </div>
    )
  }
  return (
    <div className="empty">
      <section>
        <h1>No clusters yet</h1>
        <p className="lead">
          cw needs one file that names your clusters. This page goes on by itself as soon as the file is there.
        </p>
        <Step
          title="Write a first pipeline"
          text="Writes pipeline.yaml and small inputs. Connects to nothing."
          command="cw init"
        />
        <Step
          title="Use a file that is somewhere else"
          text="Stop this process with Ctrl-C and start it with the path."
          command="cw ui --cluster-file PATH --service-file PATH"
        />
        <Step
          title="Look at what a colleague has exported"
          text="Shows everything of a bundle without any cluster."
          command="cw ui --from bundle.json"
        />
        <h2>Looked for</h2>
        <Looked />
      </section>
      <section>
        <Code title="clusters.json" note="a complete example" text={example} language="json" />
        <dl className="facts">
          <dt>address</dt>
          <dd>its gateway, for the other clusters: IP or name</dd>
          <dt>kubeconfig_path</dt>
          <dd>relative to this file</dd>
          <dt>region</dt>
          <dd>optional; columns are grouped by it</dd>
        </dl>
        {about?.file === undefined ? null : <p className="dim">Started with {about.file}</p>}
      </section>
    </div>
  )
}

const Step = ({
  command,
  text,
  title
}: {
  readonly title: string
  readonly text: string
  readonly command: string
}) => (
  <div className="step">
    <h2>{title}</h2>
    <p>{text}</p>
    <Code text={command} command />
  </div>
)

const Looked = ({ quiet }: { readonly quiet?: boolean }) => {
  const about = useStore(info)
  const state = useStore(status)
  const sources = state?.nodes.filter((n) => n.kind === "source") ?? []
  const bad = sources.find((s) => s.reason !== undefined)
  const inputs = about?.inputs ?? []
  /** What a source says about a file stands beside the file. */
  const said = (path: string): string | undefined =>
    sources
      .find((s) => s.reason?.includes(path))
      ?.reason?.replace(path, "")
      .replace(/^[\s:]+/, "")
  return (
    <ul className="looked">
      {inputs.map((path) => (
        <li key={path}>
          <Glyph mark={bad === undefined || quiet === true ? "ok" : "stale"} />
          <code>{path}</code> <span>{quiet === true ? "" : said(path)}</span>
        </li>
      ))}
      {(quiet === true ? [] : sources.filter((s) => !inputs.some((path) => s.reason?.includes(path)))).map((s) => (
        <li key={s.id}>
          <Glyph
            mark={s.state === "ready" ? "ok" : s.state === "failed" || s.state === "degraded" ? "warning" : "stale"}
          />
          <code>{s.id}</code> <span>{s.reason ?? s.state}</span>
        </li>
      ))}
    </ul>
  )
}
