/**
 * Istio objects as the simulator reads them. Objects may come from a live cluster and hold anything: what has the wrong
 * type counts as absent, and nothing throws. One parsed object serves every cluster that has it.
 */
import type { KubernetesObject } from "@coddiwomple/core/Artifact"
import { list, map } from "../rules/Rule.ts"

export type Path = ReadonlyArray<string | number>

/** The object behind a fact, with its text where there is one. */
export interface Item {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** As the API server says it; generated objects have none. */
  readonly created: string
  readonly text?: string
}

export interface Port {
  readonly number: number
  readonly name: string
  /** Upper case. */
  readonly protocol: string
  readonly targetPort: number | undefined
  readonly path: Path
}

export interface Endpoint {
  readonly item: Item
  readonly path: Path
  readonly address: string
  readonly labels: Readonly<Record<string, unknown>>
  readonly ports: Readonly<Record<string, unknown>>
  readonly locality: string
  readonly weight: number
  /** Label or service account say that the other side takes mTLS. */
  readonly takesMtls: boolean
}

/** What is dialled at the endpoint: its own number for the port, else the port's. */
export const portOf = ({ ports }: Endpoint, { name, number, targetPort }: Port): number => {
  const own = ports[name]
  return typeof own === "number" ? own : (targetPort ?? number)
}

export interface Visible {
  readonly item: Item
  readonly exportTo: ReadonlyArray<string>
}

export interface Entry extends Visible {
  readonly type: "entry"
  readonly hosts: ReadonlyArray<string>
  readonly addresses: ReadonlyArray<string>
  readonly internal: boolean
  readonly resolution: string
  readonly ports: ReadonlyArray<Port>
  readonly endpoints: ReadonlyArray<Endpoint>
}

type Fields = Readonly<Record<string, unknown>>

export interface Policy extends Visible {
  readonly type: "policy"
  readonly host: string
  readonly traffic: Fields
  readonly workloadSelector: boolean
}

export interface Server {
  readonly item: Item
  readonly path: Path
  readonly port: number
  readonly protocol: string
  /** Without the namespaces they may begin with. */
  readonly hosts: ReadonlyArray<string>
  /** Empty where the server has no TLS. */
  readonly mode: string
}

export interface Gateway {
  readonly type: "gateway"
  readonly item: Item
  readonly selector: Fields
  readonly servers: ReadonlyArray<Server>
}

export interface Destination {
  readonly host: string
  readonly port: number | undefined
  readonly weight: number
  readonly path: Path
}

export interface Route {
  readonly kind: "http" | "tcp" | "tls"
  /** Ports of its matches; empty = every port. */
  readonly ports: ReadonlyArray<number>
  readonly sniHosts: ReadonlyArray<string>
  readonly destinations: ReadonlyArray<Destination>
  readonly path: Path
}

export interface Routes extends Visible {
  readonly type: "routes"
  readonly hosts: ReadonlyArray<string>
  /** `mesh` and gateways; `mesh` where nothing is said. */
  readonly gateways: ReadonlyArray<string>
  readonly routes: ReadonlyArray<Route>
}

/** A Kubernetes Service of a live cluster. */
export interface LocalService {
  readonly type: "service"
  readonly item: Item
  readonly ports: ReadonlyArray<number>
}

export type Parsed = Entry | Policy | Gateway | Routes | LocalService

const strings = (value: unknown): ReadonlyArray<string> => list(value).filter((v) => typeof v === "string")
const string = (value: unknown): string => (typeof value === "string" ? value : "")
const numeric = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined)

/** Undefined for kinds that say nothing about routes. */
export const parse = (object: KubernetesObject, text?: string): Parsed | undefined => {
  const meta = map(object.metadata)
  const item: Item = {
    kind: string(object.kind),
    namespace: string(meta.namespace),
    name: string(meta.name),
    created: string(meta.creationTimestamp),
    ...(text === undefined ? {} : { text })
  }
  const api = string(object.apiVersion)
  const spec = map(object.spec)
  if (item.kind === "Service" && api === "v1") {
    return { type: "service", item, ports: list(spec.ports).flatMap((p) => numeric(map(p).port) ?? []) }
  }
  if (!api.startsWith("networking.istio.io/")) return undefined
  switch (item.kind) {
    case "ServiceEntry":
      return entry(item, spec)
    case "DestinationRule":
      return {
        type: "policy",
        item,
        exportTo: strings(spec.exportTo),
        host: string(spec.host),
        traffic: map(spec.trafficPolicy),
        workloadSelector: spec.workloadSelector !== undefined
      }
    case "Gateway":
      return { type: "gateway", item, selector: map(spec.selector), servers: servers(item, spec) }
    case "VirtualService":
      return routes(item, spec)
    default:
      return undefined
  }
}

const entry = (item: Item, spec: Fields): Entry => ({
  type: "entry",
  item,
  exportTo: strings(spec.exportTo),
  hosts: strings(spec.hosts),
  addresses: strings(spec.addresses),
  internal: spec.location === "MESH_INTERNAL",
  resolution: string(spec.resolution) || "NONE",
  ports: list(spec.ports).map((each, i) => {
    const p = map(each)
    return {
      number: numeric(p.number) ?? 0,
      name: string(p.name),
      protocol: string(p.protocol).toUpperCase(),
      targetPort: numeric(p.targetPort),
      path: ["spec", "ports", i]
    }
  }),
  endpoints: list(spec.endpoints).map((each, i) => {
    const e = map(each)
    const labels = map(e.labels)
    const mode = labels["security.istio.io/tlsMode"]
    return {
      item,
      path: ["spec", "endpoints", i],
      address: string(e.address),
      labels,
      ports: map(e.ports),
      locality: string(e.locality),
      weight: numeric(e.weight) ?? 1,
      takesMtls: mode === undefined ? string(e.serviceAccount) !== "" : mode === "istio"
    }
  })
})

const servers = (item: Item, spec: Fields): ReadonlyArray<Server> =>
  list(spec.servers).map((each, i) => {
    const s = map(each)
    const port = map(s.port)
    return {
      item,
      path: ["spec", "servers", i],
      port: numeric(port.number) ?? 0,
      protocol: string(port.protocol).toUpperCase(),
      hosts: strings(s.hosts).map((host) => host.slice(host.indexOf("/") + 1)),
      mode: s.tls === undefined || map(s.tls).httpsRedirect === true ? "" : string(map(s.tls).mode) || "PASSTHROUGH"
    }
  })

const routes = (item: Item, spec: Fields): Routes => {
  const gateways = strings(spec.gateways)
  return {
    type: "routes",
    item,
    exportTo: strings(spec.exportTo),
    hosts: strings(spec.hosts),
    gateways: gateways.length === 0 ? ["mesh"] : gateways,
    routes: (["http", "tls", "tcp"] as const).flatMap((kind) =>
      list(spec[kind]).map((each, i): Route => {
        const matches = list(map(each).match).map(map)
        const path = ["spec", kind, i]
        return {
          kind,
          ports: matches.some((m) => m.port === undefined) ? [] : matches.flatMap((m) => numeric(m.port) ?? []),
          sniHosts: matches.flatMap((m) => strings(m.sniHosts)),
          path,
          destinations: list(map(each).route).map((r, k) => {
            const d = map(map(r).destination)
            return {
              host: string(d.host),
              port: numeric(map(d.port).number),
              weight: numeric(map(r).weight) ?? 1,
              path: [...path, "route", k, "destination"]
            }
          })
        }
      })
    )
  }
}
