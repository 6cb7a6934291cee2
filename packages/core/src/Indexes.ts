/** Facts by what they speak of, each list in winning order: the fold looks up one service without walking the rest. */
import { type BackendFact, type ClusterFact, type Fact, identity, type ServiceFact } from "./Fact.ts"
import type { Said } from "./Resolve.ts"

export interface Indexes {
  readonly clusters: Map<string, Array<Said<ClusterFact>>>
  readonly services: Map<string, Array<Said<ServiceFact>>>
  /** By service; what is said of one cluster stands together, clusters in name order. */
  readonly backends: Map<string, Array<Said<BackendFact>>>
}

type Compare = <F>(a: Said<F>, b: Said<F>) => number

const mapOf = (indexes: Indexes, { kind }: Fact): Map<string, Array<Said<any>>> =>
  kind === "cluster" ? indexes.clusters : kind === "service" ? indexes.services : indexes.backends

/** Identity of the service, or name of the cluster, that a fact speaks of. */
export const subject = (fact: Fact): string =>
  fact.kind === "cluster" ? fact.name : fact.kind === "service" ? identity(fact.name, fact.namespace) : fact.service

const order = (a: Said<Fact>, b: Said<Fact>, compare: Compare): number =>
  a.fact.kind !== "backend" || b.fact.kind !== "backend" || a.fact.cluster === b.fact.cluster
    ? compare(a, b)
    : a.fact.cluster < b.fact.cluster
      ? -1
      : 1

export const index = (indexes: Indexes, about: string, said: Said<Fact>, compare: Compare): void => {
  const map = mapOf(indexes, said.fact)
  const list = map.get(about)
  if (list === undefined) {
    map.set(about, [said])
    return
  }
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (order(list[middle]!, said, compare) <= 0) low = middle + 1
    else high = middle
  }
  list.splice(low, 0, said)
}

export const unindex = (indexes: Indexes, about: string, { fact, partition, source }: Said<Fact>): void => {
  const map = mapOf(indexes, fact)
  const list = map.get(about)?.filter((s) => {
    const same = s.source === source && s.partition === partition
    return !same || (fact.kind === "backend" && s.fact.cluster !== fact.cluster)
  })
  if (list === undefined || list.length === 0) map.delete(about)
  else map.set(about, list)
}
