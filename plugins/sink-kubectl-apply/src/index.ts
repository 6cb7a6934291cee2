/**
 * The kubectl-apply sink: brings clusters to the desired state by server-side apply. Clusters are independent of each
 * other; one that does not answer is reported and changes nothing for the others.
 */
import type { Artifact } from "@coddiwomple/core/Artifact"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import { type Desired, fleetGroup } from "@coddiwomple/core/Desired"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { ClusterFact, Connection } from "@coddiwomple/core/Fact"
import { Host } from "@coddiwomple/core/Host"
import { located } from "@coddiwomple/core/Located"
import {
  compareItems,
  executable,
  type Plan,
  type PlanItem,
  type Report,
  type ReportItem
} from "@coddiwomple/core/Plan"
import { type PluginError, refused } from "@coddiwomple/core/PluginError"
import * as Sink from "@coddiwomple/core/Sink"
import { ApiError } from "@coddiwomple/kubernetes/ApiError"
import * as ClustersFile from "@coddiwomple/kubernetes/ClustersFile"
import { diagnose } from "@coddiwomple/kubernetes/Problem"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import { Applier } from "./Applier.ts"
import { Bodies, type Wanted } from "./Bodies.ts"
import { Config, milliseconds } from "./Config.ts"
import { type Examined, examine } from "./Doctor.ts"
import { type Planned, planTarget, type Work } from "./Planner.ts"
import { failures } from "./Failures.ts"
import * as Memory from "./Memory.ts"
import { Stragglers } from "./Stragglers.ts"
import * as Targets from "./Targets.ts"

/** Survives the engine's copies of a plan, and is not printed with it. */
const work = Symbol("cw/sink-kubectl-apply/work")

interface ApplyPlan extends Plan {
  readonly [work]: ReadonlyMap<string, Work>
}

export default Sink.make({
  type: "kubectl-apply",
  summary: "Server-side apply to live clusters",
  config: Config,
  examples: [
    { summary: "All clusters of the fleet, as their kubeconfigs in clusters.json say", config: {} },
    {
      summary: "Two clusters by context; objects that are there already are taken over",
      config: { contexts: { east: "admin@east", west: "admin@west" }, adopt: true }
    }
  ],
  accepts: ["object"],
  // Two sinks of one pipeline would keep one inventory, and each would delete what the other wants.
  exclusive: ({ clusters }, { pipeline }) =>
    clusters === undefined
      ? [`kubectl-apply:${pipeline}`]
      : clusters.map((name) => `kubectl-apply:${pipeline}/${encodeURIComponent(name)}`),
  make: Effect.fnUntraced(function* (config: Config) {
    const host = yield* Host
    const connections = yield* connectionsOf(config, yield* Path.Path, host)
    const targets = yield* Targets.make({
      pipeline: host.pipeline,
      inventory: config.inventory,
      concurrency: config.concurrency,
      patience: milliseconds(config.patience),
      connections: new Map(connections),
      only: config.clusters === undefined ? undefined : new Set(config.clusters)
    })
    const memory = new Map<string, Memory.Remembered>()
    const options = {
      pipeline: host.pipeline,
      migrate: config.migrate,
      patience: milliseconds(config.patience),
      wait: milliseconds(config.wait)
    }
    return {
      plan: (desired: Desired) => plan(desired, { targets, config, memory, finite: host.finite }),
      apply: (made: ApplyPlan) => apply(made, options, memory),
      probe: (clusters: ReadonlyArray<ClusterFact>) =>
        Effect.flatMap(examine(targets, examined(clusters, connections), config.inventory), (found) => {
          // Nothing is known of the fleet where no source was asked.
          const names = clusters.map((c) => c.name)
          const strangers = names.length === 0 ? [] : targets.strangers(names).map(([, finding]) => finding)
          const findings = [...strangers, ...found]
          return findings.length > 0 ? refused(findings) : Effect.void
        })
    }
  })
})

/** What the sources name, and what only this sink knows how to reach. */
const examined = (
  clusters: ReadonlyArray<ClusterFact>,
  connections: ReadonlyMap<string, Connection>
): ReadonlyArray<Examined> => {
  const known = clusters.map(({ configNamespace, connection, gateway, name }): Examined => {
    const places = [configNamespace ?? "cw-system", gateway?.namespace ?? "istio-system"]
    return { name, places, ...(connection === undefined ? {} : { connection }) }
  })
  const names = new Set(known.map((c) => c.name))
  const others = [...connections].filter(([name]) => !names.has(name))
  return [...known, ...others.map(([name, connection]) => ({ name, connection, places: [] }))]
}

