/**
 * Profile mtls: end-to-end mTLS between clusters through AUTO_PASSTHROUGH gateways, for meshes with one root CA.
 * A cluster that runs a service has a Gateway with exactly its hosts and a ServiceEntry that only the gateway sees, with
 * the local endpoint alone (`in`); a caller's cluster has a ServiceEntry and a DestinationRule with all endpoints
 * (`out`). So a gateway never sees another gateway, and calls cannot run in circles.
 */
import { shared } from "@coddiwomple/core/Emit"
import type { Service } from "@coddiwomple/core/Model"
import { isIp, objectName } from "@coddiwomple/core/Names"
import type { Rendered } from "@coddiwomple/core/Transform"
import { destinationRule } from "@coddiwomple/istio/DestinationRule"
import { gateway } from "@coddiwomple/istio/Gateway"
import { metadata } from "@coddiwomple/istio/Metadata"
import { serviceEntry } from "@coddiwomple/istio/ServiceEntry"
import { callersOf, isCalledFromElsewhere } from "./Callers.ts"
import type { Settings } from "./Config.ts"
import { Draft } from "./Draft.ts"
import { hostsOf, isSameGateway, isSameIncoming } from "./Hosts.ts"
import { marks } from "./Marks.ts"
import { problems } from "./Problems.ts"
import { carried, providersOf } from "./Providers.ts"
import { alike, type Sites } from "./Sites.ts"

const gatewayOnly = shared(["."])
const tls = { mode: "AUTO_PASSTHROUGH" } as const

export const renderMtls = (service: Service, sites: Sites, settings: Settings): Rendered => {
  const draft = new Draft(service)
  const ports = carried(service)
  const providers = providersOf(service, ports, sites, "mtls")
  const callers = callersOf(service, providers, sites)
  const exposed = providers.filter((p) => p.remote.length > 0 && isCalledFromElsewhere(service, p, callers))
  problems(draft, { ports, providers, exposed, callers, sites, settings })

  const { labels, annotations } = marks(service.identity)
  const exportTo = service.exportTo ?? settings.exportTo
  const addresses = settings.autoAllocate ? undefined : shared([service.address])
  const common = { addresses, ports, location: "MESH_INTERNAL" } as const
  const hosts = hostsOf(service, sites)

  // Kinds in name order, and names in order below that: the order of the stream.
  for (const { host, name } of hosts) {
    for (const { targets, namespace, choice } of callers) {
      const about = metadata(`cw-out-${name}`, namespace, labels, annotations)
      draft.add(targets, destinationRule(about, host, choice.policy, exportTo))
    }
  }
  for (const { targets, first: provider } of alike(exposed, sites.fleet, isSameGateway)) {
    const { namespace, selector, port: number } = provider.site.gateway
    const about = metadata(objectName(service.identity, "cw-"), namespace, labels, annotations)
    draft.add(
      targets,
      gateway(about, selector, [{ hosts: service.hosts, port: { name: "tls-cw", number, protocol: "TLS" }, tls }])
    )
  }
  const incoming = alike(exposed, sites.fleet, isSameIncoming)
  for (const { name, list } of hosts) {
    for (const { targets, first: provider } of incoming) {
      const about = metadata(`cw-in-${name}`, provider.site.gateway.namespace, labels, annotations)
      const endpoints = [provider.incoming]
      const resolution = isIp(provider.incoming.address) ? "STATIC" : "DNS"
      draft.add(targets, serviceEntry(about, { ...common, endpoints, exportTo: gatewayOnly, hosts: list, resolution }))
    }
  }
  for (const { name, list } of hosts) {
    for (const { targets, namespace, choice } of callers) {
      const about = metadata(`cw-out-${name}`, namespace, labels, annotations)
      const { endpoints, resolution } = choice
      draft.add(targets, serviceEntry(about, { ...common, endpoints, exportTo, hosts: list, resolution }))
    }
  }
  return draft.rendered(settings)
}
