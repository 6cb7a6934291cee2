/** The routes of one service: one caller for each group of clusters that got the same objects. */
import type { Artifact } from "@coddiwomple/core/Artifact"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Diagnostic } from "@coddiwomple/core/Diagnostic"
import type { Fleet, Service } from "@coddiwomple/core/Model"
import { family } from "@coddiwomple/istio/Protocol"
import { diagnostic, type Finding } from "@coddiwomple/istio/simulator/Finding"
import { trace } from "@coddiwomple/istio/simulator/Trace"
import { fromArtifacts } from "@coddiwomple/istio/simulator/World"
import type { Config } from "./Config.ts"

const entry = "networking.istio.io/ServiceEntry/"

export const routes = (
  service: Service,
  artifacts: ReadonlyArray<Artifact>,
  fleet: Fleet,
  { allowPlaintext, namespace }: Config
): ReadonlyArray<Diagnostic> => {
  // Another transform's artifacts, as DNS records, say nothing about routes.
  if (!artifacts.some((a) => a.id.startsWith(entry))) return []
  const world = fromArtifacts(fleet, artifacts)
  const from = namespaceOf(service, namespace)
  const found = new Map<string, Finding>()
  for (const index of callers(service, artifacts, fleet)) {
    for (const host of service.hosts) {
      for (const { port, protocol } of service.ports) {
        if (family(protocol) === "udp") continue
        const call = { from: fleet.clusters[index]!.name, host, port, namespace: from, declared: service, brief: true }
        for (const finding of trace(world, call).findings) {
          if (finding.severity !== "error" || (finding.kind === "plaintext" && allowPlaintext)) continue
          found.set(`${finding.kind} ${finding.message}`, finding)
        }
      }
    }
  }
  if (found.size === 0) return []
  const place = service.origin.place?.()
  return [...found.values()].map((finding) => ({
    ...diagnostic(finding),
    service: service.identity,
    ...(place === undefined ? {} : { place })
  }))
}

/** A namespace that may see the service. */
const namespaceOf = ({ exportTo }: Service, fallback: string): string =>
  exportTo === undefined || exportTo.includes("*") ? fallback : (exportTo.find((n) => n !== "." && n !== "~") ?? fallback)

/** The first cluster of each group of those that may call it and got the same objects. */
const callers = (service: Service, artifacts: ReadonlyArray<Artifact>, fleet: Fleet): ReadonlyArray<number> => {
  let groups: Array<ClusterSet.ClusterSet> = [allowed(service, fleet)]
  for (const { targets } of artifacts) {
    const next: Array<ClusterSet.ClusterSet> = []
    for (const group of groups) {
      const rest = ClusterSet.without(group, targets)
      if (ClusterSet.isEmpty(rest) || ClusterSet.equals(rest, group)) next.push(group)
      else next.push(rest, ClusterSet.without(group, rest))
    }
    groups = next
  }
  return groups.flatMap((group) => {
    for (const index of ClusterSet.indices(group)) return [index]
    return []
  })
}

/** Clusters that run it, and of the others all or those it names. Ambient ones do not read these objects. */
const allowed = (service: Service, fleet: Fleet): ClusterSet.ClusterSet => {
  const running = service.backends.map((b) => b.index)
  if (service.traffic === "local-only") return fleet.set(running.filter((i) => fleet.clusters[i]!.dataplane !== "ambient"))
  const named = service.consumers === undefined ? fleet.all : fleet.named([...service.consumers, ...service.backends.map((b) => b.cluster)])
  return ClusterSet.without(named, ambient(fleet))
}

const ambients = new WeakMap<Fleet, ClusterSet.ClusterSet>()

const ambient = (fleet: Fleet): ClusterSet.ClusterSet => {
  let set = ambients.get(fleet)
  if (set === undefined) {
    set = fleet.set(fleet.clusters.filter((c) => c.dataplane === "ambient").map((c) => c.index))
    ambients.set(fleet, set)
  }
  return set
}
