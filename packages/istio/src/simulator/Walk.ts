/**
 * From an address to a backend: into the cluster whose gateway has it, through that gateway as its own control plane
 * configures it, to a Kubernetes Service. A gateway that would send the call on to another gateway is a loop.
 */
import { family } from "../Protocol.ts"
import { Findings } from "./Finding.ts"
import type { Destination, Endpoint, Gateway, Item, Path, Routes, Server } from "./Parsed.ts"
import type { Cause } from "./Place.ts"
import type { Arrival, Call, Edge, Failure, Leg, Step } from "./Route.ts"
import { covers, policyFor, routesFor, seen } from "./Seen.ts"
import { policyOf } from "./Balance.ts"
import { map } from "../rules/Rule.ts"
import type { Wrapping } from "./Tls.ts"
import type { Mesh, World } from "./World.ts"

/** What arrives at a gateway. */
export interface Wire {
  readonly host: string
  /** What the caller dialled. */
  readonly port: number
  readonly protocol: string
  readonly wrapping: Wrapping
}

interface Ways {
  readonly steps: ReadonlyArray<Step>
  readonly arrivals: ReadonlyArray<Arrival>
  readonly failure?: Failure
}

const silence: ReadonlyArray<Step> = []

const clusterLabels = ["coddiwomple.io/cluster", "cluster"]

export class Walk {
  readonly world: World
  readonly call: Call
  readonly findings = new Findings()

  constructor(world: World, call: Call) {
    this.world = world
    this.call = call
  }

  /** The calls to one endpoint, with its share of the tier. */
  leg(mesh: Mesh, endpoint: Endpoint, port: number, wire: Wire, share: number): Leg {
    const cause: Cause = { cluster: mesh.name, item: endpoint.item, path: [...endpoint.path, "address"] }
    const edge = edgeOf(wire)
    const target = this.target(mesh, endpoint, port)
    const base = { address: endpoint.address, port, edge, share, cause }
    if (target === undefined) {
      const { steps, arrivals, failure } = this.outside(mesh, endpoint, port, cause)
      if (edge === "plaintext" && failure === undefined) this.unwrapped(mesh, endpoint, wire)
      return { ...base, cluster: mesh.name, remote: false, steps, arrivals, ...(failure === undefined ? {} : { failure }) }
    }
    const remote = target !== mesh
    const steps = this.told(() => [
      {
        stage: "endpoint",
        cluster: mesh.name,
        text: `${endpoint.address}:${port} is the gateway of cluster ${target.name}`,
        causes: [cause]
      }
    ])
    if (edge === "plaintext" && remote) {
      this.findings.error(
        "plaintext",
        `${wire.host}:${wire.port} leaves cluster ${mesh.name} in plaintext for ${target.name} (${endpoint.address}): ${wire.wrapping.why}`,
        "use profile mtls, or permit plaintext on purpose",
        [cause, ...this.tlsCause(mesh, wire, endpoint)]
      )
    }
    const way = this.isSilent(target.name) ?? this.enter(target, port, wire)
    return {
      ...base,
      cluster: target.name,
      remote,
      steps: way.steps.length === 0 ? steps : [...steps, ...way.steps],
      arrivals: way.arrivals,
      ...(way.failure === undefined ? {} : { failure: way.failure })
    }
  }

  /** A Kubernetes Service of this cluster. */
  arrive(mesh: Mesh, host: string, port: number, cause: Cause): Arrival {
    const arrival = { cluster: mesh.name, host, port, cause }
    const { down, withoutBackend } = this.call
    if (down?.has(mesh.name) === true || withoutBackend?.has(mesh.name) === true)
      return { ...arrival, failure: { reason: `the backend in cluster ${mesh.name} does not answer`, supposed: true } }
    const known = mesh.services.get(host)
    if (mesh.services.size === 0 || !host.endsWith(mesh.localSuffix)) return arrival
    if (known === undefined)
      return { ...arrival, failure: this.fail("undeliverable", `cluster ${mesh.name} has no Service ${host}`, "create it, or correct the backend", [cause]) }
    if (!known.ports.includes(port)) {
      const has = known.ports.length === 0 ? "none" : known.ports.join(", ")
      return {
        ...arrival,
        failure: this.fail("port-mismatch", `Service ${host} of cluster ${mesh.name} has no port ${port}; it has ${has}`, "correct backend_port", [cause])
      }
    }
    return arrival
  }

