/**
 * From an address to a backend: into the cluster whose gateway has it, through that gateway as its own control plane
 * configures it, to a Kubernetes Service.
 */
import { family, longestSni } from "../Protocol.ts"
import { Findings } from "./Finding.ts"
import { enter } from "./Gateways.ts"
import type { Destination, Endpoint } from "./Parsed.ts"
import type { Cause } from "./Place.ts"
import type { Arrival, Call, Edge, Failure, Leg, Step } from "./Route.ts"
import { policyFor, seen } from "./Seen.ts"
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

export interface Ways {
  readonly steps: ReadonlyArray<Step>
  readonly arrivals: ReadonlyArray<Arrival>
  readonly failure?: Failure
}

/** What calls that assume the same have in common: their findings, and the ways through gateways. */
export interface Shared {
  readonly findings: Findings
  readonly ways: Map<string, Ways>
}

export const shared = (): Shared => ({ findings: new Findings(), ways: new Map() })

const silence: ReadonlyArray<Step> = []
const nobody: ReadonlyArray<Mesh> = []

const clusterLabels = ["coddiwomple.io/cluster", "cluster"]

export class Walk {
  readonly world: World
  readonly call: Call
  readonly findings: Findings
  private readonly ways: Map<string, Ways>

  constructor(world: World, call: Call, shared: Shared) {
    this.world = world
    this.call = call
    this.findings = shared.findings
    this.ways = shared.ways
  }

