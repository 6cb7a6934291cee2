/**
 * What the server knows about who owns which field (fieldsV1), read as a tree beside the object. With it a plan says
 * without a request whether applying would change anything: what we own, what we want, and what is there.
 */
import { isDeepStrictEqual } from "node:util"
import type { FieldChange } from "@coddiwomple/core/Plan"
import type { Raw } from "./List.ts"

/** A node of fieldsV1: `f:name`, `k:{…}`, `v:…` lead to children, `.` means the node itself. */
export type Fields = Readonly<Record<string, unknown>>

export interface Difference extends FieldChange {
  /** We own the field, and yet it has another value: not drift, but the server or an admission webhook. */
  readonly rewritten: boolean
  /** Other managers that own it. */
  readonly owners: ReadonlyArray<string>
}

export interface Comparison {
  /** Fields whose live value differs from what is wanted, or that would go. */
  readonly differences: ReadonlyArray<Difference>
  /** Fields that have the wanted value already, but do not count as ours; and those we own and no longer want. */
  readonly ownership: number
}

export const same = (c: Comparison): boolean => c.differences.length === 0 && c.ownership === 0

/** The fields a manager has applied; undefined when it has applied none in this version. */
export const appliedBy = (live: Raw, manager: string, apiVersion: string): Fields | undefined =>
  live.metadata.managedFields?.find(
    (m) =>
      m.manager === manager && m.operation === "Apply" && (m.subresource ?? "") === "" && m.apiVersion === apiVersion
  )?.fieldsV1

const child = (node: Fields | undefined, key: string): Fields | undefined => node?.[key] as Fields | undefined

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isEmpty = (value: unknown): boolean =>
  Array.isArray(value) ? value.length === 0 : isMap(value) && Object.keys(value).length === 0

const isLeaf = (node: Fields): boolean => Object.keys(node).every((k) => k === ".")

/** `.a`, or `["a.b/c"]` where a dot would mislead. */
const step = (path: string, name: string): string =>
  /^[A-Za-z_][\w-]*$/.test(name) ? (path === "" ? name : `${path}.${name}`) : `${path}[${JSON.stringify(name)}]`

const selector = (key: string): Readonly<Record<string, unknown>> => JSON.parse(key.slice(2)) as Record<string, unknown>

const selected = (item: unknown, keys: Readonly<Record<string, unknown>>, defaults: boolean): boolean =>
  isMap(item) && Object.entries(keys).every(([k, v]) => item[k] === v || (defaults && item[k] === undefined))

const shown = (keys: Readonly<Record<string, unknown>>): string =>
  Object.entries(keys)
    .map(([k, v]) => `${k}=${String(v)}`)
    .join(",")

class Walk {
  readonly differences: Array<Difference> = []
  ownership = 0
  private readonly others: ReadonlyArray<{ readonly manager: string; readonly fields: Fields }>

  constructor(live: Raw, manager: string) {
    this.others = (live.metadata.managedFields ?? [])
      .filter(
        (m) =>
          m.fieldsV1 !== undefined &&
          (m.subresource ?? "") === "" &&
          !(m.manager === manager && m.operation === "Apply")
      )
      .map((m) => ({ manager: m.manager ?? "unknown", fields: m.fieldsV1! }))
  }

  /** Other managers whose set holds this field or an atomic parent of it. */
  private owners(at: ReadonlyArray<string>): ReadonlyArray<string> {
    const found = new Set<string>()
    for (const { manager, fields } of this.others) {
      let node: Fields | undefined = fields
      for (const key of at) {
        node = child(node, key)
        if (node === undefined || isLeaf(node)) break
      }
      if (node !== undefined) found.add(manager)
    }
    return [...found]
  }

  private differs(path: string, at: ReadonlyArray<string>, before: unknown, after: unknown, ours: boolean): void {
    this.differences.push({
      path,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
      rewritten: ours,
      owners: this.owners(at)
    })
  }

  private leaf(
    wanted: unknown,
    live: unknown,
    ours: Fields | undefined,
    path: string,
    at: ReadonlyArray<string>
  ): void {
    if (!isDeepStrictEqual(wanted, live)) this.differs(path, at, live, wanted, ours !== undefined)
    else if (ours === undefined) this.ownership++
  }

  /** A field that we own and no longer want goes, unless somebody else holds it too. */
  private unwanted(live: unknown, path: string, at: ReadonlyArray<string>): void {
    if (live === undefined || this.owners(at).length > 0) this.ownership++
    else this.differs(path, at, live, undefined, false)
  }