const connectionsOf = (
  config: Config,
  path: Path.Path,
  host: Host["Service"]
): Effect.Effect<ReadonlyMap<string, Connection>, PluginError> =>
  Effect.gen(function* () {
    const kubeconfig = config.kubeconfig === undefined ? {} : { kubeconfigPath: located(path, host, config.kubeconfig) }
    const contexts = Object.entries(config.contexts ?? {}).map(
      ([name, context]) => [name, { ...kubeconfig, context }] as const
    )
    if (config.clustersFile === undefined) return new Map(contexts)
    const file = located(path, host, config.clustersFile)
    const { bad, facts } = yield* ClustersFile.read(file, config.clustersFile, host.home)
    if (bad.length > 0) return yield* refused(bad)
    return new Map([
      ...facts.flatMap((f) => (f.connection === undefined ? [] : [[f.name, f.connection] as const])),
      ...contexts
    ])
  })

interface Wants {
  readonly objects: Map<string, Wanted>
  /** What cannot be an object, with why. */
  readonly bad: Array<readonly [Artifact, string]>
}

/** Artifacts of some groups for one cluster. */
const wantedBy = (desired: Desired, groups: Iterable<string>, index: number, bodies: Bodies): Wants => {
  const wants: Wants = { objects: new Map(), bad: [] }
  for (const group of groups) {
    for (const artifact of desired.group(group)) {
      if (artifact.form !== "object" || !ClusterSet.has(artifact.targets, index)) continue
      const want = bodies.of(artifact)
      if ("problem" in want) wants.bad.push([artifact, want.problem])
      else wants.objects.set(artifact.id, want)
    }
  }
  return wants
}

/** They concern only themselves: everything else is planned without them. */
const withBad = (planned: Planned, target: string, bad: Wants["bad"]): Planned => ({
  ...planned,
  items: [
    ...planned.items,
    ...bad.map(
      ([{ id, service }, reason]): PlanItem => ({
        op: "conflict",
        intended: "create",
        target,
        id,
        reason,
        ...(service === undefined ? {} : { service })
      })
    )
  ],
  diagnostics: [
    ...planned.diagnostics,
    ...bad.map(([{ id, node, service }, reason]) =>
      Diagnostic.error("CW701", `cluster ${target}: ${id} of ${node ?? "a transform"} cannot be applied: ${reason}`, {
        service
      })
    )
  ]
})

interface Context {
  readonly targets: Targets.Targets
  readonly config: Config
  /** By cluster; unused in a finite run. */
  readonly memory: Map<string, Memory.Remembered>
  readonly finite: boolean
}

const plan = (desired: Desired, { targets, config, memory, finite }: Context): Effect.Effect<ApplyPlan, PluginError> =>
  Effect.gen(function* () {
    const yaml = yield* Effect.promise(() => import("yaml"))
    const now = yield* Clock.currentTimeMillis
    const bodies = new Bodies(desired.pipeline, yaml)
    const { byName, clusters } = desired.model.fleet
    const found = yield* targets.of(clusters)
    const requests = [...found].map(([name, target]) => {
      const { index } = byName.get(name)!
      const before = memory.get(name)
      const looked = finite ? undefined : Memory.scope(desired, before, now)
      const wanted = wantedBy(desired, looked ?? desired.groupNames, index, bodies)
      const known = looked === undefined ? undefined : { ...before!, ids: Memory.thingsOf(before!, looked) }
      return { name, target, index, looked, before, wanted, known }
    })
    const stragglers = new Stragglers()
    const outcomes = yield* Effect.forEach(
      requests,
      ({ name, target, index, looked, before, wanted, known }) => {
        memory.delete(name)
        if (!("client" in target)) return Effect.succeed([name, target] as const)
        const planning = planTarget(target, {
          pipeline: desired.pipeline,
          wanted: wanted.objects,
          policy: config,
          ...(known === undefined ? {} : { known })
        })
        return stragglers.bounded(target.client, planning).pipe(
          Effect.map((found) => {
            const planned = withBad(found, name, wanted.bad)
            const groups = Memory.groupsOf(desired, index, before, looked)
            memory.set(name, {
              generation: desired.generation,
              at: looked === undefined ? now : before!.at,
              loaded: planned.work.loaded,
              namespaces: planned.namespaces,
              identity: planned.identity,
              groups,
              open: new Set(planned.items.map((i) => i.service ?? fleetGroup))
            })
            const total = [...groups.values()].reduce((sum, ids) => sum + ids.length, 0)
            const moving = planned.items.filter((i) => (i.intended ?? i.op) !== "delete").length
            return [name, { ...planned, unchanged: total - moving }] as const
          }),
          Effect.catch((error) => Effect.succeed([name, trouble(target, error)] as const))
        )
      },
      { concurrency: 16 }
    )
    const twins = Targets.sameCluster(outcomes.map(([name, o]) => [name, "work" in o ? o.identity : undefined]))
    const checked = outcomes.map(([name, outcome]) => {
      const wrong = twins.get(name) ?? ("work" in outcome ? mistaken(outcome, name, byName) : undefined)
      if (wrong !== undefined) memory.delete(name)
      return [name, wrong ?? outcome] as const
    })
    return summary([...checked, ...targets.strangers(clusters.map((c) => c.name))])
  })

