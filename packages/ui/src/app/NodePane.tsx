/** One node of the pipeline: its state and counters, what happened, what passes it, and its configuration. */
import { useEffect, useState } from "react"
import type { EventLine, NodeInfo, Status } from "../Contract.ts"
import { Code } from "./Code.tsx"
import { EventTable } from "./Events.tsx"
import { Glyph, type Mark } from "./Glyph.tsx"
import { usePlace, withQuery } from "./link.tsx"
import { events as eventStore } from "./live.ts"
import { Pane, Problem, Tabs } from "./Pane.tsx"
import { follow } from "./session.ts"
import { useStore } from "./store.ts"
import { clock, count, millis, plural } from "./words.ts"

export const marks: Readonly<Record<NodeInfo["state"], Mark>> = {
  starting: "stale",
  ready: "ok",
  degraded: "warning",
  failed: "error",
  stopped: "held"
}

export const tone = (n: NodeInfo): string =>
  n.state === "failed"
    ? "word-error"
    : n.state === "degraded" || (n.partitions ?? []).some((p) => p.state !== "synced")
      ? "word-differs"
      : ""

export const NodePane = ({ node, status }: { readonly node: NodeInfo; readonly status: Status }) => {
  const { query } = usePlace()
  const tab = query.get("tab") ?? "state"
  const lines = useStore(eventStore).filter((l) => l.node === node.id)
  const lost = node.partitions?.filter((p) => p.state !== "synced") ?? []
  return (
    <Pane
      label={`Node ${node.id}`}
      title={node.id}
      sub={
        <span>
          {node.kind} {node.type}
        </span>
      }
      close={withQuery({ stage: undefined, tab: undefined })}
      place={
        <>
          <span className={`state ${tone(node)}`}>
            <Glyph mark={marks[node.state]} /> {node.state}
          </span>
          {node.since === undefined ? null : <span className="dim">since {clock(node.since)}</span>}
        </>
      }
      tabs={
        <Tabs
          current={tab}
          href={(t) => withQuery({ tab: t === "state" ? undefined : t })}
          tabs={[
            { id: "state", name: "State" },
            { id: "events", name: "Events", n: lines.length },
            { id: "tap", name: "Tap" },
            { id: "config", name: "Configuration" }
          ]}
        />
      }
      footer={<code>$ cw tap {node.id}</code>}
    >
      {tab === "events" ? (
        <section className="flush">
          <EventTable lines={lines.toReversed().slice(0, 100)} compact />
          {lines.length === 0 ? <p className="dim pad">No events yet.</p> : null}
        </section>
      ) : tab === "tap" ? (
        <Tap node={node.id} />
      ) : tab === "config" ? (
        <section>
          {node.description === undefined ? null : <p>{node.description}</p>}
          {node.config === undefined ? (
            <p className="dim">Nothing is configured.</p>
          ) : (
            <Code title="Configuration" note={node.place ?? ""} text={node.config} />
          )}
          <p className="dim">Secrets are left out.</p>
        </section>
      ) : (
        <>
          {node.reason === undefined ? null : (
            <section>
              <Problem
                level={node.state === "failed" ? "error" : "warning"}
                code={node.state}
                text={node.reason}
                help={
                  node.state === "failed"
                    ? "It is not tried again by itself."
                    : "It is tried again by itself, with growing pauses."
                }
              />
            </section>
          )}
          {node.description === undefined ? null : (
            <section>
              <p>{node.description}</p>
            </section>
          )}
          {node.plan === undefined ? null : (
            <section>
              <h3>Generation {node.desired ?? status.generation}</h3>
              <div className="figures">
                <Figure n={node.plan.create} word="to create" />
                <Figure n={node.plan.update} word="to update" />
                <Figure n={node.plan.delete} word="to delete" loud />
                <Figure n={node.plan.unchanged} word="unchanged" />
                <Figure n={node.plan.held} word="held" loud />
                <Figure n={node.plan.conflict} word="conflict" loud />
              </div>
            </section>
          )}
          {(node.partitions?.length ?? 0) === 0 ? null : (
            <section>
              <h3>
                {lost.length === 0
                  ? `Partitions, all ${node.partitions!.length} synced`
                  : `${lost.length} of ${node.partitions!.length} partitions are not synced`}
              </h3>
              <ul className="lines wide">
                {[...lost, ...node.partitions!.filter((p) => p.state === "synced")].slice(0, 40).map((p) => (
                  <li key={p.name}>
                    <Glyph mark={p.state === "synced" ? "ok" : "error"} /> <b>{p.name}</b>
                    <span className="dim">
                      {p.state} since {clock(p.since)}
                      {p.reason === undefined ? "" : `: ${p.reason}`}
                    </span>
                  </li>
                ))}
              </ul>
            </section>
          )}
          <section>
            <h3>Events, last 5 minutes</h3>
            <Spark rate={node.rate} />
          </section>
          <section>
            <dl className="facts">
              <dt>Reads</dt>
              <dd className="mono">
                {node.reads.join(", ") || (node.kind === "source" ? "what it is configured for" : "model")}
              </dd>
              {node.p50 === undefined ? null : (
                <>
                  <dt>p50, p99</dt>
                  <dd>
                    {millis(node.p50)}, {millis(node.p99)}
                  </dd>
                </>
              )}
              {node.groups === undefined ? null : (
                <>
                  <dt>Makes</dt>
                  <dd>artifacts of {plural(node.groups, "service")}</dd>
                </>
              )}
            </dl>
          </section>
        </>
      )}
    </Pane>
  )
}

