/**
 * The clusters of a fleet as this transform sees them: facts of the cluster first, then the configuration, then the
 * defaults of the profile. Made once per fleet; clusters that are alike are grouped, so that they share bodies.
 */
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Cluster, Fleet } from "@coddiwomple/core/Model"
import { shared } from "@coddiwomple/core/Emit"
import type { LocalityLb, TrafficPolicy } from "@coddiwomple/istio/DestinationRule"
import type { Strings } from "@coddiwomple/istio/Metadata"
import type { Settings } from "./Config.ts"
import { clusterKey, tlsMode } from "./Marks.ts"

export interface Site {
  readonly cluster: Cluster
  readonly name: string
  readonly index: number
  /** Place in name order: what is printed must not depend on the order of the clusters file. */
  readonly rank: number
  /** The set of this cluster alone. */
  readonly set: ClusterSet.ClusterSet
  /** Under which other clusters reach its gateway, without duplicates. */
  readonly addresses: ReadonlyArray<string>
  readonly configNamespace: string
  readonly gateway: Settings["gateway"]
  /** Equal for equal gateways. */
  readonly gatewayKey: string
  /** Of every endpoint that leads to this cluster and takes mTLS. */
  readonly labels: Strings
  /** Of one that does not. */
  readonly plainLabels: Strings
  /** For callers here: own endpoints first. */
  readonly preferring: TrafficPolicy
  /** Istio 1.30 or newer, or not said: failoverPriority works for DNS ServiceEntries. */
  readonly modern: boolean
  /** Its workloads have sidecars; ambient ones do not read what this transform makes. */
  readonly sidecars: boolean
}

/** Clusters that get the same objects for a service that does not run there. */
export interface Group {
  readonly configNamespace: string
  readonly modern: boolean
  readonly members: ClusterSet.ClusterSet
  /** All clusters outside the group. */
  readonly others: ClusterSet.ClusterSet
}

export interface Sites {
  readonly fleet: Fleet
  /** By cluster index. */
  readonly all: ReadonlyArray<Site>
  /** Clusters with sidecars. */
  readonly groups: ReadonlyArray<Group>
  /** All clusters, by configuration namespace alone. */
  readonly namespaces: ReadonlyArray<Group>
  readonly ambient: ClusterSet.ClusterSet
  /** Addresses of several clusters, with the names of these in name order. */
  readonly shared: ReadonlyMap<string, ReadonlyArray<string>>
  readonly policy: (locality: LocalityLb, weighted?: boolean) => TrafficPolicy
  /** Even over all, dead ones left out. */
  readonly even: TrafficPolicy
  readonly weighted: TrafficPolicy
  /** By the regions of endpoints and callers. */
  readonly regional: TrafficPolicy
}

const policies =
  ({ outlierDetection, profile }: Settings): Sites["policy"] =>
  (localityLbSetting, weighted = false) => {
    const policy: TrafficPolicy = {
      loadBalancer: { localityLbSetting, simple: weighted ? "ROUND_ROBIN" : "LEAST_REQUEST" },
      outlierDetection
    }
    // In the other profiles the endpoints of one host differ: without a setting, each by its own label.
    return shared(profile === "mtls" ? { ...policy, tls: { mode: "ISTIO_MUTUAL" } } : policy)
  }

const isModern = (version: string | undefined): boolean => {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version ?? "") ?? []
  return major === undefined || Number(major) > 1 || Number(minor) >= 30
}

const site = (cluster: Cluster, rank: number, fleet: Fleet, settings: Settings, policy: Sites["policy"]): Site => {
  const gateway = { ...settings.gateway, ...cluster.gateway }
  // An empty selector would match every gateway of the mesh: it counts as not said.
  if (Object.keys(gateway.selector).length === 0) gateway.selector = settings.gateway.selector
  const { name } = cluster
  return {
    cluster,
    name,
    index: cluster.index,
    rank,
    set: fleet.set([cluster.index]),
    addresses: [...new Set(cluster.addresses)],
    configNamespace: cluster.configNamespace ?? settings.configNamespace,
    gateway,
    gatewayKey: JSON.stringify([gateway.namespace, gateway.port, Object.entries(gateway.selector).sort()]),
    labels: shared({ [clusterKey]: name, ...tlsMode }),
    plainLabels: shared({ [clusterKey]: name }),
    preferring: policy({ failoverPriority: [`${clusterKey}=${name}`] }),
    modern: isModern(cluster.istioVersion),
    sidecars: cluster.dataplane !== "ambient"
  }
}

const grouped = (sites: ReadonlyArray<Site>, fleet: Fleet, key: (site: Site) => string): ReadonlyArray<Group> => {
  const groups = Map.groupBy(sites, key)
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, group]): Group => {
      const { configNamespace, modern } = group[0]!
      const members = fleet.set(group.map((s) => s.index))
      return { configNamespace, modern, members, others: ClusterSet.without(fleet.all, members) }
    })
}

export const sitesOf = (fleet: Fleet, settings: Settings): Sites => {
  const names = fleet.clusters.map((c) => c.name).sort()
  const ranks = new Map(names.map((name, rank) => [name, rank]))
  const policy = policies(settings)
  const all = fleet.clusters.map((c) => site(c, ranks.get(c.name)!, fleet, settings, policy))
  const sidecars = all.filter((s) => s.sidecars)
  return {
    fleet,
    all,
    groups: grouped(sidecars, fleet, (s) => `${s.configNamespace}/${s.modern}`),
    namespaces: grouped(all, fleet, (s) => s.configNamespace),
    ambient: fleet.set(all.filter((s) => !s.sidecars).map((s) => s.index)),
    shared: sharedAddresses(all),
    policy,
    even: policy({ enabled: false }),
    weighted: policy({ enabled: false }, true),
    regional: policy({ enabled: true })
  }
}

const sharedAddresses = (all: ReadonlyArray<Site>): Sites["shared"] => {
  const pairs = all.flatMap(({ addresses, name }) => addresses.map((address) => ({ address, name })))
  const several = [...Map.groupBy(pairs, ({ address }) => address)].filter(([, list]) => list.length > 1)
  return new Map(several.map(([address, list]) => [address, list.map(({ name }) => name).sort()]))
}

/** Remembers the sites of the newest fleet: equal fleets are the same object. */
export const remembered = (settings: Settings): ((fleet: Fleet) => Sites) => {
  let last: Sites | undefined
  return (fleet) => {
    if (last?.fleet !== fleet) last = sitesOf(fleet, settings)
    return last
  }
}

/** Clusters that share a body; the first stands for all. */
export const alike = <A extends { readonly site: Site }>(
  items: ReadonlyArray<A>,
  fleet: Fleet,
  same: (a: A, b: A) => boolean
): ReadonlyArray<{ readonly targets: ClusterSet.ClusterSet; readonly first: A }> => {
  const groups: Array<Array<A>> = []
  for (const item of items) {
    const known = groups.find((group) => same(group[0]!, item))
    if (known === undefined) groups.push([item])
    else known.push(item)
  }
  return groups.map((group) => ({
    first: group[0]!,
    targets: group.length === 1 ? group[0]!.site.set : fleet.set(group.map((a) => a.site.index))
  }))
}
