/**
 * "A pod in cluster a calls foo.global:80": what happens, step by step, from the objects alone. Pure; the objects may
 * be what transforms made or what live clusters hold.
 */
import { family, isReserved } from "../Protocol.ts"
import { type Balance, balance, policyOf } from "./Balance.ts"
import { type Chosen, judge } from "./Judge.ts"
import { rivalOf } from "./Listener.ts"
import { type Endpoint, type Entry, type Policy, type Port, portOf } from "./Parsed.ts"
import type { Cause } from "./Place.ts"
import type { Call, Leg, Step, Tier, Trace } from "./Route.ts"
import { policyFor, routesFor, type Seen, seen, visibility } from "./Seen.ts"
import { wrapping } from "./Tls.ts"
import { type Shared, shared, Walk } from "./Walk.ts"
import type { Mesh, World } from "./World.ts"

/**
 * The cluster must be known. Calls that assume the same to be down may share what they find: then the findings are
 * those of all of them.
 */
export const trace = (world: World, call: Call, common: Shared = shared()): Trace => {
  const mesh = world.get(call.from)
  if (mesh === undefined) throw new Error(`unknown cluster ${call.from}`)
  const walk = new Walk(world, call, common)
  const steps: Array<Step> = []
  const none = (): Trace => ({
    call,
    outcome: "undeliverable",
    steps,
    tiers: [],
    answers: [],
    findings: walk.findings.all
  })
  const namespace = call.namespace ?? "default"
  const found = seen(mesh, namespace, call.host)
  if (found === undefined) {
    unknownHost(walk, mesh, namespace)
    return none()
  }
  const { entry } = found
  const at = (path: Cause["path"], item = entry.item): Cause => ({ cluster: mesh.name, item, path })
  const tell = (step: () => Step): void => {
    if (call.brief !== true) steps.push(step())
  }
  tell(() => ({
    stage: "name",
    cluster: mesh.name,
    text: `${call.host} is ServiceEntry ${entry.item.namespace}/${entry.item.name}`,
    causes: [at(["spec", "hosts", Math.max(0, entry.hosts.indexOf(call.host))])]
  }))
  shadows(walk, mesh, found)
  const port = found.ports.find((p) => p.number === call.port)
  if (port === undefined) {
    const has = found.ports.map((p) => p.number).join(", ")
    walk.fail(
      "port-mismatch",
      `${call.host} has no port ${call.port} in cluster ${mesh.name}; it has ${has}`,
      `call ${call.host}:${found.ports[0]?.number ?? ""}, or add the port`,
      [at(["spec", "ports"])]
    )
    return none()
  }
  if (isReserved(port.number, port.protocol)) {
    walk.fail(
      "undeliverable",
      `${call.host}:${port.number} in cluster ${mesh.name} gets no listener: Istio's proxies keep port ${port.number} for themselves`,
      "use another service port",
      [at(port.path)]
    )
    return none()
  }
  const rival = rivalOf(mesh, namespace, entry, port)
  tell(() => addressStep(mesh, entry, port))
  if (rival !== undefined) {
    const other = { cluster: mesh.name, item: rival.entry.item, path: ["spec", "ports"] } as const
    const why = `${rival.entry.hosts[0]} (ServiceEntry ${rival.entry.item.namespace}/${rival.entry.item.name}) has port ${port.number} ${rival.where}, and proxies cannot tell the two apart`
    walk.findings.error(
      "misrouted",
      rival.wins
        ? `calls of ${call.host}:${port.number} in cluster ${mesh.name} silently go to ${rival.entry.hosts[0]}: ${why}`
        : `calls of ${rival.entry.hosts[0]}:${port.number} in cluster ${mesh.name} silently go to ${call.host}: ${why}`,
      "give each its own address, or another port",
      [at(port.path), other]
    )
    if (rival.wins) return none()
  }
  const routed = viaRoutes(walk, mesh, namespace, port)
  if (routed !== undefined) {
    tell(() => routed.step)
    return finish(walk, mesh, steps, port, [routed.legs], undefined)
  }
  const policy = policyFor(mesh, namespace, call.host, entry)
  const fields = policyOf(policy, port.number)
  const how = balance(found.endpoints, entry.resolution, fields, mesh.site)
  tell(() => balanceStep(mesh, policy, how, entry))
  const tiers = how.tiers.map((tier) => tierLegs(walk, mesh, entry, port, policy, tier))
  if (found.endpoints.length === 0)
    walk.fail(
      "undeliverable",
      `${call.host} has no endpoints in cluster ${mesh.name}`,
      "give a cluster that runs it an address",
      [at(["spec"])]
    )
  if (tiers.length > 0) tell(() => tlsStep(mesh, entry, port, policy, found.endpoints[0]!, call.host))
  return finish(walk, mesh, steps, port, tiers, { how, policy, entry })
}

