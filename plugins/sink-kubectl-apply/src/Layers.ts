/**
 * The order inside one cluster: what others need comes first, routes come after what they lead to, and what can stop
 * everything comes last. Deletes go the other way round.
 */
import type { ObjectId } from "@coddiwomple/core/Artifact"

const core: Readonly<Record<string, number>> = {
  Namespace: 0,
  ServiceAccount: 1,
  ResourceQuota: 1,
  LimitRange: 1,
  ConfigMap: 2,
  Secret: 2,
  Service: 2
}

const groups: Readonly<Record<string, number>> = {
  "rbac.authorization.k8s.io": 1,
  "networking.istio.io": 3,
  "security.istio.io": 3,
  "telemetry.istio.io": 3,
  "admissionregistration.k8s.io": 6,
  "apiregistration.k8s.io": 6
}

const workloads = 5

export const layerOf = ({ group, kind }: Pick<ObjectId, "group" | "kind">): number => {
  if (group === "") return core[kind] ?? workloads
  if (group === "apiextensions.k8s.io") return 0
  // A route to what is not there yet is an error for every call.
  if (kind === "VirtualService") return 4
  return groups[group] ?? workloads
}

/** Items by layer, lowest first; inside a layer by id. */
export const layered = <A>(
  items: ReadonlyArray<A>,
  id: (item: A) => ObjectId,
  key: (item: A) => string
): ReadonlyArray<ReadonlyArray<A>> => {
  const layers = new Map<number, Array<A>>()
  for (const item of items) {
    const layer = layerOf(id(item))
    const list = layers.get(layer)
    if (list === undefined) layers.set(layer, [item])
    else list.push(item)
  }
  return [...layers.entries()]
    .sort(([a], [b]) => a - b)
    .map(([, list]) => list.sort((a, b) => (key(a) < key(b) ? -1 : 1)))
}
