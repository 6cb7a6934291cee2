/** What a person has chosen, kept under this origin and nowhere else. */
import { store } from "./store.ts"

export interface Prefs {
  readonly theme: "system" | "light" | "dark"
  readonly density: "compact" | "comfortable"
  readonly zone: "local" | "utc"
  readonly singleKeys: boolean
  readonly coalesce: number
  readonly pane: number
  readonly names: number
  readonly saved: ReadonlyArray<{ readonly name: string; readonly href: string }>
}

export const defaults: Prefs = {
  theme: "system",
  density: "compact",
  zone: "local",
  singleKeys: true,
  coalesce: 50,
  pane: 470,
  names: 248,
  saved: []
}

const key = "cw.prefs"

const load = (): Prefs => {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key) ?? "{}")
    return { ...defaults, ...(typeof found === "object" && found !== null ? found : {}) }
  } catch {
    return defaults
  }
}

export const prefs = store<Prefs>(load())

export const prefer = (change: Partial<Prefs>): void => {
  prefs.set((before) => ({ ...before, ...change }))
  try {
    localStorage.setItem(key, JSON.stringify(prefs.get()))
  } catch {
    // Kept for this page only.
  }
}

export const dress = (): void => {
  const { theme } = prefs.get()
  if (theme === "system") delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

export const nextTheme = (): void => {
  const order = ["system", "light", "dark"] as const
  prefer({ theme: order[(order.indexOf(prefs.get().theme) + 1) % 3]! })
}
