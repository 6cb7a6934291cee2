/**
 * The fold of source events into models. Facts are keyed by (source, partition, key): a delete in cluster a drops only
 * a's backend. Hosts and addresses are decided here, once. The fold itself is mutable; the models it commits are not,
 * and committing costs what changed, not what is there.
 */
import * as HashMap from "effect/HashMap"
import { Addresses, parseRange, type Range } from "./Addresses.ts"
import { Claims } from "./Claims.ts"
import * as Diagnostic from "./Diagnostic.ts"
import { type BadEntry, type Fact, key as factKey, type SourceEvent } from "./Fact.ts"
import { Fleet, type Held, type Model, type PartitionState, type Service } from "./Model.ts"
import { index, type Indexes, subject, unindex } from "./Indexes.ts"
import * as Resolve from "./Resolve.ts"
import { resolveFleet } from "./ResolveFleet.ts"
import { resolveService } from "./ResolveService.ts"
import { same } from "./Same.ts"

export interface FoldOptions {
  /** Without dots around it; `global` by default. */
  readonly suffix: string
  /** Sources in the order in which they win. */
  readonly prefer: ReadonlyArray<string>
  readonly range: Range
  /** Addresses of a lock file. */
  readonly pinned: ReadonlyMap<string, string>
}

export const defaultFoldOptions: FoldOptions = {
  suffix: "global",
  prefer: [],
  range: parseRange("240.0.0.0/8") as Range,
  pinned: new Map()
}

interface Partition {
  state: PartitionState
  facts: Map<string, Fact>
  bad: ReadonlyArray<BadEntry>
  diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
}

/** Stands for all partitions of a source that has named none. */
const unnamed = "*"

type BadByService = ReadonlyMap<string, ReadonlyArray<Diagnostic.Diagnostic>>

const partitionKey = (source: string, partition: string): string => `${source}\u0000${partition}`

interface HostClaim {
  readonly key: string
}

export class Fold {
  private readonly options: FoldOptions
  private readonly sources = new Map<string, Map<string, Partition>>()
  private readonly indexes: Indexes = { clusters: new Map(), services: new Map(), backends: new Map() }
  private readonly hostClaims = new Claims<HostClaim>()
  private readonly warnings = new Map<string, ReadonlyArray<Diagnostic.Diagnostic>>()
  private readonly dirty = new Set<string>()
  private fleetDirty = true
  private stateDirty = true
  private badClusters: ReadonlySet<string> = new Set()
  private clusterFindings: ReadonlyArray<Diagnostic.Diagnostic> = []
  private readonly compare: ReturnType<typeof Resolve.ranking>
  private last: Model
  readonly addresses: Addresses

  constructor(options: Partial<FoldOptions> = {}) {
    this.options = { ...defaultFoldOptions, ...options }
    this.addresses = new Addresses(this.options.range, this.options.pinned)
    this.compare = Resolve.ranking(this.options.prefer)
    this.last = {
      generation: 0,
      fleet: new Fleet([], this.options.suffix),
      services: HashMap.empty(),
      held: HashMap.empty(),
      touched: new Set(),
      fleetChanged: false,
      partitions: [],
      diagnostics: []
    }
  }

