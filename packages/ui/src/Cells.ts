/**
 * What one cell of the matrix says about a service in a cluster. On the wire a cell is one character, in memory one byte:
 * its position in `states`, which is also the order from worst to quietest.
 */
export const states = ["error", "delete", "create", "differs", "held", "unknown", "ok", "runs", "none"] as const
export type State = (typeof states)[number]

const letters = "!-+~h?=r."

/** Bytes of the states, by name. */
export const code = Object.fromEntries(states.map((state, i) => [state, i])) as Readonly<Record<State, number>>

export const words: Readonly<Record<State, string>> = {
  error: "error",
  delete: "to delete",
  create: "to create",
  differs: "live differs",
  held: "held",
  unknown: "unknown",
  ok: "in sync",
  runs: "runs here",
  none: "not here"
}

const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0))

/** One flat string: built letter by letter it would be a chain of a hundred strings per row until it is sent. */
export const encode = (cells: Uint8Array): string => {
  let out = ""
  for (let from = 0; from < cells.length; from += 4096)
    out += String.fromCharCode(...cells.subarray(from, from + 4096).map((cell) => bytes[cell]!))
  return out
}

/** Writes a row of letters into `into` from `at`; what is not a letter of ours is `unknown`. */
export const decode = (text: string, into: Uint8Array, at: number): void => {
  for (let i = 0; i < text.length; i++) {
    const found = letters.indexOf(text[i]!)
    into[at + i] = found < 0 ? code.unknown : found
  }
}

/** The worst of a row: the smallest byte that is not `none`; `none` where nothing is. */
export const worst = (cells: Uint8Array, from = 0, to = cells.length): number => {
  let least = code.none
  for (let i = from; i < to; i++) if (cells[i]! < least) least = cells[i]!
  return least
}
