/**
 * What a gateway does with a connection: which server of which Gateway takes it, by port, TLS and name, and where its
 * routes lead. Servers of one port merge as in Istio: with their like, oldest first, the others are skipped.
 */
import { family } from "../Protocol.ts"
import { pass } from "./Passthrough.ts"
import type { Gateway, Item, Path, Routes, Server } from "./Parsed.ts"
import type { Cause } from "./Place.ts"
import { failureOf, type Step } from "./Route.ts"
import { covers, routesFor } from "./Seen.ts"
import type { Walk, Ways, Wire } from "./Walk.ts"
import type { Mesh } from "./World.ts"

/** The server that takes a connection. */
export interface Doorway {
  readonly mesh: Mesh
  readonly gateway: Gateway
  readonly server: Server
  /** Of the gateway's pods. */
  readonly namespace: string
}

/** Through the gateway of a cluster. */
export const enter = (walk: Walk, mesh: Mesh, port: number, wire: Wire): Ways => {
  const found = serversOf(mesh, port)
  const lost = (
    kind: "undeliverable" | "no-gateway-server",
    reason: string,
    help: string,
    causes: ReadonlyArray<Cause>
  ): Ways => ({
    steps: [],
    arrivals: [],
    failure: walk.fail(kind, reason, help, causes)
  })
  if (found.length === 0)
    return lost(
      "no-gateway-server",
      `no Gateway of cluster ${mesh.name} listens on port ${port}`,
      "apply the Gateway there, or correct the port",
      []
    )
  const first = classOf(found[0]!.server)
  const usable = found.filter(({ server }) => classOf(server) === first)
  const at = (item: Item, path: Path): Cause => ({ cluster: mesh.name, item, path })
  const server0 = at(found[0]!.server.item, found[0]!.server.path)
  const sni = sniOf(wire)
  if (first === "tls" && sni === undefined)
    return lost(
      "undeliverable",
      `the gateway of cluster ${mesh.name} takes TLS on port ${port}, but the call arrives in plaintext`,
      "set tls.mode: ISTIO_MUTUAL in the DestinationRule",
      [server0]
    )
  if (first === "http" && sni !== undefined)
    return lost(
      "undeliverable",
      `the gateway of cluster ${mesh.name} takes HTTP on port ${port}, but the call arrives with TLS`,
      "remove tls from the DestinationRule, or give the server TLS",
      [server0]
    )
  const inner = sni === undefined ? undefined : /^outbound_\.(\d+)_\.([^_]*)_\.(.+)$/.exec(sni)
  const asked = (server: Server) =>
    server.mode === "AUTO_PASSTHROUGH" ? inner?.[3] : first === "tls" ? sni : wire.host
  const match =
    first === "tcp"
      ? usable[0]
      : usable.find(({ server }) => {
          const host = asked(server)
          return host !== undefined && server.hosts.some((h) => covers(h, host))
        })
  if (match === undefined) {
    const what = first === "tls" ? `for the SNI ${sni}` : `for the host ${wire.host}`
    const dropped = found.some(
      ({ server }) => classOf(server) !== first && server.hosts.some((h) => covers(h, wire.host))
    )
    const why = dropped
      ? `: its server was skipped, because ${found[0]!.server.item.name} already opens the port with another protocol`
      : ""
    return lost(
      "no-gateway-server",
      `no Gateway of cluster ${mesh.name} has a server on port ${port} ${what}${why}`,
      dropped ? "use another port" : `add ${wire.host} to the hosts of a Gateway there`,
      [server0]
    )
  }
  const { gateway, server } = match
  const namespace = mesh.site.gateway?.namespace ?? gateway.item.namespace
  const way = { mesh, gateway, server, namespace }
  if (server.mode === "AUTO_PASSTHROUGH") return pass(walk, way, inner![3]!, Number(inner![1]))
  return terminate(walk, way, port, wire, sni)
}

