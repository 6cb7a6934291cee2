/**
 * YAML text to trees with places. Hostile text is bounded before anything walks it: size, nesting, number of tokens and
 * documents, and what aliases expand to. Of a document's syntax errors only the first is told; the rest follow from it.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Code } from "@coddiwomple/core/Catalogue"
import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, Parser, type Document as Yaml, type YAMLError } from "yaml"
import { type Span, SourceText } from "./SourceText.ts"
import { type Entry, find, mapping, type Path, scalar, sequence, spanOf, type Tree } from "./Tree.ts"

export const limits = { characters: 1_000_000, tokens: 300_000, nesting: 64, values: 50_000, documents: 100 } as const

export class Document {
  readonly file: string
  readonly root: Entry
  private readonly source: SourceText | undefined

  /** Without a source text (a pipeline written in TypeScript) places name the file only. */
  constructor(file: string, root: Entry, source?: SourceText) {
    this.file = file
    this.root = root
    this.source = source
  }

  /** Place of a path; where nothing is there, of the nearest part above it. */
  place(path: Path, what: "key" | "value" = "value"): Diagnostic.Place {
    const span = spanOf(this.root, path, what)
    return span === undefined || this.source === undefined ? { file: this.file } : this.source.place(span)
  }

  /** The same text with another tree. */
  with(root: Entry): Document {
    return new Document(this.file, root, this.source)
  }

  /** What is written for a scalar, quotes included; undefined for code and for collections. */
  written(path: Path): string | undefined {
    const entry = find(this.root, path)
    if (entry?.at === undefined || entry.tree.kind !== "scalar") return undefined
    return this.source?.text.slice(entry.at.start, entry.at.end)
  }
}

export interface Parsed {
  /** Those without errors, in order; empty ones are left out. */
  readonly documents: ReadonlyArray<Document>
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
}

/** All documents of a YAML text. Never throws. */
export const parse = (input: string, file: string): Parsed => {
  const source = new SourceText(file, input.startsWith("\uFEFF") ? input.slice(1) : input)
  const diagnostics: Array<Diagnostic.Diagnostic> = []
  const documents: Array<Document> = []
  const limit = (what: string, span: Span) => {
    diagnostics.push(Diagnostic.error("CW005", what, { place: source.place(span) }))
  }
  if (source.text.length > limits.characters) {
    limit(`${file} has more than ${limits.characters} characters`, { start: 0, end: 0 })
    return { documents, diagnostics }
  }
  try {
    for (const yaml of compose(source)) {
      const wrong = yaml.errors[0] ?? yaml.warnings[0]
      if (wrong !== undefined) diagnostics.push(syntaxError(source, wrong, yaml.errors[1]))
      else documents.push(...convert(yaml, source, diagnostics))
    }
  } catch (cause) {
    if (cause instanceof Limit) limit(cause.message, cause.span)
    else if (cause instanceof RangeError) limit("the document is nested too deeply", { start: 0, end: 0 })
    else throw cause
  }
  return { documents, diagnostics }
}

class Limit extends Error {
  readonly span: Span

  constructor(message: string, span: Span) {
    super(message)
    this.span = span
  }
}

/** Parses token by token, so that a limit is met before the rest is read. Unique keys are checked in `Conversion`: there in linear time. */
function* compose(source: SourceText): Generator<Yaml.Parsed> {
  const parser = new Parser()
  const composer = new Composer({
    merge: true,
    uniqueKeys: false,
    prettyErrors: false,
    schema: "core",
    resolveKnownTags: false
  })
  let tokens = 0
  let documents = 0
  const here = () => ({ start: parser.offset, end: parser.offset })
  const counted = function* (more: Iterable<Yaml.Parsed>) {
    for (const document of more) {
      if (++documents > limits.documents) throw new Limit(`there are more than ${limits.documents} documents`, here())
      yield document
    }
  }
  for (const lexeme of new Lexer().lex(source.text)) {
    if (++tokens > limits.tokens) throw new Limit(`there are more than ${limits.tokens} tokens`, here())
    for (const token of parser.next(lexeme)) yield* counted(composer.next(token))
    // The parser holds one level more for the document and one for a scalar.
    if (parser.stack.length > limits.nesting + 2) {
      throw new Limit(`values are nested more than ${limits.nesting} levels deep`, here())
    }
  }
  for (const token of parser.end()) yield* counted(composer.next(token))
  yield* counted(composer.end())
}

const convert = (
  yaml: Yaml.Parsed,
  source: SourceText,
  diagnostics: Array<Diagnostic.Diagnostic>
): ReadonlyArray<Document> => {
  if (yaml.contents === null) return []
  const conversion = new Conversion(source)
  const root = conversion.entry(yaml.contents)
  diagnostics.push(...conversion.diagnostics)
  if (root.tree.kind === "scalar" && root.tree.value === null) return []
  return conversion.diagnostics.length > 0 ? [] : [new Document(source.file, root, source)]
}

class Conversion {
  readonly diagnostics: Array<Diagnostic.Diagnostic> = []
  private readonly source: SourceText
  private readonly anchors = new Map<string, Tree>()
  private merges = 0

  constructor(source: SourceText) {
    this.source = source
  }

  entry(node: unknown, key?: Span): Entry {
    const at = spanOfNode(node)
    return {
      tree: this.bounded(this.tree(node), at),
      ...(key === undefined ? {} : { key }),
      ...(at === undefined ? {} : { at })
    }
  }

  private bounded(tree: Tree, at: Span | undefined): Tree {
    const span = at ?? { start: 0, end: 0 }
    if (tree.size > limits.values) throw new Limit(`there are more than ${limits.values} values`, span)
    if (tree.height > limits.nesting) throw new Limit(`values are nested more than ${limits.nesting} levels deep`, span)
    return tree
  }