  /** Steps, where somebody wants to read them. */
  told(steps: () => ReadonlyArray<Step>): ReadonlyArray<Step> {
    return this.call.brief === true ? silence : steps()
  }

  fail(kind: "undeliverable" | "port-mismatch" | "no-gateway-server" | "no-tls-mode", reason: string, help: string, causes: ReadonlyArray<Cause>): Failure {
    this.findings.error(kind, reason, help, causes)
    return { reason, supposed: false }
  }

  private isSilent(cluster: string): Ways | undefined {
    const { down, withoutGateway } = this.call
    if (down?.has(cluster) !== true && withoutGateway?.has(cluster) !== true) return undefined
    return { steps: [], arrivals: [], failure: { reason: `the gateway of cluster ${cluster} does not answer`, supposed: true } }
  }

  /** The cluster whose gateway has the address. Where several stand behind one, the label decides, then the port. */
  private target(mesh: Mesh, endpoint: Endpoint, port: number): Mesh | undefined {
    const at = this.world.at(endpoint.address)
    if (at.length < 2) return at[0]
    const label = clusterLabels.map((key) => endpoint.labels[key]).find((value) => value !== undefined)
    const listens = (other: Mesh) => other.gateways.some((g) => g.servers.some((s) => s.port === port))
    return at.find((other) => other.name === label) ?? at.find((other) => other !== mesh && listens(other)) ?? at[0]
  }

  /** An address that is no gateway: something of this cluster, unless its label says otherwise. */
  private outside(mesh: Mesh, endpoint: Endpoint, port: number, cause: Cause): Ways {
    const label = clusterLabels.map((key) => endpoint.labels[key]).find((value) => value !== undefined)
    const other = typeof label === "string" && label !== mesh.name ? this.world.get(label) : undefined
    if (other !== undefined) {
      const known = other.site.addresses.join(", ") || "none"
      const reason = `${endpoint.address} is no address of the gateway of cluster ${other.name} (known: ${known})`
      return { steps: [], arrivals: [], failure: this.fail("undeliverable", reason, "correct the address of the cluster", [cause]) }
    }
    const steps = this.told(() => [
      { stage: "backend", cluster: mesh.name, text: `${endpoint.address}:${port} in cluster ${mesh.name}`, causes: [cause] }
    ])
    const arrival = this.arrive(mesh, endpoint.address, port, cause)
    return { steps, arrivals: [arrival], ...(arrival.failure === undefined ? {} : { failure: arrival.failure }) }
  }

  private tlsCause(mesh: Mesh, wire: Wire, endpoint: Endpoint): ReadonlyArray<Cause> {
    const { path } = wire.wrapping
    const entry = seen(mesh, this.call.namespace ?? "default", wire.host)?.entry
    const policy = entry === undefined ? undefined : policyFor(mesh, this.call.namespace ?? "default", wire.host, entry)
    if (path !== undefined && policy !== undefined) return [{ cluster: mesh.name, item: policy.item, path }]
    return [{ cluster: mesh.name, item: endpoint.item, path: [...endpoint.path, "labels"] }]
  }

  private unwrapped(mesh: Mesh, endpoint: Endpoint, wire: Wire): void {
    const entry = seen(mesh, this.call.namespace ?? "default", wire.host)?.entry
    if (entry === undefined || !entry.internal) return
    this.findings.warning(
      "no-tls-mode",
      `${wire.host}:${wire.port} reaches ${endpoint.address} in cluster ${mesh.name} in plaintext, which a mesh with STRICT mTLS refuses`,
      "label the endpoint security.istio.io/tlsMode: istio",
      [{ cluster: mesh.name, item: endpoint.item, path: [...endpoint.path, "labels"] }]
    )
  }

