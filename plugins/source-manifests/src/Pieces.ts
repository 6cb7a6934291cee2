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

export interface Cut {
  /** What can be, or hold, a Service, and whatever is no object at a glance. */
  readonly pieces: ReadonlyArray<Piece>
  /** Something else is surely a Kubernetes object, and need not be parsed. */
  readonly object: boolean
}

export const cut = (text: string): Cut => {
  const out: Array<Piece> = []
  let object = false
  const other = (piece: Piece, where: keyof typeof kinds) => {
    object ||= versions[where].test(piece.text)
  }
  for (const document of documents(text)) {
    const kind = kindOf(document.text, "document")
    if (kind === "other") {
      other(document, "document")
      continue
    }
    const items = kind === "list" ? itemsOf(document) : undefined
    if (items === undefined) {
      out.push(document)
      continue
    }
    other(document, "document")
    for (const item of items) {
      if (kindOf(item.text, "item") === "other") other(item, "item")
      else out.push(item)
    }
  }
  return { pieces: out, object }
}

/** The pieces alone. */
export const pieces = (text: string): ReadonlyArray<Piece> => cut(text).pieces

/** `---` at the beginning of a line ends a document wherever it stands: YAML allows it in no scalar. */
const documents = (text: string): ReadonlyArray<Piece> => {
  const out: Array<Piece> = []
  let at = 0
  const push = (end: number) => {
    const piece = text.slice(at, end)
    if (significant.test(piece)) out.push({ at, text: piece })
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

const versions = { document: /^apiVersion[ \t]*:/m, item: /^  apiVersion[ \t]*:/m }

/** A line that is no comment and no directive: without one a document is empty. */
const significant = /^\s*[^\s#%]/m

/** A first line that begins a mapping. What begins in another way is for the parser to judge. */
const beginsMapping = /^(?:\s*(?:[#%].*)?\n)*[ \t]*(?:\{|[A-Za-z][^\s:#]*[ \t]*:(?:\s|$)|(["'])[^"'\n]*\1[ \t]*:)/

/** A key at the margin beside `apiVersion` and `kind`: an object that has none was cut off. */
const more = {
  document: /^(?!apiVersion[ \t]*:|kind[ \t]*:)[^\s#%]/m,
  item: /^  (?!apiVersion[ \t]*:|kind[ \t]*:)[^\s#]/m
}

/** What the keys at the left margin say. */
const kindOf = (text: string, where: keyof typeof kinds): Kind => {
  const found = kinds[where].exec(text)
  const kind = found?.[1] ?? found?.[2] ?? found?.[3]
  if (kind === undefined) {
    // Without the word there is no kind, however it is written: then only a plain mapping may be passed over.
    const plain = !text.includes("kind") && beginsMapping.test(text) && !versions[where].test(text)
    return plain ? "other" : "unknown"
  }
  if (!more[where].test(text)) return "unknown"
  if (kind === "Service") return "service"
  if (kind.endsWith("List")) {
    // Items of a ServiceList may leave out their kind.
    return kind === "ServiceList" ? "unknown" : "list"
  }
  // Only lists have items: the last letters of the kind are missing.
  return where === "document" && /^items:/m.test(text) ? "unknown" : "other"
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