  /** Takes in what a source said. Cheap; nothing is merged before `commit`. `now` in milliseconds since the epoch. */
  accept(source: string, event: SourceEvent, now = 0): void {
    const partitions = this.sources.get(source) ?? new Map<string, Partition>()
    this.sources.set(source, partitions)
    if (event._tag === "Partitions") {
      const named = new Set(event.names)
      if (named.size === partitions.size && event.names.every((name) => partitions.has(name))) return
      this.stateDirty = true
      for (const name of partitions.keys()) if (!named.has(name)) this.drop(source, name)
      for (const name of named) if (!partitions.has(name)) partitions.set(name, unread(source, name, now))
      return
    }
    this.stateDirty = true
    if (event.partition !== unnamed) this.drop(source, unnamed)
    const partition = partitions.get(event.partition) ?? unread(source, event.partition, now)
    partitions.set(event.partition, partition)
    if (event._tag === "Freshness") {
      const { _tag, partition: name, diagnostics, ...state } = event
      partition.state = { source, name, doubt: partition.state.doubt, ...state }
      partition.diagnostics = diagnostics ?? []
      return
    }
    if (event._tag === "Snapshot") {
      const next = new Map<string, Fact>()
      for (const fact of event.facts) next.set(factKey(fact), fact)
      for (const [key, old] of partition.facts) if (!next.has(key)) this.remove(source, event.partition, old)
      for (const [key, fact] of next) this.upsert(source, event.partition, partition.facts.get(key), fact)
      partition.facts = next
      partition.diagnostics = event.diagnostics ?? []
      this.setBad(partition, event.bad ?? [])
    } else {
      for (const key of event.removes) {
        const old = partition.facts.get(key)
        if (old === undefined) continue
        partition.facts.delete(key)
        this.remove(source, event.partition, old)
      }
      for (const fact of event.upserts) {
        const key = factKey(fact)
        this.upsert(source, event.partition, partition.facts.get(key), fact)
        partition.facts.set(key, fact)
      }
      if (event.bad !== undefined) this.setBad(partition, event.bad)
    }
    // A delta before the first snapshot is half a list.
    if (event._tag === "Delta" && partition.state.state === "never-synced") return
    if (partition.state.state !== "synced" || partition.state.doubt !== this.doubtful(partition)) {
      partition.state = { source, name: event.partition, state: "synced", since: now, doubt: this.doubtful(partition) }
    }
  }

  /** A source is about to speak: until it names its partitions, it has one that was never read. */
  expect(source: string, now = 0): void {
    if ((this.sources.get(source)?.size ?? 0) > 0) return
    this.sources.set(source, new Map([[unnamed, unread(source, unnamed, now)]]))
    this.stateDirty = true
  }

  /** Forgets a source: its node was removed. */
  forget(source: string): void {
    for (const name of [...(this.sources.get(source)?.keys() ?? [])]) this.drop(source, name)
    this.sources.delete(source)
    this.stateDirty = true
  }

  /** Every partition that was named has a state, and every source has named its partitions. */
  settled(sources: Iterable<string>): boolean {
    for (const source of sources) {
      const partitions = this.sources.get(source)
      if (partitions === undefined) return false
      for (const p of partitions.values())
        if (p.state.state === "never-synced" && p.state.reason === undefined) return false
    }
    return true
  }

  /** The next model, or undefined when nothing at all moved since the last. */
  commit(): Model | undefined {
    if (this.last.generation > 0 && !this.stateDirty) return undefined
    const before = this.last
    const fleet = this.fleetDirty ? this.resolveFleet() : before.fleet
    const fleetChanged = fleet !== before.fleet
    const bad = this.badByService()
    const dirty = fleetChanged
      ? new Set([...this.dirty, ...this.indexes.services.keys(), ...this.indexes.backends.keys(), ...bad.keys()])
      : new Set(this.dirty)
    this.addresses.declare(dirty, (id) => this.indexes.services.get(id)?.[0]?.fact.address)
    this.dirty.clear()
    this.fleetDirty = false
    this.stateDirty = false

    const touched = new Set<string>()
    let services = HashMap.beginMutation(before.services)
    let held = HashMap.beginMutation(before.held)
    // Name order makes addresses of a cold start independent of the order in which facts arrived.
    const queue = [...dirty].sort()
    const cold = HashMap.isEmpty(before.services) && HashMap.isEmpty(before.held)
    const resolved = new Map<string, Service | Held | undefined>()
    for (const id of queue) resolved.set(id, undefined)
    for (let i = 0; i < queue.length; i++) {
      const id = queue[i]!
      const found = this.resolve(id, fleet, bad)
      resolved.set(id, found)
      // Also those of a held service, as far as facts say them: what is live of it still has them.
      const hosts =
        found === undefined ? [] : "hosts" in found ? found.hosts : (found.standing?.hosts ?? found.claims ?? [])
      const claims = hosts.map((key) => ({ key }))
      for (const other of this.hostClaims.set(id, claims)) {
        if (resolved.has(other)) continue
        resolved.set(other, undefined)
        queue.push(other)
      }
    }
    for (const id of queue) {
      const old = cold ? undefined : known(before, id)
      const next = lasting(this.withClaims(id, resolved.get(id)), old)
      if (!fleetChanged && same(old, next)) continue
      touched.add(id)
      if (old !== undefined && (next === undefined || "diagnostics" in next)) services = HashMap.remove(services, id)
      if (old !== undefined && (next === undefined || !("diagnostics" in next))) held = HashMap.remove(held, id)
      if (next !== undefined && "diagnostics" in next) held = HashMap.set(held, id, next)
      if (next !== undefined && !("diagnostics" in next)) services = HashMap.set(services, id, next)
    }
    this.last = {
      generation: before.generation + 1,
      fleet,
      services: HashMap.endMutation(services),
      held: HashMap.endMutation(held),
      touched,
      fleetChanged,
      partitions: this.partitionStates(),
      diagnostics: this.findings()
    }
    return this.last
  }