  private tree(node: unknown): Tree {
    if (isAlias(node)) {
      const known = this.anchors.get(node.source)
      if (known !== undefined) return known
      this.error(
        "CW001",
        `alias *${node.source} has no anchor before it`,
        spanOfNode(node),
        `mark a value above with &${node.source}`
      )
      return scalar(null)
    }
    const tree = isMap(node)
      ? this.mapping(node.items as ReadonlyArray<{ key: unknown; value: unknown }>)
      : isSeq(node)
        ? sequence(node.items.map((item) => this.entry(item)))
        : scalar(isScalar(node) ? node.value : null)
    if (isScalar(node) || isMap(node) || isSeq(node)) if (node.anchor !== undefined) this.anchors.set(node.anchor, tree)
    return tree
  }

  private mapping(pairs: ReadonlyArray<{ key: unknown; value: unknown }>): Tree {
    const own = new Map<string, Entry>()
    const merged: Array<Entry> = []
    for (const { key, value } of pairs) {
      const span = spanOfNode(key)
      if (isScalar(key) && typeof key.value === "symbol") {
        merged.push(this.entry(value))
      } else if (!isScalar(key)) {
        this.error("CW001", "a key must be plain text", span)
      } else {
        const name = typeof key.value === "string" ? key.value : (key.source ?? "")
        const first = own.get(name)
        const entry = this.entry(value, span)
        if (first === undefined) own.set(name, entry)
        else this.error("CW001", `key \`${name}\` is given twice`, span, "keep one of the two", first.key)
      }
    }
    for (const source of merged) this.merge(own, source)
    return mapping(own)
  }

  /** `<<`: keys of the mapping itself win, then earlier ones of a list. */
  private merge(own: Map<string, Entry>, { tree, at }: Entry): void {
    if (tree.kind === "sequence") for (const item of tree.items) this.merge(own, item)
    else if (tree.kind === "scalar") this.error("CW001", "`<<` takes a mapping, or a list of mappings", at)
    else {
      // Aliases cost nothing until they are merged: copies are what must be counted.
      this.merges += tree.entries.size
      if (this.merges > limits.values)
        throw new Limit(`there are more than ${limits.values} values`, at ?? { start: 0, end: 0 })
      for (const [name, entry] of tree.entries) if (!own.has(name)) own.set(name, entry)
    }
  }

  private error(code: Code, message: string, span: Span | undefined, help?: string, first?: Span): void {
    const place = this.source.place(span ?? { start: 0, end: 0 })
    const related = first === undefined ? undefined : [{ message: "first", place: this.source.place(first) }]
    const said = (text: string) => (span === undefined ? text : this.source.said(text, span.start))
    const cure = help === undefined ? undefined : said(help)
    this.diagnostics.push(Diagnostic.error(code, said(message), { place, help: cure, related }))
  }
}

const spanOfNode = (node: unknown): Span | undefined => {
  const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined
  return range == null ? undefined : { start: range[0], end: range[1] }
}

const syntaxError = (source: SourceText, error: YAMLError, second: YAMLError | undefined): Diagnostic.Diagnostic => {
  const [start, end] = error.pos
  const at = (span: Span, message: string, help?: string) =>
    Diagnostic.error("CW001", source.said(message, span.start), { place: source.place(span), help })
  const variable = variableAt(source.text, start)
  if (variable !== undefined) {
    return at(
      variable,
      "`${…}` must be quoted here",
      'quote `${…}` inside { } or [ ], and where it holds ": " or " #": "${…}"'
    )
  }
  const misplaced = error.code === "BAD_INDENT" && error.message.startsWith("All ")
  const multiline =
    second?.code === "MULTILINE_IMPLICIT_KEY" ? second : error.code === "MULTILINE_IMPLICIT_KEY" ? error : undefined
  if (misplaced || multiline !== undefined) {
    const line = misplaced ? source.lineOf(start) : source.lineOf(Math.max(multiline!.pos[0], multiline!.pos[1] - 1))
    const from = source.indentOf(line)
    return at(
      { start: from, end: from + 1 },
      "unexpected indentation",
      "keys of one mapping start in one column; a nested one further right"
    )
  }
  const unclosed = /^Flow (map|sequence) in block/.exec(error.message)
  if (unclosed !== null) {
    const bracket = unclosed[1] === "map" ? "}" : "]"
    return at(
      { start, end },
      `a ${bracket} is missing before this`,
      `close with ${bracket}, or indent this line further`
    )
  }
  if (error.code === "TAB_AS_INDENT") return at({ start, end }, "a tab cannot indent", "indent with spaces")
  if (error.code === "BLOCK_AS_IMPLICIT_KEY") {
    return at(
      { start, end },
      "a second `: ` on one line",
      "quote a text that holds `: `, or put the nested key on its own line"
    )
  }
  if (error.code === "TAG_RESOLVE_FAILED") {
    return at(
      { start, end },
      error.message.replace("Unresolved tag:", "unknown tag"),
      "remove the tag, or quote a text that starts with `!`"
    )
  }
  return at({ start, end }, error.message.charAt(0).toLowerCase() + error.message.slice(1, 200))
}

/** The `${…}` on the line of an offset that the offset touches. */
const variableAt = (text: string, offset: number): Span | undefined => {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1
  const start = text.lastIndexOf("${", offset)
  if (start < lineStart) return undefined
  const newline = text.indexOf("\n", start)
  const line = text.slice(start, newline < 0 ? undefined : newline)
  const length = line.indexOf("}") + 1 || line.length
  return offset <= start + length ? { start, end: start + length } : undefined
}
