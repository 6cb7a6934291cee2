/** The files sink: artifacts to trees, one per cluster, each planned and applied on its own under one lock. */
import type { Artifact } from "@coddiwomple/core/Artifact"
import type { Desired } from "@coddiwomple/core/Desired"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { apply, type Shrink } from "@coddiwomple/core/FileApply"
import { reasonOf } from "@coddiwomple/core/FileDisk"
import { isLeft } from "@coddiwomple/core/FileLock"
import { failure, fit, locked, outdated } from "@coddiwomple/core/FilesSink"
import { type TreePlan } from "@coddiwomple/core/FileTree"
import { type Wanted, want } from "@coddiwomple/core/FileSlot"
import { type ClusterChange, Mapping } from "@coddiwomple/core/Mapping"
import {
  compareItems,
  executable,
  type Plan,
  type PlanItem,
  type Report,
  type ReportItem
} from "@coddiwomple/core/Plan"
import type { PluginError } from "@coddiwomple/core/PluginError"
import { stateFolder } from "@coddiwomple/core/SafePath"
import type { SinkImpl } from "@coddiwomple/core/Sink"
import * as Effect from "effect/Effect"
import { probe } from "./Probe.ts"
import {
  composed,
  type Document,
  type Documents,
  documentsOf,
  itemsOf,
  parse,
  print,
  singleArtifact,
  singlePath
} from "./Single.ts"
import { kustomization, type Site, type Target, Targets } from "./Targets.ts"

/** Clusters that are worked on at the same time; each has up to 16 files in hand. */
const concurrency = 4

type TargetPlan = TreePlan & { readonly target: Target; readonly documents?: Documents }

