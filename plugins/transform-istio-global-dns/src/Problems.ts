/** What makes a service impossible to render with profile mtls, or gives it less than it asks for. */
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import { isReserved, istioSni, longestSni } from "@coddiwomple/istio/Protocol"
import type { Port } from "@coddiwomple/istio/ServiceEntry"
import { type Callers, callersElsewhere } from "./Callers.ts"
import type { Settings } from "./Config.ts"
import type { Draft } from "./Draft.ts"
import { isNamed, type Provider } from "./Providers.ts"
import type { Site, Sites } from "./Sites.ts"

export const udpCure = "remove it from the service: UDP between clusters needs another way than the mesh"

export interface Rendering {
  readonly ports: ReadonlyArray<Port>
  readonly providers: ReadonlyArray<Provider>
  /** Those with a Gateway. */
  readonly exposed: ReadonlyArray<Provider>
  readonly callers: ReadonlyArray<Callers>
  readonly sites: Sites
  readonly settings: Settings
}

export const problems = (draft: Draft, { ports, providers, exposed, callers, sites, settings }: Rendering): void => {
  const { service } = draft
  const { profile } = settings
  if (!service.meshed && profile === "mtls") {
    draft.error(
      "CW625",
      "its backends have no sidecar, which profile mtls needs",
      "give them sidecars, use profile tls or plaintext, or leave the service out"
    )
  }
  if (providers.length === 0) draft.error("CW625", "all clusters that run it are ambient; this profile needs sidecars")
  if (ports.length < service.ports.length) {
    const udp = service.ports.filter((port) => !ports.some((p) => p.name === port.name)).map((port) => port.name)
    if (ports.length === 0) draft.error("CW625", "all its ports are UDP, which Istio does not carry", udpCure)
    else draft.warning("CW628", `port ${udp.join(", ")} is UDP, which Istio does not carry; it is left out`, udpCure)
  }
  for (const { name, number, protocol } of ports)
    if (isReserved(number, protocol)) reserved(draft, name, protocol, number)
  if (profile === "mtls" || service.meshed) names(draft, ports)
  if (exposed.length > 0) {
    const wild = service.hosts.find((host) => host.startsWith("*"))
    if (wild !== undefined && profile !== "plaintext") {
      draft.error(
        "CW625",
        `the host ${wild} cannot be called from other clusters: a gateway finds services by their exact names`,
        "name each host, or set `traffic: local-only`"
      )
    }
  }
  if (profile === "mtls") {
    for (const { site } of exposed) visibility(draft, site, service.exportTo ?? settings.exportTo ?? [])
  } else {
    const ip = exposed.find((p) => !isNamed(p))
    if (ip !== undefined) {
      draft.error(
        "CW625",
        `its backend in cluster ${ip.site.name} is the IP ${ip.incoming.address}; with profile ${profile} gateways find it by the name of its Kubernetes Service`,
        "write <service>.<namespace>.svc.cluster.local, or use profile mtls"
      )
    }
  }
  if (profile === "tls" && service.traffic !== "local-only" && providers.length > 1) {
    draft.warning(
      "CW628",
      `clusters ${providers.map((p) => p.site.name).join(", ")} call their own backend alone, without failover to others: with profile tls one host cannot have both`,
      "use profile mtls where the meshes have one root CA, or say `traffic: local-only` where that is meant"
    )
  }
  reachability(draft, providers, callers, sites)
  const { traffic } = service
  if (service.tiers !== undefined && traffic !== "local-first") {
    draft.warning(
      "CW628",
      `its tiers have no effect with \`traffic: ${traffic}\``,
      "use `traffic: local-first`, or leave `tiers` out"
    )
  }
  if (traffic !== "weighted" && service.backends.some((b) => b.weight !== undefined)) {
    draft.warning(
      "CW628",
      `its weights have no effect with \`traffic: ${traffic}\``,
      "use `traffic: weighted`, or leave the weights out"
    )
  }
  const lost = callers.flatMap(({ choice, targets }) => (choice.tiersLost ? [...ClusterSet.indices(targets)] : []))
  if (lost.length > 0) {
    draft.warning(
      "CW628",
      `its tiers have no effect on calls from ${clusterNames(lost, sites)}, whose Istio is older than 1.30: there, all other clusters are alike`,
      "bring Istio to 1.30 there; where it is newer already, say so with `istio_version`"
    )
  }
}

