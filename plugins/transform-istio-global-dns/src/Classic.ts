/**
 * Profile classic: the objects of the original coddiwomple, corrected where Istio refuses them. Plaintext between
 * clusters, one gateway port per service port, no failover. The docs list what differs from the original, and why.
 */
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import { shared } from "@coddiwomple/core/Emit"
import type { ServicePort } from "@coddiwomple/core/Fact"
import type { Backend, Service } from "@coddiwomple/core/Model"
import { objectName } from "@coddiwomple/core/Names"
import type { Rendered } from "@coddiwomple/core/Transform"
import { gateway, type Server } from "@coddiwomple/istio/Gateway"
import { metadata } from "@coddiwomple/istio/Metadata"
import { family, isReserved } from "@coddiwomple/istio/Protocol"
import { endpoint, type ServiceEntry, serviceEntry } from "@coddiwomple/istio/ServiceEntry"
import { type HttpRoute, type TlsRoute, virtualService } from "@coddiwomple/istio/VirtualService"
import type { Settings } from "./Config.ts"
import { Draft } from "./Draft.ts"
import { reserved, udpCure } from "./Problems.ts"
import { alike, type Site, type Sites } from "./Sites.ts"

interface Running {
  readonly backend: Backend
  readonly site: Site
}

export const renderClassic = (service: Service, sites: Sites, settings: Settings): Rendered => {
  const draft = new Draft(service)
  const running = service.backends
    .map((backend): Running => ({ backend, site: sites.all[backend.index]! }))
    .sort((a, b) => a.site.rank - b.site.rank)
  const elsewhere = callersElsewhere(service, sites)
  const names = namesOf(service)
  const ports = shared(service.ports.map((p) => ({ name: p.name, number: p.port, protocol: p.protocol })))
  const common = {
    addresses: service.addressFrom === "declared" ? [service.address] : undefined,
    exportTo: service.exportTo ?? settings.exportTo,
    ports
  }

  const opened = isOpened(service, elsewhere)
  for (const { targets, first } of opened ? alike(running, sites.fleet, isSameGateway) : [])
    draft.add(targets, gatewayOf(service, names, first.site))
  for (const { targets, first } of alike(running, sites.fleet, isSameBackend)) {
    for (const routes of virtualServicesOf(service, names, first, opened, common.exportTo)) draft.add(targets, routes)
  }
  for (const { backend, site } of running) {
    const numbers = portMap(service, (p) => backend.ports?.[p.name] ?? p.backendPort)
    const endpoints = [endpoint({ address: backend.host, labels: { cluster: site.name }, ports: numbers })]
    const spec = { ...common, endpoints, location: "MESH_INTERNAL" } as const
    for (const entry of entries(service, names, site.configNamespace, spec)) draft.add(site.set, entry)
  }
  const dialled = portMap(service, (p) => p.port)
  const endpoints = running.flatMap(({ site }) =>
    site.addresses.map((address) => endpoint({ address, labels: { cluster: site.name }, ports: dialled }))
  )
  for (const { configNamespace, others } of sites.namespaces) {
    const targets = ClusterSet.without(elsewhere, others)
    if (ClusterSet.isEmpty(targets)) continue
    for (const entry of entries(service, names, configNamespace, { ...common, endpoints })) draft.add(targets, entry)
  }
  problems(draft, running, !ClusterSet.isEmpty(elsewhere))
  return draft.rendered(settings)
}

/** Clusters that may call the service and do not run it; none where it is for local callers alone. */
const callersElsewhere = (service: Service, { fleet }: Sites): ClusterSet.ClusterSet => {
  if (service.traffic === "local-only") return fleet.none
  const named = service.consumers === undefined ? fleet.all : fleet.named(service.consumers)
  return ClusterSet.without(named, fleet.set(service.backends.map((b) => b.index)))
}

/** A gateway opens nothing to callers elsewhere that are ruled out; where nobody is, it is open as the original has it. */
const isOpened = (service: Service, elsewhere: ClusterSet.ClusterSet): boolean =>
  (service.traffic !== "local-only" && service.consumers === undefined) || !ClusterSet.isEmpty(elsewhere)

/** Clusters at whose gateways the service has ports. */
export const openedClassic = (service: Service, sites: Sites): ReadonlyArray<string> =>
  isOpened(service, callersElsewhere(service, sites)) ? service.backends.map((b) => b.cluster) : []

const namesOf = ({ identity }: Service) => ({
  gateway: objectName(identity, "cw-", "-gateway"),
  virtualService: objectName(identity, "cw-", "-virtualservice-remote"),
  local: objectName(identity, "cw-", "-virtualservice-local"),
  serviceEntry: objectName(identity, "cw-", "-serviceentry")
})
type Names = ReturnType<typeof namesOf>

const portMap = (service: Service, number: (port: ServicePort) => number) => {
  const ports =
    service.ports.length === 1 ? service.ports : [...service.ports].sort((a, b) => (a.name < b.name ? -1 : 1))
  const out: { [name: string]: number } = {}
  for (const port of ports) out[port.name] = number(port)
  return out
}

