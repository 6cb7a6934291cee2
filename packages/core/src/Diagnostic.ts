/**
 * The only kind of message cw gives: a code, a severity, one sentence, the place, and what to do.
 * Text, JSON lines and CI annotations are renderings of this one type; rendering is pure.
 */
import { catalogue, type Code } from "./Catalogue.ts"

export type Severity = "error" | "warning" | "info"

/** A place in a text. Lines and columns count from 1; `source` holds the line itself, for the frame. */
export interface Place {
  readonly file: string
  readonly line?: number
  readonly col?: number
  /** Column after the last marked character, on the same line. */
  readonly endCol?: number
  readonly source?: string
}

/** An object in a cluster or in an artifact stream. */
export interface ObjectRef {
  readonly apiVersion?: string
  readonly kind: string
  readonly namespace?: string
  readonly name: string
  readonly cluster?: string
}

export interface Diagnostic {
  readonly code: Code
  readonly severity: Severity
  readonly message: string
  readonly place?: Place
  readonly object?: ObjectRef
  /** Path of the field, as `sinks.out.with.path`. */
  readonly field?: string
  readonly node?: string
  readonly service?: string
  readonly help?: string
  readonly related?: ReadonlyArray<{ readonly message: string; readonly place?: Place }>
}

type Details = Omit<Diagnostic, "code" | "severity" | "message">

/** Drops undefined members, so that callers may pass optional values as they have them. */
const compact = (details: { readonly [K in keyof Details]?: Details[K] | undefined }): Details => {
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(details)) if (value !== undefined) out[key] = value
  return out as Details
}

type Loose = { readonly [K in keyof Details]?: Details[K] | undefined }

export const error = (code: Code, message: string, details: Loose = {}): Diagnostic => ({
  code,
  severity: "error",
  message,
  ...compact(details)
})
export const warning = (code: Code, message: string, details: Loose = {}): Diagnostic => ({
  ...error(code, message, details),
  severity: "warning"
})
export const info = (code: Code, message: string, details: Loose = {}): Diagnostic => ({
  ...error(code, message, details),
  severity: "info"
})

export const isError = (d: Diagnostic): boolean => d.severity === "error"

/** Orders by file, line, column, code, message: the order in which a person mends a file. */
export const compare = (a: Diagnostic, b: Diagnostic): number =>
  cmp(a.place?.file ?? "\uffff", b.place?.file ?? "\uffff") ||
  (a.place?.line ?? 0) - (b.place?.line ?? 0) ||
  (a.place?.col ?? 0) - (b.place?.col ?? 0) ||
  cmp(a.code, b.code) ||
  cmp(a.message, b.message)

const cmp = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Control characters of hostile input must not reach a terminal. */
export const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (c) =>
    c === "\n" ? "\n" : `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

export interface TextOptions {
  /** Wraps a piece of text in a terminal style; identity where there is no colour. */
  readonly style?: (kind: "error" | "warning" | "info" | "bold" | "dim", text: string) => string
}

/** One diagnostic as a person reads it: message, place, code frame, what to do. */
export const toText = (d: Diagnostic, options: TextOptions = {}): string => {
  const style = options.style ?? ((_kind, text) => text)
  const lines = [`${style(d.severity, `${d.severity}[${d.code}]`)}${style("bold", `: ${printable(d.message)}`)}`]
  const where = d.field === undefined || d.field === "" ? "" : `   (${printable(d.field)})`
  if (d.place !== undefined) lines.push(...frame(d.place, where, style))
  else if (d.object !== undefined) lines.push(style("dim", `  --> ${printable(objectText(d.object))}`) + where)
  else if (d.field !== undefined) lines.push(style("dim", `  --> ${printable(d.field)}`))
  for (const r of d.related ?? []) {
    lines.push(`   = ${printable(r.message)}${r.place === undefined ? "" : `: ${placeText(r.place)}`}`)
  }
  lines.push(`   = help: ${printable(d.help ?? catalogue[d.code].cure)}`)
  return lines.join("\n")
}

export const placeText = (p: Place): string =>
  printable(p.file) + (p.line === undefined ? "" : `:${p.line}${p.col === undefined ? "" : `:${p.col}`}`)

export const objectText = (o: ObjectRef): string =>
  `${o.kind} ${o.namespace === undefined ? "" : `${o.namespace}/`}${o.name}${o.cluster === undefined ? "" : ` in ${o.cluster}`}`

const maximumFrame = 160

const frame = (place: Place, where: string, style: NonNullable<TextOptions["style"]>): Array<string> => {
  const head = `${style("dim", "  -->")} ${placeText(place)}${style("dim", where)}`
  if (place.source === undefined || place.line === undefined) return [head]
  const number = String(place.line)
  const pad = " ".repeat(number.length)
  const col = place.col ?? 1
  // A long line is cut around the column, so that the frame stays readable.
  const from = col > maximumFrame - 40 ? col - 40 : 1
  const shown = place.source.slice(from - 1, from - 1 + maximumFrame)
  const line = shown.replace(/\t/g, " ")
  const width = Math.max(1, Math.min((place.endCol ?? col + 1) - col, maximumFrame - (col - from)))
  return [
    head,
    style("dim", ` ${pad} |`),
    `${style("dim", ` ${number} |`)} ${printable(line)}`,
    `${style("dim", ` ${pad} |`)} ${" ".repeat(Math.max(0, col - from))}${style("error", "^".repeat(width))}`
  ]
}

/** The JSON form: one object, stable keys. */
export const toJson = (d: Diagnostic): Record<string, unknown> => ({
  type: "diagnostic",
  ...d,
  help: d.help ?? catalogue[d.code].cure
})

/** The form GitHub Actions turns into an annotation on the file. */
export const toAnnotation = (d: Diagnostic): string => {
  const escape = (s: string) => s.replace(/%/g, "%25").replace(/\r/g, "%0D").replace(/\n/g, "%0A")
  const property = (s: string) => escape(s).replace(/:/g, "%3A").replace(/,/g, "%2C")
  const level = d.severity === "info" ? "notice" : d.severity
  const properties =
    d.place === undefined
      ? []
      : [
          `file=${property(d.place.file)}`,
          ...(d.place.line === undefined ? [] : [`line=${d.place.line}`, `col=${d.place.col ?? 1}`])
        ]
  return `::${level} ${[...properties, `title=${d.code}`].join(",")}::${escape(`${d.message}. ${d.help ?? catalogue[d.code].cure}`)}`
}
