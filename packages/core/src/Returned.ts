/**
 * What plugin code returns is foreign: its shape is looked at before the engine uses it, so that a slip of one plugin is a
 * finding against that plugin, and never counts as "makes nothing" or "finds nothing". Everything here throws a TypeError
 * with a sentence about the plugin; what is thrown while a generation is made refuses that generation.
 */
import * as Stream from "effect/Stream"
import type { Artifact } from "./Artifact.ts"
import { catalogue } from "./Catalogue.ts"
import type { Diagnostic } from "./Diagnostic.ts"
import type { Kind } from "./Plugin.ts"
import type { Rendered } from "./Transform.ts"

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** For a sentence: what kind of thing it is. */
export const kindOfValue = (value: unknown): string => {
  if (value === undefined || value === null) return String(value)
  if (value instanceof Promise) return "a Promise"
  if (Array.isArray(value)) return "a list"
  return isObject(value) ? "an object" : `a ${typeof value}`
}

const fail = (sentence: string): never => {
  throw new TypeError(sentence)
}

/** Without taking it apart: this runs for every body. */
const hasFourParts = (id: string): boolean => {
  let slash = -1
  for (let i = 0; i < 3; i++) {
    slash = id.indexOf("/", slash + 1)
    if (slash < 0) return false
  }
  return !id.startsWith("file:")
}

/** Why a value is no artifact; undefined where it is one. */
const flaw = (value: unknown): string | undefined => {
  if (!isObject(value)) return `it is ${kindOfValue(value)}`
  const { form, id, ownership, service, targets, text } = value as { readonly [K in keyof Artifact]?: unknown }
  if (typeof id !== "string" || id === "") return "`id` is not a string"
  if (typeof text !== "string") return "`text` is not a string"
  if (!(targets instanceof Uint32Array)) return "`targets` is not a set of clusters, as `fleet.set` makes it"
  if (service !== undefined && typeof service !== "string") return "`service` is not a string"
  if (ownership !== "object" && ownership !== "fields") return "`ownership` is not object or fields"
  if (form === "file") return id.startsWith("file:") ? undefined : "the `id` of a file begins with `file:`"
  if (form !== "object") return "`form` is not object or file"
  return hasFourParts(id) ? undefined : "the `id` of an object is group/Kind/namespace/name"
}

/** Why a value is no finding. */
const findingFlaw = (value: unknown): string | undefined => {
  if (!isObject(value)) return `it is ${kindOfValue(value)}`
  const { code, message, severity } = value
  if (typeof code !== "string" || !Object.hasOwn(catalogue, code))
    return `the code ${JSON.stringify(code)} is not known`
  if (severity !== "error" && severity !== "warning" && severity !== "info")
    return "`severity` is not error, warning or info"
  return typeof message === "string" ? undefined : "`message` is not a string"
}

const each = (values: ReadonlyArray<unknown>, what: string, flawOf: (value: unknown) => string | undefined): void => {
  for (let i = 0; i < values.length; i++) {
    const found = flawOf(values[i])
    if (found !== undefined) fail(`${what} ${i + 1} of those it returned is none: ${found}`)
  }
}

/** What a transform returned. */
export const rendered = (value: unknown): Rendered => {
  const artifacts = isObject(value) && "artifacts" in value ? value["artifacts"] : value
  if (!Array.isArray(artifacts))
    return fail(`it returned ${kindOfValue(artifacts)} where a list of artifacts is expected`)
  each(artifacts, "artifact", flaw)
  if (artifacts === value) return artifacts as ReadonlyArray<Artifact>
  const { diagnostics = [] } = value as { readonly diagnostics?: unknown }
  return { artifacts: artifacts as ReadonlyArray<Artifact>, diagnostics: findings(diagnostics) }
}

/** What a check returned, or what a transform found. */
export const findings = (value: unknown): ReadonlyArray<Diagnostic> => {
  if (!Array.isArray(value)) return fail(`it returned ${kindOfValue(value)} where a list of diagnostics is expected`)
  each(value, "diagnostic", findingFlaw)
  return value as ReadonlyArray<Diagnostic>
}

const operations = ["create", "update", "delete", "held", "conflict"]

const itemFlaw = (value: unknown): string | undefined => {
  if (!isObject(value)) return `it is ${kindOfValue(value)}`
  const { id, op, target } = value
  if (typeof target !== "string" || typeof id !== "string") return "`target` or `id` is not a string"
  return operations.includes(String(op)) ? undefined : `\`op\` is not one of ${operations.join(", ")}`
}

/** What a sink planned. */
export const plan = (value: unknown): void => {
  if (!isObject(value) || !Array.isArray(value["items"])) return fail(`it planned ${kindOfValue(value)}, not a plan`)
  each(value["items"], "item", itemFlaw)
}

/** What `make` of a plugin returned. */
export const impl = (kind: Kind, value: unknown): void => {
  if (!isObject(value) || value instanceof Promise)
    return fail(`its \`make\` returned ${kindOfValue(value)}; it returns a ${kind}, or an Effect of one`)
  const shapes = kind === "transform" ? ["service", "artifact", "model", "set"] : ["service", "set"]
  if (kind === "source") {
    if (!Stream.isStream(value["events"])) fail("its `events` are not a Stream")
  } else if (kind === "sink") {
    for (const name of ["plan", "apply"]) if (typeof value[name] !== "function") fail(`it has no function \`${name}\``)
  } else if (typeof value["run"] !== "function" || !shapes.includes(String(value["shape"])))
    fail(`it has no function \`run\`, or its \`shape\` is not one of ${shapes.join(", ")}`)
}
