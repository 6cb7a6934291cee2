/** Plan first: what every sink would do, its risks, and, where this process may write, a typed confirmation. */
import { useEffect, useMemo, useRef, useState } from "react"
import type { Change, PlanDoc, Progress } from "../Contract.ts"
import { Code, CopyButton } from "./Code.tsx"
import { OneDiff, opMark, parts } from "./Diff.tsx"
import { Glyph } from "./Glyph.tsx"
import { go, usePlace, withQuery } from "./link.tsx"
import { info as infoStore, status as statusStore } from "./live.ts"
import { Pane, Problem } from "./Pane.tsx"
import { Skeleton } from "./Services.tsx"
import { call, follow, line } from "./session.ts"
import { useStore } from "./store.ts"
import { ago, clock, count, download, plural } from "./words.ts"

const heads: Readonly<Record<Change["op"], readonly [string, string]>> = {
  delete: ["Delete", "never merged, never collapsed"],
  update: ["Update", "equal changes are one line"],
  create: ["Create", "equal objects are one line"],
  conflict: ["Conflict", "others own these objects; they are left alone"],
  held: ["Held", "not changed on purpose"]
}

interface Line {
  readonly key: string
  readonly first: Change
  readonly all: ReadonlyArray<Change>
}

const lines = (items: ReadonlyArray<Change>): ReadonlyArray<readonly [Change["op"], ReadonlyArray<Line>, number]> =>
  (["delete", "update", "create", "conflict", "held"] as const).flatMap((op) => {
    const own = items.filter((i) => i.op === op)
    if (own.length === 0) return []
    const merged = new Map<string, Array<Change>>()
    for (const i of own) {
      const key =
        op === "delete"
          ? `${i.sink} ${i.target} ${i.id}`
          : `${i.sink} ${i.id} ${i.reason ?? ""} ${JSON.stringify(i.fields)}`
      const list = merged.get(key)
      if (list === undefined) merged.set(key, [i])
      else list.push(i)
    }
    return [[op, [...merged].map(([key, all]) => ({ key: `${op} ${key}`, first: all[0]!, all })), own.length] as const]
  })

export const Plan = () => {
  const { path, query } = usePlace()
  const status = useStore(statusStore)
  const info = useStore(infoStore)
  const id = path[1]
  const [plan, setPlan] = useState<PlanDoc>()
  const [problem, setProblem] = useState<string>()
  const sinks = status?.nodes.filter((n) => n.kind === "sink") ?? []
  const generation = status?.generation
  const stamp = sinks.map((s) => JSON.stringify(s.plan)).join()
  const make = (only: ReadonlyArray<string> = []) => {
    setProblem(undefined)
    call((client) => client.MakePlan({ sinks: only })).then(
      (made) => {
        setPlan(made)
        go(withQuery({ res: undefined }, `/plan/${made.id}`), true)
      },
      (error: Error) => setProblem(error.message)
    )
  }
  useEffect(() => {
    if (id === undefined) {
      if (sinks.length > 0) make()
      return
    }
    let current = true
    call((client) => client.GetPlan({ id })).then(
      (found) => current && (setPlan(found), setProblem(undefined)),
      (error: Error) => current && setProblem(error.message)
    )
    return () => {
      current = false
    }
    // oxlint-disable-next-line
  }, [id, generation, stamp, sinks.length])

  if (status === undefined || info === undefined) return <Skeleton />
  if (sinks.length === 0)
    return (
      <div className="empty one">
        <section>
          <h1>Nothing to plan</h1>
          <p className="lead">This run has no sink: it shows what is generated, and compares it with nothing.</p>
          <h2>To compare and to apply</h2>
          <p>Name a sink in a pipeline file.</p>
          <Code command text="cw init --with json,istio-global-dns,kubectl-apply" />
          <Code command text="cw ui pipeline.yaml" />
        </section>
      </div>
    )
  if (problem !== undefined)
    return (
      <div className="empty one">
        <section>
          <h1>No plan here</h1>
          <p className="lead">{problem} Plans live ten minutes, and as long as cw does.</p>
          <button type="button" className="button primary" onClick={() => make()}>
            Make a plan
          </button>
        </section>
      </div>
    )
  if (plan === undefined) return <Skeleton />
  return (
    <Review
      plan={plan}
      make={make}
      res={query.get("res")}
      allow={info.allow.length > 0}
      offline={info.mode === "offline bundle"}
    />
  )
}

