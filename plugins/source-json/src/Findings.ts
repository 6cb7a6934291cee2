/**
 * What is wrong with one entry of a file, with paths instead of places: an entry is decoded once and may move in its
 * file afterwards. `Fields` reads one object of it; every problem is noted, and what is good is still returned.
 */
import type { Code } from "@coddiwomple/core/Catalogue"
import { help as suggestion, suggest } from "@coddiwomple/core/Suggest"
import type { Path } from "./JsonText.ts"

export interface Finding {
  readonly code: Code
  readonly severity: "error" | "warning"
  readonly message: string
  /** Inside the entry. */
  readonly path: Path
  readonly at: "key" | "value"
  readonly help?: string
}

export class Findings {
  readonly list: Array<Finding> = []
  /** How many keys were looked at: JSON.parse drops the first of two equal ones. */
  keys = 0

  error(code: Code, path: Path, message: string, help?: string, at: "key" | "value" = "value"): void {
    this.list.push({ code, severity: "error", message, path, at, ...(help === undefined ? {} : { help }) })
  }

  warning(code: Code, path: Path, message: string, help?: string, at: "key" | "value" = "value"): void {
    this.list.push({ code, severity: "warning", message, path, at, ...(help === undefined ? {} : { help }) })
  }

  get failed(): boolean {
    return this.list.some((f) => f.severity === "error")
  }
}

export type Json = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const kindOf = (value: unknown): string => {
  if (value === null) return "null"
  if (Array.isArray(value)) return "a list"
  const type = typeof value
  return type === "object" ? "an object" : `a ${type}`
}

/** A word of the file as it may stand in a message. */
export const quoted = (text: string): string => JSON.stringify(text.length > 64 ? `${text.slice(0, 63)}…` : text)

/** `ports[0].protocol`; what a file chose as a key is cut short. */
export const pathText = (path: Path): string =>
  path.map((p, i) => (typeof p === "number" ? `[${p}]` : `${i === 0 ? "" : "."}${p.slice(0, 64)}`)).join("")

/**
 * One object of an entry. Each reader returns the value, or undefined where it is absent or of the wrong type;
 * `null` counts as absent, as the original tool read it.
 */
export class Fields {
  readonly value: Json
  readonly path: Path
  readonly findings: Findings
  /** Keys that an unknown key was probably meant to be. */
  private meant: Set<string> | undefined

  constructor(value: Json, path: Path, findings: Findings) {
    this.value = value
    this.path = path
    this.findings = findings
  }

  /** Notes every key that is not known; `also` is accepted, but never suggested. */
  only(keys: ReadonlySet<string>, also?: string): this {
    for (const key in this.value) {
      this.findings.keys++
      if (keys.has(key) || key === also) continue
      const near = suggest(key, keys)
      if (near !== undefined) (this.meant ??= new Set()).add(near)
      this.findings.error("CW402", [...this.path, key], `unknown key ${quoted(key)}`, suggestion(key, keys), "key")
    }
    return this
  }

  absent(key: string): boolean {
    return this.value[key] === undefined || this.value[key] === null
  }

  /** A key that must be there; a misspelt one was told of. */
  missing(key: string, wanted: string, code: Code = "CW401"): void {
    if (this.meant?.has(key)) return
    this.findings.error(code, this.path, `"${key}" is missing`, `add "${key}": ${wanted}`)
  }

  wrong(path: Path, wanted: string, found: unknown, help?: string): void {
    const whole = [...this.path, ...path]
    this.findings.error("CW401", whole, `"${pathText(whole)}" must be ${wanted}, not ${kindOf(found)}`, help)
  }

  string(key: string): string | undefined {
    const value = this.value[key]
    if (typeof value === "string") return value
    if (!this.absent(key)) this.wrong([key], "a string", value)
    return undefined
  }

  number(key: string): number | undefined {
    const value = this.value[key]
    if (typeof value === "number") return value
    if (this.absent(key)) return undefined
    const bare = typeof value === "string" && /^\d+$/.test(value) ? `write ${value} without quotes` : undefined
    this.wrong([key], "a number", value, bare)
    return undefined
  }

  boolean(key: string): boolean | undefined {
    const value = this.value[key]
    if (typeof value === "boolean") return value
    if (!this.absent(key)) this.wrong([key], "true or false", value)
    return undefined
  }

  strings(key: string): ReadonlyArray<string> | undefined {
    const value = this.value[key]
    if (this.absent(key)) return undefined
    if (!Array.isArray(value)) {
      const list = typeof value === "string" ? `write [${quoted(value)}]` : undefined
      this.wrong([key], "a list of strings", value, list)
      return undefined
    }
    let good = true
    for (let i = 0; i < value.length; i++) {
      if (typeof value[i] === "string") continue
      good = false
      this.wrong([key, i], "a string", value[i])
    }
    return good ? value : value.filter((item) => typeof item === "string")
  }

  /** An object of the file, to be read further; `wanted` is what to write. */
  object(key: string, wanted: string): Fields | undefined {
    const value = this.value[key]
    if (isObject(value)) return new Fields(value, [...this.path, key], this.findings)
    if (!this.absent(key)) this.wrong([key], "an object", value, `write "${key}": ${wanted}`)
    return undefined
  }

  oneOf<const T extends string>(key: string, words: ReadonlyArray<T>): T | undefined {
    const value = this.string(key)
    if (value === undefined || words.includes(value as T)) return value as T | undefined
    const path = [...this.path, key]
    this.findings.error("CW401", path, `${quoted(value)} is not a value of "${key}"`, suggestion(value, words))
    return undefined
  }

  /** Keys that the file chose. JSON has own keys only, and `for in` is by far the fastest where no two objects are alike. */
  names(): ReadonlyArray<string> {
    const out: Array<string> = []
    for (const key in this.value) out.push(key)
    this.findings.keys += out.length
    return out
  }

  /** String values by key, as labels are. */
  labels(key: string): Readonly<Record<string, string>> | undefined {
    const fields = this.object(key, '{"<name>": "<value>"}')
    if (fields === undefined) return undefined
    const entries: Array<[string, string]> = []
    for (const name of fields.names()) {
      const value = fields.value[name]
      if (typeof value === "string") entries.push([name, value])
      else fields.wrong([name], "a string", value)
    }
    return Object.fromEntries(entries)
  }
}
