/** The clusters that count, in the order in which they are printed: by source, then as their file has them, then by name. */
import type { ClusterFact } from "./Fact.ts"
import type { Cluster } from "./Model.ts"
import * as Resolve from "./Resolve.ts"

export interface ResolvedFleet {
  readonly clusters: ReadonlyArray<Cluster>
  /** Who said something of a cluster that cannot be used: (source, partition) pairs that are in doubt. */
  readonly bad: ReadonlyArray<{ readonly name: string; readonly source: string; readonly partition: string }>
  readonly findings: Resolve.Findings
}

const compared = ["addresses", "region", "gateway", "configNamespace", "trustDomain", "domain"] as const

/** `all`: for each name what is said of it, in winning order. */
export const resolveFleet = (
  all: Iterable<ReadonlyArray<Resolve.Said<ClusterFact>>>,
  compare: ReturnType<typeof Resolve.ranking>,
  suffix: string
): ResolvedFleet => {
  const findings: Resolve.Findings = []
  const bad: Array<{ name: string; source: string; partition: string }> = []
  const winners: Array<Resolve.Said<ClusterFact>> = []
  for (const said of all) {
    const winner = said[0]!
    const before = findings.length
    Resolve.clusterProblems(winner.fact, suffix, findings)
    if (findings.length > before)
      bad.push({ name: winner.fact.name, source: winner.source, partition: winner.partition })
    else winners.push(winner)
    Resolve.disagreements("CW505", `cluster ${winner.fact.name}`, said, compared, findings)
  }
  winners.sort(
    (a, b) =>
      compare({ ...a, partition: "" }, { ...b, partition: "" }) ||
      (a.fact.order ?? Number.MAX_SAFE_INTEGER) - (b.fact.order ?? Number.MAX_SAFE_INTEGER) ||
      (a.fact.name < b.fact.name ? -1 : 1)
  )
  const clusters = winners.map(({ source, fact }, index): Cluster => {
    const { kind: _kind, order: _order, ...rest } = fact
    return { ...rest, index, source }
  })
  return { clusters, bad, findings }
}
