/**
 * What only one service can have: a TCP port of a gateway, a TCP port of an address. Proxies tell HTTP services on one
 * port apart by host and TLS services by SNI, so those share with their like; TCP shares with nothing. UDP is not carried
 * and claims nothing.
 */
import type { ServicePort } from "@coddiwomple/core/Fact"
import type { Fleet, Service } from "@coddiwomple/core/Model"
import type { Claim } from "@coddiwomple/core/Transform"
import { family } from "@coddiwomple/istio/Protocol"

const share = (protocol: string): { readonly share?: string } => {
  const f = family(protocol)
  return f === "http" || f === "tls" ? { share: f } : {}
}

/**
 * Two services on one address and port: every call would silently go to the first of them by name. HTTP alone shares:
 * on a listener with an address Istio does not match the SNI.
 */
export const addressClaims = (service: Service): ReadonlyArray<Claim> => {
  const out: Array<Claim> = []
  for (const { port, protocol } of service.ports) {
    const f = family(protocol)
    if (f === "udp") continue
    out.push({
      key: `address ${service.address} ${port}`,
      what: `port ${port} of address ${service.address}`,
      diagnostic: "CW512",
      ...(f === "http" ? { share: f } : {})
    })
  }
  return out
}

/**
 * Profile classic: services without an address, which callers' proxies tell apart by port alone unless Istio gives
 * addresses. A service that every cluster calls meets all others; those with few callers meet each other where both are
 * called. Claims of the first kind depend on the port alone, and are shared.
 */
export const listenerClaims = (): ((service: Service) => ReadonlyArray<Claim>) => {
  const known = new Map<string, ReadonlyArray<Claim>>()
  const everywhere = ({ port, protocol }: ServicePort): ReadonlyArray<Claim> => {
    const key = `${port} ${protocol}`
    let claims = known.get(key)
    if (claims === undefined) {
      const f = family(protocol)!
      claims = [listener(`* ${port}`, port, share(protocol).share), listener(`* ${f} ${port}`, port, "everywhere")]
      if (known.size > 100_000) known.clear()
      known.set(key, claims)
    }
    return claims
  }
  return (service) => {
    const running = service.backends.map((backend) => backend.cluster)
    const few = service.traffic === "local-only" ? running : service.consumers && [...running, ...service.consumers]
    return service.ports.flatMap((each): ReadonlyArray<Claim> => {
      const { port, protocol } = each
      const f = family(protocol)
      if (f === "udp") return []
      if (few === undefined) return everywhere(each)
      const there = [...new Set(few)].map((cluster) => listener(`${cluster} ${port}`, port, share(protocol).share))
      const others = families.filter((other) => other !== f || f === "tcp")
      return [...there, ...others.map((other) => listener(`* ${other} ${port}`, port, "few"))]
    })
  }
}

const families = ["http", "tls", "tcp"] as const

const listener = (where: string, port: number, shared: string | undefined): Claim => ({
  key: `listener ${where}`,
  what: `port ${port} and no address`,
  diagnostic: "CW512",
  severity: "warning",
  ...(shared === undefined ? {} : { share: shared })
})

/**
 * A gateway port carries one TCP route, or HTTP, or TLS. `opens` says in which clusters the gateway opens the ports of a
 * service. What a claim says does not depend on the service, so all services share it: tens of thousands of them claim
 * the same few ports.
 */
export const gatewayClaims = (
  opens: (service: Service, fleet: Fleet) => ReadonlyArray<string>
): ((service: Service, fleet: Fleet) => ReadonlyArray<Claim>) => {
  const known = new Map<string, Map<string, Claim>>()
  const claim = (cluster: string, port: number, protocol: string): Claim => {
    let ports = known.get(cluster)
    if (ports === undefined || ports.size > 100_000) known.set(cluster, (ports = new Map()))
    const key = `${port} ${protocol}`
    let found = ports.get(key)
    if (found === undefined) {
      found = {
        key: `gateway ${cluster} ${port}`,
        what: `port ${port} of the gateway in cluster ${cluster}`,
        diagnostic: "CW624",
        ...share(protocol)
      }
      ports.set(key, found)
    }
    return found
  }
  return (service, fleet) => {
    const out: Array<Claim> = []
    for (const cluster of opens(service, fleet)) {
      for (const { port, protocol } of service.ports)
        if (family(protocol) !== "udp") out.push(claim(cluster, port, protocol))
    }
    return out
  }
}

/**
 * A port of an address behind which several clusters stand leads to any of those that open it. That is right where they
 * open it for the same services, or one of them alone opens it; else calls end where the service does not run.
 */
export const doorClaims = (
  service: Service,
  opened: ReadonlyArray<string>,
  shared: ReadonlyMap<string, ReadonlyArray<string>>
): ReadonlyArray<Claim> => {
  const out: Array<Claim> = []
  for (const [address, clusters] of shared) {
    const there = clusters.filter((cluster) => opened.includes(cluster))
    if (there.length === 0) continue
    for (const { port, protocol } of service.ports) {
      if (family(protocol) === "udp") continue
      out.push({
        key: `door ${address} ${port}`,
        what: `port ${port} of ${address}, the gateway of clusters ${clusters.join(", ")} alike, and run in different ones`,
        diagnostic: "CW629",
        help: "give each cluster an address of its own, or the services ports of their own",
        severity: "warning",
        share: there.join(" ")
      })
    }
  }
  return out
}
