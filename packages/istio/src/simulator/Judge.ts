/**
 * What is wrong with a whole route, beside the places where it breaks: no failover, a wrong order, a backend that
 * nobody declared, and the combination that takes istiod down.
 */
import type { Balance } from "./Balance.ts"
import type { Endpoint, Entry, Policy } from "./Parsed.ts"
import type { Cause } from "./Place.ts"
import type { Leg, Trace } from "./Route.ts"
import type { Walk } from "./Walk.ts"
import type { Mesh } from "./World.ts"

/** What decided where a call goes. */
export interface Chosen {
  readonly how: Balance
  readonly policy: Policy | undefined
  readonly entry: Entry
}

export const judge = (walk: Walk, mesh: Mesh, trace: Trace, chosen: Chosen | undefined): void => {
  const legs = trace.tiers.flatMap((tier) => tier.legs)
  if (chosen !== undefined) choice(walk, mesh, legs, chosen)
  backends(walk, legs)
  order(walk, trace, mesh, chosen)
}

const causeOf = (mesh: Mesh, { entry, how, policy }: Chosen): Cause =>
  policy === undefined
    ? { cluster: mesh.name, item: entry.item, path: ["spec", "hosts"] }
    : { cluster: mesh.name, item: policy.item, path: how.path }

const choice = ({ call, findings }: Walk, mesh: Mesh, legs: ReadonlyArray<Leg>, chosen: Chosen): void => {
  const { entry, how, policy } = chosen
  const cause = causeOf(mesh, chosen)
  if (how.crash) {
    findings.error(
      "istiod-crash",
      `${call.host} in cluster ${mesh.name}: failoverPriority, outlierDetection and endpoints in several localities on a ServiceEntry with resolution ${entry.resolution} crash istiod (istio issue 61857)`,
      "remove the localities of the endpoints, or failoverPriority",
      [
        cause,
        ...entry.endpoints
          .filter((e: Endpoint) => e.locality !== "")
          .map((e) => ({ cluster: mesh.name, item: e.item, path: [...e.path, "locality"] }))
      ]
    )
  }
  if (legs.length > 1 && !how.ejects && policy !== undefined) {
    findings.warning(
      "no-outlier-detection",
      how.detects
        ? `outlierDetection of ${call.host} in cluster ${mesh.name} is switched off: no failover, dead endpoints keep their calls`
        : `${call.host} in cluster ${mesh.name} has no outlierDetection: neither failover nor local preference, and dead endpoints keep their share of the calls`,
      how.detects
        ? "set consecutiveGatewayErrors or consecutive5xxErrors above 0 in the DestinationRule"
        : "set outlierDetection in the DestinationRule",
      [{ cluster: mesh.name, item: policy.item, path: ["spec", "trafficPolicy"] }]
    )
  } else if (how.ignored !== undefined) {
    findings.warning(
      "failover-order",
      `failoverPriority of ${call.host} in cluster ${mesh.name} has no effect ${how.ignored}: all endpoints are alike`,
      "remove what excludes it",
      [cause]
    )
  }
  const clusters = new Set(legs.map((leg) => leg.cluster))
  if (clusters.size > 1 && !how.ejects && policy === undefined) {
    findings.warning(
      "no-failover",
      `${call.host} in cluster ${mesh.name} has no DestinationRule: calls to dead endpoints fail`,
      "apply the DestinationRule with outlierDetection",
      [cause]
    )
  }
}

/** Every call must end at the declared backend of its cluster. */
const backends = ({ call, findings }: Walk, legs: ReadonlyArray<Leg>): void => {
  const { declared } = call
  const port = declared?.ports.find((p) => p.port === call.port)
  if (declared === undefined || port === undefined) return
  for (const { arrivals } of legs) {
    for (const { cause, cluster, host, port: reached } of arrivals) {
      const backend = declared.backends.find((b) => b.cluster === cluster)
      if (backend === undefined || backend.host !== host) {
        const meant =
          backend === undefined
            ? `${declared.identity} does not run in cluster ${cluster}`
            : `the backend there is ${backend.host}`
        findings.error(
          "wrong-backend",
          `${call.host}:${call.port} ends at ${host} in cluster ${cluster}, but ${meant}`,
          "correct the address of the endpoint",
          [cause]
        )
      } else if ((backend.ports?.[port.name] ?? port.backendPort) !== reached) {
        findings.error(
          "port-mismatch",
          `${call.host}:${call.port} ends at port ${reached} of ${host} in cluster ${cluster}; declared is ${backend.ports?.[port.name] ?? port.backendPort}`,
          "correct the port of the endpoint",
          [cause]
        )
      }
    }
  }
}

const order = ({ call, findings, world }: Walk, trace: Trace, mesh: Mesh, chosen: Chosen | undefined): void => {
  const { tiers } = trace
  const { declared } = call
  const legs = tiers.flatMap((tier) => tier.legs)
  if (legs.length === 0 || chosen === undefined) return
  const cause = causeOf(mesh, chosen)
  const late = tiers.findIndex((tier) => tier.legs.some((leg) => !leg.remote))
  if (late > 0) {
    findings.error(
      "failover-order",
      `${call.host} in cluster ${mesh.name} asks the local backend only after ${tiers[0]!.legs.map((l) => l.cluster).join(", ")}`,
      "prefer the local endpoint",
      [cause]
    )
  }
  if (declared === undefined || declared.traffic !== "local-first") return
  const mixed = late === 0 && tiers[0]!.legs.some((leg) => leg.remote)
  if (mixed && chosen.how.detects && chosen.how.ignored === undefined) {
    findings.warning(
      "failover-order",
      `${call.host} in cluster ${mesh.name} does not prefer the local backend, though its traffic is local-first`,
      "prefer the local endpoint",
      [cause]
    )
  }
  const reached = new Set(legs.map((leg) => leg.cluster))
  const missing = declared.backends.filter((b) => {
    if (reached.has(b.cluster)) return false
    const other = world.sites.find((site) => site.name === b.cluster)
    return other !== undefined && other.addresses.length > 0 && other.dataplane !== "ambient"
  })
  if (missing.length > 0) {
    findings.warning(
      "no-failover",
      `${call.host} in cluster ${mesh.name} never leads to ${missing.map((b) => b.cluster).join(", ")}, which also run it`,
      "add their gateways to the endpoints",
      [{ cluster: mesh.name, item: chosen.entry.item, path: ["spec", "endpoints"] }]
    )
  }
  wanted(trace, declared.tiers, (message) =>
    findings.warning(
      "failover-order",
      `${call.host} in cluster ${mesh.name} ${message}`,
      "order the endpoints as the service's tiers say",
      [cause]
    )
  )
}

/** Remote clusters must come in the order of the declared tiers. */
const wanted = (
  { tiers }: Trace,
  declared: ReadonlyArray<ReadonlyArray<string>> | undefined,
  tell: (message: string) => void
): void => {
  if (declared === undefined) return
  const rank = (cluster: string): number => {
    const i = declared.findIndex((tier) => tier.includes(cluster))
    return i < 0 ? declared.length : i
  }
  const seen = tiers.flatMap((tier, at) =>
    tier.legs.filter((leg) => leg.remote).map((leg) => ({ at, cluster: leg.cluster, rank: rank(leg.cluster) }))
  )
  for (const a of seen) {
    const b = seen.find((other) => a.rank < other.rank && a.at >= other.at)
    if (b !== undefined) return tell(`does not ask ${a.cluster} before ${b.cluster}`)
  }
}
