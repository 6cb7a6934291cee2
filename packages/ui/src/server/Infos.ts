/** What the page is told of clusters and nodes, from what the engine knows. Pure. */
import type { Cluster as ModelCluster, PartitionState } from "@coddiwomple/core/Model"
import { counts, executable, type Plan } from "@coddiwomple/core/Plan"
import type { Kind } from "@coddiwomple/core/Plugin"
import type { Engine } from "@coddiwomple/core/Engine"
import type { Rendering } from "@coddiwomple/core/Render"
import type { EngineStatus } from "@coddiwomple/core/Status"
import type * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import type { Cluster, Info, NodeInfo, Status } from "../Contract.ts"
import * as Detail from "./Detail.ts"
import type { History } from "./History.ts"

/** A node as its file describes it. */
export interface NodeText {
  readonly id: string
  readonly kind: Kind
  readonly type: string
  readonly reads: ReadonlyArray<string>
  readonly description?: string
  /** YAML without secrets. */
  readonly config?: string
  readonly place?: string
  /** Only there to collect what is generated; not shown. */
  readonly hidden?: boolean
}

export interface Options {
  readonly engine: Pick<Engine["Service"], "events" | "status" | "rendering">
  readonly info: Omit<Info, "compares" | "suffix" | "started">
  /** Read anew at every use: a reload may change them. */
  readonly nodes: () => ReadonlyArray<NodeText>
  /** May objects be changed in this cluster? Undefined where nobody can say. */
  readonly writable?: (cluster: ModelCluster) => Effect.Effect<"yes" | "no" | "unknown">
  /** Lets the sinks of an engine that only plans look again at what is there. */
  readonly again?: Effect.Effect<void>
  /** Milliseconds between two looks while a page is open (default: 30 000). */
  readonly every?: number
  /** What is there now in place of an item of a plan, for sinks whose plans only count lines. */
  readonly there?: (sink: string, item: { readonly target: string; readonly id: string }) => Promise<string | undefined>
}

export const clusterInfo = (
  cluster: ModelCluster,
  services: number,
  partitions: ReadonlyArray<PartitionState>,
  plans: ReadonlyMap<string, Plan>,
  writable: Cluster["writable"]
): Cluster => {
  const own = partitions.filter((p) => p.name === cluster.name)
  const worst = own.find((p) => p.state === "never-synced") ?? own.find((p) => p.state === "stale") ?? own[0]
  const failed = [...plans.values()].flatMap((plan) => plan.failed?.get(cluster.name) ?? [])[0]
  const owned = [...plans.values()].reduce<number | undefined>(
    (n, plan) => (plan.owned?.has(cluster.name) === true ? (n ?? 0) + plan.owned.get(cluster.name)! : n),
    undefined
  )
  const asked = [...plans.values()].some(
    (plan) => plan.owned?.has(cluster.name) === true || plan.items.some((i) => i.target === cluster.name)
  )
  const state: Cluster["state"] =
    worst?.state === "never-synced"
      ? "unreached"
      : worst?.state === "stale"
        ? "stale"
        : failed !== undefined
          ? "unreached"
          : worst !== undefined || (asked && cluster.connection !== undefined)
            ? "connected"
            : "declared"
  const said = worst?.state === "synced" || worst === undefined ? failed?.message : (worst.reason ?? failed?.message)
  // The reader knows which cluster it is.
  const prefix = `cluster ${cluster.name}: `
  const reason = said?.startsWith(prefix) === true ? said.slice(prefix.length) : said
  const { connection, gateway } = cluster
  return {
    name: cluster.name,
    state,
    addresses: cluster.addresses,
    gateway: `${cluster.addresses[0] ?? "none"}${cluster.addresses.length === 0 ? "" : `:${gateway?.port ?? 15443}`}`,
    source: cluster.source,
    origin: cluster.origin.label,
    services,
    ...(cluster.region === undefined ? {} : { region: cluster.region }),
    ...(cluster.istioVersion === undefined ? {} : { istio: cluster.istioVersion }),
    ...(cluster.dataplane === undefined ? {} : { dataplane: cluster.dataplane }),
    ...(connection?.context === undefined ? {} : { context: connection.context }),
    ...(connection?.kubeconfigPath === undefined ? {} : { kubeconfig: connection.kubeconfigPath }),
    ...(cluster.configNamespace === undefined ? {} : { namespace: cluster.configNamespace }),
    ...(cluster.labels === undefined ? {} : { labels: cluster.labels }),
    ...(worst === undefined ? {} : { since: worst.since }),
    ...(reason === undefined ? {} : { reason }),
    ...(owned === undefined ? {} : { owned }),
    ...(writable === undefined ? {} : { writable })
  }
}

export const statusOf = (
  status: EngineStatus,
  texts: ReadonlyArray<NodeText>,
  history: History,
  rendering: Rendering | undefined,
  plans: ReadonlyMap<string, Plan>,
  now: number
): Status => {
  const nodes = texts.map((text): NodeInfo => {
    const known = status.nodes.find((n) => n.id === text.id)
    const { last, p50, p99, rate, since } = history.pulse(text.id, now)
    const groups =
      text.kind === "transform" && rendering !== undefined ? HashMap.size(rendering.groups(text.id)) : undefined
    const plan = known?.plan ?? (plans.has(text.id) ? counts(plans.get(text.id)!) : undefined)
    return {
      ...text,
      state: known?.state ?? "starting",
      rate,
      ...(known?.reason === undefined ? {} : { reason: known.reason }),
      ...(since === undefined ? {} : { since }),
      ...(last === undefined ? {} : { last }),
      ...(p50 === undefined ? {} : { p50 }),
      ...(p99 === undefined ? {} : { p99 }),
      ...(groups === undefined ? {} : { groups }),
      ...(known?.partitions === undefined
        ? {}
        : {
            partitions: known.partitions.map(({ name, reason, since: at, state }) => ({
              name,
              state,
              since: at,
              ...(reason === undefined ? {} : { reason })
            }))
          }),
      ...(known?.desiredGeneration === undefined ? {} : { desired: known.desiredGeneration }),
      ...(known?.appliedGeneration === undefined ? {} : { applied: known.appliedGeneration }),
      ...(plan === undefined ? {} : { plan })
    }
  })
  const waiting = [...plans.values()].reduce((n, plan) => n + executable(plan).length, 0)
  const findings = [
    ...(status.lastRefusal?.diagnostics ?? []),
    ...(rendering?.model.diagnostics ?? []),
    ...(rendering?.diagnostics ?? [])
  ]
  return {
    _tag: "Status",
    generation: status.generation,
    services: status.services,
    held: status.held.length,
    nodes,
    generations: history.generations(),
    findings: findings.slice(0, 100).map(Detail.finding),
    pending: waiting
  }
}