  /** Through the gateway of a cluster. */
  private enter(mesh: Mesh, port: number, wire: Wire): Ways {
    const found = this.servers(mesh, port)
    const lost = (kind: "undeliverable" | "no-gateway-server", reason: string, help: string, causes: ReadonlyArray<Cause>): Ways => ({
      steps: [],
      arrivals: [],
      failure: this.fail(kind, reason, help, causes)
    })
    if (found.length === 0)
      return lost("no-gateway-server", `no Gateway of cluster ${mesh.name} listens on port ${port}`, "apply the Gateway there, or correct the port", [])
    const first = classOf(found[0]!.server)
    const usable = found.filter(({ server }) => classOf(server) === first)
    const at = (item: Item, path: Path): Cause => ({ cluster: mesh.name, item, path })
    const server0 = at(found[0]!.server.item, found[0]!.server.path)
    const sni = wire.wrapping.mode === "none" ? (family(wire.protocol) === "tls" ? wire.host : undefined) : (wire.wrapping.sni ?? wire.host)
    if (first === "tls" && sni === undefined)
      return lost("undeliverable", `the gateway of cluster ${mesh.name} takes TLS on port ${port}, but the call arrives in plaintext`, "set tls.mode: ISTIO_MUTUAL in the DestinationRule", [server0])
    if (first !== "tls" && sni !== undefined && first === "http")
      return lost("undeliverable", `the gateway of cluster ${mesh.name} takes HTTP on port ${port}, but the call arrives with TLS`, "remove tls from the DestinationRule, or give the server TLS", [server0])
    const inner = sni === undefined ? undefined : /^outbound_\.(\d+)_\.([^_]*)_\.(.+)$/.exec(sni)
    const asked = (server: Server) => (server.mode === "AUTO_PASSTHROUGH" ? inner?.[3] : first === "tls" ? sni : wire.host)
    const match = first === "tcp" ? usable[0] : usable.find(({ server }) => {
      const host = asked(server)
      return host !== undefined && server.hosts.some((h) => covers(h.slice(h.indexOf("/") + 1), host))
    })
    if (match === undefined) {
      const what = first === "tls" ? `for the SNI ${sni}` : `for the host ${wire.host}`
      const dropped = found.some(({ server }) => classOf(server) !== first && server.hosts.some((h) => covers(h, wire.host)))
      const why = dropped ? `: its server was skipped, because ${found[0]!.server.item.name} already opens the port with another protocol` : ""
      return lost("no-gateway-server", `no Gateway of cluster ${mesh.name} has a server on port ${port} ${what}${why}`, dropped ? "use another port" : `add ${wire.host} to the hosts of a Gateway there`, [server0])
    }
    const { gateway, server } = match
    const namespace = mesh.site.gateway?.namespace ?? gateway.item.namespace
    const way = { mesh, gateway, server, namespace }
    if (server.mode === "AUTO_PASSTHROUGH") return this.pass(way, inner![3]!, Number(inner![1]))
    return this.terminate(way, port, wire, sni)
  }

  private servers(mesh: Mesh, port: number): ReadonlyArray<{ readonly gateway: Gateway; readonly server: Server }> {
    const labels = mesh.site.gateway?.selector
    const selects = (gateway: Gateway) =>
      labels === undefined || Object.keys(labels).length === 0 || Object.entries(gateway.selector).every(([key, value]) => labels[key] === value)
    return mesh.gateways
      .filter(selects)
      .flatMap((gateway) => gateway.servers.filter((s) => s.port === port).map((server) => ({ gateway, server })))
  }

