/**
 * What one pipeline owns in one target. Stored by each sink in its own way, with one text form for all.
 * Written as old ∪ new before an apply and shrunk after it, so that a kill at any point leaves nothing unlisted.
 */
import * as Schema from "effect/Schema"
import type { PlanItem, ReportItem } from "./Plan.ts"

export interface Entry {
  readonly id: string
  /** Digest of the body we wrote. */
  readonly digest: string
  /** Digest of the body that an apply was about to write: after a kill, what is there may be either of the two. */
  readonly pending?: string
  readonly uid?: string
  readonly service?: string
  /** Where the id is not an artifact's, as a path: the artifact it holds. */
  readonly artifact?: string
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
    const now = item.digest ?? ""
    entries.set(item.id, {
      id: item.id,
      digest: old?.digest ?? now,
      ...(old === undefined || old.digest === now ? {} : { pending: now }),
      ...(old?.uid === undefined ? {} : { uid: old.uid }),
      ...service(item.service ?? old?.service),
      ...(old?.artifact === undefined ? {} : { artifact: old.artifact })
    })
  }
  return { owner: inventory.owner, entries }
}

/** After the apply: drops what was deleted, takes over digests of what was written; what failed stays listed. */
export const settle = (
  inventory: Inventory,
  report: ReadonlyArray<ReportItem>,
  written: (id: string) => { readonly digest: string; readonly uid?: string; readonly artifact?: string } | undefined
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
      pending: Schema.optionalKey(Schema.String),
      uid: Schema.optionalKey(Schema.String),
      service: Schema.optionalKey(Schema.String),
      artifact: Schema.optionalKey(Schema.String)
    })
  )
})

/** Sorted, one entry a line: a stable diff. */
export const toText = (inventory: Inventory): string => {
  const lines = [...inventory.entries.values()]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((entry) => `    ${JSON.stringify(entry.id)}: ${JSON.stringify(body(entry))}`)
  const entries = lines.length === 0 ? "{}" : `{\n${lines.join(",\n")}\n  }`
  return `{\n  "version": 1,\n  "pipeline": ${JSON.stringify(inventory.owner)},\n  "entries": ${entries}\n}\n`
}

/** Members in the order of their names; undefined ones are not printed. */
const body = ({ artifact, digest, pending, service, uid }: Entry) => ({ artifact, digest, pending, service, uid })

const text = (value: unknown): boolean => value === undefined || typeof value === "string"

const isEntry = (value: unknown): value is Omit<Entry, "id"> => {
  if (typeof value !== "object" || value === null) return false
  const { artifact, digest, pending, service, uid, ...rest } = value as Record<string, unknown>
  for (const _ in rest) return false
  return typeof digest === "string" && text(artifact) && text(pending) && text(service) && text(uid)
}

const isStored = (value: unknown): value is typeof Stored.Type => {
  if (typeof value !== "object" || value === null) return false
  const { version, pipeline, entries } = value as Record<string, unknown>
  if (version !== 1 || typeof pipeline !== "string" || typeof entries !== "object" || entries === null) return false
  return !Array.isArray(entries) && Object.values(entries).every(isEntry)
}

/** The stored form, or a sentence saying why it cannot be read. */
export const fromText = (text: string): Inventory | { readonly problem: string } => {
  try {
    const json: unknown = JSON.parse(text)
    // Some inventories have a hundred thousand entries: the Schema is asked only for what is wrong.
    const stored = isStored(json) ? json : Schema.decodeUnknownSync(Stored)(json)
    return {
      owner: stored.pipeline,
      entries: new Map(Object.entries(stored.entries).map(([id, entry]) => [id, { id, ...entry }]))
    }
  } catch (cause) {
    return { problem: cause instanceof Error ? cause.message.split("\n")[0]! : String(cause) }
  }
}
