/**
 * The core's inventory text, printed and read line by line. An inventory of a hundred thousand files differs little from
 * the one before: lines that are as expected are not parsed, and entries are shared between the clusters that have one body.
 */
import { type Entry, fromText, type Inventory } from "@coddiwomple/core/Inventory"
import { problem } from "@coddiwomple/core/SafePath"

const bodies = new WeakMap<Entry, string>()

/** Members in the order of their names, as core prints them. The id is not among them. */
const bodyOf = (entry: Entry): string => {
  const known = bodies.get(entry)
  if (known !== undefined) return known
  const { artifact, digest, pending, service, uid } = entry
  const text = JSON.stringify({ artifact, digest, pending, service, uid })
  bodies.set(entry, text)
  return text
}

const lineOf = (path: string, entry: Entry): string => `    ${JSON.stringify(path)}: ${bodyOf(entry)}`

/** The same text as core's `toText`; keys of the map are what counts. */
export const print = ({ entries, owner }: Inventory): string => {
  const head = `{\n  "version": 1,\n  "pipeline": ${JSON.stringify(owner)},\n  "entries": `
  if (entries.size === 0) return `${head}{}\n}\n`
  const lines = [...entries.keys()].sort().map((path) => lineOf(path, entries.get(path)!))
  return `${head}{\n${lines.join(",\n")}\n  }\n}\n`
}

/** `expected` is what a path would be listed with; a sentence where the text cannot be relied on. */
export const parse = (
  text: string,
  expected: (path: string) => Entry | undefined
): Inventory | { readonly problem: string } => {
  const start = text.indexOf("\n    ")
  const end = text.lastIndexOf("\n  }\n}\n")
  if (start < 0 || end < start) return whole(text)
  // What no line explains is left to the parser: the head alone, and the lines that differ.
  const entries = new Map<string, Entry>()
  const rest: Array<string> = []
  let last = ""
  for (let at = start + 1; at < end; ) {
    const next = text.indexOf("\n", at)
    const line = text.slice(at, next - (text.charCodeAt(next - 1) === 44 ? 1 : 0))
    const close = line.indexOf('": {')
    if (!line.startsWith('    "') || close < 0) return whole(text)
    const path = line.slice(5, close)
    // Sorted and each once, as we print them; JSON would take the last of two without a word.
    if (path <= last) return whole(text)
    last = path
    const entry = expected(path)
    if (entry !== undefined && line.length === close + 3 + bodyOf(entry).length && line.endsWith(bodyOf(entry)))
      entries.set(path, entry)
    else {
      rest.push(line)
      entries.set(path, missing)
    }
    at = next + 1
  }
  const parsed = whole(`${text.slice(0, start + 1)}${rest.join(",\n")}${text.slice(end)}`)
  if ("problem" in parsed) return parsed
  for (const [path, entry] of parsed.entries) entries.set(path, entry)
  for (const entry of entries.values()) if (entry === missing) return whole(text)
  return { owner: parsed.owner, entries }
}

const missing: Entry = { id: "", digest: "" }

const whole = (text: string): Inventory | { readonly problem: string } => {
  const inventory = fromText(text)
  if ("problem" in inventory) return inventory
  for (const path of inventory.entries.keys()) {
    const why = problem(path)
    if (why !== undefined) return { problem: `it lists ${JSON.stringify(path)}: ${why}` }
  }
  return inventory
}
