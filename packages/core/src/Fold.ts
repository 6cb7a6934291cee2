/**
 * The fold of source events into models. Facts are keyed by (source, partition, key): a delete in cluster a drops only
 * a's backend. Hosts and addresses are decided here, once. The fold itself is mutable; the models it commits are not,
 * and committing costs what changed, not what is there.
 */
import * as HashMap from "effect/HashMap"
import { Addresses, parseRange, type Range } from "./Addresses.ts"
import { Claims } from "./Claims.ts"
import * as Diagnostic from "./Diagnostic.ts"
import type { SourceEvent } from "./Fact.ts"
import { Fleet, type Held, type Model, type PartitionState, type Service } from "./Model.ts"
import { type BadByService, partitionKey, Partitions } from "./Partitions.ts"
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

interface HostClaim {
  readonly key: string
}

export class Fold {
  private readonly options: FoldOptions
  private readonly said: Partitions
  private readonly hostClaims = new Claims<HostClaim>()
  private readonly warnings = new Map<string, ReadonlyArray<Diagnostic.Diagnostic>>()
  private badClusters: ReadonlySet<string> = new Set()
  private clusterFindings: ReadonlyArray<Diagnostic.Diagnostic> = []
  private readonly compare: ReturnType<typeof Resolve.ranking>
  private last: Model
  readonly addresses: Addresses

  constructor(options: Partial<FoldOptions> = {}) {
    this.options = { ...defaultFoldOptions, ...options }
    this.addresses = new Addresses(this.options.range, this.options.pinned)
    this.compare = Resolve.ranking(this.options.prefer)
    this.said = new Partitions(this.compare)
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
    this.said.accept(source, event, now)
  }

  /** A source is about to speak: until it names its partitions, it has one that was never read. */
  expect(source: string, now = 0): void {
    this.said.expect(source, now)
  }

  /** Forgets a source: its node was removed. */
  forget(source: string): void {
    this.said.forget(source)
  }

  /** Every partition that was named has a state, and every source has named its partitions. */
  settled(sources: Iterable<string>): boolean {
    return this.said.settled(sources)
  }

  /** The next model, or undefined when nothing at all moved since the last. */
  commit(): Model | undefined {
    const { said } = this
    if (this.last.generation > 0 && !said.moved) return undefined
    const before = this.last
    const fleet = said.fleetDirty ? this.resolveFleet() : before.fleet
    const fleetChanged = fleet !== before.fleet
    const bad = said.badByService()
    const { backends, services: declared } = said.indexes
    const dirty = fleetChanged
      ? new Set([...said.dirty, ...declared.keys(), ...backends.keys(), ...bad.keys()])
      : new Set(said.dirty)
    this.addresses.declare(dirty, (id) => declared.get(id)?.[0]?.fact.address)
    said.settle()

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
      const hosts = (found !== undefined && "diagnostics" in found ? found.claims : found)?.hosts ?? []
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
      partitions: this.states(),
      diagnostics: [...this.clusterFindings, ...said.findings(), ...[...this.warnings.values()].flat()]
    }
    return this.last
  }

  get model(): Model {
    return this.last
  }

  /** Partitions as they are now, committed or not. */
  states(): ReadonlyArray<PartitionState> {
    return this.said.states(this.badClusters)
  }

  /** Makes the next commit a generation even if no fact moved: the graph behind it changed. */
  touch(): void {
    this.said.moved = true
  }

  private resolveFleet(): Fleet {
    const { bad, clusters, findings } = resolveFleet(
      this.said.indexes.clusters.values(),
      this.compare,
      this.options.suffix
    )
    this.badClusters = new Set(bad.map((b) => partitionKey(b.source, b.partition)))
    this.clusterFindings = findings
    const unusable = new Set([...bad.map((b) => b.name), ...this.said.unreadable()])
    const old = this.last.fleet
    const alike = unusable.size === old.unusable.size && [...unusable].every((name) => old.unusable.has(name))
    return alike && same(clusters, old.clusters) ? old : new Fleet(clusters, this.options.suffix, unusable)
  }

  private resolve(id: string, fleet: Fleet, bad: BadByService): Service | Held | undefined {
    const { backends, services } = this.said.indexes
    const spoken = {
      declared: services.get(id),
      backends: backends.get(id) ?? [],
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
      resolved === undefined || "diagnostics" in resolved ? (resolved ?? {}) : { claims: resolved, standing: resolved }
    const { claims, diagnostics = [], standing } = found
    const lost = claims === undefined ? [] : this.hostClaims.lost(id)
    if (claims === undefined || lost.length === 0) return resolved
    const left = claims.hosts.filter((host) => lost.every(({ claim }) => claim.key !== host))
    return {
      identity: id,
      claims,
      ...(standing === undefined ? {} : { standing: { ...standing, hosts: left } }),
      diagnostics: [...diagnostics, ...lost.map(({ claim, winner }) => this.taken(claims, claim.key, winner))]
    }
  }

  private taken({ identity: id, origin }: Service, host: string, winner: string): Diagnostic.Diagnostic {
    const other = this.said.indexes.services.get(winner)?.[0]
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