const isSameGateway = (a: Running, b: Running): boolean =>
  a.site.gatewayKey === b.site.gatewayKey && a.site.configNamespace === b.site.configNamespace

const isSameBackend = (a: Running, b: Running): boolean =>
  a.backend.host === b.backend.host &&
  a.backend.ports === b.backend.ports &&
  a.site.configNamespace === b.site.configNamespace

const gatewayOf = (service: Service, names: Names, site: Site) =>
  gateway(
    metadata(names.gateway, site.configNamespace),
    site.gateway.selector,
    service.ports.map((p): Server => {
      const server = { hosts: service.hosts, port: { name: p.name, number: p.port, protocol: p.protocol } }
      return family(p.protocol) === "tls" ? { ...server, tls: { mode: "PASSTHROUGH" } } : server
    })
  )

/**
 * One, which local callers need too; with `exportTo` one for them and one for the gateway, which must see its own whatever
 * callers see.
 */
const virtualServicesOf = (
  service: Service,
  names: Names,
  { backend, site }: Running,
  opened: boolean,
  exportTo: ReadonlyArray<string> | undefined
) => {
  const http: Array<HttpRoute> = []
  const tcp: Array<HttpRoute> = []
  const tls: Array<TlsRoute> = []
  for (const p of service.ports) {
    const destination = { host: backend.host, port: { number: backend.ports?.[p.name] ?? p.backendPort } }
    const f = family(p.protocol)
    if (f === "http") http.push({ match: [{ port: p.port }], route: [{ destination, weight: 100 }] })
    else if (f === "tls") tls.push({ match: [{ port: p.port, sniHosts: service.hosts }], route: [{ destination }] })
    else tcp.push({ match: [{ port: p.port }], route: [{ destination }] })
  }
  const routes = { hosts: service.hosts, http, tcp, tls }
  const about = metadata(names.virtualService, site.configNamespace)
  if (!opened)
    return [virtualService(about, { ...routes, gateways: ["mesh"], ...(exportTo === undefined ? {} : { exportTo }) })]
  if (exportTo === undefined) return [virtualService(about, { ...routes, gateways: ["mesh", names.gateway] })]
  const local = metadata(names.local, site.configNamespace)
  return [
    virtualService(local, { ...routes, gateways: ["mesh"], exportTo }),
    virtualService(about, { ...routes, gateways: [names.gateway] })
  ]
}

/** Host header or SNI tell several hosts on such a port apart. */
const isTellable = (protocol: string): boolean => {
  const f = family(protocol)
  return f === "http" || f === "tls"
}

type Entry = Omit<Parameters<typeof serviceEntry>[1], "hosts" | "resolution">

/** One ServiceEntry; one per host where a TCP port allows no more. */
const entries = (service: Service, names: Names, namespace: string, spec: Entry): ReadonlyArray<ServiceEntry> => {
  const single = service.hosts.length === 1 || service.ports.every((p) => isTellable(p.protocol))
  const lists = single ? [service.hosts] : service.hosts.map((host) => [host])
  return lists.map((hosts, i) => {
    const name = i === 0 ? names.serviceEntry : objectName(service.identity, "cw-", `-serviceentry-${i + 1}`)
    return serviceEntry(metadata(name, namespace), { ...spec, hosts, resolution: "DNS" })
  })
}

const problems = (draft: Draft, running: ReadonlyArray<Running>, called: boolean): void => {
  const { service } = draft
  const spread = service.traffic === "spread" || service.traffic === "weighted"
  if (spread || service.tiers !== undefined) {
    const said = [
      ...(spread ? [`\`traffic: ${service.traffic}\``] : []),
      ...(service.tiers === undefined ? [] : ["tiers"])
    ]
    draft.warning(
      "CW628",
      `with profile classic ${said.join(" and ")} ${said.length === 1 && spread ? "has" : "have"} no effect: clusters that run it call their own backend, all others spread their calls evenly`,
      "use profile mtls"
    )
  }
  for (const { name, port, protocol } of service.ports)
    if (isReserved(port, protocol)) reserved(draft, name, protocol, port)
  const udp = service.ports.filter((port) => family(port.protocol) === "udp")
  if (udp.length > 0)
    draft.warning("CW628", `port ${udp.map((p) => p.name).join(", ")} is UDP, which Istio does not carry`, udpCure)
  const unreachable = running.filter((b) => b.site.addresses.length === 0).map((b) => b.site.name)
  if (unreachable.length === 0 || !called) return
  const names = unreachable.join(", ")
  const help = "give it the address of its gateway, or name in `consumers` who calls the service"
  if (unreachable.length === running.length)
    draft.error("CW627", `no cluster that runs it can be reached from others: ${names} has no address`, help)
  else
    draft.warning("CW627", `cluster ${names} has no address: its backend cannot be reached from other clusters`, help)
}