const Review = ({
  allow,
  make,
  offline,
  plan,
  res
}: {
  readonly plan: PlanDoc
  readonly make: (sinks?: ReadonlyArray<string>) => void
  readonly res: string | null
  readonly allow: boolean
  readonly offline: boolean
}) => {
  const groups = useMemo(() => lines(plan.items), [plan])
  const [asking, setAsking] = useState(false)
  const [progress, setProgress] = useState<ReadonlyArray<Progress>>([])
  const connected = useStore(line).state === "live"
  const n = plan.counts
  const writes = n.create + n.update + n.delete
  const selected = groups.flatMap(([, all]) => all).find((l) => l.key === res)
  const mayAll = plan.sinks.every((s) => s.allowed)
  const late = Date.now() > plan.expires
  const blocked = !connected
    ? "cw is not connected"
    : plan.stale || late
      ? "make the plan again first"
      : !mayAll
        ? "this server may not write to these sinks"
        : writes === 0
          ? "nothing to write"
          : undefined
  return (
    <div className="split">
      <div className="main">
        <div className="pagebar">
          <h1>
            Plan <code>{plan.id.slice(0, 6)}</code>
          </h1>
          <span className="counts">
            <span className="word-delete">−{n.delete}</span> <span className="word-differs">~{n.update}</span>{" "}
            <span className="word-create">+{n.create}</span>
          </span>
          <span className="dim">
            in {plan.confirm}, {clock(plan.made)}, generation {plan.generation}
          </span>
          <div className="right bar">
            <button type="button" className="button" onClick={() => make()} disabled={!connected || offline}>
              Make again
            </button>
            <button
              type="button"
              className="button"
              disabled={plan.items.length === 0}
              onClick={() => download(`plan-${plan.id}.json`, `${JSON.stringify(plan, null, 2)}\n`, "application/json")}
            >
              Download
            </button>
            {allow ? (
              <button
                type="button"
                className="button primary"
                disabled={blocked !== undefined}
                title={blocked}
                onClick={() => setAsking(true)}
              >
                Apply…
              </button>
            ) : null}
          </div>
        </div>
        {plan.stale || late ? (
          <div className="notice warn" role="alert">
            <Glyph mark="warning" />
            <p>
              <b>{late ? "This plan is older than ten minutes." : "Something changed since this plan was made."}</b>{" "}
              Make it again before you apply.
            </p>
            <button type="button" className="text" onClick={() => make()}>
              Make again
            </button>
          </div>
        ) : null}
        {plan.risks.map((r) => (
          <div key={r.head + r.text} className={`notice ${r.level === "error" ? "error" : "warn"}`}>
            <Glyph mark={r.level === "error" ? "delete" : "warning"} />
            <p>
              <b>{r.head}</b> {r.text}
            </p>
          </div>
        ))}
        {progress.length > 0 ? <Result progress={progress} close={() => setProgress([])} /> : null}
        <div className="tablebox">
          {plan.items.length === 0 ? (
            <div className="none">
              <h2>Nothing to do</h2>
              <p>
                {plan.sinks.some((s) => s.opaque)
                  ? `${plan.sinks
                      .filter((s) => s.opaque)
                      .map((s) => s.id)
                      .join(", ")} cannot say what would change. `
                  : ""}
                {count(plan.unchanged)} objects are as they should be.
              </p>
            </div>
          ) : (
            <table className="table plan">
              <thead>
                <tr>
                  <th scope="col">Kind</th>
                  <th scope="col">Name</th>
                  <th scope="col">Where</th>
                  <th scope="col">Service</th>
                  <th scope="col">Why</th>
                </tr>
              </thead>
              {groups.map(([op, all, size]) => (
                <tbody key={op}>
                  <tr className="group">
                    <th scope="rowgroup" colSpan={5}>
                      <b className={`word-${opMark[op]}`}>
                        {heads[op][0]} {size}
                      </b>{" "}
                      <span>{heads[op][1]}</span>
                    </th>
                  </tr>
                  {all.slice(0, 500).map((l) => {
                    const { kind, name } = parts(l.first.id)
                    return (
                      <tr
                        key={l.key}
                        className={l.key === res ? "selected" : ""}
                        onClick={() => go(withQuery({ res: l.key }), true)}
                      >
                        <td className="nowrap">
                          <Glyph mark={opMark[op]} label={heads[op][0]} /> {kind}
                        </td>
                        <th scope="row">
                          <button
                            type="button"
                            className="text"
                            title={name}
                            onClick={() => go(withQuery({ res: l.key }), true)}
                          >
                            {name}
                          </button>
                        </th>
                        <td className="mono">{l.all.length === 1 ? l.first.target : `${l.all.length} targets`}</td>
                        <td className="mono">{l.first.service ?? <span className="dim">fleet</span>}</td>
                        <td className="dim" title={l.first.reason}>
                          {l.first.reason ??
                            (op === "create"
                              ? "not there yet"
                              : op === "delete"
                                ? "nothing wants it any more"
                                : op === "update"
                                  ? plural(l.first.fields.length, "field")
                                  : "")}
                        </td>
                      </tr>
                    )
                  })}
                </tbody>
              ))}
            </table>
          )}
          {plan.more > 0 ? (
            <p className="dim pad">
              {count(plan.more)} more are part of this plan and not shown; the download of `cw plan` has them all.
            </p>
          ) : null}
          {plan.leftOut.length > 0 ? (
            <p className="dim pad">Left out: {plan.leftOut.map((l) => l.target).join(", ")}</p>
          ) : null}
        </div>
        {allow ? null : (
          <div className="pagefoot">
            <code>$ {plan.command}</code>
            <span className="dim">
              This page is read-only. {offline ? "" : "Start it with --allow apply to apply from here."}
            </span>
            <CopyButton text={plan.command} label="Copy the command" />
          </div>
        )}
      </div>
      {selected === undefined ? null : (
        <LinePane line={selected} index={plan.items.indexOf(selected.first)} total={plan.items.length} />
      )}
      {asking ? (
        <Confirm
          plan={plan}
          close={() => setAsking(false)}
          tell={(p) => setProgress((before) => [...before, p])}
          begin={() => setProgress([])}
        />
      ) : null}
    </div>
  )
}

