/** What opens above everything: commands, keys and marks, settings. Native dialogs; all of it works by keyboard. */
import { useEffect, useMemo, useRef, useState } from "react"
import { keys as searchKeys } from "../Search.ts"
import { sheet } from "./Frame.tsx"
import { Glyph, type Mark, stateWord } from "./Glyph.tsx"
import { actions } from "./keys.ts"
import { go, serviceHref } from "./link.tsx"
import { clusters as clusterStore, info as infoStore, matrix } from "./live.ts"
import { defaults, prefer, prefs } from "./prefs.ts"
import { useStore } from "./store.ts"

const Sheet = ({ children, label }: { readonly label: string; readonly children: React.ReactNode }) => {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const at = dialog.current!
    at.showModal()
    return () => at.close()
  }, [])
  const close = () => sheet.set(undefined)
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-label={label}
      onClose={close}
      onClick={(e) => {
        if (e.target === dialog.current) close()
      }}
    >
      {children}
    </dialog>
  )
}

export const Sheets = () => {
  const which = useStore(sheet)
  return which === "palette" ? <Palette /> : which === "help" ? <Help /> : which === "settings" ? <Settings /> : null
}

interface Entry {
  readonly text: string
  readonly kind: string
  readonly run: () => void
}

const limit = 40

const Palette = () => {
  const [text, setText] = useState("")
  const [at, setAt] = useState(0)
  const list = useStore(actions)
  const all = useStore(clusterStore)
  const { saved } = useStore(prefs)
  const entries = useMemo((): ReadonlyArray<Entry> => {
    const only = text.startsWith(">") ? "action" : text.startsWith("@") ? "cluster" : ""
    const words = text
      .replace(/^[>@]/, "")
      .toLowerCase()
      .split(/\s+/)
      .filter((w) => w !== "")
    const fits = (name: string) => words.every((w) => name.toLowerCase().includes(w))
    const out: Array<Entry> = []
    if (only !== "cluster") {
      for (const a of list)
        if (fits(a.words)) out.push({ text: a.words, kind: a.keys === " " ? "Space" : a.keys, run: a.run })
      const more: ReadonlyArray<readonly [string, () => void]> = [
        ["Settings", () => sheet.set("settings")],
        [
          "Save this view",
          () =>
            prefer({
              saved: [
                ...prefs.get().saved.filter((s) => s.href !== location.pathname + location.search),
                {
                  name: `${location.pathname}${decodeURIComponent(location.search)}`,
                  href: location.pathname + location.search
                }
              ]
            })
        ],
        ["Forget saved views", () => prefer({ saved: [] })]
      ]
      for (const [name, run] of more) if (fits(name)) out.push({ text: name, kind: "action", run })
      for (const s of saved) if (fits(s.name)) out.push({ text: s.name, kind: "saved view", run: () => go(s.href) })
    }
    if (only !== "action")
      for (const c of all)
        if (out.length < limit && fits(c.name))
          out.push({ text: c.name, kind: "cluster", run: () => go(`/clusters/${encodeURIComponent(c.name)}`) })
    if (only === "" && words.length > 0) {
      const services: Array<Entry> = []
      for (let i = 0; i < matrix.size && services.length < limit; i++) {
        const row = matrix.rows[i]!
        if (!row.removed && fits(`${row.title} ${row.space}`))
          services.push({ text: `${row.title} ${row.space}`, kind: "service", run: () => go(serviceHref(row.id)) })
      }
      return [...services, ...out].slice(0, limit)
    }
    return out.slice(0, limit)
  }, [text, list, all, saved])
  useEffect(() => setAt(0), [text])
  useEffect(() => {
    // Newer browsers give a promise back, which is no clean-up.
    void document.getElementById(`entry-${at}`)?.scrollIntoView({ block: "nearest" })
  }, [at])
  const pick = (entry: Entry | undefined) => {
    if (entry === undefined) return
    sheet.set(undefined)
    entry.run()
  }
  return (
    <Sheet label="Commands">
      <div className="palette">
        <input
          autoFocus
          role="combobox"
          aria-expanded="true"
          aria-controls="entries"
          aria-activedescendant={entries.length > 0 ? `entry-${at}` : undefined}
          aria-label="Search services, clusters and actions"
          placeholder="Service, cluster or action;  > actions  @ clusters"
          value={text}
          onChange={(e) => setText(e.target.value)}
          onKeyDown={(e) => {
            const to = e.key === "ArrowDown" ? at + 1 : e.key === "ArrowUp" ? at - 1 : undefined
            if (to !== undefined) {
              e.preventDefault()
              setAt(Math.max(0, Math.min(entries.length - 1, to)))
            }
            if (e.key === "Enter") {
              e.preventDefault()
              pick(entries[at])
            }
          }}
        />
        <ul id="entries" role="listbox" aria-label="Found">
          {entries.map((e, i) => (
            <li
              key={`${e.kind} ${e.text} ${i}`}
              id={`entry-${i}`}
              role="option"
              aria-selected={i === at}
              onClick={() => pick(e)}
              onPointerMove={() => setAt(i)}
            >
              <span>{e.text}</span> <kbd>{e.kind}</kbd>
            </li>
          ))}
        </ul>
        {entries.length === 0 ? <p className="dim pad">Nothing found.</p> : null}
      </div>
    </Sheet>
  )
}

