/**
 * The plan of one cluster: what is wanted against what is there. Decides per object between create, update, delete and
 * conflict; what the server or a webhook would write differently anyway is no change. Reads only.
 */
import { digest as digestOf, canonical } from "@coddiwomple/core/Digest"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Entry } from "@coddiwomple/core/Inventory"
import { parseId } from "@coddiwomple/core/Artifact"
import { type FieldChange, hold, inherited, type PlanItem } from "@coddiwomple/core/Plan"
import type { ApiError } from "@coddiwomple/kubernetes/ApiError"
import * as Apply from "@coddiwomple/kubernetes/Apply"
import type { Resource } from "@coddiwomple/kubernetes/Discovery"
import type { InventoryProblem, Loaded } from "@coddiwomple/kubernetes/InventoryStore"
import type { Raw } from "@coddiwomple/kubernetes/List"
import { type Comparison, type Difference, same } from "@coddiwomple/kubernetes/ManagedFields"
import * as Effect from "effect/Effect"
import { labelValue, type Wanted } from "./Bodies.ts"
import type { Config } from "./Config.ts"
import { kindKey, type Known, type Seen, type Survey, survey } from "./Survey.ts"
import type { Target } from "./Targets.ts"

/** What an apply needs to know of an object besides its item. */
export interface Write {
  readonly wanted: Wanted
  readonly force: boolean
  /** Where managers are to be taken over first. */
  readonly live?: Raw
}

export interface Removal {
  readonly uid: string
  /** Its version and its content when it was looked at. */
  readonly version?: string
  readonly content?: string
  /** Only our fields go; the object stays. */
  readonly release?: Raw
}

export interface Work {
  readonly target: Target
  readonly loaded: Loaded
  readonly resources: ReadonlyMap<string, Resource | undefined>
  readonly writes: ReadonlyMap<string, Write>
  readonly removals: ReadonlyMap<string, Removal>
  /** Entries of the inventory whose objects are gone. */
  readonly ghosts: ReadonlyArray<string>
  /** Entries that the inventory lacks or has incomplete, for objects that are as they should be. */
  readonly records: ReadonlyMap<string, Entry>
}

export interface Planned {
  readonly items: ReadonlyArray<PlanItem>
  readonly namespaces: ReadonlyMap<string, boolean> | undefined
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
  /** What no other cluster has, where that is known. */
  readonly identity: string | undefined
  readonly work: Work
}

export type Policy = Pick<Config, "adopt" | "conflicts" | "migrate">

/** Kinds that cw never deletes: with them would go what others put there. */
const kept = new Set(["/Namespace", "apiextensions.k8s.io/CustomResourceDefinition"])

const hidden = "(hidden)"

/** Secrets change, but nobody reads how. */
const shown = (differences: ReadonlyArray<Difference>, kind: string): ReadonlyArray<FieldChange> =>
  differences.map(({ path, before, after }) => {
    const secret = kind === "Secret" && path.startsWith("data")
    return {
      path,
      ...(before === undefined ? {} : { before: secret ? hidden : before }),
      ...(after === undefined ? {} : { after: secret ? hidden : after })
    }
  })

/** Fields that would be taken from somebody. */
const contested = ({ differences }: Comparison): ReadonlyArray<Difference> =>
  differences.filter((d) => d.owners.length > 0)

const owners = (differences: ReadonlyArray<Difference>): string => {
  const named = differences.slice(0, 3).map((d) => `${d.path} is owned by ${d.owners.join(" and ")}`)
  return `${named.join("; ")}${differences.length > 3 ? `; and ${differences.length - 3} more` : ""}`
}

type FindingCode = "CW702" | "CW707" | "CW708" | "CW709" | "CW710"

const few = 3

const leaving = (namespace: string): string =>
  `run again when it is gone and made anew; where it stays, its conditions say what holds it: kubectl describe namespace ${namespace}`

const nameOf = ({ id }: Wanted): string => `${id.kind} ${id.namespace === "" ? "" : `${id.namespace}/`}${id.name}`

