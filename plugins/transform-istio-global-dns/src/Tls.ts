/**
 * Profile tls: for meshes without a common root whose gateways have certificates that callers elsewhere trust. The
 * gateway takes TLS on one port, tells service and port by SNI, and sends the bytes on to the local Kubernetes Service
 * alone, so calls cannot run in circles. One host has one TLS setting, and the local backend takes the mesh's own mTLS:
 * so clusters that run the service call their own backend and no other.
 */
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import { shared } from "@coddiwomple/core/Emit"
import type { Service } from "@coddiwomple/core/Model"
import { objectName } from "@coddiwomple/core/Names"
import type { Rendered } from "@coddiwomple/core/Transform"
import { destinationRule, type Tls, type TrafficPolicy } from "@coddiwomple/istio/DestinationRule"
import { gateway, type Server } from "@coddiwomple/istio/Gateway"
import { metadata } from "@coddiwomple/istio/Metadata"
import { type Port, serviceEntry } from "@coddiwomple/istio/ServiceEntry"
import { virtualService } from "@coddiwomple/istio/VirtualService"
import { type Callers, callersElsewhere, callersOf } from "./Callers.ts"
import type { Settings } from "./Config.ts"
import { Draft } from "./Draft.ts"
import { hostsOf, isSameGateway, isSameIncoming } from "./Hosts.ts"
import { marks } from "./Marks.ts"
import { problems } from "./Problems.ts"
import { carried, isNamed, type Provider, providersOf } from "./Providers.ts"
import { alike, type Sites } from "./Sites.ts"

/** What the gateway tells a port of a host by. */
const sni = (port: Port, host: string): string => `p${port.number}.${host}`

export const renderTls = (service: Service, sites: Sites, settings: Settings): Rendered => {
  const draft = new Draft(service)
  const ports = carried(service)
  const providers = providersOf(service, ports, sites, "tls")
  const local = callersOf({ ...service, traffic: "local-only" }, providers, sites)
  const own = new Set(providers.map((p) => p.site.set))
  const elsewhere = callersOf(service, providers, sites).filter((c) => !own.has(c.targets))
  const callers = [...local, ...elsewhere]
  const called = service.traffic !== "local-only" && !ClusterSet.isEmpty(callersElsewhere(service, sites))
  const exposed = called
    ? providers.filter((p) => p.remote.length > 0 && !(service.traffic === "weighted" && p.weight === 0))
    : []
  problems(draft, { ports, providers, exposed, callers, sites, settings })

  const { labels, annotations } = marks(service.identity)
  const exportTo = service.exportTo ?? settings.exportTo
  const addresses = settings.autoAllocate ? undefined : [service.address]
  const trusted = settings.tls?.subjectAltNames ?? namesOf(exposed)
  const isLocal = (c: Callers) => own.has(c.targets)
  const hosts = hostsOf(service, sites)
  for (const { host, name } of hosts) {
    for (const c of callers) {
      const about = metadata(`cw-out-${name}`, c.namespace, labels, annotations)
      const policy = isLocal(c) ? localPolicy(service, c) : remotePolicy(c, ports, host, trusted, settings)
      draft.add(c.targets, destinationRule(about, host, policy, exportTo))
    }
  }
  const gatewayName = objectName(service.identity, "cw-")
  for (const { targets, first } of alike(exposed, sites.fleet, isSameGateway)) {
    const { namespace, selector, port } = first.site.gateway
    const about = metadata(gatewayName, namespace, labels, annotations)
    draft.add(
      targets,
      gateway(
        about,
        selector,
        ports.map((p) => serverOf(p, service.hosts, port, settings))
      )
    )
  }
  for (const { name, list } of hosts) {
    for (const c of callers) {
      const about = metadata(`cw-out-${name}`, c.namespace, labels, annotations)
      const { endpoints, resolution } = c.choice
      const location = isLocal(c) ? ("MESH_INTERNAL" as const) : undefined
      draft.add(
        c.targets,
        serviceEntry(about, { addresses, endpoints, exportTo, hosts: list, location, ports, resolution })
      )
    }
  }
  const routed = alike(exposed.filter(isNamed), sites.fleet, isSameRoute)
  for (const port of ports) {
    for (const { targets, first } of routed) {
      const { namespace, port: opened } = first.site.gateway
      const about = metadata(objectName(service.identity, "cw-in-", `-${port.number}`), namespace, labels, annotations)
      const { address, ports: there } = first.incoming
      const destination = { host: address, port: { number: there![port.name]! } }
      draft.add(
        targets,
        virtualService(about, {
          exportTo: ["."],
          gateways: [gatewayName],
          hosts: service.hosts.map((host) => sni(port, host)),
          tcp: [{ match: [{ port: opened }], route: [{ destination }] }]
        })
      )
    }
  }
  return draft.rendered(settings)
}

const isSameRoute = (a: Provider, b: Provider): boolean =>
  isSameIncoming(a, b) && a.site.gateway.port === b.site.gateway.port

const namesOf = (exposed: ReadonlyArray<Provider>): ReadonlyArray<string> =>
  [...new Set(exposed.flatMap((p) => p.site.addresses))].sort()

const serverOf = (port: Port, hosts: ReadonlyArray<string>, number: number, settings: Settings): Server => ({
  hosts: hosts.map((host) => sni(port, host)),
  port: { name: `tls-${port.number}`, number, protocol: "TLS" },
  tls: { credentialName: settings.tls!.credentialName, mode: "SIMPLE" }
})

const localPolicy = (service: Service, { choice }: Callers): TrafficPolicy =>
  service.meshed ? shared({ ...choice.policy, tls: { mode: "ISTIO_MUTUAL" } }) : choice.policy

/** Per port, since each has an SNI of its own; Istio takes nothing over from what is said for all ports. */
const remotePolicy = (
  { choice, namespace }: Callers,
  ports: ReadonlyArray<Port>,
  host: string,
  subjectAltNames: ReadonlyArray<string>,
  settings: Settings
): TrafficPolicy => {
  const { loadBalancer, outlierDetection } = choice.policy
  const common = { loadBalancer: loadBalancer!, outlierDetection: outlierDetection! }
  return {
    ...common,
    portLevelSettings: ports.map((port) => {
      const rest = { mode: "SIMPLE", sni: sni(port, host), subjectAltNames } as const
      const { caCertificates, caConfigMap } = settings.tls!
      const tls: Tls =
        caCertificates === undefined
          ? { credentialName: `configmap://${namespace}/${caConfigMap}`, ...rest }
          : { caCertificates, ...rest }
      return { ...common, port: { number: port.number }, tls }
    })
  }
}