const tierLegs = (
  walk: Walk,
  mesh: Mesh,
  entry: Entry,
  port: Port,
  policy: Policy | undefined,
  tier: ReadonlyArray<Endpoint>
): ReadonlyArray<Leg> => {
  const fields = policyOf(policy, port.number)
  const whole = tier.reduce((n, e) => n + e.weight, 0)
  return tier.map((endpoint) => {
    const wrapped = wrapping(fields, entry, endpoint, walk.call.host, port.number, policy?.workloadSelector === true)
    const wire = { host: walk.call.host, port: port.number, protocol: port.protocol, wrapping: wrapped }
    return walk.leg(mesh, endpoint, portOf(endpoint, port), wire, whole === 0 ? 0 : endpoint.weight / whole)
  })
}

const unknownHost = (walk: Walk, mesh: Mesh, namespace: string): void => {
  const { host } = walk.call
  const hidden = mesh.entries.find((entry) => entry.hosts.includes(host))
  if (hidden !== undefined) {
    const to = hidden.exportTo.join(", ")
    walk.fail(
      "undeliverable",
      `${host} is not visible in namespace ${namespace} of cluster ${mesh.name}: it is exported to ${to}`,
      "call it from a namespace that sees it, or widen export_to",
      [{ cluster: mesh.name, item: hidden.item, path: ["spec", "exportTo"] }]
    )
    return
  }
  const elsewhere = walk.world.meshes.filter((m) =>
    m.entries.some((e) => e.hosts.includes(host) && visibility(e, namespace) !== undefined)
  )
  const known =
    elsewhere.length === 0 ? "no cluster knows it" : `clusters ${elsewhere.map((m) => m.name).join(", ")} know it`
  const ambient = mesh.site.dataplane === "ambient" ? "; the cluster is ambient, and nothing is made for it" : ""
  walk.fail(
    "undeliverable",
    `cluster ${mesh.name} does not know ${host}; ${known}${ambient}`,
    walk.call.declared?.traffic === "local-only"
      ? `it is local-only: only clusters that run it can call it; give cluster ${mesh.name} a backend, or set its traffic to local-first`
      : `let cluster ${mesh.name} call it: name it in consumers, or give the clusters that run it an address`,
    []
  )
}

const shadows = (walk: Walk, mesh: Mesh, { entry, shadowed }: Seen): void => {
  for (const other of shadowed) {
    walk.findings.warning(
      "shadowed-host",
      `${walk.call.host} is claimed twice in cluster ${mesh.name}: ${entry.item.namespace}/${entry.item.name} wins, ${other.item.namespace}/${other.item.name} has no effect`,
      "keep one ServiceEntry for the host",
      [entry, other].map((e) => ({ cluster: mesh.name, item: e.item, path: ["spec", "hosts"] }))
    )
  }
}

const addressStep = (mesh: Mesh, entry: Entry, port: Port): Step => {
  const has = entry.addresses.length > 0
  const address = has
    ? entry.addresses.join(", ")
    : mesh.site.dnsCapture === true
      ? "an address of Istio"
      : "no address of its own"
  return {
    stage: "name",
    cluster: mesh.name,
    text: `it has ${address}; port ${port.number} is ${port.protocol}`,
    causes: [
      ...(has ? [{ cluster: mesh.name, item: entry.item, path: ["spec", "addresses", 0] }] : []),
      { cluster: mesh.name, item: entry.item, path: [...port.path, "number"] }
    ]
  }
}

/** Routes of a VirtualService at the caller's own proxy: the oldest that names the host. */
const viaRoutes = (walk: Walk, mesh: Mesh, namespace: string, port: Port) => {
  const routes = routesFor(mesh, namespace, [walk.call.host], (r) => r.gateways.includes("mesh"))[0]
  const kind = family(port.protocol)
  const route = routes?.routes.find(
    (r) => r.kind === (kind === "udp" ? "tcp" : kind) && (r.ports.length === 0 || r.ports.includes(port.number))
  )
  if (routes === undefined || route === undefined) return undefined
  const whole = route.destinations.reduce((n, d) => n + d.weight, 0)
  const legs = route.destinations.map((d): Leg => {
    const cause: Cause = { cluster: mesh.name, item: routes.item, path: d.path }
    const arrival = walk.destination(mesh, d, cause)
    const step: Step = {
      stage: "backend",
      cluster: mesh.name,
      text: `${arrival.host}:${arrival.port} in cluster ${mesh.name}`,
      causes: [cause]
    }
    const share = whole === 0 ? 1 : d.weight / whole
    const base = {
      address: d.host,
      port: arrival.port,
      cluster: mesh.name,
      remote: false,
      edge: "mtls",
      share,
      steps: [step],
      arrivals: [arrival],
      cause
    } as const
    return arrival.failure === undefined ? base : { ...base, failure: arrival.failure }
  })
  const step: Step = {
    stage: "route",
    cluster: mesh.name,
    text: `VirtualService ${routes.item.namespace}/${routes.item.name} routes port ${port.number} inside the cluster`,
    causes: [{ cluster: mesh.name, item: routes.item, path: route.path }]
  }
  return { legs, step }
}

