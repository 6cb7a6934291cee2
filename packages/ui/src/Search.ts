/**
 * The search line: free words and `key:value` terms, all of which must hold. A wrong term says why and matches nothing
 * it should not: it is left out. Scanning ten thousand rows takes a few milliseconds and makes no garbage.
 */
import { code, type State, states } from "./Cells.ts"

export interface Term {
  readonly text: string
  readonly key: string
  readonly value: string
  /** Why it cannot be understood. */
  readonly problem?: string
}

export interface Target {
  readonly name: string
  readonly namespace: string
  readonly hosts: string
  readonly ports: string
  readonly changed: number
  readonly held: boolean
}

export interface Query {
  readonly terms: ReadonlyArray<Term>
  /** Columns that `cluster:` terms leave; undefined where all stay. */
  readonly columns: ReadonlySet<number> | undefined
  readonly test: (row: Target, cells: Uint8Array, from: number, width: number, now: number) => boolean
}

export const keys = ["ns", "name", "cluster", "state", "host", "port", "changed", "is"] as const

const aliases: Readonly<Record<string, State>> = {
  error: "error",
  delete: "delete",
  create: "create",
  differs: "differs",
  differ: "differs",
  held: "held",
  unknown: "unknown",
  ok: "ok",
  sync: "ok",
  runs: "runs"
}

/** `prod*` as a pattern over the whole text, anything else as a part of it. */
const matcher = (pattern: string): ((text: string) => boolean) => {
  const lower = pattern.toLowerCase()
  if (!lower.includes("*")) return (text) => text.includes(lower)
  const parts = lower.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
  const exact = new RegExp(`^${parts.join(".*")}$`)
  return (text) => exact.test(text)
}

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

type Test = Query["test"]

const compile = (key: string, value: string, clusters: ReadonlyArray<string>): Test | string => {
  if (value === "" && key !== "") return `${key}: needs a value`
  switch (key) {
    case "": {
      const has = matcher(value)
      return (row) => has(row.name) || has(row.namespace) || has(row.hosts)
    }
    case "ns": {
      const has = matcher(value)
      return (row) => has(row.namespace)
    }
    case "name": {
      const has = matcher(value)
      return (row) => has(row.name)
    }
    case "host": {
      const has = matcher(value)
      return (row) => row.hosts.split(" ").some(has)
    }
    case "port":
      return /^\d+$/.test(value) ? (row) => row.ports.split(" ").includes(value) : "port: needs a number"
    case "is":
      return value === "held" ? (row) => row.held : "is: knows only held"
    case "state": {
      const wanted = aliases[value.toLowerCase()]
      if (wanted === undefined) return `state: is one of ${states.filter((s) => s !== "none").join(", ")}`
      const byte = code[wanted]
      return (row, cells, from, width) => {
        if (wanted === "held" && row.held) return true
        for (let i = from; i < from + width; i++) if (cells[i] === byte) return true
        return false
      }
    }
    case "cluster": {
      const has = matcher(value)
      const wanted = clusters.flatMap((name, i) => (has(name.toLowerCase()) ? [i] : []))
      if (wanted.length === 0) return `no cluster matches ${value}`
      return (_row, cells, from) => wanted.some((i) => cells[from + i] !== code.none)
    }
    case "changed": {
      const found = /^<?(\d+)([smhd])$/.exec(value)
      if (found === null) return "changed: is a time as <5m"
      const span = Number(found[1]) * units[found[2]!]!
      return (row, _cells, _from, _width, now) => row.changed > 0 && now - row.changed < span
    }
    default:
      return `${key}: is not a key; keys are ${keys.join(", ")}`
  }
}

export const parse = (text: string, clusters: ReadonlyArray<string>): Query => {
  const tests: Array<Test> = []
  const terms: Array<Term> = []
  let columns: Set<number> | undefined
  for (const word of text
    .trim()
    .split(/\s+/)
    .filter((w) => w !== "")) {
    const colon = word.indexOf(":")
    const key = colon > 0 ? word.slice(0, colon).toLowerCase() : ""
    const value = colon > 0 ? word.slice(colon + 1) : word
    const test = compile(key, value, clusters)
    if (typeof test === "string") {
      terms.push({ text: word, key, value, problem: test })
      continue
    }
    terms.push({ text: word, key, value })
    tests.push(test)
    if (key !== "cluster") continue
    const has = matcher(value)
    const now = new Set(clusters.flatMap((name, i) => (has(name.toLowerCase()) ? [i] : [])))
    columns = columns === undefined ? now : new Set([...columns].filter((i) => now.has(i)))
  }
  return {
    terms,
    columns,
    test: (row, cells, from, width, now) => {
      for (const test of tests) if (!test(row, cells, from, width, now)) return false
      return true
    }
  }
}