  get model(): Model {
    return this.last
  }

  /** Partitions as they are now, committed or not. */
  states(): ReadonlyArray<PartitionState> {
    return this.partitionStates()
  }

  /** Makes the next commit a generation even if no fact moved: the graph behind it changed. */
  touch(): void {
    this.stateDirty = true
  }

  private drop(source: string, name: string): void {
    const partition = this.sources.get(source)?.get(name)
    if (partition === undefined) return
    for (const fact of partition.facts.values()) this.remove(source, name, fact)
    this.setBad(partition, [])
    this.sources.get(source)!.delete(name)
  }

  private upsert(source: string, partition: string, old: Fact | undefined, fact: Fact): void {
    const about = subject(fact)
    if (old !== undefined) unindex(this.indexes, about, { source, partition, fact: old })
    index(this.indexes, about, { source, partition, fact }, this.compare)
    if (old === undefined || !same(old, fact)) this.mark(fact, about)
  }

  private remove(source: string, partition: string, fact: Fact): void {
    const about = subject(fact)
    unindex(this.indexes, about, { source, partition, fact })
    this.mark(fact, about)
  }

  private mark({ kind }: Fact, about: string): void {
    if (kind === "cluster") this.fleetDirty = true
    else this.dirty.add(about)
  }

  private setBad(partition: Partition, bad: Partition["bad"]): void {
    for (const entry of [...partition.bad, ...bad]) {
      if (entry.service !== undefined) this.dirty.add(entry.service)
      if (entry.cluster !== undefined) this.fleetDirty = true
    }
    partition.bad = bad
  }

  private doubtful(partition: Partition): boolean {
    return partition.bad.some((entry) => entry.service === undefined)
  }

  /** Names of clusters whose entries could not become facts. */
  private unreadable(): ReadonlyArray<string> {
    const partitions = [...this.sources.values()].flatMap((byName) => [...byName.values()])
    return partitions.flatMap(({ bad }) => bad.flatMap(({ cluster }) => cluster ?? []))
  }

  /** Findings of the entries that could not become facts, by service. */
  private badByService(): BadByService {
    const out = new Map<string, ReadonlyArray<Diagnostic.Diagnostic>>()
    for (const partitions of this.sources.values()) {
      for (const p of partitions.values()) {
        for (const b of p.bad) {
          if (b.service !== undefined) out.set(b.service, [...(out.get(b.service) ?? []), ...b.diagnostics])
        }
      }
    }
    return out
  }

  private resolveFleet(): Fleet {
    const { bad, clusters, findings } = resolveFleet(this.indexes.clusters.values(), this.compare, this.options.suffix)
    this.badClusters = new Set(bad.map((b) => partitionKey(b.source, b.partition)))
    this.clusterFindings = findings
    const unusable = new Set([...bad.map((b) => b.name), ...this.unreadable()])
    const old = this.last.fleet
    const alike = unusable.size === old.unusable.size && [...unusable].every((name) => old.unusable.has(name))
    return alike && same(clusters, old.clusters) ? old : new Fleet(clusters, this.options.suffix, unusable)
  }

