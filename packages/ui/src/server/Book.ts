/**
 * The matrix as the server keeps it: one row per service, one byte per cell, updated from what an engine renders and plans.
 * A row keeps its number while the fleet stays the same; removed rows leave a hole, so numbers on the wire never lie.
 * A change costs the rows it touches, never a walk of the fleet.
 */
import { parseId } from "@coddiwomple/core/Artifact"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Cluster as ModelCluster, Model, Service } from "@coddiwomple/core/Model"
import type { Plan, PlanItem } from "@coddiwomple/core/Plan"
import type { Rendering } from "@coddiwomple/core/Render"
import * as HashMap from "effect/HashMap"
import { code, encode } from "../Cells.ts"
import type { Row } from "../Contract.ts"

interface Entry {
  readonly identity: string
  service: Service | undefined
  cells: Uint8Array
  changed: number
  held: string | undefined
  removed: boolean
}

/** What one sink would do, by service and cluster: the worst wins. */
interface SinkView {
  readonly cells: ReadonlyMap<string, ReadonlyMap<number, number>>
  /** Clusters the sink answers for, and those it could not read. */
  readonly failed: ReadonlySet<number>
  readonly perCluster: boolean
}

export interface Subscriber {
  /** A cell is now this byte. */
  readonly cell: (row: number, column: number, byte: number) => void
  readonly row: (row: number) => void
  /** Everything is different: take a snapshot. */
  readonly reset: () => void
}

const operations: Readonly<Record<PlanItem["op"], number>> = {
  create: code.create,
  update: code.differs,
  delete: code.delete,
  held: code.held,
  conflict: code.error
}

export class Book {
  epoch = 1
  seq = 0
  generation = 0
  clusters: ReadonlyArray<ModelCluster> = []
  private entries: Array<Entry> = []
  private readonly numbers = new Map<string, number>()
  private readonly sinks = new Map<string, SinkView>()
  private readonly subscribers = new Set<Subscriber>()
  private services: Model["services"] = HashMap.empty()
  private held: Rendering["held"] = new Map()

  subscribe(subscriber: Subscriber): () => void {
    this.subscribers.add(subscriber)
    return () => void this.subscribers.delete(subscriber)
  }

  /** Backends per cluster. */
  counts(): ReadonlyArray<number> {
    const out = new Array<number>(this.clusters.length).fill(0)
    for (const { removed, service } of this.entries)
      if (!removed) for (const b of service?.backends ?? []) out[b.index]!++
    return out
  }

  rows(): ReadonlyArray<Row> {
    return this.entries.map((entry) => this.wire(entry))
  }

  row(number: number): Row | undefined {
    const entry = this.entries[number]
    return entry === undefined || entry.removed ? undefined : this.wire(entry)
  }

  isRemoved(number: number): boolean {
    return this.entries[number]?.removed !== false
  }

  /** Numbers of rows that are holes. */
  holes(): ReadonlyArray<number> {
    return this.entries.flatMap((entry, i) => (entry.removed ? [i] : []))
  }

  /** Takes up a new generation. */
  rendered(rendering: Rendering, sinks: ReadonlyArray<string>, now: number): void {
    const { model } = rendering
    const before = this.generation
    this.generation = model.generation
    this.services = model.services
    const heldBefore = this.held
    this.held = rendering.held
    const sameFleet =
      this.clusters.length === model.fleet.clusters.length &&
      this.clusters.every((c, i) => c.name === model.fleet.clusters[i]!.name)
    this.clusters = model.fleet.clusters
    if (!sameFleet || before === 0) return this.restart(now)
    const changes = sinks.length === 0 ? undefined : rendering.desired(sinks[0]!).changesSince(before)
    const touched =
      changes === undefined || changes.all
        ? new Set([...HashMap.keys(model.services), ...this.numbers.keys()])
        : new Set([...changes.groups, ...model.touched])
    for (const id of this.held.keys()) touched.add(id)
    for (const id of heldBefore.keys()) touched.add(id)
    for (const id of touched) if (id !== "") this.refresh(id, now)
  }

  /** Takes up what a sink would do. */
  planned(sink: string, plan: Plan, now: number): void {
    const index = new Map(this.clusters.map((cluster, i) => [cluster.name, i]))
    const cells = new Map<string, Map<number, number>>()
    let perCluster = false
    for (const item of plan.items) {
      const column = columnOf(item, index)
      if (column === undefined) continue
      perCluster = true
      const service = item.service ?? ""
      let row = cells.get(service)
      if (row === undefined) cells.set(service, (row = new Map()))
      const byte = operations[item.op]
      const known = row.get(column)
      if (known === undefined || byte < known) row.set(column, byte)
    }
    const failed = new Set(
      [
        ...(plan.failed?.keys() ?? []),
        ...plan.items
          .filter((i) => i.op === "held" && i.reason !== undefined && /not connected|unreachable/.test(i.reason))
          .map((i) => i.target)
      ].flatMap((name) => index.get(name) ?? [])
    )
    const targets = [...(plan.owned?.keys() ?? [])].some((name) => index.has(name))
    const before = this.sinks.get(sink)
    const next: SinkView = {
      cells,
      failed,
      perCluster:
        plan.opaque !== true &&
        (perCluster || targets || failed.size > 0 || before?.perCluster === true || plan.unchanged > 0)
    }
    this.sinks.set(sink, next)
    const all =
      before === undefined ||
      before.perCluster !== next.perCluster ||
      [...before.failed].join() !== [...next.failed].join()
    const touched = all ? [...this.numbers.keys(), ...cells.keys()] : new Set([...cells.keys(), ...before.cells.keys()])
    // The first answer of a sink is no change of the fleet: readers start over with it, sorted and without marks.
    const first = before === undefined && next.perCluster
    for (const id of touched) if (id !== "") this.refresh(id, first ? 0 : now)
    if (first) for (const subscriber of this.subscribers) subscriber.reset()
  }

