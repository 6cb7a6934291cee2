/** The last step before something is written: what it is, typed words, and then what came of it. */
import { useEffect, useRef, useState } from "react"
import type { Change, PlanDoc, Progress } from "../Contract.ts"
import { Glyph, type Mark } from "./Glyph.tsx"
import { Problem } from "./Pane.tsx"
import { follow } from "./session.ts"
import { ago, plural } from "./words.ts"

/** Few targets by their names, many by what their names have in common, with their number. */
const stems = (targets: ReadonlyArray<string>): ReadonlyArray<readonly [string, number]> => {
  const all = [...new Set(targets)].sort()
  if (all.length <= 12) return all.map((name) => [name, 1] as const)
  const sizes = new Map<string, number>()
  for (const name of all) {
    const stem = name.replace(/[-_.]?\d+$/, "")
    sizes.set(stem, (sizes.get(stem) ?? 0) + 1)
  }
  return [...sizes].slice(0, 24)
}

export const Confirm = ({
  begin,
  close,
  counts: n,
  leaveOut,
  plan,
  tell
}: {
  /** What is written, without what is left out. */
  readonly counts: PlanDoc["counts"]
  readonly leaveOut: ReadonlyArray<Change>
  readonly plan: PlanDoc
  readonly close: () => void
  readonly tell: (p: Progress) => void
  readonly begin: () => void
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  const cancel = useRef<HTMLButtonElement>(null)
  const [typed, setTyped] = useState("")
  const [problem, setProblem] = useState<string>()
  useEffect(() => {
    dialog.current!.showModal()
    cancel.current!.focus()
  }, [])
  const lines = leaveOut.map(({ id, sink, target }) => ({ sink, target, id }))
  const apply = () => {
    begin()
    const stop = follow(
      (client) => client.Apply({ plan: plan.id, confirm: typed, leaveOut: lines }),
      (p) => {
        tell(p)
        if (states[p.state].over === true) setTimeout(() => stop(), 0)
      },
      setProblem
    )
    close()
  }
  const deleted = [
    ...new Set(plan.items.filter((i) => i.op === "delete" && !leaveOut.includes(i)).flatMap((i) => i.service ?? []))
  ]
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
            <dd className="mono targets">
              {stems(plan.sinks.flatMap((s) => s.targets)).map(([name, size]) => (
                <span key={name}>
                  {name} {size > 1 ? <b>{size}</b> : null}
                </span>
              ))}
            </dd>
            {plan.leftOut.length + lines.length > 0 ? (
              <>
                <dt>Left out</dt>
                <dd>
                  {[
                    ...plan.leftOut.map((l) => l.target),
                    ...(lines.length > 0 ? [plural(lines.length, "line")] : [])
                  ].join(", ")}
                </dd>
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

const states: Readonly<
  Record<Progress["state"], { readonly mark: Mark; readonly word: string; readonly over?: boolean }>
> = {
  checking: { mark: "stale", word: "Checking" },
  writing: { mark: "stale", word: "Writing" },
  done: { mark: "ok", word: "Applied", over: true },
  refused: { mark: "held", word: "Refused", over: true },
  failed: { mark: "error", word: "Not all is applied", over: true }
}

export const Result = ({
  close,
  progress
}: {
  readonly progress: ReadonlyArray<Progress>
  readonly close: () => void
}) => {
  const last = progress.at(-1)!
  const { mark, over = false, word } = states[last.state]
  return (
    <section className={`result ${last.state}`} role="status" aria-live="polite">
      <p>
        <Glyph mark={mark} /> <b>{word}</b> {last.text}{" "}
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
