/** Facts by what they speak of, each list in winning order: the fold looks up one service without walking the rest. */
import { type BackendFact, type ClusterFact, type Fact, identity, type ServiceFact } from "./Fact.ts"
import type { Said } from "./Resolve.ts"

export interface Indexes {
  readonly clusters: Map<string, Array<Said<ClusterFact>>>
  readonly services: Map<string, Array<Said<ServiceFact>>>
  readonly backends: Map<string, Map<string, Array<Said<BackendFact>>>>
}

type Compare = <F>(a: Said<F>, b: Said<F>) => number

/** The list a fact stands in, with the map and key that hold it. */
const slot = (indexes: Indexes, fact: Fact): readonly [Map<string, Array<Said<any>>>, string] => {
  if (fact.kind === "cluster") return [indexes.clusters, fact.name]
  if (fact.kind === "service") return [indexes.services, identity(fact.name, fact.namespace)]
  let byCluster = indexes.backends.get(fact.service)
  if (byCluster === undefined) indexes.backends.set(fact.service, (byCluster = new Map()))
  return [byCluster, fact.cluster]
}

export const index = (indexes: Indexes, said: Said<Fact>, compare: Compare): void => {
  const [map, key] = slot(indexes, said.fact)
  const list = map.get(key)
  if (list === undefined) map.set(key, [said])
  else {
    list.push(said)
    list.sort(compare)
  }
}

export const unindex = (indexes: Indexes, source: string, partition: string, fact: Fact): void => {
  const [map, key] = slot(indexes, fact)
  const list = map.get(key)?.filter((s) => s.source !== source || s.partition !== partition)
  if (list === undefined || list.length === 0) map.delete(key)
  else map.set(key, list)
  if (fact.kind === "backend" && map.size === 0) indexes.backends.delete(fact.service)
}
