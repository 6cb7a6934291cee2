/**
 * `${env:NAME}`, `${env:NAME:-default}`, `${env:NAME:?message}` and `${file:path}` in the scalars of a document, never in
 * keys and never in text: a value cannot become syntax, and is not expanded again. `$${` stands for `${`; `$NAME` and
 * `${NAME}` are left alone. Values from outside are never shown in a message.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Effect from "effect/Effect"
import type { Document } from "./Document.ts"
import { holdsSecret, isSecretVariable } from "./Mask.ts"
import { type Path, type Scalar, scalars } from "./Tree.ts"

export interface Inputs {
  readonly env: (name: string) => string | undefined
  /** The text of a file; the path as written, relative to the configuration's folder. Fails with a short reason. */
  readonly readFile: (path: string) => Effect.Effect<string, string>
}

/** What a scalar became. */
export interface Filled {
  readonly value: string
  /** As `env:NAME` or `file:path`; empty where the text only held an escape or defaults. */
  readonly from: ReadonlyArray<string>
}

export interface Interpolated {
  readonly values: ReadonlyMap<Scalar, Filled>
  /** Scalars whose value could not be had; their type says nothing. */
  readonly missing: ReadonlySet<Scalar>
  /** Every non-empty value from outside, to keep out of messages. */
  readonly outside: ReadonlySet<string>
  /** Of these what is surely a secret: it comes out of a file, or the variable or the field is called so. */
  readonly secret: ReadonlySet<string>
  readonly findings: ReadonlyArray<{ readonly path: Path; readonly diagnostic: Diagnostic.Diagnostic }>
}

type Part =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "env"; readonly name: string; readonly operator?: "-" | "?"; readonly word: string }
  | { readonly type: "file"; readonly path: string }
  | { readonly type: "bad"; readonly message: string; readonly help: string }

const maximumFile = 1_000_000

/** Fills in all scalars of a document. Never fails: what is missing is a finding at its place. */
export const interpolate = Effect.fnUntraced(function* (document: Document, inputs: Inputs) {
  const values = new Map<Scalar, Filled>()
  const missing = new Set<Scalar>()
  const outside = new Set<string>()
  const secret = new Set<string>()
  const findings: Array<{ readonly path: Path; readonly diagnostic: Diagnostic.Diagnostic }> = []
  const files = new Map<string, Effect.Effect<string, string>>()
  const work: Array<{ readonly scalar: Scalar; readonly path: Path; readonly text: string }> = []
  scalars(document.root, (scalar, path) => {
    if (typeof scalar.value === "string" && /^\$|\$\{/.test(scalar.value))
      work.push({ scalar, path, text: scalar.value })
  })
  const read = Effect.fnUntraced(function* (path: string) {
    const known = files.get(path) ?? (yield* Effect.cached(inputs.readFile(path)))
    files.set(path, known)
    const text = yield* known
    if (text.length > maximumFile) return yield* Effect.fail("it is too large")
    // Editors and `echo` end a file with a newline that is no part of a password.
    return text.replace(/\r?\n$/, "")
  })
  for (const { scalar, path, text } of work) {
    let value = ""
    const surely = path.some((key) => holdsSecret(String(key)))
    const from: Array<string> = []
    const place = document.place(path)
    const told = new Set<string>()
    const problem = (message: string, help?: string) => {
      missing.add(scalar)
      if (told.has(message)) return
      told.add(message)
      findings.push({ path, diagnostic: Diagnostic.error("CW004", message, { place, field: fieldText(path), help }) })
    }
    const near = nearMiss(text)
    if (near !== undefined) {
      const diagnostic = Diagnostic.warning("CW004", near.message, { place, field: fieldText(path), help: near.help })
      findings.push({ path, diagnostic })
    }
    for (const part of parts(text)) {
      if (part.type === "text") {
        value += part.text
      } else if (part.type === "bad") {
        problem(part.message, part.help)
      } else if (part.type === "file") {
        const result = yield* Effect.result(read(part.path))
        if (result._tag === "Failure") {
          problem(
            `file ${part.path} cannot be read: ${result.failure}`,
            "the path is relative to the configuration file"
          )
          continue
        }
        from.push(`file:${part.path}`)
        if (result.success !== "") outside.add(result.success)
        secret.add(result.success)
        value += result.success
      } else {
        const found = inputs.env(part.name)
        if (found !== undefined && (found !== "" || part.operator === undefined)) {
          from.push(`env:${part.name}`)
          if (found !== "") outside.add(found)
          if (surely || isSecretVariable(part.name)) secret.add(found)
          value += found
        } else if (part.operator === "-") {
          value += part.word
        } else {
          const state = found === undefined ? "is not set" : "is empty"
          problem(
            part.operator === "?" && part.word !== ""
              ? `variable ${part.name} ${state}: ${part.word}`
              : `variable ${part.name} ${state}`,
            `set ${part.name}, or give a default: \${env:${part.name}:-…}`
          )
        }
      }
    }
    if (!missing.has(scalar) && (value !== text || from.length > 0)) {
      values.set(scalar, { value, from })
      // With text around it the whole is as secret as its parts.
      if (from.length > 0 && value !== "") outside.add(value)
    }
  }
  return { values, missing, outside, secret, findings } satisfies Interpolated
})

const parts = (text: string): ReadonlyArray<Part> => {
  const out: Array<Part> = []
  let literal = ""
  let at = 0
  for (const match of text.matchAll(/\$\$\{|\$\{(env|file):([^}]*)(\}?)/g)) {
    literal += text.slice(at, match.index)
    at = match.index + match[0].length
    const [whole, scheme, body, close] = match
    if (scheme === undefined) {
      literal += "${"
      continue
    }
    if (literal !== "") out.push({ type: "text", text: literal })
    literal = ""
    out.push(close === "" ? bad(`\`${whole.slice(0, 40)}\` has no closing }`) : reference(scheme, body!))
  }
  literal += text.slice(at)
  if (literal !== "") out.push({ type: "text", text: literal })
  return out
}

const reference = (scheme: string, body: string): Part => {
  if (scheme === "file") return body.trim() === "" ? bad("`${file:}` names no file") : { type: "file", path: body }
  const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::([-?])(.*))?$/s.exec(body)
  if (match === null) return bad(`\`\${env:${body.slice(0, 40)}}\` cannot be read`)
  const [, name, operator, word] = match
  return {
    type: "env",
    name: name!,
    word: word ?? "",
    ...(operator === undefined ? {} : { operator: operator as "-" | "?" })
  }
}