const Figure = ({ loud, n, word }: { readonly n: number; readonly word: string; readonly loud?: boolean }) => (
  <div className={n > 0 && loud === true ? "loud" : n === 0 ? "zero" : ""}>
    <b>{count(n)}</b>
    <span>{word}</span>
  </div>
)

const Spark = ({ rate }: { readonly rate: ReadonlyArray<number> }) => {
  const most = Math.max(1, ...rate)
  return (
    <div className="spark">
      <svg
        width="100%"
        height="28"
        viewBox="0 0 300 28"
        preserveAspectRatio="none"
        role="img"
        aria-label={`Highest ${most} in ten seconds`}
      >
        {rate.map((r, i) =>
          r === 0 ? null : <rect key={i} x={i * 10 + 1} width="6" y={28 - (r / most) * 24} height={(r / most) * 24} />
        )}
      </svg>
      <p className="dim">
        <span>5 m ago</span> <span>highest {most} in 10 s</span> <span>now</span>
      </p>
    </div>
  )
}

const Tap = ({ node }: { readonly node: string }) => {
  const [lines, setLines] = useState<ReadonlyArray<EventLine>>([])
  const [paused, setPaused] = useState(false)
  const [problem, setProblem] = useState<string>()
  useEffect(() => {
    if (paused) return
    return follow(
      (client) => client.Tap({ node }),
      (more) => setLines((before) => [...before, ...more].slice(-100)),
      setProblem
    )
  }, [node, paused])
  return (
    <section>
      <div className="bar">
        <button type="button" className="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? "Go on" : "Pause"}
        </button>
        <span className="dim">{paused ? "paused" : "what passes here from now on, at most 20 per second"}</span>
      </div>
      {problem === undefined ? null : <Problem level="warning" code="tap" text={problem} />}
      {lines.length === 0 && problem === undefined ? <p className="dim">Nothing has passed yet.</p> : null}
      {lines.toReversed().map((l, i) => (
        <details key={lines.length - i} className="tapline">
          <summary>
            <time>{clock(l.time)}</time> {l.text.split("\n")[0]}
          </summary>
          {l.text.includes("\n") ? <Code text={l.text.split("\n").slice(1).join("\n")} /> : null}
        </details>
      ))}
    </section>
  )
}

export const ModelPane = ({ status }: { readonly status: Status }) => (
  <Pane
    label="Model"
    title="model"
    sub={<span>generation {status.generation}</span>}
    close={withQuery({ stage: undefined })}
    place={<span className="state">all facts merged</span>}
  >
    <section>
      <div className="figures">
        <Figure n={status.services} word="services" />
        <Figure n={status.held} word="held" loud />
        <Figure n={status.findings.length} word="findings" loud />
      </div>
    </section>
    {status.findings.length === 0 ? null : (
      <section>
        <h3>Findings</h3>
        {status.findings.slice(0, 30).map((f, i) => (
          <Problem
            key={i}
            level={f.severity}
            code={f.code}
            text={f.message}
            help={`${f.help}${f.place === undefined ? "" : ` (${f.place})`}`}
          />
        ))}
      </section>
    )}
  </Pane>
)
