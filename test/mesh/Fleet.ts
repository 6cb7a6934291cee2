// The fleets that the meshes run: what is written into clusters.json and services.json, and where each backend really
// is. Names, namespaces and port numbers differ between clusters on purpose.
import { type Addresses, hasIpv6, ipv6 } from "./Addresses.ts"
import type { Listener } from "./Backends.ts"

export type Protocol = "HTTP" | "HTTP2" | "GRPC" | "TCP"

export interface FleetService {
  readonly name: string
  readonly hosts: ReadonlyArray<string>
  readonly ports: ReadonlyArray<{ readonly name: string; readonly port: number; readonly protocol: Protocol }>
  /** Cluster to the Kubernetes Service there. */
  readonly runs: Readonly<
    Record<
      string,
      { readonly name?: string; readonly namespace?: string; readonly shift?: number; readonly weight?: number }
    >
  >
  /** The Kubernetes Service is said by its ClusterIP instead of its name. */
  readonly byIp?: boolean
  /** False: its pods have no sidecars. */
  readonly meshed?: boolean
  /** As in services.json. */
  readonly more?: {
    readonly traffic?: "local-first" | "local-only" | "spread" | "weighted"
    readonly consumers?: ReadonlyArray<string>
    readonly tiers?: ReadonlyArray<ReadonlyArray<string>>
  }
}

export interface FleetCluster {
  readonly name: string
  /** Namespace of the gateway's pods. */
  readonly gateway: string
  /** How the others find the gateway. */
  readonly reached: ReadonlyArray<"ip" | "name" | "second ip" | "ipv6">
}

export interface Fleet {
  readonly name: string
  readonly clusters: ReadonlyArray<FleetCluster>
  readonly services: ReadonlyArray<FleetService>
}

/** One backend: a service in a cluster, with every address and number on the way to it. */
export interface Placed {
  readonly service: FleetService
  readonly cluster: string
  /** Of the Kubernetes Service. */
  readonly name: string
  readonly namespace: string
  readonly dns: string
  readonly pod: string
  readonly program: string
  readonly clusterIp: string
  readonly ports: ReadonlyArray<Listener & { readonly servicePort: number }>
}

export const serviceAccount = (placed: Placed): string => `sa-${placed.name}`

export const spiffe = (trustDomain: string, namespace: string, account: string): string =>
  `spiffe://${trustDomain}/ns/${namespace}/sa/${account}`

export const placed = (fleet: Fleet, cluster: string, addresses: Addresses): ReadonlyArray<Placed> =>
  fleet.services.flatMap((service, n) => {
    const run = service.runs[cluster]
    if (run === undefined) return []
    const name = run.name ?? service.name
    const namespace = run.namespace ?? "default"
    return {
      service,
      cluster,
      name,
      namespace,
      dns: `${name}.${namespace}.svc.cluster.local`,
      pod: addresses.pod(n),
      program: addresses.program(n),
      clusterIp: addresses.clusterIp(n),
      ports: service.ports.map(({ name, protocol, port }, i) => ({
        name,
        protocol,
        port: 10_000 + 100 * n + i,
        servicePort: port + (run.shift ?? 0)
      }))
    }
  })

export const gatewayName = (cluster: string): string => `gw-${cluster}.example.net`

export const gatewayPort = ({ reached }: FleetCluster, { gatewayPort }: Addresses): number =>
  reached.includes("ipv6") ? gatewayPort : 15_443

export const clustersJson = (fleet: Fleet, addresses: ReadonlyMap<string, Addresses>, more: object = {}): unknown =>
  fleet.clusters.map((cluster) => {
    const { name, gateway, reached } = cluster
    const { gateway: ip, gatewayToo } = addresses.get(name)!
    const known = { ip, name: gatewayName(name), "second ip": gatewayToo, ipv6 }
    const all = reached.map((how) => known[how])
    const port = reached.includes("ipv6") ? { port: gatewayPort(cluster, addresses.get(name)!) } : {}
    return {
      name,
      address: all[0],
      addresses: all.slice(1),
      istio_version: "1.31.0",
      gateway: { namespace: gateway, ...port },
      ...more
    }
  })

