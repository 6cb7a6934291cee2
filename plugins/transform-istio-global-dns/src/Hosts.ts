/** What the profiles with gateways of cw's own have in common: names of a service's hosts, and which clusters share bodies. */
import { shared } from "@coddiwomple/core/Emit"
import type { Service } from "@coddiwomple/core/Model"
import { objectName } from "@coddiwomple/core/Names"
import type { Provider } from "./Providers.ts"
import type { Sites } from "./Sites.ts"

export interface Named {
  readonly host: string
  /** The host without the suffix as a DNS label: hosts are unique, so these are. */
  readonly name: string
  /** The host alone, shared by all objects that list it. */
  readonly list: ReadonlyArray<string>
}

/** In the order of the names, which is the order of the stream. */
export const hostsOf = (service: Service, { fleet }: Sites): ReadonlyArray<Named> =>
  service.hosts
    .map((host) => ({ host, name: hostName(host, fleet.suffix), list: shared([host]) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))

const hostName = (host: string, suffix: string): string => {
  const prefix = host.endsWith(`.${suffix}`) ? host.slice(0, -suffix.length - 1) : host
  return objectName(prefix, "cw-out-").slice("cw-out-".length)
}

export const isSameGateway = (a: Provider, b: Provider): boolean => a.site.gatewayKey === b.site.gatewayKey

/** Backends without port numbers of their own share the map of the declared ones. */
export const isSameIncoming = (a: Provider, b: Provider): boolean =>
  a.incoming.address === b.incoming.address &&
  a.incoming.ports === b.incoming.ports &&
  a.site.gateway.namespace === b.site.gateway.namespace
