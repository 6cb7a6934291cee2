/** What is on every screen: where one is, how the line is, what the fleet is like, and what may be done. */
import { useEffect, useRef, useState } from "react"
import { code, type State } from "../Cells.ts"
import { Glyph, Icon, stateWord, ThemeIcon } from "./Glyph.tsx"
import { on } from "./keys.ts"
import { go, Link, usePlace, withQuery } from "./link.tsx"
import { clusters as clusterStore, heard, info as infoStore, matrix, status as statusStore, version } from "./live.ts"
import { nextTheme, prefs } from "./prefs.ts"
import { resort, unsorted } from "./Services.tsx"
import { launch, line, open } from "./session.ts"
import { store, useStore } from "./store.ts"
import { ago, clock, copy, count } from "./words.ts"

export const sheet = store<"palette" | "help" | "settings" | undefined>(undefined)

const screens = [
  ["services", "Services", "g s"],
  ["clusters", "Clusters", "g c"],
  ["pipeline", "Pipeline", "g p"],
  ["plan", "Plan", "g l"],
  ["events", "Events", "g e"]
] as const

export const Frame = ({ children }: { readonly children: React.ReactNode }) => {
  const { path, query } = usePlace()
  const info = useStore(infoStore)
  const status = useStore(statusStore)
  const { theme } = useStore(prefs)
  const current = path[0] ?? "services"
  const search = useRef<HTMLInputElement>(null)
  const [text, setText] = useState(query.get("q") ?? "")
  useEffect(() => setText(query.get("q") ?? ""), [query])
  useEffect(() => {
    const offs = [
      ...screens.map(([to, name, keys]) => on(keys, `Go to ${name}`, () => go(`/${to}`))),
      on("/", "Search", () => search.current?.focus()),
      on("Ctrl-k", "Commands", () => sheet.set((s) => (s === "palette" ? undefined : "palette"))),
      on("?", "Keys and marks", () => sheet.set("help")),
      on("t", "Theme: system, light, dark", nextTheme),
      on("y", "Copy the link of this view", () => void copy(location.href))
    ]
    return () => offs.forEach((off) => off())
  }, [])
  const lineState = useStore(line).state
  const searchable = current === "services" || current === "events"
  return (
    <div className={`app${lineState === "reconnecting" || lineState === "restarted" ? " lost" : ""}`}>
      <header className="top">
        <Link to="/services" className="brand" aria-label="cw">
          cw
        </Link>
        {info === undefined ? null : <span className="pipeline">{info.pipeline}</span>}
        <nav aria-label="Screens">
          {screens.map(([to, name]) => (
            <Link key={to} to={`/${to}`} aria-current={current === to ? "page" : undefined}>
              <span data-text={name}>{name}</span>
              {to === "plan" && (status?.pending ?? 0) > 0 ? <i className="badge">{count(status!.pending)}</i> : null}
            </Link>
          ))}
        </nav>
        <search>
          <Icon name="search" />
          <input
            ref={search}
            type="search"
            aria-label={current === "events" ? "Search events" : "Search services"}
            placeholder={current === "events" ? "words, node, service" : "ns:bookinfo  cluster:prod*  state:differs"}
            spellCheck={false}
            value={text}
            onChange={(e) => {
              setText(e.target.value)
              performance.mark("cw-typed")
              go(
                searchable ? withQuery({ q: e.target.value }) : `/services?q=${encodeURIComponent(e.target.value)}`,
                searchable
              )
            }}
            onKeyDown={(e) => {
              if (e.key === "Escape") {
                if (text !== "") go(withQuery({ q: undefined }), true)
                e.currentTarget.blur()
              }
              if (e.key === "Enter" || e.key === "ArrowDown") document.querySelector<HTMLElement>(".gridpart")?.focus()
            }}
          />
          <kbd aria-hidden="true">/</kbd>
        </search>
        <button type="button" className="quiet" onClick={() => sheet.set("palette")}>
          Commands <kbd>Ctrl K</kbd>
        </button>
        <button
          type="button"
          className="iconbutton"
          title={`Theme: ${theme} (t)`}
          aria-label={`Theme: ${theme}`}
          onClick={nextTheme}
        >
          <ThemeIcon />
        </button>
        {info === undefined ? null : (
          <button
            type="button"
            className={`mode${info.mode === "apply allowed" ? " amber" : ""}`}
            title={info.mode === "read-only" ? "Started without --allow: nothing can be written from here" : info.mode}
            onClick={() => sheet.set("settings")}
          >
            {info.mode}
          </button>
        )}
      </header>
      <Strip />
      <Notices />
      <main id="main">{children}</main>
    </div>
  )
}

const facets: ReadonlyArray<State> = ["error", "delete", "create", "differs", "held", "unknown", "ok", "runs"]