const LinePane = ({
  index,
  line: l,
  total
}: {
  readonly line: Line
  readonly index: number
  readonly total: number
}) => {
  const { first } = l
  const { kind, name, namespace } = parts(first.id)
  const [full, setFull] = useState<Change>(first)
  useEffect(() => {
    setFull(first)
    let current = true
    if (first.service !== undefined)
      call((client) => client.Service({ id: first.service! })).then(
        (detail) =>
          current && setFull(detail.changes.find((c) => c.id === first.id && c.target === first.target) ?? first),
        () => undefined
      )
    return () => {
      current = false
    }
  }, [first])
  return (
    <Pane
      label={`Change of ${name}`}
      title={name}
      close={withQuery({ res: undefined })}
      place={
        <>
          <span className={`state word-${opMark[first.op]}`}>
            <Glyph mark={opMark[first.op]} /> {first.op}
          </span>
          <span className="dim">
            {kind}
            {namespace === "" ? "" : ` in ${namespace}`}
          </span>
          <span className="age">
            line {index + 1} of {total}
          </span>
        </>
      }
      footer={
        first.service === undefined ? undefined : (
          <a
            href={`/services/${encodeURIComponent(first.service)}`}
            onClick={(e) => {
              e.preventDefault()
              go(`/services/${encodeURIComponent(first.service!)}?cluster=${encodeURIComponent(first.target)}&tab=diff`)
            }}
          >
            Show {first.service}
          </a>
        )
      }
    >
      {l.all.length > 1 ? (
        <section>
          <h3>The same in {l.all.length} targets</h3>
          <p className="mono clusterlist">{l.all.map((c) => c.target).join("  ")}</p>
        </section>
      ) : null}
      <section className="diffs">
        <OneDiff change={full} wide={false} />
      </section>
      <section>
        <h3>Why</h3>
        <dl className="facts">
          <dt>Sink</dt>
          <dd className="mono">{first.sink}</dd>
          <dt>Target</dt>
          <dd className="mono">{first.target}</dd>
          <dt>Cause</dt>
          <dd>
            {first.reason ??
              (first.op === "create"
                ? "it is not there yet"
                : first.op === "delete"
                  ? "nothing wants it any more, and it is ours"
                  : "it differs from what is generated")}
          </dd>
        </dl>
      </section>
    </Pane>
  )
}