const brings = ({ artifact, body, id }: Wanted): ReadonlyArray<string> => {
  if (kindKey(id) === "/Namespace") return [artifact.id]
  if (kindKey(id) !== "apiextensions.k8s.io/CustomResourceDefinition") return []
  const { group, names } = body.spec as { readonly group?: string; readonly names?: { readonly kind?: string } }
  return [`${group}/${names?.kind}`]
}

class Planner {
  readonly items: Array<PlanItem> = []
  private readonly found = new Map<
    string,
    { readonly code: FindingCode; readonly reason: string; readonly help?: string; readonly wants: Array<Wanted> }
  >()
  readonly writes = new Map<string, Write>()
  readonly removals = new Map<string, Removal>()
  readonly ghosts: Array<string> = []
  readonly records = new Map<string, Entry>()
  /** Ours, and different only where we own the field: the server may write it so. */
  readonly doubtful: Array<readonly [Wanted, Seen]> = []
  private readonly target: Target
  private readonly owner: string
  private readonly policy: Policy
  private readonly survey: Survey
  /** Kinds and namespaces that this very plan brings along. */
  private readonly brought: ReadonlySet<string>

  constructor(target: Target, pipeline: string, policy: Policy, seen: Survey, wanted: ReadonlyMap<string, Wanted>) {
    this.target = target
    this.owner = labelValue(pipeline)
    this.policy = policy
    this.survey = seen
    this.brought = new Set([...wanted.values()].flatMap(brings))
  }

  private base(want: Wanted) {
    const { combines, id, service, text } = want.artifact
    return {
      target: this.target.cluster,
      id,
      ...(service === undefined ? {} : { service }),
      ...inherited(this.survey.loaded.inventory.entries.get(id)?.service, service),
      ...(combines === undefined ? {} : { combines }),
      digest: digestOf(text)
    }
  }

  private conflict(
    want: Wanted,
    code: FindingCode,
    reason: string,
    fields: ReadonlyArray<FieldChange> = [],
    help?: string
  ): void {
    this.items.push({
      ...this.base(want),
      op: "conflict",
      intended: "update",
      reason,
      ...(fields.length === 0 ? {} : { fields })
    })
    this.find(code, want, reason, help)
  }

  /** One finding per reason, however many objects it strikes. */
  private find(code: FindingCode, want: Wanted, reason: string, help?: string): void {
    const key = `${code} ${reason}`
    const struck = this.found.get(key)
    if (struck === undefined)
      this.found.set(key, { code, reason, wants: [want], ...(help === undefined ? {} : { help }) })
    else struck.wants.push(want)
  }

  get diagnostics(): ReadonlyArray<Diagnostic.Diagnostic> {
    return [...this.found.values()].map(({ code, help, reason, wants }) => {
      const { kind, name, namespace } = wants[0]!.id
      const object = { kind, name, cluster: this.target.cluster, ...(namespace === "" ? {} : { namespace }) }
      const more = wants.length > few ? ` and ${wants.length - few} more` : ""
      const make = code === "CW710" ? Diagnostic.warning : Diagnostic.error
      return make(
        code,
        `cluster ${this.target.cluster}: ${wants.slice(0, few).map(nameOf).join(", ")}${more}: ${reason}`,
        {
          object,
          help,
          service: wants.length === 1 ? wants[0]!.artifact.service : undefined
        }
      )
    })
  }

