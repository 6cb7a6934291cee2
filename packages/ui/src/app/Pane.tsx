/** The detail of whatever is selected: always at the right, as wide as somebody has dragged it, a sheet where it is narrow. */
import { useCallback, useRef } from "react"
import { Icon } from "./Glyph.tsx"
import { go, Link } from "./link.tsx"
import { prefer, prefs } from "./prefs.ts"
import { useStore } from "./store.ts"
import { copy } from "./words.ts"

interface Props {
  readonly title: React.ReactNode
  readonly label: string
  readonly sub?: React.ReactNode
  readonly place: React.ReactNode
  readonly close: string
  readonly page?: string | undefined
  readonly tabs?: React.ReactNode
  readonly footer?: React.ReactNode
  readonly children: React.ReactNode
  readonly wide?: boolean
}

export const Pane = ({ children, close, footer, label, page, place, sub, tabs, title, wide }: Props) => {
  const { pane } = useStore(prefs)
  const start = useRef<{ readonly x: number; readonly width: number } | undefined>(undefined)
  const drag = useCallback((event: React.PointerEvent) => {
    if (start.current === undefined) return
    prefer({ pane: Math.max(360, Math.min(720, start.current.width + start.current.x - event.clientX)) })
  }, [])
  return (
    <aside
      className={`pane${wide === true ? " wide" : ""}`}
      aria-label={label}
      style={wide === true ? undefined : { width: pane }}
    >
      {wide === true ? null : (
        <div
          className="grip"
          role="separator"
          aria-orientation="vertical"
          aria-label="Width of the pane"
          aria-valuenow={pane}
          aria-valuemin={360}
          aria-valuemax={720}
          tabIndex={0}
          onKeyDown={(e) => {
            if (e.key === "ArrowLeft") prefer({ pane: Math.min(720, pane + 20) })
            if (e.key === "ArrowRight") prefer({ pane: Math.max(360, pane - 20) })
          }}
          onPointerDown={(e) => {
            start.current = { x: e.clientX, width: pane }
            e.currentTarget.setPointerCapture(e.pointerId)
          }}
          onPointerMove={drag}
          onPointerUp={() => {
            start.current = undefined
          }}
        />
      )}
      <header>
        <div className="top">
          <h2>
            <b>{title}</b> {sub}
          </h2>
          <button
            type="button"
            className="iconbutton"
            title="Copy link (y)"
            aria-label="Copy link"
            onClick={() => void copy(location.href)}
          >
            <Icon name="link" />
          </button>
          {page === undefined ? null : (
            <Link
              to={page}
              className="iconbutton"
              title={wide === true ? "Beside the matrix" : "As a page"}
              aria-label={wide === true ? "Beside the matrix" : "As a page"}
            >
              <Icon name="open" />
            </Link>
          )}
          <button type="button" className="iconbutton" title="Close (Esc)" aria-label="Close" onClick={() => go(close)}>
            <Icon name="close" />
          </button>
        </div>
        <div className="place">{place}</div>
        {tabs}
      </header>
      <div className="body" tabIndex={-1}>
        {children}
      </div>
      {footer === undefined ? null : <footer>{footer}</footer>}
    </aside>
  )
}

interface TabsProps {
  readonly tabs: ReadonlyArray<{
    readonly id: string
    readonly name: string
    readonly n?: number | undefined
    readonly loud?: boolean
  }>
  readonly current: string
  readonly href: (id: string) => string
}

export const Tabs = ({ current, href, tabs }: TabsProps) => (
  <nav className="tabs" aria-label="Parts">
    {tabs.map((t) => (
      <Link key={t.id} to={href(t.id)} aria-current={t.id === current ? "page" : undefined} data-text={t.name}>
        <span data-text={t.name}>{t.name}</span>
        {t.n === undefined || t.n === 0 ? null : <i className={t.loud === true ? "loud" : ""}>{t.n}</i>}
      </Link>
    ))}
  </nav>
)

export const Problem = ({
  code,
  help,
  level,
  text
}: {
  readonly level: "warning" | "error" | "info"
  readonly text: string
  readonly code: string
  readonly help?: string | undefined
}) => (
  <div className={`banner ${level === "error" ? "error" : level === "warning" ? "warn" : "info"}`}>
    {code === "" ? null : <code>{code}</code>}
    <b className={text.length > 90 ? "long" : ""}>{text}</b>
    {help === undefined ? null : <p>{help}</p>}
  </div>
)