const mostNames = 5

/** `cluster a`, `clusters a, b and c`; of many the first few. */
const clusterNames = (indices: ReadonlyArray<number>, { all }: Sites): string => {
  const names = indices.map((i) => all[i]!.name).sort()
  if (names.length > mostNames)
    return `clusters ${names.slice(0, mostNames).join(", ")} and ${names.length - mostNames} more`
  const last = names.pop()
  return names.length === 0 ? `cluster ${last}` : `clusters ${names.join(", ")} and ${last}`
}

export const reserved = (draft: Draft, name: string, protocol: string, port: number): void =>
  draft.error(
    "CW625",
    `port ${name} is ${protocol} on ${port}, which Istio's proxies keep for themselves: calls would not reach it`,
    "use another service port; the backend may keep its own"
  )

/** A proxy cannot begin a connection whose SNI is too long: not even to the local backend. */
const names = (draft: Draft, ports: ReadonlyArray<Port>): void => {
  const longest = ports.reduce((most, { number }) => Math.max(most, number), 0)
  const host = draft.service.hosts.reduce((a, b) => (b.length > a.length ? b : a), "")
  const { length } = istioSni(longest, host)
  if (length > longestSni)
    draft.error(
      "CW625",
      `the host ${host} is too long: with ${length} bytes its SNI ${istioSni(longest, "<host>")} is over ${longestSni}, and no call would connect`,
      `use a host of at most ${longestSni - istioSni(longest, "").length} characters`
    )
}

/** What callers see must not be seen by the gateway: it would send calls on to other gateways. */
const visibility = (draft: Draft, site: Site, exportTo: ReadonlyArray<string>): void => {
  const { namespace } = site.gateway
  if (namespace === site.configNamespace) {
    draft.error(
      "CW631",
      `in cluster ${site.name} the gateway's namespace ${namespace} is also the configuration namespace: calls would run in circles`,
      "set another `configNamespace`"
    )
  } else if (exportTo.includes(namespace)) {
    draft.error(
      "CW631",
      `it is exported to ${namespace}, the gateway's namespace in cluster ${site.name}: calls would run in circles`,
      `take ${namespace} out of exportTo`
    )
  }
}

const reachability = (
  draft: Draft,
  providers: ReadonlyArray<Provider>,
  callers: ReadonlyArray<Callers>,
  sites: Sites
): void => {
  const { service } = draft
  const asked = providers.filter((p) => service.traffic !== "weighted" || p.weight > 0)
  if (asked.length === 0 && providers.length > 0) draft.error("CW625", "all its weights are 0")
  if (service.traffic === "local-only" || asked.length === 0) return
  const elsewhere = callersElsewhere(service, sites)
  const remote = asked.filter((p) => p.remote.length === 0 && (providers.length > 1 || !ClusterSet.isEmpty(elsewhere)))
  if (remote.length === 0) return
  const names = remote.map((p) => p.site.name).join(", ")
  const served = callers.reduce((n, c) => n + ClusterSet.size(c.targets), 0)
  const wanted = providers.length + ClusterSet.size(elsewhere)
  const help = "give it the address of its gateway, or name in `consumers` who calls the service"
  if (served < wanted)
    draft.error("CW627", `no cluster that runs it can be reached from others: ${names} has no address`, help)
  else
    draft.warning("CW627", `cluster ${names} has no address: its backend cannot be reached from other clusters`, help)
}
