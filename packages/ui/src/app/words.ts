/** Numbers and times as people read them. */
import { prefs } from "./prefs.ts"

export const count = (n: number): string => n.toLocaleString("en").replaceAll(",", "\u202f")

export const plural = (n: number, what: string, many = `${what}s`): string => `${count(n)} ${n === 1 ? what : many}`

export const clock = (time: number): string =>
  new Date(time).toLocaleTimeString("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    ...(prefs.get().zone === "utc" ? { timeZone: "UTC" } : {})
  })

export const ago = (time: number, now = Date.now()): string => {
  const s = Math.max(0, Math.round((now - time) / 1000))
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} m`
  if (s < 86_400) return `${Math.floor(s / 3600)} h`
  return `${Math.floor(s / 86_400)} d`
}

export const millis = (n: number | undefined): string =>
  n === undefined
    ? "none"
    : n < 1
      ? `${n.toFixed(1)} ms`
      : n < 1000
        ? `${Math.round(n)} ms`
        : `${(n / 1000).toFixed(1)} s`

export const copy = async (text: string): Promise<boolean> => {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}

export const download = (name: string, text: string, type = "application/yaml"): void => {
  const a = document.createElement("a")
  a.href = URL.createObjectURL(new Blob([text], { type }))
  a.download = name
  a.click()
  setTimeout(() => URL.revokeObjectURL(a.href), 1000)
}