  /** AUTO_PASSTHROUGH: on to every endpoint that the gateway's namespace sees for the host, as it comes. */
  private pass({ mesh, gateway, server, namespace }: AtGateway, host: string, port: number): Ways {
    const at = (item: Item, path: Path): Cause => ({ cluster: mesh.name, item, path })
    const own: Cause = at(server.item, [...server.path, "hosts", Math.max(0, server.hosts.findIndex((h) => covers(h.slice(h.indexOf("/") + 1), host)))])
    const step = (text: string, causes: ReadonlyArray<Cause>): Step => ({ stage: "gateway", cluster: mesh.name, text, causes })
    const steps = this.told(() => [
      step(
        `gateway ${gateway.item.namespace}/${gateway.item.name} takes SNI outbound_.${port}_._.${host} on port ${server.port} and passes it through`,
        [own]
      )
    ])
    const lost = (kind: "undeliverable" | "port-mismatch" | "no-tls-mode", reason: string, help: string, cause: Cause): Ways => ({
      steps,
      arrivals: [],
      failure: this.fail(kind, reason, help, [cause])
    })
    const found = seen(mesh, namespace, host)
    if (found === undefined || !found.entry.internal) {
      const why = found === undefined ? "sees no ServiceEntry" : "sees the host as MESH_EXTERNAL, which is never passed through"
      return lost("undeliverable", `the gateway of cluster ${mesh.name} ${why} for ${host} (namespace ${namespace})`, "apply the ServiceEntry of the gateway's namespace there", found === undefined ? own : at(found.entry.item, ["spec"]))
    }
    const { entry } = found
    const target = found.ports.find((p) => p.number === port)
    if (target === undefined) {
      const has = found.ports.map((p) => p.number).join(", ")
      return lost("port-mismatch", `the gateway of cluster ${mesh.name} knows ${host} with port ${has}, not ${port}`, "give both ServiceEntries the same ports", at(entry.item, ["spec", "ports"]))
    }
    const policy = policyFor(mesh, namespace, host, entry)
    const mode = map(policyOf(policy, port).fields.tls).mode
    const usable = found.endpoints.filter((e) => (mode === "ISTIO_MUTUAL" ? true : mode === "DISABLE" ? false : e.takesMtls))
    for (const endpoint of usable) this.circle(mesh, endpoint, host)
    if (usable.length === 0) {
      const endpoint = found.endpoints[0]
      if (endpoint === undefined) return lost("undeliverable", `the gateway of cluster ${mesh.name} has no endpoint for ${host}`, "give the host a backend there", at(entry.item, ["spec"]))
      return lost("no-tls-mode", `the gateway of cluster ${mesh.name} leaves out ${endpoint.address}: the endpoint does not say that it takes mTLS`, "label it security.istio.io/tlsMode: istio", at(endpoint.item, endpoint.path))
    }
    const arrivals = usable.flatMap((endpoint) => {
      if (this.isRemote(mesh, endpoint)) return []
      const cause = at(endpoint.item, [...endpoint.path, "address"])
      return [this.arrive(mesh, endpoint.address, portOf(endpoint, target), cause)]
    })
    const more = this.told(() => [
      ...steps,
      step(`it sees ${host} through ${entry.item.namespace}/${entry.item.name}`, [at(entry.item, ["spec", "hosts", 0])]),
      ...arrivals.map(
        (a): Step => ({ stage: "backend", cluster: mesh.name, text: `${a.host}:${a.port} in cluster ${mesh.name}`, causes: [a.cause] })
      )
    ])
    if (arrivals.length === 0) return { steps: more, arrivals, failure: { reason: `the gateway of cluster ${mesh.name} sends the call on to other gateways`, supposed: false } }
    const failed = arrivals.find((a) => a.failure !== undefined)?.failure
    return { steps: more, arrivals, ...(failed === undefined ? {} : { failure: failed }) }
  }

  private isRemote(mesh: Mesh, endpoint: Endpoint): boolean {
    return this.world.at(endpoint.address).length > 0 && !endpoint.address.endsWith(mesh.localSuffix)
  }

