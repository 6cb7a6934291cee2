/**
 * Profile plaintext: for meshes without a common root whose operators permit that calls between clusters are neither
 * encrypted nor authenticated. A gateway opens every port of a service under its own number and routes to the local
 * Kubernetes Service alone, so calls cannot run in circles. Callers have one host with the local endpoint, which takes
 * mTLS, and the gateways of the others, which do not: without a TLS setting Istio decides by the label of each.
 */
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Service } from "@coddiwomple/core/Model"
import { objectName } from "@coddiwomple/core/Names"
import type { Rendered } from "@coddiwomple/core/Transform"
import { destinationRule } from "@coddiwomple/istio/DestinationRule"
import { gateway, type Server } from "@coddiwomple/istio/Gateway"
import { metadata } from "@coddiwomple/istio/Metadata"
import { family } from "@coddiwomple/istio/Protocol"
import { type Port, serviceEntry } from "@coddiwomple/istio/ServiceEntry"
import { type HttpRoute, type TlsRoute, virtualService } from "@coddiwomple/istio/VirtualService"
import { callersElsewhere, callersOf, isCalledFromElsewhere } from "./Callers.ts"
import type { Settings } from "./Config.ts"
import { Draft } from "./Draft.ts"
import { hostsOf, isSameGateway, isSameIncoming } from "./Hosts.ts"
import { marks } from "./Marks.ts"
import { problems } from "./Problems.ts"
import { carried, isNamed, type Provider, providersOf } from "./Providers.ts"
import { alike, type Sites } from "./Sites.ts"

export const renderPlaintext = (service: Service, sites: Sites, settings: Settings): Rendered => {
  const draft = new Draft(service)
  const ports = carried(service)
  const providers = providersOf(service, ports, sites, "plaintext")
  const callers = callersOf(service, providers, sites)
  const exposed = providers.filter((p) => p.remote.length > 0 && isCalledFromElsewhere(service, p, callers))
  problems(draft, { ports, providers, exposed, callers, sites, settings })

  const { labels, annotations } = marks(service.identity)
  const exportTo = service.exportTo ?? settings.exportTo
  const addresses = settings.autoAllocate ? undefined : [service.address]
  const hosts = hostsOf(service, sites)
  for (const { host, name } of hosts) {
    for (const { targets, namespace, choice } of callers) {
      const about = metadata(`cw-out-${name}`, namespace, labels, annotations)
      draft.add(targets, destinationRule(about, host, choice.policy, exportTo))
    }
  }
  const gatewayName = objectName(service.identity, "cw-")
  for (const { targets, first } of alike(exposed, sites.fleet, isSameGateway)) {
    const { namespace, selector } = first.site.gateway
    const about = metadata(gatewayName, namespace, labels, annotations)
    draft.add(
      targets,
      gateway(
        about,
        selector,
        ports.map((port) => serverOf(port, service.hosts))
      )
    )
  }
  for (const { name, list } of hosts) {
    for (const { targets, namespace, choice } of callers) {
      const about = metadata(`cw-out-${name}`, namespace, labels, annotations)
      const { endpoints, resolution } = choice
      const spec = {
        addresses,
        endpoints,
        exportTo,
        hosts: list,
        location: "MESH_INTERNAL",
        ports,
        resolution
      } as const
      draft.add(targets, serviceEntry(about, spec))
    }
  }
  for (const { targets, first } of alike(exposed.filter(isNamed), sites.fleet, isSameIncoming)) {
    const about = metadata(objectName(service.identity, "cw-in-"), first.site.gateway.namespace, labels, annotations)
    draft.add(targets, virtualService(about, routesOf(service, ports, first, gatewayName)))
  }
  return draft.rendered(settings)
}

/** Clusters at whose gateways the service has ports: those with a Gateway, found without making any endpoint. */
export const openedPlaintext = (service: Service, sites: Sites): ReadonlyArray<string> => {
  if (service.traffic === "local-only") return []
  const running = service.backends.filter((b) => sites.all[b.index]!.sidecars)
  if (running.length < 2 && ClusterSet.isEmpty(callersElsewhere(service, sites))) return []
  return running
    .filter((b) => sites.all[b.index]!.addresses.length > 0 && !(service.traffic === "weighted" && b.weight === 0))
    .map((b) => b.cluster)
}

const serverOf = ({ name, number, protocol }: Port, hosts: ReadonlyArray<string>): Server => {
  const server = { hosts, port: { name, number, protocol } }
  return family(protocol) === "tls" ? { ...server, tls: { mode: "PASSTHROUGH" } } : server
}

/** Seen by the gateway alone. */
const routesOf = (service: Service, ports: ReadonlyArray<Port>, provider: Provider, gatewayName: string) => {
  const http: Array<HttpRoute> = []
  const tcp: Array<HttpRoute> = []
  const tls: Array<TlsRoute> = []
  const { address, ports: there } = provider.incoming
  for (const { name, number, protocol } of ports) {
    const route = [{ destination: { host: address, port: { number: there![name]! } } }]
    const f = family(protocol)
    if (f === "http") http.push({ match: [{ port: number }], route })
    else if (f === "tls") tls.push({ match: [{ port: number, sniHosts: service.hosts }], route })
    else tcp.push({ match: [{ port: number }], route })
  }
  return { exportTo: ["."], gateways: [gatewayName], hosts: service.hosts, http, tcp, tls }
}
