/**
 * Checks one part of a document against a Schema: the value as the schema takes it, and diagnostics at their places.
 * A value from outside never appears in a message, and one that could not be had is not complained about twice.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { decodeOptions } from "@coddiwomple/core/Node"
import * as UrlCredentials from "@coddiwomple/core/UrlCredentials"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type { Document } from "./Document.ts"
import { fill, shapeAt, unresolved } from "./Fill.ts"
import { at, type Finding, findings, unknownKey, wrongType } from "./Findings.ts"
import { fieldText, type Interpolated, scrub } from "./Interpolation.ts"
import { looksSecret, stars } from "./Mask.ts"
import { isSecret } from "./Secret.ts"
import { type Shape, shapeOf } from "./Shape.ts"
import { find, type Path, scalar } from "./Tree.ts"

/** A document, and what was filled in. */
export interface Read {
  readonly document: Document
  readonly interpolated: Interpolated
}

export interface Part {
  readonly path: Path
  /** Whose keys they are, for messages: `files`, `a sink`. */
  readonly noun: string
  readonly node?: string
  /** What `cw explain` knows it by, where that is not the noun. */
  readonly explain?: string
  /** What to do where the part as a whole is of the wrong type. */
  readonly help?: string
}

export interface Checked<A> {
  /** As written, with what was filled in: the encoded side. */
  readonly value: unknown
  /** Where nothing is wrong. */
  readonly decoded: A | undefined
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
}

const maximumFindings = 50

/** Decodes the part; absent and null count as `{}`. */
export const check = Effect.fnUntraced(function* <A>(
  schema: Schema.ConstraintCodec<A, unknown>,
  read: Read,
  part: Part
) {
  const shape = shapeOf(schema.ast)
  const tree = find(read.document.root, part.path)?.tree ?? scalar(null)
  const value = fill(tree, shape, read.interpolated) ?? {}
  const early = shape.type === "mapping" ? misfit(shape, value, part.noun) : []
  const exit =
    early.length > 0
      ? undefined
      : yield* Effect.exit(Effect.suspend(() => Schema.decodeUnknownEffect(schema, decodeOptions)(value)))
  const found = exit === undefined ? early : Exit.isSuccess(exit) ? [] : failure(exit.cause, value, part.noun)
  const real = found.filter((f) => f.code !== "CW105" || !holdsUnresolved(at(value, f.path)))
  const complete = exit !== undefined && Exit.isSuccess(exit) && !holdsUnresolved(value)
  return {
    value,
    decoded: complete ? exit.value : undefined,
    diagnostics: real.slice(0, maximumFindings).map((f) => diagnostic(f, read, part, at(value, f.path), shape))
  } satisfies Checked<A>
})

/** An empty Struct takes any value at all; a configuration without keys is an empty mapping. */
const misfit = (shape: Shape & { readonly type: "mapping" }, value: unknown, noun: string): ReadonlyArray<Finding> => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [wrongType([], "a mapping", value)]
  if (shape.keys.length > 0 || shape.rest !== undefined) return []
  return Object.keys(value).map((key) => unknownKey([key], [], noun))
}

const failure = (cause: Cause.Cause<Schema.SchemaError>, value: unknown, noun: string): ReadonlyArray<Finding> => {
  const error = Cause.squash(cause)
  if (Schema.isSchemaError(error)) return findings(error.issue, value, noun)
  const message = error instanceof Error ? error.message : String(error)
  return [{ code: "CW105", path: [], message: `${noun} cannot check its configuration: ${message}`, foreign: true }]
}

const holdsUnresolved = (value: unknown): boolean =>
  value === unresolved || (typeof value === "object" && value !== null && Object.values(value).some(holdsUnresolved))

/** Puts a finding at its place, with the help that only the schema or the text as written can give. */
const diagnostic = (finding: Finding, read: Read, part: Part, value: unknown, shape: Shape): Diagnostic.Diagnostic => {
  const path = [...part.path, ...finding.path]
  const what = finding.code === "CW102" || finding.code === "CW103" ? "key" : "value"
  const place = read.document.place(path, what)
  const name = finding.path[finding.path.length - 1]
  const secret =
    what === "value" && (isSecret(shapeAt(shape, finding.path)) || (typeof name === "string" && looksSecret(name)))
  return Diagnostic.error(
    finding.code,
    finding.foreign === true ? UrlCredentials.hide(scrub(finding.message, read.interpolated)) : finding.message,
    {
      place: secret ? withoutValue(place) : place,
      field: fieldText(path),
      node: part.node,
      help:
        finding.help ??
        wholeHelp(finding, part) ??
        hint(finding, value, secret ? "…" : read.document.written(path)) ??
        described(finding, shape) ??
        explained(finding, part)
    }
  )
}

/** The line of a secret field as far as it is none. */
const withoutValue = (place: Diagnostic.Place): Diagnostic.Place => {
  const { col = 1, source } = place
  return source === undefined ? place : { ...place, source: source.slice(0, col - 1) + stars(source.slice(col - 1)) }
}

const wholeHelp = ({ code, path }: Finding, { help }: Part): string | undefined =>
  code === "CW105" && path.length === 0 ? help : undefined

/** What the schema says about the field itself. */
const described = ({ code, path, key }: Finding, shape: Shape): string | undefined => {
  const field = code === "CW103" && key !== undefined ? [...path, key] : path
  const found = shapeAt(shape, field)
  const name = field[field.length - 1]
  if (code === "CW103" && key !== undefined)
    return found?.description === undefined ? `add \`${key}\`` : `add \`${key}\`: ${found.description}`
  return code === "CW105" && found?.description !== undefined && typeof name === "string"
    ? `\`${name}\`: ${found.description}`
    : undefined
}

const explained = ({ code }: Finding, { explain, noun }: Part): string | undefined =>
  code === "CW105" ? `\`cw explain ${explain ?? noun.replace(/^an? /, "")}\` tells what it takes` : undefined

/** What is often meant, told from the text as written. Says nothing of values from outside. */
const hint = ({ code, message }: Finding, value: unknown, written: string | undefined): string | undefined => {
  if (code !== "CW105") return undefined
  if (value === null) return "give it a value, or remove the key"
  if (Array.isArray(value) && message.startsWith("expected a mapping"))
    return "write `name: value` pairs instead of a list"
  if (written === undefined) return undefined
  if (typeof value === "string") {
    const wantsBoolean = message.startsWith("expected true or false")
    if (wantsBoolean && written === value && /^(yes|no|on|off|y|n)$/i.test(value)) {
      return `YAML 1.2 reads ${value} as text: write ${/^(yes|on|y)$/i.test(value) ? "true" : "false"}`
    }
    const quoted = written === `"${value}"` || written === `'${value}'`
    if (
      quoted &&
      (wantsBoolean ? /^(true|false)$/ : /^expected a (whole )?number/.test(message) ? /^[0-9.]+$/ : /^$./).test(value)
    ) {
      return `remove the quotes: ${value}`
    }
    return message.startsWith("expected a list of") && written === value ? `write [${written}]` : undefined
  }
  if (typeof value !== "number" && typeof value !== "boolean") return undefined
  if (message.startsWith("expected a duration")) return `write it with its unit, as ${written}s`
  return message.startsWith("expected text") ? `quote it: "${written}"` : undefined
}