const marks: ReadonlyArray<readonly [Mark, string]> = [
  ["ok", "as it should be"],
  ["runs", "nothing to compare it with"],
  ["differs", "what lives there is not what is generated"],
  ["create", "would be created"],
  ["delete", "would be deleted"],
  ["held", "not changed on purpose"],
  ["error", "cannot be written, or others own it"],
  ["unknown", "the cluster has not answered yet"],
  ["stale", "last known; the cluster is not connected"]
]

const moves: ReadonlyArray<readonly [string, string]> = [
  ["h j k l, arrows", "Move in the matrix"],
  ["PageUp, PageDown", "A window up or down"],
  ["Ctrl-Home, Ctrl-End", "First cell, last row"],
  ["Enter", "Open the cell"],
  ["x", "Mark the row"],
  ["f", "Pin the column"]
]

const Help = () => {
  const list = useStore(actions)
  const info = useStore(infoStore)
  return (
    <Sheet label="Keys and marks">
      <div className="help">
        <h2>Keys and marks</h2>
        <div className="cols">
          <section>
            <h3>Keys</h3>
            <dl className="facts">
              {[
                ...moves,
                ...list
                  .filter((a) => !moves.some(([k]) => k === a.keys))
                  .map((a) => [a.keys === " " ? "Space" : a.keys, a.words] as const)
              ].map(([k, w]) => (
                <div key={k + w} className="row">
                  <dt>
                    <kbd>{k}</kbd>
                  </dt>
                  <dd>{w}</dd>
                </div>
              ))}
            </dl>
          </section>
          <section>
            <h3>Marks</h3>
            <ul className="lines">
              {marks.map(([m, w]) => (
                <li key={m}>
                  <Glyph mark={m} />{" "}
                  <span>
                    <b>{m === "stale" ? "hollow" : stateWord(m as never)}</b>, <span className="dim">{w}</span>
                  </span>
                </li>
              ))}
            </ul>
            <h3>Search</h3>
            <p>
              Words must all be in the name, namespace or host. Keys: {searchKeys.map((k) => `${k}:`).join(" ")}. A star
              stands for anything: <code>cluster:prod*</code>. Times: <code>changed:&lt;5m</code>.
            </p>
            <h3>About</h3>
            <p className="dim">
              cw {info?.version}, Apache-2.0. Uses React, Effect and CodeMirror, all MIT. Nothing is loaded from
              elsewhere, nothing is reported anywhere.
            </p>
          </section>
        </div>
      </div>
    </Sheet>
  )
}

const Settings = () => {
  const now = useStore(prefs)
  const info = useStore(infoStore)
  const choice = <K extends "theme" | "density" | "zone">(
    key: K,
    name: string,
    values: ReadonlyArray<(typeof now)[K]>
  ) => (
    <label>
      <span>{name}</span>
      <select value={now[key]} onChange={(e) => prefer({ [key]: e.target.value } as never)}>
        {values.map((v) => (
          <option key={v}>{v}</option>
        ))}
      </select>
    </label>
  )
  return (
    <Sheet label="Settings">
      <div className="settings">
        <h2>Settings</h2>
        {choice("theme", "Theme", ["system", "light", "dark"])}
        {choice("density", "Rows", ["compact", "comfortable"])}
        {choice("zone", "Times", ["local", "utc"])}
        <label>
          <span>Updates at most every</span>
          <select value={String(now.coalesce)} onChange={(e) => prefer({ coalesce: Number(e.target.value) })}>
            <option value="50">50 ms</option>
            <option value="250">250 ms</option>
            <option value="1000">1 s</option>
          </select>
        </label>
        <label>
          <span>Single-letter keys</span>
          <input type="checkbox" checked={now.singleKeys} onChange={(e) => prefer({ singleKeys: e.target.checked })} />
        </label>
        <p className="dim">Kept in this browser only.</p>
        <h3>This server</h3>
        <dl className="facts">
          <dt>Mode</dt>
          <dd>{info?.mode === "read-only" ? "read-only: the calls that write are not there" : info?.mode}</dd>
          <dt>Pipeline</dt>
          <dd className="mono">
            {info?.pipeline} {info?.file}
          </dd>
          {info?.profile === undefined ? null : (
            <>
              <dt>Profile</dt>
              <dd className="mono">{info.profile}</dd>
            </>
          )}
        </dl>
        <footer>
          <button type="button" className="button" onClick={() => prefer(defaults)}>
            Reset
          </button>
          <button type="button" className="button primary" onClick={() => sheet.set(undefined)}>
            Done
          </button>
        </footer>
      </div>
    </Sheet>
  )
}