  want(want: Wanted): void {
    const { id } = want
    const seen = this.survey.seen.get(want.artifact.id)
    if (this.survey.resources.get(kindKey(id)) === undefined && !this.brought.has(kindKey(id))) {
      return this.conflict(
        want,
        "CW708",
        `the cluster does not know ${id.kind} of ${id.group === "" ? "the core group" : id.group} in ${String(want.body.apiVersion)}`
      )
    }
    const namespace = id.namespace === "" ? false : this.survey.namespaces?.get(id.namespace)
    if (
      this.survey.namespaces !== undefined &&
      namespace === undefined &&
      !this.brought.has(`/Namespace//${id.namespace}`)
    ) {
      return this.conflict(want, "CW707", `namespace ${id.namespace} is missing`)
    }
    if (namespace === true)
      return this.conflict(want, "CW707", `namespace ${id.namespace} is being deleted`, [], leaving(id.namespace))
    if (seen === undefined) {
      this.items.push({ ...this.base(want), op: "create" })
      this.writes.set(want.artifact.id, { wanted: want, force: this.policy.conflicts === "always" })
      return
    }
    if (seen.deleting) return this.conflict(want, "CW702", "it is being deleted; the next run creates it again")
    if (want.manager !== Apply.manager) return this.shared(want, seen)
    const entry = this.survey.loaded.inventory.entries.get(want.artifact.id)
    const labelled = seen.owner === this.owner
    const proven = entry?.uid === seen.uid || (labelled && seen.applied)
    if (proven && (labelled || seen.owner === undefined)) return this.own(want, seen)
    if (id.kind === "Namespace" && id.group === "" && !this.policy.adopt) {
      // That it exists is all that is wanted of it.
      return
    }
    if (seen.owner !== undefined && !labelled)
      return this.conflict(want, "CW702", `it belongs to pipeline ${seen.owner}`)
    const whose = labelled ? "it carries the label of this pipeline, but cw did not write it" : undefined
    this.stranger(want, seen, whose ?? "it is there already, and belongs to no pipeline")
  }

  /** An object of nobody: taken over only on purpose. */
  private stranger(want: Wanted, seen: Seen, whose: string): void {
    const comparison = seen.comparison!
    const fields = shown(comparison.differences, want.id.kind)
    if (!this.policy.adopt) return this.conflict(want, "CW702", whose, fields)
    const taken = contested(comparison)
    if (taken.length > 0 && this.policy.conflicts !== "always")
      return this.conflict(want, "CW709", owners(taken), fields)
    this.update(want, seen, this.policy.conflicts === "always")
  }

  private shared(want: Wanted, seen: Seen): void {
    const comparison = seen.comparison!
    const taken = contested(comparison)
    if (same(comparison)) return this.settled(want, seen)
    if (taken.length > 0 && this.policy.conflicts !== "always")
      return this.conflict(want, "CW709", owners(taken), shown(comparison.differences, want.id.kind))
    this.update(want, seen, this.policy.conflicts === "always")
  }

  private own(want: Wanted, seen: Seen): void {
    const comparison = seen.comparison!
    const migrates = this.migrates(seen)
    if (same(comparison) && !migrates) return this.settled(want, seen)
    const taken = contested(comparison)
    if (taken.length > 0 && this.policy.conflicts === "never")
      return this.conflict(want, "CW709", owners(taken), shown(comparison.differences, want.id.kind))
    const { id, text } = want.artifact
    const entry = this.survey.loaded.inventory.entries.get(id)
    // What we wrote last is what we want, the fields are still ours, and yet they have other values.
    const rewritten =
      comparison.ownership === 0 &&
      comparison.differences.every((d) => d.rewritten) &&
      entry?.pending === undefined &&
      entry?.digest === digestOf(text)
    if (rewritten && !migrates) this.doubtful.push([want, seen])
    else this.update(want, seen, this.policy.conflicts !== "never")
  }

  private migrates(seen: Seen): boolean {
    return seen.legacy && seen.live !== undefined
  }

  update(want: Wanted, seen: Seen, force: boolean): void {
    const fields = shown(seen.comparison!.differences, want.id.kind)
    const before = digestOf(
      canonical([seen.uid, want.id.kind === "Secret" ? seen.live?.metadata.resourceVersion : fields])
    )
    this.items.push({ ...this.base(want), op: "update", before, fields })
    this.writes.set(want.artifact.id, { wanted: want, force, ...(this.migrates(seen) ? { live: seen.live! } : {}) })
  }

  /** As it should be; the inventory may still have to learn it. */
  settled(want: Wanted, seen: Seen): void {
    const { id, service, text } = want.artifact
    const entry = this.survey.loaded.inventory.entries.get(id)
    if (entry !== undefined && entry.pending === undefined && entry.uid === seen.uid && entry.service === service)
      return
    this.records.set(id, { id, digest: digestOf(text), uid: seen.uid, ...(service === undefined ? {} : { service }) })
  }

