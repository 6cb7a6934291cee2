/** The clusters that run a service, with the endpoints under which others find it there. */
import { shared } from "@coddiwomple/core/Emit"
import type { Backend, Service } from "@coddiwomple/core/Model"
import { endpoint, type Endpoint, type Port } from "@coddiwomple/istio/ServiceEntry"
import { isIp } from "@coddiwomple/core/Names"
import { family } from "@coddiwomple/istio/Protocol"
import type { Profile } from "./Config.ts"
import { tlsMode } from "./Marks.ts"
import type { Site, Sites } from "./Sites.ts"

export interface Provider {
  readonly site: Site
  readonly backend: Backend
  /** In its own cluster: the Kubernetes Service. */
  readonly local: readonly [Endpoint]
  /** For its gateway: the same without a mark of the cluster, so that equal backends share a body. */
  readonly incoming: Endpoint
  /** From other clusters: each address of its gateway; none where nobody can reach it. */
  readonly remote: ReadonlyArray<Endpoint>
  /** Share of the calls with `traffic: weighted`; 0 gets none. */
  readonly weight: number
}

type Numbers = { readonly [name: string]: number }

const numbers = (names: ReadonlyArray<string>, of: (name: string) => number): Numbers => {
  const out: { [name: string]: number } = {}
  for (const name of names) out[name] = of(name)
  return out
}

/** A route can lead there: it knows Kubernetes Services, by their names. */
export const isNamed = ({ backend }: Provider): boolean => !isIp(backend.host)

/** Ports that Istio carries; it validates UDP but does not proxy it. */
export const carried = (service: Service): ReadonlyArray<Port> => {
  const out: Array<Port> = []
  for (const { name, port, protocol } of service.ports) {
    if (family(protocol) !== "udp") out.push({ name, number: port, protocol })
  }
  return shared(out)
}

/** In the order of cluster names. Clusters without sidecars are left out: nothing of this transform works there. */
export const providersOf = (
  service: Service,
  ports: ReadonlyArray<Port>,
  sites: Sites,
  profile: Profile
): ReadonlyArray<Provider> => {
  const names = ports.map((port) => port.name).sort()
  const declared = numbers(names, (name) => service.ports.find((p) => p.name === name)!.backendPort)
  const dialled = numbers(names, (name) => service.ports.find((p) => p.name === name)!.port)
  const gateways = new Map<number, Numbers>()
  const at = (port: number): Numbers => {
    const known = gateways.get(port) ?? numbers(names, () => port)
    gateways.set(port, known)
    return known
  }
  const providers: Array<Provider> = []
  for (const backend of service.backends) {
    const site = sites.all[backend.index]!
    if (!site.sidecars) continue
    const labels = service.meshed ? site.labels : site.plainLabels
    const remoteLabels = profile === "mtls" ? site.labels : site.plainLabels
    const portsThere = profile === "plaintext" ? dialled : at(site.gateway.port)
    const ports =
      backend.ports === undefined ? declared : numbers(names, (name) => backend.ports?.[name] ?? declared[name]!)
    const address = backend.host
    providers.push({
      site,
      backend,
      local: [endpoint({ address, labels, ports })],
      incoming: endpoint({ address, labels: tlsMode, ports }),
      remote: site.addresses.map((a) => shared(endpoint({ address: a, labels: remoteLabels, ports: portsThere }))),
      weight: backend.weight ?? 1
    })
  }
  return providers.sort((a, b) => a.site.rank - b.site.rank)
}
