/** The routes of one service: one caller for each group of clusters that got the same objects. */
import type { Artifact } from "@coddiwomple/core/Artifact"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Diagnostic } from "@coddiwomple/core/Diagnostic"
import type { Fleet, Service } from "@coddiwomple/core/Model"
import { family } from "@coddiwomple/istio/Protocol"
import { diagnostic } from "@coddiwomple/istio/simulator/Finding"
import { type Shown, shown } from "@coddiwomple/istio/simulator/Place"
import { trace } from "@coddiwomple/istio/simulator/Trace"
import { shared } from "@coddiwomple/istio/simulator/Walk"
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
  const caller = namespaceOf(service, namespace)
  const common = shared()
  for (const index of callers(service, artifacts, fleet)) {
    const from = fleet.clusters[index]!.name
    for (const host of service.hosts) {
      for (const { port, protocol } of service.ports) {
        if (family(protocol) !== "udp")
          trace(world, { from, host, port, namespace: caller, declared: service, brief: true }, common)
      }
    }
  }
  const found = common.findings.all.filter(
    ({ kind, severity }) => severity === "error" && !(kind === "plaintext" && allowPlaintext)
  )
  if (found.length === 0) return []
  const place = service.origin.place?.()
  return found.map((finding) => {
    const said = { ...diagnostic(finding), service: service.identity }
    // With a place in the input the objects are told below it.
    const related = finding.causes.map((cause) => ({ message: placeText(shown(cause)) }))
    return place === undefined ? said : { ...said, place, related }
  })
}

const placeText = ({ cluster, kind, line, name, namespace, path, source }: Shown): string =>
  `${kind} ${namespace}/${name} in ${cluster}: ${line === undefined ? path : `line ${line}: ${source}`}`

/** A namespace that may see the service. */
const namespaceOf = ({ exportTo }: Service, fallback: string): string =>
  exportTo === undefined || exportTo.includes("*")
    ? fallback
    : (exportTo.find((n) => n !== "." && n !== "~") ?? fallback)

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
  if (service.traffic === "local-only")
    return fleet.set(running.filter((i) => fleet.clusters[i]!.dataplane !== "ambient"))
  const named =
    service.consumers === undefined
      ? fleet.all
      : fleet.named([...service.consumers, ...service.backends.map((b) => b.cluster)])
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