const Strip = () => {
  const { query } = usePlace()
  const { state, ...rest } = useStore(line)
  const info = useStore(infoStore)
  const list = useStore(clusterStore)
  const status = useStore(statusStore)
  const { at, lag } = useStore(heard)
  const loose = useStore(unsorted)
  const [, tick] = useState(0)
  useStore(version)
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 1000)
    return () => clearInterval(timer)
  }, [])
  const chosen = (query.get("state") ?? "").split(",").filter((s) => s !== "")
  const toggle = (s: string) =>
    go(
      withQuery(
        { state: (chosen.includes(s) ? chosen.filter((c) => c !== s) : [...chosen, s]).join(",") },
        "/services"
      ),
      true
    )
  const lost = list.filter((c) => c.state === "stale" || c.state === "unreached").length
  const offline = info?.mode === "offline bundle"
  const word =
    offline && state === "live"
      ? `bundle of ${clock(info.started)}`
      : state === "live"
        ? "live"
        : state === "reconnecting"
          ? `reconnecting, lost ${ago((rest as { since: number }).since)} ago`
          : state
  return (
    <div className={`strip${state === "reconnecting" || state === "restarted" ? " amber" : ""}`}>
      <span className="pill" role="status" aria-live="polite">
        <Glyph mark={state === "live" ? (offline ? "stale" : "ok") : state === "connecting" ? "stale" : "warning"} />{" "}
        <b>
          {state === "live" && !offline
            ? "live"
            : state === "connecting"
              ? "connecting"
              : state === "live"
                ? "offline"
                : state}
        </b>
        {word !== state ? <span className="sr">{state === "live" ? word : ""}</span> : null}
        {state === "reconnecting" ? <span>as of {clock(at)}</span> : null}
      </span>
      <div className="facets" role="group" aria-label="States">
        {facets.map((s) => {
          const n = matrix.counts[code[s]] ?? 0
          return n === 0 && !chosen.includes(s) ? null : (
            <button
              key={s}
              type="button"
              aria-pressed={chosen.includes(s)}
              onClick={() => toggle(s)}
              title={`Only services with a cell ${stateWord(s)}`}
            >
              <Glyph mark={s} /> <b>{count(n)}</b> <span>{stateWord(s)}</span>
            </button>
          )
        })}
        {(status?.held ?? 0) > 0 && (matrix.counts[code.held] ?? 0) === 0 ? (
          <button
            type="button"
            aria-pressed={query.get("q") === "is:held"}
            onClick={() => go(query.get("q") === "is:held" ? "/services" : "/services?q=is:held")}
          >
            <Glyph mark="held" /> <b>{status!.held}</b> <span>{status!.held === 1 ? "service" : "services"} held</span>
          </button>
        ) : null}
      </div>
      <span className="right">
        {loose > 0 ? (
          <button type="button" className="text" onClick={() => resort.set((n) => n + 1)}>
            {count(loose)} {loose === 1 ? "change" : "changes"} since you sorted <kbd>r</kbd>
          </button>
        ) : null}
        {list.length === 0 ? null : (
          <span>
            <b>{list.length - lost}</b>/{list.length} clusters
          </span>
        )}
        {status === undefined || status.generation === 0 || list.length === 0 ? null : (
          <span>generation {status.generation}</span>
        )}
        <span className="lag">lag {(lag / 1000).toFixed(1)} s</span>
      </span>
    </div>
  )
}

const Notices = () => {
  const { state } = useStore(line)
  if (state !== "restarted") return null
  return (
    <div className="notice warn" role="alert">
      <Glyph mark="warning" />
      <p>
        <b>cw was restarted.</b> What you see is what was known before. Open the link it has printed, or paste it here.
      </p>
      <Paste />
    </div>
  )
}

export const Paste = () => {
  const [text, setText] = useState("")
  const [problem, setProblem] = useState<string>()
  return (
    <form
      className="paste"
      onSubmit={(e) => {
        e.preventDefault()
        void launch(text).then(async (found) => {
          setProblem(found)
          if (found === undefined && (await open())) location.reload()
        })
      }}
    >
      <input
        aria-label="Link"
        className="mono"
        placeholder="http://127.0.0.1:8080/#launch=…"
        value={text}
        onChange={(e) => setText(e.target.value)}
        autoComplete="off"
        spellCheck={false}
      />
      <button type="submit" className="button" disabled={text.trim() === ""}>
        Open
      </button>
      {problem === undefined ? null : (
        <p className="word-error" role="alert">
          {problem}
        </p>
      )}
    </form>
  )
}

/** Nothing but this is shown to whom has no token: not even a cluster's name. */
export const Locked = () => {
  const state = useStore(line)
  return (
    <main className="locked">
      <h1>cw</h1>
      <p>
        This page needs the link that <code>cw ui</code> has printed in its terminal. Paste it here, or print another:
      </p>
      <pre>$ cw ui --url</pre>
      {state.state === "locked" && state.why !== undefined ? (
        <p className="word-error" role="alert">
          {state.why}
        </p>
      ) : null}
      <Paste />
    </main>
  )
}