  private resolve(id: string, fleet: Fleet, bad: BadByService): Service | Held | undefined {
    const spoken = {
      declared: this.indexes.services.get(id),
      backends: this.indexes.backends.get(id) ?? [],
      bad: bad.get(id) ?? []
    }
    const { result, warnings } = resolveService(id, spoken, {
      fleet,
      suffix: this.options.suffix,
      address: (service, declared) => declared ?? this.addresses.of(service),
      keeper: this.addresses.keeper(id)
    })
    if (warnings.length > 0) this.warnings.set(id, warnings)
    else this.warnings.delete(id)
    return result
  }

  private withClaims(id: string, resolved: Service | Held | undefined): Service | Held | undefined {
    const found: Partial<Held> =
      resolved === undefined || "diagnostics" in resolved ? (resolved ?? {}) : { standing: resolved }
    const { diagnostics = [], standing } = found
    const lost = standing === undefined ? [] : this.hostClaims.lost(id)
    if (standing === undefined || lost.length === 0) return resolved
    return {
      identity: id,
      standing: { ...standing, hosts: standing.hosts.filter((host) => lost.every(({ claim }) => claim.key !== host)) },
      rivals: [...new Set(lost.map(({ winner }) => winner))],
      diagnostics: [...diagnostics, ...lost.map(({ claim, winner }) => this.taken(standing, claim.key, winner))]
    }
  }

  private taken({ identity: id, origin }: Service, host: string, winner: string): Diagnostic.Diagnostic {
    const other = this.indexes.services.get(winner)?.[0]
    const place = other?.fact.origin.place?.()
    return Diagnostic.error("CW503", `services ${winner} and ${id} both claim ${host}; ${winner} keeps it`, {
      ...Resolve.at(origin, ["dns_prefixes"]),
      service: id,
      related: [
        {
          message: `${winner} is declared in ${other?.fact.origin.label ?? "another source"}`,
          ...(place === undefined ? {} : { place })
        }
      ]
    })
  }

  private partitionStates(): ReadonlyArray<PartitionState> {
    const out: Array<PartitionState> = []
    for (const [source, partitions] of this.sources) {
      for (const [name, p] of partitions) {
        out.push(this.badClusters.has(partitionKey(source, name)) ? { ...p.state, doubt: true } : p.state)
      }
    }
    return out
  }

  private findings(): ReadonlyArray<Diagnostic.Diagnostic> {
    const out: Array<Diagnostic.Diagnostic> = [...this.clusterFindings]
    for (const [source, partitions] of this.sources) {
      for (const [name, p] of partitions) {
        out.push(...p.diagnostics)
        const own = p.bad.flatMap((b) => (b.service === undefined ? b.diagnostics : []))
        out.push(...own)
        const { state, reason } = p.state
        if (state !== "synced" && !own.some((d) => d.message === reason)) {
          const code = state === "stale" ? "CW406" : "CW407"
          // Why is said once.
          const why = reason === undefined || p.diagnostics.some((d) => d.message === reason) ? "" : `: ${reason}`
          out.push(Diagnostic.warning(code, `${source}/${name} is ${state}${why}`, { node: source }))
        }
      }
    }
    for (const list of this.warnings.values()) out.push(...list)
    return out
  }
}

/** Where nothing is certain of a held service, what was good before stands for as long as this process lives. */
const lasting = (next: Service | Held | undefined, old: Service | Held | undefined): Service | Held | undefined => {
  if (next === undefined || !("diagnostics" in next) || next.standing !== undefined || old === undefined) return next
  const standing = "diagnostics" in old ? old.standing : old
  return standing === undefined ? next : { ...next, standing }
}

const known = ({ held, services }: Model, id: string): Service | Held | undefined => {
  const service = HashMap.get(services, id)
  if (service._tag === "Some") return service.value
  const other = HashMap.get(held, id)
  return other._tag === "Some" ? other.value : undefined
}

const unread = (source: string, name: string, now: number): Partition => ({
  state: { source, name, state: "never-synced", since: now, doubt: false },
  facts: new Map(),
  bad: [],
  diagnostics: []
})
