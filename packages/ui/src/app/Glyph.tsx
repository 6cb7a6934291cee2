/** The marks of the states, the same drawings in lists and on the canvas, and the few icons. Shape first, colour second. */
import { type State, words } from "../Cells.ts"

export type Mark = State | "warning" | "stale"

const shapes: Readonly<Record<Mark, React.ReactNode>> = {
  ok: <circle cx="6" cy="6" r="2.75" fill="currentColor" />,
  runs: <path d="M6 2.5 9.5 6 6 9.5 2.5 6Z" fill="currentColor" />,
  differs: (
    <>
      <circle cx="6" cy="6" r="4.25" fill="none" stroke="currentColor" strokeWidth="1.5" />
      <path d="M6 1.75a4.25 4.25 0 0 0 0 8.5Z" fill="currentColor" />
    </>
  ),
  create: <path d="M5 1h2v4h4v2H7v4H5V7H1V5h4Z" fill="currentColor" />,
  delete: <path d="M1 5h10v2H1Z" fill="currentColor" />,
  error: (
    <>
      <rect x=".5" y=".5" width="11" height="11" rx="2" fill="currentColor" />
      <path d="M5.25 2.75h1.5l-.25 4h-1Zm0 5h1.5v1.5h-1.5Z" className="cut" />
    </>
  ),
  unknown: (
    <path
      d="M3.7 4.2a2.3 2.3 0 1 1 3.4 2c-.7.4-1.1.8-1.1 1.6M6 9.2v1.3"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
    />
  ),
  held: <path d="M3 2h2v8H3Zm4 0h2v8H7Z" fill="currentColor" />,
  none: null,
  stale: <circle cx="6" cy="6" r="2.6" fill="none" stroke="currentColor" strokeWidth="1.25" />,
  warning: (
    <>
      <path d="M6 1.4 11.2 10.6H.8Z" fill="none" stroke="currentColor" strokeWidth="1.3" strokeLinejoin="round" />
      <path d="M6 4.6v3M6 8.6v1" stroke="currentColor" strokeWidth="1.2" />
    </>
  )
}

export const Glyph = ({ label, mark }: { readonly mark: Mark; readonly label?: string | undefined }) => (
  <svg
    className={`glyph st-${mark}`}
    width="12"
    height="12"
    viewBox="0 0 12 12"
    {...(label === undefined ? { "aria-hidden": true } : { role: "img", "aria-label": label })}
  >
    {shapes[mark]}
  </svg>
)

export const stateWord = (state: State): string => words[state]

const icons = {
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Zm3.3 7.8 3.2 3.2",
  link: "M6.5 9.5 9.5 6.5M7 4.5l1.2-1.2a2.8 2.8 0 0 1 4 4L11 8.5M9 11.5l-1.2 1.2a2.8 2.8 0 0 1-4-4L5 7.5",
  open: "M9 3h4v4M13 3 7.5 8.5M7 4H3.5v8.5H12V9",
  close: "m4 4 8 8M12 4l-8 8",
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8Z",
  left: "M9.5 4 5.5 8l4 4",
  right: "m6.5 4 4 4-4 4",
  down: "m4 6.5 4 4 4-4",
  save: "M8 2.5v8M4.5 7.5 8 11l3.5-3.5M3 13.5h10",
  check: "m3.5 8.5 3 3 6-7"
} as const

export const Icon = ({ name }: { readonly name: keyof typeof icons }) => (
  <svg className="icon" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
    <path
      d={icons[name]}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.25"
      strokeLinecap="round"
      strokeLinejoin="round"
    />
  </svg>
)

export const ThemeIcon = () => (
  <svg className="icon" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
    <circle cx="8" cy="8" r="5" fill="none" stroke="currentColor" strokeWidth="1.25" />
    <path d="M8 3a5 5 0 0 1 0 10Z" fill="currentColor" />
  </svg>
)