const Confirm = ({
  begin,
  close,
  plan,
  tell
}: {
  readonly plan: PlanDoc
  readonly close: () => void
  readonly tell: (p: Progress) => void
  readonly begin: () => void
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  const cancel = useRef<HTMLButtonElement>(null)
  const [typed, setTyped] = useState("")
  const [problem, setProblem] = useState<string>()
  const n = plan.counts
  useEffect(() => {
    dialog.current!.showModal()
    cancel.current!.focus()
  }, [])
  const apply = () => {
    begin()
    const stop = follow(
      (client) => client.Apply({ plan: plan.id, confirm: typed }),
      (p) => {
        tell(p)
        if (p.state === "done" || p.state === "refused" || p.state === "failed") setTimeout(() => stop(), 0)
      },
      setProblem
    )
    close()
  }
  const deleted = [...new Set(plan.items.filter((i) => i.op === "delete").flatMap((i) => i.service ?? []))]
  const left = Math.max(0, plan.expires - Date.now())
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="confirm-title" onClose={close} onCancel={close}>
      <form
        method="dialog"
        onSubmit={(e) => {
          e.preventDefault()
          if (typed === plan.confirm) apply()
        }}
      >
        <div className="inside">
          <h2 id="confirm-title">
            Apply plan <code>{plan.id.slice(0, 6)}</code> to {plan.confirm}?
          </h2>
          <p className="tally">
            <span>
              <Glyph mark="delete" /> <b>{n.delete}</b> delete
            </span>
            <span>
              <Glyph mark="differs" /> <b>{n.update}</b> update
            </span>
            <span>
              <Glyph mark="create" /> <b>{n.create}</b> create
            </span>
            {n.held > 0 ? (
              <span>
                <Glyph mark="held" /> <b>{n.held}</b> held
              </span>
            ) : null}
          </p>
          {n.delete > 0 ? (
            <Problem
              level="error"
              code="delete"
              text={`${plural(n.delete, "object is", "objects are")} deleted${deleted.length > 0 ? `, of ${deleted.slice(0, 3).join(", ")}` : ""}`}
              help="Only what is marked as ours, and only where nothing failed before."
            />
          ) : null}
          <dl className="facts">
            <dt>Targets</dt>
            <dd className="mono">
              {plan.sinks
                .flatMap((s) => s.targets)
                .slice(0, 12)
                .join("  ")}
              {plan.sinks.flatMap((s) => s.targets).length > 12 ? " …" : ""}
            </dd>
            {plan.leftOut.length > 0 ? (
              <>
                <dt>Left out</dt>
                <dd>{plan.leftOut.map((l) => l.target).join(", ")}</dd>
              </>
            ) : null}
            <dt>Written as</dt>
            <dd>
              <code>cw</code>; deletes last, per target
            </dd>
            <dt>If one fails</dt>
            <dd>the others go on; deletes there are skipped</dd>
          </dl>
          <label htmlFor="confirm-text">
            Type <code>{plan.confirm}</code> to confirm
          </label>
          <input
            id="confirm-text"
            className="mono"
            autoComplete="off"
            spellCheck={false}
            value={typed}
            onChange={(e) => setTyped(e.target.value)}
          />
          <p className="dim">
            The plan is checked again before the first write. It is valid for {Math.floor(left / 60_000)} m{" "}
            {Math.floor((left % 60_000) / 1000)} s.
          </p>
          {problem === undefined ? null : <Problem level="error" code="refused" text={problem} />}
        </div>
        <footer>
          <button ref={cancel} type="button" className="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" className="button primary" disabled={typed !== plan.confirm}>
            Apply to {plan.confirm}
          </button>
        </footer>
      </form>
    </dialog>
  )
}

const Result = ({ close, progress }: { readonly progress: ReadonlyArray<Progress>; readonly close: () => void }) => {
  const last = progress.at(-1)!
  const over = last.state === "done" || last.state === "failed" || last.state === "refused"
  return (
    <section className={`result ${last.state}`} role="status" aria-live="polite">
      <p>
        <Glyph
          mark={
            last.state === "done"
              ? "ok"
              : last.state === "failed"
                ? "error"
                : last.state === "refused"
                  ? "held"
                  : "stale"
          }
        />{" "}
        <b>
          {last.state === "checking"
            ? "Checking"
            : last.state === "writing"
              ? "Writing"
              : last.state === "done"
                ? "Applied"
                : last.state === "refused"
                  ? "Refused"
                  : "Not all is applied"}
        </b>{" "}
        {last.text}{" "}
        <span className="dim">
          {last.applied} of {last.total} written{last.failed > 0 ? `, ${last.failed} failed` : ""},{" "}
          {ago(progress[0]!.time)}
        </span>
        {over ? (
          <button type="button" className="text" onClick={close}>
            Dismiss
          </button>
        ) : null}
      </p>
      <progress max={Math.max(1, last.total)} value={last.applied + last.failed} aria-label="Written" />
      {last.findings.map((f, i) => (
        <Problem key={i} level={f.severity} code={f.code} text={f.message} help={f.help} />
      ))}
    </section>
  )
}