  private map(
    wanted: Readonly<Record<string, unknown>>,
    live: unknown,
    ours: Fields | undefined,
    path: string,
    at: ReadonlyArray<string>
  ): void {
    const there = isMap(live) ? live : {}
    for (const [name, value] of Object.entries(wanted)) {
      if (value === undefined) continue
      const key = `f:${name}`
      this.value(value, there[name], child(ours, key), step(path, name), [...at, key])
    }
    for (const key of Object.keys(ours ?? {})) {
      const name = key.slice(2)
      if (key.startsWith("f:") && wanted[name] === undefined) this.unwanted(there[name], step(path, name), [...at, key])
    }
  }

  /** A list whose items are told apart by some of their fields. */
  private keyed(
    wanted: ReadonlyArray<unknown>,
    live: unknown,
    ours: Fields,
    path: string,
    at: ReadonlyArray<string>
  ): void {
    const there = Array.isArray(live) ? (live as ReadonlyArray<unknown>) : []
    const keys = Object.keys(ours).filter((k) => k.startsWith("k:"))
    const names = Object.keys(selector(keys[0]!))
    const used = new Set<string>()
    for (const item of wanted) {
      const key = keys.find((k) => !used.has(k) && selected(item, selector(k), true))
      const by =
        key === undefined ? Object.fromEntries(names.map((n) => [n, isMap(item) ? item[n] : undefined])) : selector(key)
      if (key !== undefined) used.add(key)
      const found = there.find((l) => selected(l, by, false))
      this.value(item, found, key === undefined ? undefined : child(ours, key), `${path}[${shown(by)}]`, [
        ...at,
        key ?? `k:${JSON.stringify(by)}`
      ])
    }
    for (const key of keys) {
      if (used.has(key)) continue
      const by = selector(key)
      this.unwanted(
        there.find((l) => selected(l, by, false)),
        `${path}[${shown(by)}]`,
        [...at, key]
      )
    }
  }

  /** A list that is a set of scalars. */
  private set(
    wanted: ReadonlyArray<unknown>,
    live: unknown,
    ours: Fields,
    path: string,
    at: ReadonlyArray<string>
  ): void {
    const there = new Set(Array.isArray(live) ? (live as ReadonlyArray<unknown>) : [])
    for (const item of wanted) {
      const key = `v:${JSON.stringify(item)}`
      if (!there.has(item))
        this.differs(`${path}[=${String(item)}]`, [...at, key], undefined, item, child(ours, key) !== undefined)
      else if (child(ours, key) === undefined) this.ownership++
    }
    for (const key of Object.keys(ours)) {
      if (!key.startsWith("v:")) continue
      const item: unknown = JSON.parse(key.slice(2))
      if (!wanted.includes(item))
        this.unwanted(there.has(item) ? item : undefined, `${path}[=${String(item)}]`, [...at, key])
    }
  }

  value(wanted: unknown, live: unknown, ours: Fields | undefined, path: string, at: ReadonlyArray<string>): void {
    // Servers leave empty lists and maps out.
    if (isEmpty(wanted) && live === undefined) return
    const inner = ours !== undefined && !isLeaf(ours)
    if (isMap(wanted)) {
      if (ours === undefined ? !isEmpty(wanted) : inner) return this.map(wanted, live, ours, path, at)
    } else if (Array.isArray(wanted) && inner) {
      if (Object.keys(ours).some((k) => k.startsWith("k:"))) return this.keyed(wanted, live, ours, path, at)
      if (Object.keys(ours).some((k) => k.startsWith("v:"))) return this.set(wanted, live, ours, path, at)
    }
    this.leaf(wanted, live, ours, path, at)
  }
}

/** What names an object is no field that anybody owns. */
const body = (object: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const { apiVersion: _a, kind: _k, metadata, ...rest } = object
  const { name: _n, namespace: _ns, ...meta } = (metadata ?? {}) as Record<string, unknown>
  return Object.keys(meta).length === 0 ? rest : { metadata: meta, ...rest }
}

/** Compares what `manager` wants with what is live. `wanted` has been through `Apply.prepare`. */
export const compare = (wanted: Readonly<Record<string, unknown>>, live: Raw, manager: string): Comparison => {
  const walk = new Walk(live, manager)
  const ours = appliedBy(live, manager, String(wanted.apiVersion))
  // Applied before in another version: the server converts when it is applied again.
  walk.value(body(wanted), live, ours, "", [])
  return { differences: walk.differences, ownership: ours === undefined ? Math.max(1, walk.ownership) : walk.ownership }
}
