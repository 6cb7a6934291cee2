/**
 * From an address to a backend: into the cluster whose gateway has it, through that gateway as its own control plane
 * configures it, to a Kubernetes Service.
 */
import { family } from "../Protocol.ts"
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
    const target = this.target(mesh, endpoint, port)
    const base = { address: endpoint.address, port, edge, share, cause }
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
    const way = this.isSilent(target.name) ?? this.known(target, port, wire)
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