export const servicesJson = (fleet: Fleet, backends: ReadonlyArray<Placed>): unknown =>
  fleet.services.map((service) => {
    const own = backends.filter((each) => each.service === service)
    const numbers = (each: Placed) => Object.fromEntries(each.ports.map((p) => [p.name, p.servicePort]))
    return {
      name: service.name,
      namespace: "default",
      dns_prefixes: service.hosts,
      ports: service.ports.map(({ name, port, protocol }) => ({
        name,
        protocol,
        service_port: port,
        backend_port: port
      })),
      backends: Object.fromEntries(
        own.map((each) => [
          each.cluster,
          {
            host: service.byIp ? each.clusterIp : each.dns,
            ports: numbers(each),
            weight: service.runs[each.cluster]!.weight
          }
        ])
      ),
      ...(service.meshed === undefined ? {} : { meshed: service.meshed }),
      ...service.more
    }
  })

const everything = [
  { name: "http", port: 9080, protocol: "HTTP" },
  { name: "grpc", port: 9090, protocol: "GRPC" },
  { name: "tcp", port: 7000, protocol: "TCP" }
] as const

export const two: Fleet = {
  name: "two",
  clusters: [
    { name: "a", gateway: "istio-gateways", reached: ["name"] },
    { name: "b", gateway: "istio-system", reached: ["ip"] }
  ],
  services: [
    {
      name: "reviews",
      hosts: ["reviews.default", "reviews"],
      ports: everything,
      runs: { a: {}, b: { name: "reviews-v2", namespace: "shop", shift: 1000 } }
    },
    {
      name: "ratings",
      hosts: ["ratings.default"],
      ports: [
        { name: "h2", port: 80, protocol: "HTTP2" },
        { name: "tcp", port: 7000, protocol: "TCP" }
      ],
      runs: { b: { shift: 5 } }
    },
    {
      name: "details",
      hosts: ["details.default"],
      ports: [{ name: "http", port: 80, protocol: "HTTP" }],
      runs: { a: {} },
      byIp: true
    },
    { name: "db", hosts: ["db.data"], ports: [{ name: "tcp", port: 7000, protocol: "TCP" }], runs: { a: {}, b: {} } }
  ]
}

export const three: Fleet = {
  name: "three",
  clusters: [
    { name: "a", gateway: "istio-gateways", reached: ["name"] },
    { name: "b", gateway: "istio-system", reached: ["ip"] },
    { name: "c", gateway: "edge", reached: ["ip", "second ip", ...(hasIpv6 ? (["ipv6"] as const) : [])] }
  ],
  services: [
    {
      name: "reviews",
      hosts: ["reviews.default", "reviews"],
      ports: everything,
      runs: { a: {}, b: { name: "reviews-v2", namespace: "shop", shift: 1000 } }
    },
    {
      name: "ratings",
      hosts: ["ratings.default"],
      ports: [
        { name: "h2", port: 80, protocol: "HTTP2" },
        { name: "tcp", port: 7000, protocol: "TCP" }
      ],
      runs: { b: { shift: 5 }, c: { namespace: "shop" } }
    },
    {
      name: "details",
      hosts: ["details.default"],
      ports: [{ name: "http", port: 80, protocol: "HTTP" }],
      runs: { c: {} },
      byIp: true
    },
    {
      name: "db",
      hosts: ["db.data"],
      ports: [{ name: "tcp", port: 7000, protocol: "TCP" }],
      runs: { a: {}, b: {}, c: {} }
    }
  ]
}

/** What profile classic can carry: no two services with TCP on one port, and backends by name. */
export const apart = (fleet: Fleet): Fleet => ({
  ...fleet,
  services: fleet.services.map(({ byIp: _, ...service }, n) => ({
    ...service,
    ports: service.ports.map((port) => (port.protocol === "TCP" ? { ...port, port: port.port + n } : port))
  }))
})

/** For gateways that open the services' own ports, of which `::1` has each only once. */
export const withoutIpv6 = (fleet: Fleet): Fleet => ({
  ...fleet,
  clusters: fleet.clusters.map((each) => ({ ...each, reached: each.reached.filter((how) => how !== "ipv6") }))
})

/** As `apart`, and one service whose pods have no sidecars. */
export const mixed = (fleet: Fleet): Fleet => {
  const { services, ...rest } = apart(fleet)
  return { ...rest, services: services.map((each) => (each.name === "details" ? { ...each, meshed: false } : each)) }
}
