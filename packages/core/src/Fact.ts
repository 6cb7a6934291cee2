/**
 * What sources say: clusters, service declarations, and backends (this service runs in that cluster).
 * A fact is one thing said by one source in one partition; nothing here is merged or decided yet.
 * Facts are plain data and hostile until the model has checked them.
 */
import type { Diagnostic, ObjectRef, Place } from "./Diagnostic.ts"

/** Where a fact comes from. The place is computed on demand: positions cost time only after a failure. */
export interface Origin {
  /** For a person: `services.json` or `cluster east`. */
  readonly label: string
  readonly object?: ObjectRef
  /** Place of the fact, or of a field below it. */
  readonly place?: (field?: ReadonlyArray<string | number>) => Place | undefined
}

export interface Connection {
  /** Absolute path, or undefined for the usual search. */
  readonly kubeconfigPath?: string
  readonly context?: string
}

export interface GatewayRef {
  readonly namespace?: string
  readonly selector?: Readonly<Record<string, string>>
  readonly port?: number
}

/** Where and in which form a cluster takes DNS configuration. */
export interface DnsSettings {
  readonly platform?: string
  /** Address for a DNS server of our own, from the service range of this cluster. */
  readonly clusterIP?: string
  readonly [key: string]: unknown
}

export interface ClusterFact {
  readonly kind: "cluster"
  readonly name: string
  /** IPs or names under which other clusters reach this cluster's gateway. */
  readonly addresses: ReadonlyArray<string>
  /** Position in its file: the order in which clusters are printed. */
  readonly order?: number
  readonly connection?: Connection
  readonly region?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly istioVersion?: string
  readonly gateway?: GatewayRef
  readonly configNamespace?: string
  readonly trustDomain?: string
  /** Cluster domain of Kubernetes; `cluster.local` where nothing is said. */
  readonly domain?: string
  readonly dataplane?: "sidecar" | "ambient"
  readonly dns?: DnsSettings
  readonly origin: Origin
}

/** Protocols as Istio spells them, upper case. */
export const protocols = [
  "HTTP",
  "HTTP2",
  "HTTPS",
  "GRPC",
  "GRPC-WEB",
  "TCP",
  "TLS",
  "MONGO",
  "REDIS",
  "MYSQL",
  "UDP",
  "HTTP_PROXY"
] as const
export type Protocol = (typeof protocols)[number]

export interface ServicePort {
  readonly name: string
  readonly protocol: Protocol
  /** The port clients call, intercept in the mesh and, in classic, open at the gateway. */
  readonly port: number
  /** The port of the backend's Kubernetes Service. */
  readonly backendPort: number
}

export const trafficPolicies = ["local-first", "local-only", "spread", "weighted"] as const
export type Traffic = (typeof trafficPolicies)[number]

export interface ServiceFact {
  readonly kind: "service"
  readonly name: string
  readonly namespace?: string
  /** Hosts without the suffix, first is the primary: `reviews`, `reviews.default`. */
  readonly prefixes: ReadonlyArray<string>
  readonly ports: ReadonlyArray<ServicePort>
  /** Declared virtual IP. */
  readonly address?: string
  readonly traffic?: Traffic
  /** Ordered tiers of clusters, nearest first, after the local one. */
  readonly tiers?: ReadonlyArray<ReadonlyArray<string>>
  /** Clusters that may call it; all where nothing is said. */
  readonly consumers?: ReadonlyArray<string>
  /** Namespaces that see it in each consumer cluster, as Istio's exportTo; all where nothing is said. */
  readonly exportTo?: ReadonlyArray<string>
  /** False where the backends have no sidecar. */
  readonly meshed?: boolean
  readonly origin: Origin
}

export interface BackendFact {
  readonly kind: "backend"
  /** Identity of the service. */
  readonly service: string
  readonly cluster: string
  /** FQDN of the Kubernetes Service in that cluster. */
  readonly host: string
  readonly weight?: number
  /** Backend port by port name, where it differs from the declaration. */
  readonly ports?: Readonly<Record<string, number>>
  readonly origin: Origin
}

export type Fact = ClusterFact | ServiceFact | BackendFact

/** `name.namespace` where there is a namespace, else `name`. */
export const identity = (name: string, namespace: string | undefined): string =>
  namespace === undefined ? name : `${name}.${namespace}`

/** The key of a fact inside its partition. */
export const key = (fact: Fact): string => {
  switch (fact.kind) {
    case "cluster":
      return `cluster/${fact.name}`
    case "service":
      return `service/${identity(fact.name, fact.namespace)}`
    case "backend":
      return `backend/${fact.service}/${fact.cluster}`
  }
}

/** An entry that could not become a fact. Without a service identity it puts the whole partition in doubt. */
export interface BadEntry {
  readonly service?: string
  /** The cluster it would have been: services there are told that it cannot be used, not that it is unknown. */
  readonly cluster?: string
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

/** `stale`: the last facts still count, deletes do not. `never-synced`: nothing is known. */
export type Freshness = "synced" | "stale" | "never-synced"

/**
 * What a source emits. First `Partitions` (and again whenever that set changes), then full snapshots and deltas.
 * Never half a list: a snapshot replaces all that its partition said. Losing contact is `Freshness`, not an empty snapshot.
 */
export type SourceEvent =
  | { readonly _tag: "Partitions"; readonly names: ReadonlyArray<string> }
  | {
      readonly _tag: "Snapshot"
      readonly partition: string
      readonly facts: ReadonlyArray<Fact>
      readonly bad?: ReadonlyArray<BadEntry>
      readonly diagnostics?: ReadonlyArray<Diagnostic>
    }
  | {
      readonly _tag: "Delta"
      readonly partition: string
      readonly upserts: ReadonlyArray<Fact>
      /** Keys as `key` makes them. */
      readonly removes: ReadonlyArray<string>
      /** Replaces the bad entries of the partition where given. */
      readonly bad?: ReadonlyArray<BadEntry>
    }
  | {
      readonly _tag: "Freshness"
      readonly partition: string
      readonly state: Freshness
      /** Milliseconds since the epoch at which the state began. */
      readonly since: number
      readonly reason?: string
      readonly diagnostics?: ReadonlyArray<Diagnostic>
    }
