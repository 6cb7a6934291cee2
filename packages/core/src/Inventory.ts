/**
 * What one pipeline owns in one target. Stored by each sink in its own way, with one text form for all.
 * Written as old ∪ new before an apply and shrunk after it, so that a kill at any point leaves nothing unlisted.
 */
import * as Schema from "effect/Schema"
import { canonical } from "./Digest.ts"
import type { PlanItem, ReportItem } from "./Plan.ts"

export interface Entry {
  readonly id: string
  /** Digest of the body we wrote. */
  readonly digest: string
  readonly uid?: string
  readonly service?: string
}

export interface Inventory {
  /** The pipeline's owner id. */
  readonly owner: string
  readonly entries: ReadonlyMap<string, Entry>
}

export const empty = (owner: string): Inventory => ({ owner, entries: new Map() })

/** Before the apply: everything we own or are about to own. A new body's digest stands beside the old until it is applied. */
export const widen = (inventory: Inventory, items: ReadonlyArray<PlanItem>): Inventory => {
  const entries = new Map(inventory.entries)
  for (const item of items) {
    if (item.op !== "create" && item.op !== "update") continue
    const old = entries.get(item.id)
    entries.set(item.id, {
      id: item.id,
      digest: old?.digest ?? item.digest ?? "",
      ...(old?.uid === undefined ? {} : { uid: old.uid }),
      ...service(item.service ?? old?.service)
    })
  }
  return { owner: inventory.owner, entries }
}

/** After the apply: drops what was deleted, takes over digests of what was written; what failed stays listed. */
export const settle = (
  inventory: Inventory,
  report: ReadonlyArray<ReportItem>,
  written: (id: string) => { readonly digest: string; readonly uid?: string } | undefined
): Inventory => {
  const entries = new Map(inventory.entries)
  for (const item of report) {
    if (item.outcome !== "applied") continue
    if (item.op === "delete") {
      entries.delete(item.id)
      continue
    }
    const now = written(item.id)
    if (now !== undefined) entries.set(item.id, { id: item.id, ...now, ...service(item.service) })
  }
  return { owner: inventory.owner, entries }
}

const service = (name: string | undefined) => (name === undefined ? {} : { service: name })

const Stored = Schema.Struct({
  version: Schema.Literal(1),
  pipeline: Schema.String,
  entries: Schema.Record(
    Schema.String,
    Schema.Struct({
      digest: Schema.String,
      uid: Schema.optionalKey(Schema.String),
      service: Schema.optionalKey(Schema.String)
    })
  )
})

/** Sorted, one entry a line: a stable diff. */
export const toText = (inventory: Inventory): string => {
  const lines = [...inventory.entries.values()]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ id, ...rest }) => `    ${JSON.stringify(id)}: ${canonical(rest)}`)
  const entries = lines.length === 0 ? "{}" : `{\n${lines.join(",\n")}\n  }`
  return `{\n  "version": 1,\n  "pipeline": ${JSON.stringify(inventory.owner)},\n  "entries": ${entries}\n}\n`
}

/** The stored form, or a sentence saying why it cannot be read. */
export const fromText = (text: string): Inventory | { readonly problem: string } => {
  try {
    const stored = Schema.decodeUnknownSync(Stored)(JSON.parse(text))
    return {
      owner: stored.pipeline,
      entries: new Map(Object.entries(stored.entries).map(([id, entry]) => [id, { id, ...entry }]))
    }
  } catch (cause) {
    return { problem: cause instanceof Error ? cause.message.split("\n")[0]! : String(cause) }
  }
}