/** Without a name of its own, TLS of HTTP carries the host; other TLS carries none. */
const sniOf = ({ host, protocol, wrapping }: Wire): string | undefined => {
  const f = family(protocol)
  if (wrapping.mode === "none") return f === "tls" ? host : undefined
  return wrapping.sni ?? (f === "http" || f === "tls" ? host : "")
}

/** Servers on a port, of the Gateways that select the cluster's gateway pods, oldest first. */
const serversOf = (mesh: Mesh, port: number): ReadonlyArray<{ readonly gateway: Gateway; readonly server: Server }> => {
  const labels = mesh.site.gateway?.selector
  const selects = (gateway: Gateway) =>
    labels === undefined ||
    Object.keys(labels).length === 0 ||
    Object.entries(gateway.selector).every(([key, value]) => labels[key] === value)
  return mesh.gateways
    .filter(selects)
    .flatMap((gateway) => gateway.servers.filter((s) => s.port === port).map((server) => ({ gateway, server })))
}

/** Servers of one port merge with their like; the others are skipped. */
const classOf = (server: Server): "http" | "tls" | "tcp" => {
  if (server.mode !== "") return "tls"
  return family(server.protocol) === "http" ? "http" : "tcp"
}

/** Every other kind of server: routes of VirtualServices that are bound to the gateway. */
const terminate = (
  walk: Walk,
  { mesh, gateway, server, namespace }: Doorway,
  port: number,
  wire: Wire,
  sni: string | undefined
): Ways => {
  const at = (item: Item, path: Path): Cause => ({ cluster: mesh.name, item, path })
  const cause = at(server.item, server.path)
  const lost = (reason: string, help: string, causes: ReadonlyArray<Cause> = [cause]): Ways => ({
    steps: [],
    arrivals: [],
    failure: walk.fail("undeliverable", reason, help, causes)
  })
  if (server.mode === "ISTIO_MUTUAL" && wire.wrapping.mode !== "mtls")
    return lost(
      `the gateway of cluster ${mesh.name} wants mTLS on port ${port}`,
      "set tls.mode: ISTIO_MUTUAL in the DestinationRule"
    )
  const kind =
    server.mode === "PASSTHROUGH" ? "tls" : classOf(server) === "http" || server.protocol === "HTTPS" ? "http" : "tcp"
  const names = [`${gateway.item.namespace}/${gateway.item.name}`]
  const bound = (r: Routes) => r.gateways.some((g) => names.includes(g.includes("/") ? g : `${r.item.namespace}/${g}`))
  // Behind a server that does not read the calls, the oldest route for any of its hosts takes them all.
  const host = kind === "http" ? wire.host : (sni ?? wire.host)
  const named = kind === "tcp" ? server.hosts : [host]
  for (const routes of routesFor(mesh, namespace, named, bound)) {
    const route = routes.routes.find(
      (r) =>
        r.kind === kind &&
        (r.ports.length === 0 || r.ports.includes(port)) &&
        (kind !== "tls" || r.sniHosts.some((h) => covers(h, host)))
    )
    if (route === undefined) continue
    const arrivals = route.destinations
      .filter((d) => d.weight > 0 || route.destinations.length === 1)
      .map((d) => walk.destination(mesh, d, at(routes.item, d.path)))
    const steps = walk.told(() => [
      {
        stage: "gateway",
        cluster: mesh.name,
        text: `gateway ${gateway.item.namespace}/${gateway.item.name} takes ${host} on port ${port} (${server.protocol})`,
        causes: [cause]
      },
      ...arrivals.map(
        (a): Step => ({
          stage: "backend",
          cluster: mesh.name,
          text: `its route leads to ${a.host}:${a.port} in cluster ${mesh.name}`,
          causes: [a.cause]
        })
      )
    ])
    const { failure } = failureOf(arrivals)
    if (failure === undefined) return { steps, arrivals }
    return { steps, arrivals, failure: { ...failure, felt: family(wire.protocol) === "http" ? "answer" : "nothing" } }
  }
  return lost(
    `no VirtualService of cluster ${mesh.name} routes ${host} on port ${port} of gateway ${names[0]}`,
    "apply the VirtualService there; its exportTo must include the gateway's namespace"
  )
}