export const makeFiles = (site: Site): SinkImpl<Plan, PluginError> => {
  const { single } = site.config
  const targets = new Targets(site)
  const reserved = [...(site.config.kustomization ? [kustomization] : []), ...(single ? [singlePath] : [])]
  const takes = (artifact: Artifact) => !single || artifact.form === "file"
  const mapping = new Mapping(site.layout, takes, reserved)
  /** Generation that the mapping and all trees were told of; undefined when some may not have been. */
  let told: number | undefined
  let plans: ReadonlyMap<string, TargetPlan> = new Map()
  let planned = -1
  /** The last apply came through: to be asked again means to look at everything, not to try again what failed. */
  let healthy = true
  /** A lock that a killed process left; undefined until it was looked for. */
  let left: boolean | undefined

  const planTarget = (
    target: Target,
    desired: Desired,
    changes: ReadonlyMap<number, ClusterChange> | "all",
    recheck: boolean
  ): Effect.Effect<TargetPlan> => {
    const { tree } = target
    const other = targets.clashes.get(tree.options.folder)
    if (other !== undefined) {
      const message = `cluster ${tree.target}: its folder collides with ${other} on some file systems`
      const help = "give the clusters other names; of a cluster that was renamed, move the folder and its records away"
      return Effect.succeed({ ...refused(Diagnostic.error("CW704", message, { help })), target })
    }
    return Effect.gen(function* () {
      if (single) return yield* planSingle(target, desired, recheck)
      const { cluster } = target
      const change = cluster === undefined || changes === "all" ? undefined : (changes.get(cluster) ?? nothing)
      const plan = yield* change === undefined
        ? tree.plan({ all: cluster === undefined ? [] : mapping.cluster(cluster) }, recheck)
        : tree.plan({ upserts: change.upserts.values(), removes: change.removes }, recheck)
      return { ...plan, target }
    }).pipe(
      Effect.catch((error) =>
        Effect.succeed({
          ...refused(Diagnostic.error("CW701", `${tree.full("")}: ${reasonOf(error)}`, { place: { file: site.root } })),
          target
        })
      )
    )
  }

  const planSingle = (target: Target, desired: Desired, recheck: boolean) =>
    Effect.gen(function* () {
      const { cluster, tree } = target
      const { disk } = tree.options
      disk.refresh()
      const path = tree.full(singlePath)
      const seen = yield* disk.look(path)
      const bytes = seen.kind === "file" ? yield* disk.read(path, seen.size) : undefined
      const there = (bytes === undefined ? undefined : parse(new TextDecoder().decode(bytes))) ?? []
      const documents: Documents = {
        before: new Map(there.map((document) => [document.id, document])),
        wanted: cluster === undefined ? new Map() : documentsOf(desired, cluster)
      }
      const all = new Set([...documents.before.keys(), ...documents.wanted.keys()])
      const kept = new Set([...all].filter((id) => documents.wanted.has(id)))
      const files = cluster === undefined ? [] : [...mapping.cluster(cluster)]
      // As long as something may be kept there is a file: it goes together with the last object.
      if (all.size > 0) files.push(bundle(composed(documents, kept)))
      const plan = yield* tree.plan({ all: files }, recheck)
      if (plan.failed !== undefined || tree.open.get(singlePath)?.op === "conflict") return { ...plan, target }
      const objects = itemsOf(tree.target, documents)
      const rest = objects.length === 0 ? plan.items : plan.items.filter((i) => i.id !== singlePath)
      const same = documents.wanted.size - objects.filter((i) => i.op !== "delete").length
      return {
        ...plan,
        items: [...rest, ...objects],
        owned: plan.owned + there.length,
        unchanged: plan.unchanged + same,
        target,
        documents
      }
    })

  const plan = (desired: Desired): Effect.Effect<Plan, PluginError> =>
    Effect.gen(function* () {
      const changes = told === undefined ? undefined : desired.changesSince(told)
      const recheck = told === desired.generation && healthy
      told = undefined
      yield* fit(targets.disk)
      const cause = (error: Parameters<typeof failure>[1]) => failure(`cannot read ${site.root}`, error)
      yield* Effect.mapError(targets.follow(desired.model.fleet), cause)
      left ??= yield* Effect.mapError(isLeft(site.fs, targets.disk.at(`${stateFolder}/lock`)), cause)
      const mapped = mapping.update(desired, changes === undefined || changes.all ? "all" : changes.groups)
      const done = yield* Effect.forEach(targets.all(), (target) => planTarget(target, desired, mapped, recheck), {
        concurrency
      })
      // What another pipeline left of a cluster that we do not have is not our business.
      const ours = done.filter(({ failed, target }) => target.cluster !== undefined || failed?.code !== "CW706")
      for (const one of done) if (!ours.includes(one)) targets.forget(one.target)
      plans = new Map(ours.map((one) => [one.target.tree.target, one]))
      told = desired.generation
      planned = desired.generation
      return { ...merge(ours), ...(left || ours.some((one) => one.bookkeeping) ? { bookkeeping: true } : {}) }
    })

  const applyTarget = (name: string, items: ReadonlyArray<PlanItem>): Effect.Effect<Report> => {
    const { documents, target } = plans.get(name)!
    const { tree } = target
    const objects =
      documents === undefined ? [] : executable({ items, unchanged: 0 }).filter((i) => isObject(documents, i.id))
    if (documents === undefined || objects.length === 0) return apply(tree, items)
    const due = new Set(objects.map((i) => i.id))
    const deletes = new Set(objects.filter((i) => i.op === "delete").map((i) => i.id))
    const rest = items.filter((i) => !due.has(i.id) && i.id !== singlePath)
    // First what comes and changes; what goes, goes when all the rest came through.
    const first = bundle(composed(documents, new Set([...due].filter((id) => !deletes.has(id)))))
    const last = composed(documents, due)
    const slot = tree.slots.get(singlePath)
    if (slot !== undefined) slot.wanted = first
    if (slot?.disk !== first.entry.digest) {
      rest.push({
        op: slot?.disk === undefined ? "create" : "update",
        target: name,
        id: singlePath,
        digest: first.entry.digest
      })
    }
    const shrink: Shrink =
      deletes.size === 0
        ? { write: [], remove: [] }
        : last.length === 0
          ? { write: [], remove: [singlePath] }
          : { write: [bundle(last)], remove: [] }
    return Effect.map(apply(tree, rest, shrink), (report) => {
      const others = report.items.filter((i) => i.id !== singlePath)
      const file = report.items.find((i) => i.id === singlePath && i.outcome !== "applied")
      // When it was the deletes themselves that failed, nothing else did.
      const elsewhere =
        others.some((i) => i.outcome !== "applied") || (file !== undefined && deletes.size < objects.length)
      const outcomes = objects.map(({ id, op, service }): ReportItem => {
        const base = { op, target: name, id, ...(service === undefined ? {} : { service }) }
        const message = file?.message === undefined ? {} : { message: file.message }
        if (op !== "delete")
          return file === undefined ? { ...base, outcome: "applied" } : { ...base, outcome: "failed", ...message }
        if (elsewhere) return { ...base, outcome: "skipped", message: "another change in this target failed" }
        return file === undefined ? { ...base, outcome: "applied" } : { ...base, outcome: "failed", ...message }
      })
      return { ...report, items: [...others, ...outcomes] }
    })
  }

  return {
    plan,
    apply: (plan, desired) =>
      Effect.suspend((): Effect.Effect<Report, PluginError> => {
        if (desired.generation !== planned) return Effect.fail(outdated())
        const items = new Map<string, Array<PlanItem>>()
        for (const item of plan.items) {
          if (item.op === "held" || item.op === "conflict") continue
          const list = items.get(item.target)
          if (list === undefined) items.set(item.target, [item])
          else list.push(item)
        }
        const due = [...plans].filter(([name, one]) => one.failed === undefined && (items.has(name) || one.bookkeeping))
        if (due.length === 0 && left !== true) return Effect.succeed({ items: [] })
        const run = Effect.forEach(due, ([name]) => applyTarget(name, items.get(name) ?? []), { concurrency })
        healthy = false
        return locked(site.fs, targets.disk, stateFolder, run).pipe(
          Effect.map((reports) => {
            left = false
            const items = reports.flatMap((report) => report.items)
            healthy = items.every((item) => item.outcome === "applied")
            return { items, diagnostics: reports.flatMap((report) => report.diagnostics ?? []) }
          })
        )
      }),
    probe: (clusters) => probe(site, clusters)
  }
}

