/** The same call with each cluster that answers or could answer down, one at a time: does somebody else take over? */
import type { Finding } from "./Finding.ts"
import type { Call, Trace } from "./Route.ts"
import { trace } from "./Trace.ts"
import type { World } from "./World.ts"

export interface Examined {
  readonly trace: Trace
  /** By cluster that is down. */
  readonly without: ReadonlyArray<{ readonly cluster: string; readonly trace: Trace }>
  readonly findings: ReadonlyArray<Finding>
}

export const examine = (world: World, call: Call): Examined => {
  const base = trace(world, call)
  const legs = base.tiers.flatMap((tier) => tier.legs)
  const clusters = [...new Set(legs.map((leg) => leg.cluster))]
  const without = clusters.map((cluster) => ({
    cluster,
    trace: trace(world, { ...call, down: new Set([...(call.down ?? []), cluster]) })
  }))
  const findings = [...base.findings]
  const supposing = [call.down, call.withoutBackend, call.withoutGateway].some(
    (set) => set !== undefined && set.size > 0
  )
  const explained =
    supposing ||
    findings.some((f) => f.severity === "error" || f.kind === "no-outlier-detection" || f.kind === "no-failover")
  const lost = without.filter((w) => w.trace.outcome !== "delivered").map((w) => w.cluster)
  if (!explained && clusters.length > 1 && lost.length > 0) {
    findings.push({
      kind: "no-failover",
      severity: "warning",
      message: `${call.host}:${call.port} from cluster ${call.from}: calls fail when ${lost.join(" or ")} is down, though others could answer`,
      help: "put all endpoints under one host with outlierDetection",
      causes: base.steps.at(-1)?.causes ?? []
    })
  }
  return { trace: base, without, findings }
}
