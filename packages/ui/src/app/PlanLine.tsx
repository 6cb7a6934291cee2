/** One line of a plan: where it applies, what differs, and why. */
import { useEffect, useState } from "react"
import type { Change } from "../Contract.ts"
import { OneDiff, opMark, parts } from "./Diff.tsx"
import { Glyph } from "./Glyph.tsx"
import { go, withQuery } from "./link.tsx"
import { Pane } from "./Pane.tsx"
import { call } from "./session.ts"

export interface Line {
  readonly key: string
  readonly first: Change
  readonly all: ReadonlyArray<Change>
}

export const LinePane = ({
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
