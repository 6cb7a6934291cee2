/**
 * What only one service can have: a TCP port of a gateway, a TCP port of an address. Proxies tell HTTP services on one
 * port apart by host and TLS services by SNI, so those share with their like; TCP shares with nothing.
 */
import type { Service } from "@coddiwomple/core/Model"
import type { Claim } from "@coddiwomple/core/Transform"
import { family } from "@coddiwomple/istio/Protocol"

const share = (protocol: string): { readonly share?: string } => {
  const f = family(protocol)
  return f === "http" || f === "tls" ? { share: f } : {}
}

/** Two TCP services on one address and port: every call would silently go to the first of them by name. */
export const addressClaims = (service: Service): ReadonlyArray<Claim> =>
  service.ports.map((port) => ({
    key: `address ${service.address} ${port.port}`,
    what: `port ${port.port} of address ${service.address}`,
    diagnostic: "CW512",
    ...share(port.protocol)
  }))

/** A gateway port carries one TCP route, or HTTP, or TLS. */
export const gatewayClaims = (service: Service): ReadonlyArray<Claim> =>
  service.backends.flatMap((backend) =>
    service.ports.map((port) => ({
      key: `gateway ${backend.cluster} ${port.port}`,
      what: `port ${port.port} of the gateway in cluster ${backend.cluster}`,
      diagnostic: "CW624" as const,
      ...share(port.protocol)
    }))
  )
