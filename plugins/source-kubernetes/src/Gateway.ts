/**
 * The address under which other clusters reach a cluster, asked of its gateway Service where clusters.json has none.
 * An address that vanishes stays in force: a load balancer that is being replaced is no reason to cut a cluster off.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { ClusterFact, SourceEvent } from "@coddiwomple/core/Fact"
import type { Client } from "@coddiwomple/kubernetes/Client"
import type { Raw } from "@coddiwomple/kubernetes/List"
import type { Event } from "@coddiwomple/kubernetes/Reflector"
import { freshness, News } from "./Partition.ts"

export const defaultPort = 15443

export interface GatewayService {
  readonly name: string
  readonly addresses: ReadonlyArray<string>
  readonly ports: ReadonlyArray<number>
}

export const gatewayService = (object: Raw): GatewayService => {
  const { spec, status } = object as {
    readonly spec?: {
      readonly externalIPs?: ReadonlyArray<string>
      readonly ports?: ReadonlyArray<{ readonly port: number }>
    }
    readonly status?: {
      readonly loadBalancer?: { readonly ingress?: ReadonlyArray<{ readonly ip?: string; readonly hostname?: string }> }
    }
  }
  const ingress = (status?.loadBalancer?.ingress ?? []).flatMap((i) => i.ip ?? i.hostname ?? [])
  return {
    name: `${object.metadata.namespace}/${object.metadata.name}`,
    addresses: ingress.length > 0 ? ingress : (spec?.externalIPs ?? []),
    ports: (spec?.ports ?? []).map((p) => p.port)
  }
}

/** What is wrong with the gateway of a cluster. */
export const gatewayFindings = (
  cluster: string,
  where: string,
  services: ReadonlyArray<GatewayService>,
  port: number,
  addressNeeded: boolean
): ReadonlyArray<Diagnostic.Diagnostic> => {
  const warn = (message: string, help: string) => [
    Diagnostic.warning("CW513", `cluster ${cluster}: ${message}`, { help })
  ]
  if (services.length === 0)
    return warn(`no gateway Service ${where}`, "install Istio's east-west gateway, or name another one under `gateway`")
  const names = services.map((s) => s.name).join(", ")
  if (addressNeeded && services.every((s) => s.addresses.length === 0)) {
    return warn(
      `the gateway Service ${names} has no external address`,
      "give the cluster an `address`, or wait for its load balancer"
    )
  }
  if (services.every((s) => !s.ports.includes(port))) {
    return warn(
      `the gateway Service ${names} has no port ${port}`,
      "mTLS between clusters needs Istio's east-west gateway; an ingress gateway has no such port"
    )
  }
  return []
}

export class GatewayPartition {
  readonly name: string
  private readonly client: Client
  private readonly base: ClusterFact
  private readonly where: string
  private readonly services = new Map<string, GatewayService>()
  private addresses: ReadonlyArray<string> = []
  private readonly news = new News()

  constructor(name: string, client: Client, base: ClusterFact, where: string) {
    this.name = name
    this.client = client
    this.base = base
    this.where = where
  }

  take(event: Event<GatewayService>): SourceEvent | undefined {
    if (event._tag === "Status") return this.news.of(event) ? freshness(this.name, this.client, event) : undefined
    this.news.data()
    if (event._tag === "Snapshot") this.services.clear()
    const upserts = event._tag === "Snapshot" ? event.items : event.upserts
    for (const [key, service] of upserts) this.services.set(key, service)
    if (event._tag === "Delta") for (const key of event.removes) this.services.delete(key)
    const services = [...this.services.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    const found = [...new Set(services.flatMap((s) => s.addresses))]
    if (found.length > 0) this.addresses = found
    const port = this.base.gateway?.port ?? defaultPort
    return {
      _tag: "Snapshot",
      partition: this.name,
      facts: [{ ...this.base, addresses: this.addresses }],
      diagnostics: gatewayFindings(this.client.cluster, this.where, services, port, true)
    }
  }
}
