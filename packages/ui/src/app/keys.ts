/** One list of keys feeds the listener, the help sheet and the palette. Single letters can be switched off. */
import { prefs } from "./prefs.ts"
import { store } from "./store.ts"

export interface Action {
  readonly keys: string
  readonly words: string
  readonly run: () => void
}

export const actions = store<ReadonlyArray<Action>>([])

/** Adds an action as long as the caller wants it; the result takes it away. */
export const on = (keys: string, words: string, run: () => void): (() => void) => {
  const action = { keys, words, run }
  actions.set((before) => [...before, action])
  return () => actions.set((before) => before.filter((a) => a !== action))
}

let first = ""
let firstAt = 0

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

const nameOf = (event: KeyboardEvent): string =>
  `${event.ctrlKey || event.metaKey ? "Ctrl-" : ""}${event.key.length === 1 && event.ctrlKey ? event.key.toLowerCase() : event.key}`

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.altKey || event.isComposing) return
  const name = nameOf(event)
  const single = event.key.length === 1 && !event.ctrlKey && !event.metaKey
  if (single && (typing(event.target) || !prefs.get().singleKeys)) return
  if (document.querySelector("dialog[open]") !== null && name !== "Ctrl-k") return
  const two = `${first} ${name}`
  const now = performance.now()
  const list = actions.get()
  const found =
    (now - firstAt < 1200 ? list.findLast((a) => a.keys === two) : undefined) ?? list.findLast((a) => a.keys === name)
  if (found === undefined) {
    if (list.some((a) => a.keys.startsWith(`${name} `))) {
      first = name
      firstAt = now
    } else first = ""
    return
  }
  first = ""
  event.preventDefault()
  found.run()
})
