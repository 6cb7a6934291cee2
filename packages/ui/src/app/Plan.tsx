/** Plan first: what every sink would do, its risks, and, where this process may write, a typed confirmation. */
import { useEffect, useMemo, useRef, useState } from "react"
import type { Change, PlanDoc, Progress } from "../Contract.ts"
import { Code, CopyButton } from "./Code.tsx"
import { Confirm, Result } from "./Confirm.tsx"
import { opMark, parts } from "./Diff.tsx"
import { Glyph } from "./Glyph.tsx"
import { go, usePlace, withQuery } from "./link.tsx"
import { info as infoStore, status as statusStore } from "./live.ts"
import { type Line, LinePane } from "./PlanLine.tsx"
import { Skeleton } from "./Services.tsx"
import { call, line } from "./session.ts"
import { useStore } from "./store.ts"
import { clock, count, download, plural } from "./words.ts"

const heads: Readonly<Record<Change["op"], readonly [string, string]>> = {
  delete: ["Delete", "never merged, never collapsed"],
  update: ["Update", "equal changes are one line"],
  create: ["Create", "equal objects are one line"],
  conflict: ["Conflict", "others own these objects; they are left alone"],
  held: ["Held", "not changed on purpose"]
}

const writes = (op: Change["op"]): boolean => op === "create" || op === "update" || op === "delete"

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
  const [leftOut, setLeftOut] = useState<ReadonlySet<string>>(new Set())
  useEffect(() => setLeftOut(new Set()), [plan.id])
  const without = groups.flatMap(([, all]) => all.filter((l) => leftOut.has(l.key)).flatMap((l) => l.all))
  const n = less(plan.counts, without)
  const toWrite = n.create + n.update + n.delete
  const toggle = (keys: ReadonlyArray<string>, take: boolean) => {
    const next = new Set(leftOut)
    for (const key of keys)
      if (take) next.delete(key)
      else next.add(key)
    setLeftOut(next)
  }
  const selected = groups.flatMap(([, all]) => all).find((l) => l.key === res)
  const mayAll = plan.sinks.every((s) => s.allowed)
  const late = Date.now() > plan.expires
  const blocked = !connected
    ? "cw is not connected"
    : plan.stale || late
      ? "make the plan again first"
      : !mayAll
        ? "this server may not write to these sinks"
        : toWrite === 0
          ? without.length > 0
            ? "every line is left out"
            : "nothing to write"
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
            {without.length > 0 ? `, ${without.length} left out` : ""}
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
        {(plan.stale || late) && progress.at(-1)?.state !== "done" ? (
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
                  {allow ? (
                    <th scope="col" className="tick">
                      <span className="sr">Apply</span>
                    </th>
                  ) : null}
                  <th scope="col">Kind</th>
                  <th scope="col">Name</th>
                  <th scope="col">Where</th>
                  <th scope="col" className="opt">
                    Service
                  </th>
                  <th scope="col">Why</th>
                </tr>
              </thead>
              {groups.map(([op, all, size]) => (
                <tbody key={op}>
                  <tr className="group">
                    {allow ? (
                      <td className="tick">
                        {writes(op) ? (
                          <Tick
                            label={`Apply all of ${heads[op][0]}`}
                            on={all.filter((l) => !leftOut.has(l.key)).length / all.length}
                            set={(on) =>
                              toggle(
                                all.map((l) => l.key),
                                on
                              )
                            }
                          />
                        ) : null}
                      </td>
                    ) : null}
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
                        className={`${l.key === res ? "selected" : ""}${leftOut.has(l.key) ? " off" : ""}`}
                        onClick={() => go(withQuery({ res: l.key }), true)}
                      >
                        {allow ? (
                          // oxlint-disable-next-line
                          <td className="tick" onClick={(e) => e.stopPropagation()}>
                            {writes(op) ? (
                              <Tick
                                label={`Apply ${kind} ${name}`}
                                on={leftOut.has(l.key) ? 0 : 1}
                                set={(on) => toggle([l.key], on)}
                              />
                            ) : null}
                          </td>
                        ) : null}
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
                        <td className="mono opt">{l.first.service ?? <span className="dim">fleet</span>}</td>
                        <td className="dim" title={l.first.reason}>
                          {l.first.reason ??
                            (op === "create"
                              ? "not there yet"
                              : op === "delete"
                                ? "nothing wants it any more"
                                : op === "update"
                                  ? l.first.fields.length === 0
                                    ? `+${l.first.added ?? 0} −${l.first.removed ?? 0} lines`
                                    : plural(l.first.fields.length, "field")
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
          counts={n}
          leaveOut={without}
          close={() => setAsking(false)}
          tell={(p) => setProgress((before) => [...before, p])}
          begin={() => setProgress([])}
        />
      ) : null}
    </div>
  )
}

const less = (counts: PlanDoc["counts"], without: ReadonlyArray<Change>): PlanDoc["counts"] => {
  const n = { ...counts, held: counts.held + without.length }
  for (const { op } of without) n[op]--
  return n
}

/** Ticked, half ticked where `on` is between 0 and 1, or not. */
const Tick = ({
  label,
  on,
  set
}: {
  readonly label: string
  readonly on: number
  readonly set: (on: boolean) => void
}) => {
  const box = useRef<HTMLInputElement>(null)
  useEffect(() => {
    box.current!.indeterminate = on > 0 && on < 1
  }, [on])
  return (
    <input ref={box} type="checkbox" aria-label={label} checked={on === 1} onChange={(e) => set(e.target.checked)} />
  )
}