  /** The calls to one endpoint, with its share of the tier. */
  leg(mesh: Mesh, endpoint: Endpoint, port: number, wire: Wire, share: number): Leg {
    const cause: Cause = { cluster: mesh.name, item: endpoint.item, path: [...endpoint.path, "address"] }
    const edge = edgeOf(wire)
    const { target, twins } = this.target(mesh, endpoint, port)
    const base = { address: endpoint.address, port, edge, share, cause }
    const { sni = "" } = wire.wrapping
    if (sni.length > longestSni) {
      const failure = this.fail(
        "undeliverable",
        `calls of ${wire.host}:${wire.port} in cluster ${mesh.name} cannot connect: their SNI has ${sni.length} bytes, and ${longestSni} are possible`,
        "use a shorter host",
        [cause]
      )
      const cluster = (target ?? mesh).name
      return { ...base, cluster, remote: target !== undefined && target !== mesh, steps: [], arrivals: [], failure }
    }
    if (target === undefined) {
      const { steps, arrivals, failure } = this.outside(mesh, endpoint, port, cause)
      if (edge === "plaintext" && failure === undefined) this.unwrapped(mesh, endpoint, wire)
      return {
        ...base,
        cluster: mesh.name,
        remote: false,
        steps,
        arrivals,
        ...(failure === undefined ? {} : { failure })
      }
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
    if (twins.length > 0) {
      const names = [target, ...twins].map((m) => m.name).join(", ")
      this.findings.warning(
        "misrouted",
        `${endpoint.address}:${port} is the gateway of clusters ${names} alike: calls of ${wire.host} from cluster ${mesh.name} may end in any of them`,
        "give each cluster an address or a gateway port of its own",
        [cause]
      )
    }
    const way = this.way(target, twins, port, wire)
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
      return {
        ...arrival,
        failure: { reason: `the backend in cluster ${mesh.name} does not answer`, supposed: true, felt: "connection" }
      }
    const known = mesh.services.get(host)
    if (mesh.services.size === 0 || !host.endsWith(mesh.localSuffix)) return arrival
    if (known === undefined)
      return {
        ...arrival,
        failure: this.fail(
          "undeliverable",
          `cluster ${mesh.name} has no Service ${host}`,
          "create it, or correct the backend",
          [cause]
        )
      }
    if (!known.ports.includes(port)) {
      const has = known.ports.length === 0 ? "none" : known.ports.join(", ")
      return {
        ...arrival,
        failure: this.fail(
          "port-mismatch",
          `Service ${host} of cluster ${mesh.name} has no port ${port}; it has ${has}`,
          "correct backend_port",
          [cause]
        )
      }
    }
    return arrival
  }

  /** Steps, where somebody wants to read them. */
  told(steps: () => ReadonlyArray<Step>): ReadonlyArray<Step> {
    return this.call.brief === true ? silence : steps()
  }

  fail(
    kind: "undeliverable" | "port-mismatch" | "no-gateway-server" | "no-tls-mode",
    reason: string,
    help: string,
    causes: ReadonlyArray<Cause>
  ): Failure {
    this.findings.error(kind, reason, help, causes)
    return { reason, supposed: false, felt: "connection" }
  }

  private isSilent(cluster: string): Ways | undefined {
    const { down, withoutGateway } = this.call
    if (down?.has(cluster) !== true && withoutGateway?.has(cluster) !== true) return undefined
    return {
      steps: [],
      arrivals: [],
      failure: { reason: `the gateway of cluster ${cluster} does not answer`, supposed: true, felt: "connection" }
    }
  }

  /**
   * The cluster whose gateway has the address. Where several stand behind one, the label decides, then the port; where
   * they share the port too nobody knows, and the others are its twins.
   */
  private target(
    mesh: Mesh,
    endpoint: Endpoint,
    port: number
  ): { readonly target: Mesh | undefined; readonly twins: ReadonlyArray<Mesh> } {
    const at = this.world.at(endpoint.address)
    if (at.length < 2) return { target: at[0], twins: nobody }
    const label = clusterLabels.map((key) => endpoint.labels[key]).find((value) => value !== undefined)
    const listening = at.filter((other) => other.gateways.some((g) => g.servers.some((s) => s.port === port)))
    const target = at.find((other) => other.name === label) ?? listening.find((other) => other !== mesh) ?? at[0]
    if (listening.length < 2 || !listening.includes(target!)) return { target, twins: nobody }
    return { target, twins: listening.filter((other) => other !== target) }
  }

  /** Through the gateway of the target; of several that may be it, the worst counts. */
  private way(target: Mesh, twins: ReadonlyArray<Mesh>, port: number, wire: Wire): Ways {
    const through = (mesh: Mesh) => this.isSilent(mesh.name) ?? this.known(mesh, port, wire)
    const way = through(target)
    if (way.failure !== undefined) return way
    return twins.map(through).find((other) => other.failure !== undefined) ?? way
  }

  /** An address that is no gateway: something of this cluster, unless its label says otherwise. */
  private outside(mesh: Mesh, endpoint: Endpoint, port: number, cause: Cause): Ways {
    const label = clusterLabels.map((key) => endpoint.labels[key]).find((value) => value !== undefined)
    const other = typeof label === "string" && label !== mesh.name ? this.world.get(label) : undefined
    if (other !== undefined) {
      const known = other.site.addresses.join(", ") || "none"
      const reason = `${endpoint.address} is no address of the gateway of cluster ${other.name} (known: ${known})`
      return {
        steps: [],
        arrivals: [],
        failure: this.fail("undeliverable", reason, "correct the address of the cluster", [cause])
      }
    }
    const steps = this.told(() => [
      {
        stage: "backend",
        cluster: mesh.name,
        text: `${endpoint.address}:${port} in cluster ${mesh.name}`,
        causes: [cause]
      }
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

  private known(mesh: Mesh, port: number, wire: Wire): Ways {
    const { mode, sni } = wire.wrapping
    const key = `${mesh.name} ${port} ${mode} ${sni ?? `${wire.host} ${wire.protocol}`}`
    let ways = this.ways.get(key)
    if (ways === undefined) this.ways.set(key, (ways = enter(this, mesh, port, wire)))
    return ways
  }

  destination(mesh: Mesh, { host, port }: Destination, cause: Cause): Arrival {
    return this.arrive(mesh, host, port ?? mesh.services.get(host)?.ports[0] ?? 0, cause)
  }
}

const edgeOf = ({ protocol, wrapping }: Wire): Edge =>
  wrapping.mode !== "none" ? wrapping.mode : family(protocol) === "tls" ? "application-tls" : "plaintext"