  /** What we own and nobody wants any more. */
  unwanted(id: string, entry: Entry): void {
    const parsed = parseId(id)
    // A kind that the server does not know now may come back with its objects.
    if (parsed === undefined || this.survey.resources.get(kindKey(parsed)) === undefined) return
    const seen = this.survey.seen.get(id)
    if (seen === undefined) return void this.ghosts.push(id)
    const item: PlanItem = {
      op: "delete",
      target: this.target.cluster,
      id,
      before: seen.content ?? seen.uid,
      ...(entry.service === undefined ? {} : { service: entry.service })
    }
    const ours = seen.owner === this.owner
    if (!ours) {
      const shared = seen.live?.metadata.managedFields?.some(
        (m) => m.manager === Apply.fieldsManager(this.target.store.pipeline) && m.operation === "Apply"
      )
      if (shared !== true) return void this.ghosts.push(id)
      this.items.push({ ...item, before: seen.uid })
      this.removals.set(id, { uid: seen.uid, release: seen.live! })
      return
    }
    if (entry.uid !== undefined && entry.uid !== seen.uid) {
      this.items.push(hold(item, "somebody deleted it and created another one under its name"))
    } else if (entry.uid === undefined && !seen.applied) {
      this.items.push(hold(item, "it carries the label of this pipeline, but cw did not write it"))
    } else if (kept.has(kindKey(parsed))) {
      this.items.push(hold(item, `cw deletes no ${parsed.kind}; delete it by hand`))
    } else {
      this.items.push(item)
      this.removals.set(id, { uid: seen.uid, version: seen.version, content: item.before! })
    }
  }

  /** A warning that the cluster insists on its own value. */
  rewritten(want: Wanted, differences: ReadonlyArray<Difference>): void {
    const paths = differences
      .map((d) => d.path)
      .slice(0, 3)
      .join(", ")
    this.find("CW710", want, `the cluster writes ${paths} in its own way`)
  }
}

/** A dry run tells what applying would leave; when that is what is there, nothing needs to be done. */
const settlesByItself = (target: Target, resource: Resource, want: Wanted, live: Raw): Effect.Effect<boolean> =>
  Apply.apply(target.client, resource, want.body, {
    manager: want.manager,
    force: true,
    dryRun: true,
    budget: 5000
  }).pipe(
    Effect.map(({ object }) => canonical(bare(object)) === canonical(bare(live))),
    // What the server refuses now it will refuse then, and the report will say why.
    Effect.orElseSucceed(() => false)
  )

const bare = ({ metadata, status: _status, apiVersion: _a, kind: _k, ...rest }: Raw): object => ({
  ...rest,
  labels: metadata.labels ?? {},
  annotations: metadata.annotations ?? {}
})

export interface Request {
  readonly pipeline: string
  readonly wanted: ReadonlyMap<string, Wanted>
  readonly policy: Policy
  /** Only these things are looked at; everything else counts as it was. */
  readonly known?: Known
}

export const planTarget = (
  target: Target,
  { pipeline, wanted, policy, known }: Request
): Effect.Effect<Planned, ApiError | InventoryProblem> =>
  Effect.gen(function* () {
    const found = yield* survey(target, pipeline, wanted, policy.migrate, known)
    const planner = new Planner(target, pipeline, policy, found, wanted)
    for (const want of wanted.values()) planner.want(want)
    const { entries } = found.loaded.inventory
    for (const id of known?.ids ?? entries.keys()) {
      const entry = entries.get(id)
      if (entry !== undefined && !wanted.has(id)) planner.unwanted(id, entry)
    }
    yield* Effect.forEach(
      planner.doubtful,
      ([want, seen]) =>
        Effect.gen(function* () {
          const calm = yield* settlesByItself(target, found.resources.get(kindKey(want.id))!, want, seen.live!)
          if (!calm) return planner.update(want, seen, policy.conflicts !== "never")
          planner.rewritten(want, seen.comparison!.differences)
          planner.settled(want, seen)
        }),
      { concurrency: 8, discard: true }
    )
    const { diagnostics, ghosts, items, records, removals, writes } = planner
    const work = { target, loaded: found.loaded, resources: found.resources, writes, removals, ghosts, records }
    return { items, diagnostics, namespaces: found.namespaces, identity: found.identity, work }
  })