const nothing: ClusterChange = { upserts: new Map(), removes: new Set() }

const bundle = (documents: ReadonlyArray<Document>): Wanted =>
  want(singlePath, () => print(documents), { artifact: singleArtifact })

const isObject = ({ before, wanted }: Documents, id: string): boolean => before.has(id) || wanted.has(id)

const refused = (failed: Diagnostic.Diagnostic): TreePlan => ({
  items: [],
  unchanged: 0,
  owned: 0,
  bookkeeping: false,
  diagnostics: [failed],
  failed
})

const merge = (plans: ReadonlyArray<TargetPlan>): Plan => {
  const failed = new Map<string, Diagnostic.Diagnostic>()
  for (const one of plans) if (one.failed !== undefined) failed.set(one.target.tree.target, one.failed)
  return {
    items: plans.flatMap((one) => one.items).sort(compareItems),
    unchanged: plans.reduce((sum, one) => sum + one.unchanged, 0),
    owned: new Map(plans.map((one) => [one.target.tree.target, one.owned])),
    owns: (name, service) => {
      const one = plans.find((p) => p.target.tree.target === name)
      if (one?.documents === undefined) return one?.target.tree.owns(service) ?? false
      return [...one.documents.before.values()].some((document) => document.service === service)
    },
    diagnostics: plans.flatMap((one) => one.diagnostics),
    ...(failed.size === 0 ? {} : { failed })
  }
}
