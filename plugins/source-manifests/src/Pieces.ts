/**
 * Cuts a YAML text into the objects it holds without parsing it: documents, and the items of lists that kubectl prints.
 * Only pieces that can be a Service need the YAML parser. Whatever looks unusual stays one piece, and is parsed whole.
 */

export interface Piece {
  /** Offset of `text` in the file. */
  readonly at: number
  /** Parses to one object: an item of a list has spaces where its dash was. */
  readonly text: string
}

const marker = /^(---|\.\.\.)(?=\s|$)/gm

/** The pieces that can be, or hold, a Service. */
export const pieces = (text: string): ReadonlyArray<Piece> => {
  const out: Array<Piece> = []
  for (const document of documents(text)) {
    const kind = kindOf(document.text, "document")
    if (kind === "other") continue
    const items = kind === "list" ? itemsOf(document) : undefined
    if (items === undefined) out.push(document)
    else for (const item of items) if (kindOf(item.text, "item") !== "other") out.push(item)
  }
  return out
}

/** `---` at the beginning of a line ends a document wherever it stands: YAML allows it in no scalar. */
const documents = (text: string): ReadonlyArray<Piece> => {
  const out: Array<Piece> = []
  let at = 0
  const push = (end: number) => {
    const piece = text.slice(at, end)
    if (/\S/.test(piece)) out.push({ at, text: piece })
  }
  for (const found of text.matchAll(marker)) {
    push(found.index)
    // What stands behind the marker on its line belongs to the document.
    at = found.index + 3
  }
  push(text.length)
  return out
}

type Kind = "service" | "list" | "other" | "unknown"

const kinds = {
  document: /^kind:[ \t]*(?:"([A-Za-z]+)"|'([A-Za-z]+)'|([A-Za-z]+))[ \t]*(?:#.*)?\r?$/m,
  item: /^  kind:[ \t]*(?:"([A-Za-z]+)"|'([A-Za-z]+)'|([A-Za-z]+))[ \t]*(?:#.*)?\r?$/m
}

/** What the keys at the left margin say. */
const kindOf = (text: string, where: keyof typeof kinds): Kind => {
  const found = kinds[where].exec(text)
  const kind = found?.[1] ?? found?.[2] ?? found?.[3]
  // Without the word there is no kind, however it is written.
  if (kind === undefined) return text.includes("kind") ? "unknown" : "other"
  return kind === "Service" ? "service" : kind.endsWith("List") ? "list" : "other"
}

/** Items at one indentation below `items:`; undefined where the list is written in another way. */
const itemsOf = ({ at, text }: Piece): ReadonlyArray<Piece> | undefined => {
  const head = /^items:[ \t]*\r?\n/m.exec(text)
  if (head === null || /[&*]\w|\t/.test(text)) return undefined
  const start = head.index + head[0].length
  // The next key at the margin ends the list.
  const rest = /^[^\s#-]/gm
  rest.lastIndex = start
  const end = rest.exec(text)?.index ?? text.length
  const indent = /^( *)- /.exec(text.slice(start, start + 20))?.[1]
  // Indented items would have to be shifted: they are parsed with the whole.
  if (indent !== "") return undefined
  const out: Array<Piece> = []
  const dash = /^- /gm
  dash.lastIndex = start
  let from: number | undefined
  for (let found = dash.exec(text); found !== null && found.index < end; found = dash.exec(text)) {
    if (from !== undefined) out.push({ at: at + from, text: `  ${text.slice(from + 2, found.index)}` })
    from = found.index
  }
  if (from !== undefined) out.push({ at: at + from, text: `  ${text.slice(from + 2, end)}` })
  return out
}