/** Kubeconfigs that were exchanged: the inventory is that of another cluster of the fleet. A cluster may get a new name. */
const mistaken = (
  { work }: Planned,
  name: string,
  fleet: ReadonlyMap<string, unknown>
): Diagnostic.Diagnostic | undefined => {
  const { cluster } = work.loaded
  if (cluster === undefined || cluster === name || !fleet.has(cluster)) return undefined
  return Diagnostic.error("CW702", `cluster ${name}: what is there was written as cluster ${cluster}`, {
    help: `mend the kubeconfigs; where the clusters changed names, remove \`cluster\` from ${work.target.store.head}`
  })
}

const trouble = ({ client, cluster }: Targets.Target, error: ApiError | Error): Diagnostic.Diagnostic =>
  error instanceof ApiError
    ? diagnose(cluster, client.context, error)
    : Diagnostic.error("CW705", `cluster ${cluster}: ${error.message}`)

const summary = (
  outcomes: ReadonlyArray<readonly [string, (Planned & { readonly unchanged: number }) | Diagnostic.Diagnostic]>
): ApplyPlan => {
  const items: Array<PlanItem> = []
  const diagnostics: Array<Diagnostic.Diagnostic> = []
  const failed = new Map<string, Diagnostic.Diagnostic>()
  const owned = new Map<string, number>()
  const works = new Map<string, Work>()
  let unchanged = 0
  for (const [name, outcome] of outcomes) {
    if (!("work" in outcome)) {
      failed.set(name, outcome)
      continue
    }
    items.push(...outcome.items)
    diagnostics.push(...outcome.diagnostics)
    unchanged += outcome.unchanged
    works.set(name, outcome.work)
    owned.set(name, outcome.work.loaded.inventory.entries.size)
  }
  const bookkeeping = [...works.values()].some((w) => w.ghosts.length + w.records.size > 0)
  return {
    items: items.sort(compareItems),
    unchanged,
    owned,
    owns: (name, service) =>
      [...(works.get(name)?.loaded.inventory.entries.values() ?? [])].some((entry) => entry.service === service),
    ...(bookkeeping ? { bookkeeping } : {}),
    ...(diagnostics.length === 0 ? {} : { diagnostics }),
    ...(failed.size === 0 ? {} : { failed }),
    [work]: works
  }
}

const apply = (
  made: ApplyPlan,
  options: ConstructorParameters<typeof Applier>[2],
  memory: Map<string, Memory.Remembered>
): Effect.Effect<Report> => {
  const items = executable(made)
  const run = ([name, one]: readonly [string, Work]): Effect.Effect<ReadonlyArray<ReportItem>> => {
    const applier = new Applier(
      one,
      items.filter((i) => i.target === name),
      options
    )
    const before = memory.get(name)
    // Until it is known how this ends, nothing is known.
    memory.delete(name)
    return applier.run.pipe(
      Effect.onInterrupt(() =>
        Effect.logWarning(
          `cluster ${name}: interrupted; ${applier.progress.done} of ${applier.progress.of} changes are made, the next run does the rest`
        )
      ),
      Effect.tap((report) =>
        Effect.sync(() => {
          if (before === undefined || applier.loaded === undefined) return
          const closed = new Set(report.filter((i) => i.outcome === "applied").map((i) => i.id))
          const open = made.items
            .filter((i) => i.target === name && !closed.has(i.id))
            .map((i) => i.service ?? fleetGroup)
          memory.set(name, { ...before, loaded: applier.loaded, open: new Set(open) })
        })
      )
    )
  }
  return Effect.map(Effect.forEach(made[work], run, { concurrency: "unbounded" }), (reports) => {
    const all = reports.flat()
    const diagnostics = failures(all)
    return { items: all, ...(diagnostics.length === 0 ? {} : { diagnostics }) }
  })
}