  private circle(mesh: Mesh, endpoint: Endpoint, host: string): void {
    if (!this.isRemote(mesh, endpoint)) return
    const to = this.world.at(endpoint.address).map((m) => m.name).join(", ")
    this.findings.error(
      "loop",
      `the gateway of cluster ${mesh.name} sees a remote endpoint of ${host}, the gateway ${endpoint.address} of ${to}: calls run in circles`,
      "give the gateway's namespace a ServiceEntry of its own with the local endpoint alone, and hide the other from it",
      [{ cluster: mesh.name, item: endpoint.item, path: [...endpoint.path, "address"] }]
    )
  }

  /** Every other kind of server: routes of VirtualServices that are bound to the gateway. */
  private terminate({ mesh, gateway, server, namespace }: AtGateway, port: number, wire: Wire, sni: string | undefined): Ways {
    const at = (item: Item, path: Path): Cause => ({ cluster: mesh.name, item, path })
    const cause = at(server.item, server.path)
    const lost = (reason: string, help: string, causes: ReadonlyArray<Cause> = [cause]): Ways => ({ steps: [], arrivals: [], failure: this.fail("undeliverable", reason, help, causes) })
    if (server.mode === "ISTIO_MUTUAL" && wire.wrapping.mode !== "mtls")
      return lost(`the gateway of cluster ${mesh.name} wants mTLS on port ${port}`, "set tls.mode: ISTIO_MUTUAL in the DestinationRule")
    const kind = server.mode === "PASSTHROUGH" ? "tls" : classOf(server) === "http" || server.protocol === "HTTPS" ? "http" : "tcp"
    const names = [`${gateway.item.namespace}/${gateway.item.name}`]
    const bound = (r: Routes) => r.gateways.some((g) => names.includes(g.includes("/") ? g : `${r.item.namespace}/${g}`))
    const host = kind === "tls" ? sni! : wire.host
    for (const routes of routesFor(mesh, namespace, host, bound)) {
      const route = routes.routes.find(
        (r) => r.kind === kind && (r.ports.length === 0 || r.ports.includes(port)) && (kind !== "tls" || r.sniHosts.some((h) => covers(h, host)))
      )
      if (route === undefined) continue
      const arrivals = route.destinations.filter((d) => d.weight > 0 || route.destinations.length === 1).map((d) => this.destination(mesh, d, at(routes.item, d.path)))
      const steps = this.told(() => [
        { stage: "gateway", cluster: mesh.name, text: `gateway ${gateway.item.namespace}/${gateway.item.name} takes ${host} on port ${port} (${server.protocol})`, causes: [cause] },
        ...arrivals.map((a): Step => ({ stage: "backend", cluster: mesh.name, text: `its route leads to ${a.host}:${a.port} in cluster ${mesh.name}`, causes: [a.cause] }))
      ])
      const failure = arrivals.find((a) => a.failure !== undefined)?.failure
      return { steps, arrivals, ...(failure === undefined ? {} : { failure }) }
    }
    return lost(`no VirtualService of cluster ${mesh.name} routes ${host} on port ${port} of gateway ${names[0]}`, "apply the VirtualService there; its exportTo must include the gateway's namespace")
  }

  destination(mesh: Mesh, { host, port }: Destination, cause: Cause): Arrival {
    return this.arrive(mesh, host, port ?? mesh.services.get(host)?.ports[0] ?? 0, cause)
  }
}

interface AtGateway {
  readonly mesh: Mesh
  readonly gateway: Gateway
  readonly server: Server
  readonly namespace: string
}

/** Servers of one port merge with their like; the others are skipped. */
const classOf = (server: Server): "http" | "tls" | "tcp" => {
  if (server.mode !== "") return "tls"
  return family(server.protocol) === "http" ? "http" : "tcp"
}

export const portOf = (endpoint: Endpoint, port: { readonly name: string; readonly number: number; readonly targetPort: number | undefined }): number => {
  const own = endpoint.ports[port.name]
  return typeof own === "number" ? own : (port.targetPort ?? port.number)
}

const edgeOf = ({ protocol, wrapping }: Wire): Edge =>
  wrapping.mode !== "none" ? wrapping.mode : family(protocol) === "tls" ? "application-tls" : "plaintext"
