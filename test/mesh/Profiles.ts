// The profiles of istio-global-dns, and what each asks of the meshes it is for.
import type { Fleet } from "./Fleet.ts"

export interface Profile {
  readonly name: string
  readonly transform: Readonly<Record<string, unknown>>
  /** One root CA and one trust domain for all meshes. */
  readonly sharedRoot: boolean
  readonly gatewayLabel: string
  /** What gateways open; `one` is that port. */
  /** Gateways open one port for all services. */
  readonly onePort: boolean
  readonly gatewayPorts: (fleet: Fleet, one: number) => ReadonlyArray<number>
  /** Calls go to the local backend as long as there is one, and to others when it dies. */
  readonly failover: boolean
  /** Gateways have certificates of their own. */
  readonly edge?: boolean
  /** The server sees the caller's own identity, also from another cluster. */
  readonly endToEnd: boolean
}

const servicePorts = (fleet: Fleet): ReadonlyArray<number> => [
  ...new Set(fleet.services.flatMap((service) => service.ports.map((port) => port.port)))
]

export const mtls: Profile = {
  name: "mtls",
  // Shorter than the default of 30 s, so that the return of a backend is seen within the time of a test.
  transform: {
    profile: "mtls",
    createNamespaces: true,
    outlierDetection: { consecutiveGatewayErrors: 5, interval: "1s", baseEjectionTime: "8s" }
  },
  sharedRoot: true,
  gatewayLabel: "eastwestgateway",
  onePort: true,
  gatewayPorts: (_, one) => [one],
  failover: true,
  endToEnd: true
}

export const classic: Profile = {
  name: "classic",
  transform: { profile: "classic", createNamespaces: true },
  sharedRoot: false,
  gatewayLabel: "ingressgateway",
  onePort: false,
  gatewayPorts: servicePorts,
  failover: false,
  endToEnd: false
}

/** Calls between clusters go in plaintext; inside a cluster the mesh's own mTLS stays. */
export const plaintext: Profile = {
  ...mtls,
  name: "plaintext",
  transform: { ...mtls.transform, profile: "plaintext", allowPlaintext: true },
  sharedRoot: false,
  onePort: false,
  gatewayPorts: servicePorts,
  endToEnd: false
}

/** Calls between clusters go in TLS to the gateway, whose certificate is no mesh's. */
export const tls: Profile = {
  ...mtls,
  name: "tls",
  transform: { ...mtls.transform, profile: "tls", tls: { caConfigMap: "cw-ca" } },
  sharedRoot: false,
  edge: true,
  failover: false,
  endToEnd: false
}