const bad = (message: string): Part => ({
  type: "bad",
  message,
  help: "write ${env:NAME}, ${env:NAME:-default}, ${env:NAME:?message} or ${file:path}; a literal ${ is written $${"
})

/** `${evn:NAME}` is text by the rules, and surely not meant. */
const nearMiss = (text: string): { readonly message: string; readonly help: string } | undefined => {
  for (const [whole, scheme, mark] of text.replaceAll("$${", "").matchAll(/\$\{([A-Za-z]{2,5})([:.])/g)) {
    const lower = scheme!.toLowerCase()
    const near = ["env", "file"].find((s) => letters(s) === letters(lower)) ?? Suggest.suggest(lower, ["env", "file"])
    if (near === undefined || (near === scheme && mark === ":")) continue
    return {
      message: `\`${whole}…\` is kept as text`,
      help: `did you mean \`\${${near}:…}\`? write $\${ for a literal \${`
    }
  }
  return shellForm(text)
}

/** `${OUT}/x` and `$OUT/x`: a segment of a path that only a shell would fill in. Elsewhere in a text it may well be meant. */
const shellForm = (text: string): { readonly message: string; readonly help: string } | undefined => {
  const found = /^(?:[^\s$]*\/)?\$\{([A-Za-z_]\w*)\}(?=\/|$)|^\$([A-Za-z_]\w*)(?=\/|$)/.exec(text)
  const name = found?.[1] ?? found?.[2]
  if (name === undefined || /\s/.test(text)) return undefined
  const literal = found![1] === undefined ? `./$${name} for a folder of that name` : "$${ for a literal ${"
  return {
    message: `\`${found![1] === undefined ? `$${name}` : `\${${name}}`}\` is kept as text`,
    help: `did you mean \`\${env:${name}}\`? write ${literal}`
  }
}

const letters = (word: string): string => [...word].sort().join("")

/** A text without values from outside. What is shorter than three characters is no secret, and part of many words. */
export const scrub = (text: string, { outside }: Interpolated): string => {
  let out = text
  for (const value of [...outside].filter((v) => v.length > 2).sort((a, b) => b.length - a.length))
    out = out.replaceAll(value, "…")
  return out
}

/** A path as a person reads it: `sinks.out.from[1]`. */
export const fieldText = (path: Path): string =>
  path.reduce<string>((text, p) => text + (typeof p === "number" ? `[${p}]` : text === "" ? p : `.${p}`), "")
