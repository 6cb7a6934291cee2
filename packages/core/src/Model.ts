/**
 * All facts merged: the fleet of clusters, and the global services with hosts and addresses.
 * A model is immutable; generations share what did not change. `Fold.ts` builds it.
 */
import * as HashMap from "effect/HashMap"
import * as ClusterSet from "./ClusterSet.ts"
import type { Diagnostic } from "./Diagnostic.ts"
import type { BackendFact, ClusterFact, Freshness, Origin, ServiceFact, ServicePort, Traffic } from "./Fact.ts"

export interface Cluster extends Omit<ClusterFact, "kind" | "order"> {
  /** Position in `fleet.clusters`, and bit in every `ClusterSet`. */
  readonly index: number
  /** The source that won. */
  readonly source: string
}

export interface Backend extends Omit<BackendFact, "kind" | "service"> {
  readonly cluster: string
  /** Index of the cluster in the fleet. */
  readonly index: number
}

export interface Service {
  readonly identity: string
  readonly name: string
  readonly namespace?: string
  /** Full hosts with suffix, lower case; the first is the primary. */
  readonly hosts: ReadonlyArray<string>
  /** Virtual IP: the declared one, else one from the range. */
  readonly address: string
  readonly addressFrom: "declared" | "range"
  readonly ports: ReadonlyArray<ServicePort>
  /** In fleet order, at least one. */
  readonly backends: ReadonlyArray<Backend>
  readonly traffic: Traffic
  readonly tiers?: ReadonlyArray<ReadonlyArray<string>>
  readonly consumers?: ReadonlyArray<string>
  readonly exportTo?: ReadonlyArray<string>
  readonly meshed: boolean
  /** The source that won. */
  readonly source: string
  readonly origin: Origin
}

/** The clusters of one model. Equal fleets are the same object, so that transforms can memoise on it. */
export class Fleet {
  readonly clusters: ReadonlyArray<Cluster>
  /** Without a leading dot: `global`. */
  readonly suffix: string
  readonly byName: ReadonlyMap<string, Cluster>
  readonly all: ClusterSet.ClusterSet
  readonly none: ClusterSet.ClusterSet
  /** Names of clusters that are declared, but with a mistake. */
  readonly unusable: ReadonlySet<string>

  constructor(clusters: ReadonlyArray<Cluster>, suffix: string, unusable: ReadonlySet<string> = new Set()) {
    this.clusters = clusters
    this.suffix = suffix
    this.byName = new Map(clusters.map((c) => [c.name, c]))
    this.all = ClusterSet.full(clusters.length)
    this.none = ClusterSet.empty(clusters.length)
    this.unusable = unusable
  }

  /** The set of the clusters with these indices. */
  set(indices: Iterable<number>): ClusterSet.ClusterSet {
    return ClusterSet.of(this.clusters.length, indices)
  }

  /** The set of the clusters with these names; unknown names are left out. */
  named(names: Iterable<string>): ClusterSet.ClusterSet {
    const indices: Array<number> = []
    for (const name of names) {
      const cluster = this.byName.get(name)
      if (cluster !== undefined) indices.push(cluster.index)
    }
    return this.set(indices)
  }
}

/** A service that renders nothing new, with the reasons; its live objects are neither updated nor deleted. */
export interface Held {
  readonly identity: string
  readonly diagnostics: ReadonlyArray<Diagnostic>
  /**
   * What is certain of it all the same: its address and the hosts that nobody else won; where its entry cannot be read,
   * what it was before. Undefined where nothing is known.
   */
  readonly standing?: Service
  /**
   * All that facts say it has, whoever won it: what is live of it still has that. Its address is empty where it is not
   * certain. Undefined where its entry cannot be read.
   */
  readonly claims?: Service
}

export interface PartitionState {
  readonly source: string
  readonly name: string
  readonly state: Freshness
  /** Milliseconds since the epoch. */
  readonly since: number
  readonly reason?: string
  /** Entries without an identity could not be read: what is missing may still exist. */
  readonly doubt: boolean
}

export interface Model {
  /** Number in this process; it only grows. */
  readonly generation: number
  readonly fleet: Fleet
  readonly services: HashMap.HashMap<string, Service>
  readonly held: HashMap.HashMap<string, Held>
  /** Identities that differ from the generation before: added, changed, held, released or removed. */
  readonly touched: ReadonlySet<string>
  /** The fleet differs from the generation before: every service is touched. */
  readonly fleetChanged: boolean
  readonly partitions: ReadonlyArray<PartitionState>
  /** Warnings about facts that disagree, and the like; errors of services are in `held`. */
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

/** Held services of which nothing is certain: nobody can say what hosts they have. */
export const uncertain = ({ held }: Model): ReadonlyArray<string> => {
  const out: Array<string> = []
  for (const { identity, standing } of HashMap.values(held)) if (standing === undefined) out.push(identity)
  return out.sort()
}

/**
 * Services in name order (code points), held ones as far as they stand: what is made of all services at once, as a zone
 * file, must not forget one because its port is wrong today. Costs a walk of the fleet.
 */
export const standing = ({ held, services }: Model): ReadonlyArray<Service> => {
  const out = [...HashMap.values(services)]
  if (!HashMap.isEmpty(held)) {
    const taken = new Set(out.flatMap((service) => service.hosts))
    for (const standing of [...HashMap.values(held)].flatMap(({ standing }) => standing ?? []).sort(byName)) {
      const hosts = standing.hosts.filter((host) => !taken.has(host))
      for (const host of hosts) taken.add(host)
      if (hosts.length > 0) out.push({ ...standing, hosts })
    }
  }
  return out.sort(byName)
}

const byName = (a: Service, b: Service): number => (a.identity < b.identity ? -1 : a.identity > b.identity ? 1 : 0)

export type { ServiceFact }
