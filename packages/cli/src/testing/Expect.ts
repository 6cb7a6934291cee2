/**
 * Compares what came out with what a test expects. A pattern is a part of an object: mappings need only the keys it
 * names, lists its members in their order; a text of a file needs only to contain it.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import type { Expectation, Expected, Pattern } from "@coddiwomple/config/TestConfig"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import * as Suggest from "@coddiwomple/core/Suggest"
import { type Item, text, value } from "./Output.ts"
import { unified } from "./TextDiff.ts"

export const matches = (pattern: unknown, actual: unknown): boolean => {
  if (Array.isArray(pattern)) {
    if (!Array.isArray(actual)) return false
    let at = 0
    return pattern.every((each) => {
      while (at < actual.length) if (matches(each, actual[at++])) return true
      return false
    })
  }
  if (typeof pattern === "object" && pattern !== null) {
    if (typeof actual !== "object" || actual === null || Array.isArray(actual)) return false
    const inFile = "file" in pattern && "file" in actual
    return Object.entries(pattern).every(([key, part]) => {
      const found = (actual as Record<string, unknown>)[key]
      return inFile && key === "text" && typeof part === "string" && typeof found === "string"
        ? found.includes(part)
        : Object.hasOwn(actual, key) && matches(part, found)
    })
  }
  return Object.is(pattern, actual)
}

/** How many leaves of the pattern the value has: the nearest value explains best why none matches. */
const nearness = (pattern: unknown, actual: unknown): number => {
  if (typeof pattern !== "object" || pattern === null) {
    if (Object.is(pattern, actual)) return 1
    return typeof pattern === "string" && typeof actual === "string" && Suggest.suggest(pattern, [actual]) !== undefined
      ? 0.5
      : 0
  }
  if (typeof actual !== "object" || actual === null) return 0
  const parts = Object.entries(pattern)
  return parts.reduce((sum, [key, part]) => sum + nearness(part, (actual as Record<string, unknown>)[key]), 0)
}

const firstDifference = (pattern: unknown, actual: unknown, path = ""): string | undefined => {
  if (typeof pattern === "object" && pattern !== null && !Array.isArray(pattern)) {
    if (typeof actual !== "object" || actual === null) return `${path || "it"} is ${show(actual)}`
    for (const [key, part] of Object.entries(pattern)) {
      const found = firstDifference(
        part,
        (actual as Record<string, unknown>)[key],
        path === "" ? key : `${path}.${key}`
      )
      if (found !== undefined) return found
    }
    return undefined
  }
  return matches(pattern, actual) ? undefined : `${path} is ${show(actual)}, not ${show(pattern)}`
}

const show = (v: unknown): string => {
  const json = JSON.stringify(v) ?? "absent"
  return json.length > 160 ? `${json.slice(0, 160)}…` : json
}

type PlaceOf = (path: ReadonlyArray<string | number>, what?: "key" | "value") => Diagnostic.Place

const unmet = (message: string, place: Diagnostic.Place, help?: string) =>
  Diagnostic.error("CW680", message, { place, help })

export interface Golden {
  readonly directory: string
  readonly update: boolean
  /** Golden files that were written. */
  readonly written: Array<string>
}

export const node = (
  id: string,
  expected: Expectation,
  all: ReadonlyArray<Item>,
  place: PlaceOf,
  golden: Golden
): ReadonlyArray<Diagnostic.Diagnostic> => {
  const out: Array<Diagnostic.Diagnostic> = []
  const at = (...path: ReadonlyArray<string | number>) => place(["expect", id, ...path])
  if (expected.count !== undefined && expected.count !== all.length) {
    const kinds = Map.groupBy(all, (i) => (i.form === "file" ? "file" : i.id.split("/")[1]!))
    const counted = [...kinds].sort().map(([kind, list]) => `${list.length} ${kind}`)
    const help = `it made ${counted.length === 0 ? "nothing" : counted.join(", ")}, each counted once per cluster`
    out.push(unmet(`\`${id}\` makes ${all.length}, not ${expected.count}`, at("count"), help))
  }
  const values = expected.contains === undefined && expected.absent === undefined ? [] : all.map(value)
  expected.contains?.forEach((pattern, i) => {
    if (values.some((v) => matches(pattern, v))) return
    out.push(unmet(`\`${id}\` makes nothing that contains this`, at("contains", i), nearest(pattern, all, values)))
  })
  expected.absent?.forEach((pattern, i) => {
    const found = values.findIndex((v) => matches(pattern, v))
    if (found < 0) return
    const { cluster, id: made } = all[found]!
    out.push(unmet(`\`${id}\` makes this: ${made} for cluster ${cluster}`, at("absent", i), "it must be absent"))
  })
  if (expected.golden !== undefined) out.push(...compare(id, expected.golden, text(all), at("golden"), golden))
  return out
}

const nearest = (pattern: Pattern, all: ReadonlyArray<Item>, values: ReadonlyArray<unknown>): string => {
  let best = -1
  let score = 0
  values.forEach((v, i) => {
    const n = nearness(pattern, v)
    if (n > score) [best, score] = [i, n]
  })
  if (best < 0) return values.length === 0 ? "it made nothing" : "`cw render --stage` shows what it makes"
  const { cluster, id } = all[best]!
  return `the nearest is ${id} for cluster ${cluster}: there ${firstDifference(pattern, values[best])}`
}

const compare = (
  id: string,
  name: string,
  actual: string,
  place: Diagnostic.Place,
  { directory, update, written }: Golden
): ReadonlyArray<Diagnostic.Diagnostic> => {
  const file = resolve(directory, name)
  const before = existsSync(file) ? readFileSync(file, "utf8") : undefined
  if (before === actual) return []
  if (update) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, actual)
    written.push(name)
    return []
  }
  if (before === undefined)
    return [Diagnostic.error("CW681", `${name} does not exist`, { place, help: "`cw test --update` writes it" })]
  const help = `read the difference; if it is meant, \`cw test --update\`\n${unified(before, actual, name, `what ${id} makes now`, 30)}`
  return [Diagnostic.error("CW681", `\`${id}\` makes something other than ${name}`, { place, help })]
}

const isExpected = (expected: Expected, d: Diagnostic.Diagnostic): boolean =>
  (expected.code ?? d.code) === d.code &&
  (expected.severity ?? d.severity) === d.severity &&
  (expected.node ?? d.node) === d.node &&
  (expected.service ?? d.service) === d.service &&
  d.message.includes(expected.message ?? "")

/** Exactly the expected ones; without expectations, no errors. */
export const diagnostics = (
  expected: ReadonlyArray<Expected> | undefined,
  found: ReadonlyArray<Diagnostic.Diagnostic>,
  place: PlaceOf
): ReadonlyArray<Diagnostic.Diagnostic> => {
  const at = place(["expect", "diagnostics"])
  const told = (d: Diagnostic.Diagnostic) => `${d.severity}[${d.code}] ${d.message}`
  if (expected === undefined) {
    const help = "if it is meant, name it in `expect.diagnostics`"
    return found.filter(Diagnostic.isError).map((d) => unmet(`unexpected ${told(d)}`, place(["expect"], "key"), help))
  }
  const left = [...found]
  const missing = expected.flatMap((each, i) => {
    const at = left.findIndex((d) => isExpected(each, d))
    if (at < 0) return [unmet(`no finding is ${show(each)}`, place(["expect", "diagnostics", i]), "it did not come")]
    left.splice(at, 1)
    return []
  })
  return [
    ...missing,
    ...left.map((d) => unmet(`unexpected ${told(d)}`, at, "name it in `expect.diagnostics`, or mend it"))
  ]
}