const balanceStep = (mesh: Mesh, policy: Policy | undefined, how: Balance, entry: Entry): Step => {
  const n = how.tiers.reduce((sum, tier) => sum + tier.length, 0)
  const many = `${n} endpoint${n === 1 ? "" : "s"}`
  const order =
    how.by === "nothing"
      ? n > 1
        ? " share the calls"
        : ""
      : ` in ${how.tiers.length} tier${how.tiers.length === 1 ? "" : "s"}, by ${how.by === "labels" ? "their labels" : "their localities"}`
  return {
    stage: "balance",
    cluster: mesh.name,
    text: `${many}${order}${n > 1 ? (how.ejects ? "; dead ones are left out" : "; dead ones keep their share") : ""}`,
    causes:
      policy === undefined || n < 2
        ? [{ cluster: mesh.name, item: entry.item, path: ["spec", "endpoints"] }]
        : [{ cluster: mesh.name, item: policy.item, path: how.path }]
  }
}

const tlsStep = (
  mesh: Mesh,
  entry: Entry,
  port: Port,
  policy: Policy | undefined,
  endpoint: Endpoint,
  host: string
): Step => {
  const { mode, path, sni, why } = wrapping(
    policyOf(policy, port.number),
    entry,
    endpoint,
    host,
    port.number,
    policy?.workloadSelector === true
  )
  const what =
    mode === "mtls"
      ? "mTLS"
      : mode === "tls"
        ? "TLS"
        : family(port.protocol) === "tls"
          ? "as the application sends it"
          : "plaintext"
  return {
    stage: "tls",
    cluster: mesh.name,
    text: `${what}${sni === undefined ? "" : ` with SNI ${sni}`}: ${why}`,
    causes: [
      path !== undefined && policy !== undefined
        ? { cluster: mesh.name, item: policy.item, path: [...path, "mode"] }
        : { cluster: mesh.name, item: endpoint.item, path: endpoint.path }
    ]
  }
}

/**
 * Istio's proxies try an HTTP call twice more, on endpoints that they have not tried: that saves it where one endpoint
 * is dead. Of several dead ones they may choose one again.
 */
const isRetried = (failing: ReadonlyArray<Leg>, protocol: string): boolean =>
  failing.length === 0 ||
  (family(protocol) === "http" &&
    failing.length === 1 &&
    failing.every(
      ({ failure }) => failure!.felt === "connection" || (failure!.felt === "answer" && protocol === "GRPC")
    ))

const finish = (
  walk: Walk,
  mesh: Mesh,
  steps: ReadonlyArray<Step>,
  port: Port,
  legs: ReadonlyArray<ReadonlyArray<Leg>>,
  chosen: Chosen | undefined
): Trace => {
  const tiers = legs.map((tier): Tier => ({ legs: tier, alive: tier.some((leg) => leg.failure === undefined) }))
  const ejects = chosen?.how.ejects === true
  const isAsked = ({ failure }: Leg) => !ejects || failure === undefined || failure.felt === "nothing"
  const at = tiers.findIndex((tier) => tier.legs.some(isAsked))
  const asked = at < 0 ? [] : tiers[at]!.legs.filter(isAsked)
  const alive = asked.filter((leg) => leg.failure === undefined)
  const active = alive.length === 0 ? -1 : at
  const failing = asked.filter((leg) => leg.failure !== undefined)
  const saved = isRetried(failing, port.protocol)
  // What is left out leaves its share to the others.
  const whole = (saved ? alive : asked).reduce((n, leg) => n + leg.share, 0)
  const answers = alive.map((leg) => ({ leg, share: whole === 0 ? 0 : leg.share / whole }))
  const outcome = alive.length === 0 ? "undeliverable" : saved ? "delivered" : "partly"
  const trace: Trace = {
    call: walk.call,
    outcome,
    steps,
    tiers,
    ...(active < 0 ? {} : { active }),
    answers,
    findings: walk.findings.all
  }
  judge(walk, mesh, trace, chosen)
  return trace
}