  /** True where some sink compares per cluster. */
  get compares(): boolean {
    return [...this.sinks.values()].some((sink) => sink.perCluster)
  }

  private restart(now: number): void {
    this.epoch++
    this.seq++
    this.entries = []
    this.numbers.clear()
    const ids = [...HashMap.keys(this.services), ...this.held.keys()]
    for (const id of new Set(ids.sort())) this.add(id, 0)
    void now
    for (const subscriber of this.subscribers) subscriber.reset()
  }

  private add(id: string, changed: number): number {
    const service = this.find(id)
    const entry: Entry = {
      identity: id,
      service,
      cells: this.cells(id, service),
      changed,
      held: this.reason(id),
      removed: false
    }
    this.numbers.set(id, this.entries.length)
    return this.entries.push(entry) - 1
  }

  private refresh(id: string, now: number): void {
    const service = this.find(id)
    const number = this.numbers.get(id)
    const planned = [...this.sinks.values()].some((sink) => sink.cells.has(id))
    const present = service !== undefined || this.held.has(id) || planned
    if (number === undefined) {
      if (present) this.tellRow(this.add(id, now))
      return
    }
    const entry = this.entries[number]!
    if (!present) {
      if (entry.removed) return
      entry.removed = true
      entry.changed = Math.max(entry.changed, now)
      return this.tellRow(number)
    }
    const cells = this.cells(id, service)
    const held = this.reason(id)
    const whole = entry.removed || entry.held !== held || changedShape(entry.service, service)
    let different = whole
    for (let i = 0; i < cells.length; i++) {
      if (cells[i] === entry.cells[i]) continue
      different = true
      if (!whole) for (const subscriber of this.subscribers) subscriber.cell(number, i, cells[i]!)
    }
    if (!different) return
    this.seq++
    Object.assign(entry, { service, cells, held, removed: false, changed: Math.max(entry.changed, now) })
    if (whole) this.tellRow(number)
  }

  private tellRow(number: number): void {
    this.seq++
    for (const subscriber of this.subscribers) subscriber.row(number)
  }

  private find(id: string): Service | undefined {
    const found = HashMap.get(this.services, id)
    return found._tag === "Some" ? found.value : undefined
  }

  private reason(id: string): string | undefined {
    const held = this.held.get(id)
    return held === undefined
      ? undefined
      : ((held.diagnostics.find(Diagnostic.isError) ?? held.diagnostics[0])?.message ?? "held")
  }

  private cells(id: string, service: Service | undefined): Uint8Array {
    const cells = new Uint8Array(this.clusters.length).fill(code.none)
    const views = [...this.sinks.values()].filter((sink) => sink.perCluster)
    const quiet = views.length > 0 ? code.ok : code.runs
    const held = this.held.has(id)
    for (const { index } of service?.backends ?? []) {
      cells[index] = held ? code.held : views.some((sink) => sink.failed.has(index)) ? code.unknown : quiet
    }
    for (const sink of views)
      for (const [column, byte] of sink.cells.get(id) ?? []) if (byte < cells[column]!) cells[column] = byte
    return cells
  }

  private wire(entry: Entry): Row {
    const { service } = entry
    const dot = entry.identity.indexOf(".")
    return {
      i: entry.identity,
      n: service?.name ?? (dot < 0 ? entry.identity : entry.identity.slice(0, dot)),
      s: service?.namespace ?? (service !== undefined || dot < 0 ? "" : entry.identity.slice(dot + 1)),
      c: encode(entry.cells),
      h: service?.hosts.join(" ") ?? "",
      p: service?.ports.map((p) => p.port).join(" ") ?? "",
      t: entry.changed,
      ...(entry.held === undefined ? {} : { k: entry.held })
    }
  }
}

const changedShape = (a: Service | undefined, b: Service | undefined): boolean =>
  a !== b &&
  (a?.hosts.join() !== b?.hosts.join() ||
    a?.ports.map((p) => p.port).join() !== b?.ports.map((p) => p.port).join() ||
    (a === undefined) !== (b === undefined))

/** The cluster of a plan's item: its target, or a part of its path that is a cluster's name. */
const columnOf = (item: PlanItem, index: ReadonlyMap<string, number>): number | undefined => {
  const direct = index.get(item.target)
  if (direct !== undefined || (parseId(item.id) !== undefined && !item.id.includes(".yaml"))) return direct
  for (const part of item.id.replace(/^file:/, "").split("/")) {
    const found = index.get(part) ?? index.get(part.replace(/\.ya?ml$/, ""))
    if (found !== undefined) return found
  }
  return undefined
}
