/**
 * Executes the plan of one cluster: the inventory is widened first, then layer after layer is applied, then, only if
 * nothing failed, deletes run the other way round, and the inventory shrinks. Killed at any point, it has listed all
 * that it owns. Objects are independent of each other; a cluster that is gone ends the rest.
 */
import { type ObjectId, parseId } from "@coddiwomple/core/Artifact"
import { type Entry, settle, widen } from "@coddiwomple/core/Inventory"
import type { Outcome, PlanItem, ReportItem } from "@coddiwomple/core/Plan"
import type { ApiError, Reason } from "@coddiwomple/kubernetes/ApiError"
import * as Apply from "@coddiwomple/kubernetes/Apply"
import { apiVersion, type Resource } from "@coddiwomple/kubernetes/Discovery"
import type { Loaded } from "@coddiwomple/kubernetes/InventoryStore"
import { compare, same } from "@coddiwomple/kubernetes/ManagedFields"
import { migrate } from "@coddiwomple/kubernetes/Migrate"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { layered } from "./Layers.ts"
import type { Removal, Work, Write } from "./Planner.ts"
import { contentOf, kindKey } from "./Survey.ts"
import { gone, served } from "./Waiting.ts"

export interface Options {
  readonly pipeline: string
  readonly migrate: ReadonlyArray<string>
  /** Milliseconds. */
  readonly patience: number
  readonly wait: number
}

type Item = PlanItem & { readonly op: "create" | "update" | "delete" }

interface Done {
  readonly outcome: Outcome
  readonly message?: string
  readonly attempts?: number
  readonly written?: { readonly digest: string; readonly uid?: string }
}

/** After these the cluster answers nobody; what is left is not tried. */
const fatal: ReadonlySet<Reason> = new Set([
  "Unreachable",
  "Lost",
  "Unauthorized",
  "Credentials",
  "Certificate",
  "NotApi",
  "Full"
])

/** More requests than the client lets through at once, so that it is never idle. */
const ahead = 2

export class Applier {
  private readonly work: Work
  private readonly options: Options
  private readonly done = new Map<string, Done>()
  private readonly items: ReadonlyArray<Item>
  private lost: string | undefined
  /** The inventory as it is stored now; undefined where that is not known. */
  loaded: Loaded | undefined
  private readonly brought = new Set<string>()

  constructor(work: Work, items: ReadonlyArray<Item>, options: Options) {
    this.work = work
    this.items = items
    this.options = options
  }

  private get concurrency(): number {
    return this.work.target.client.limit() * ahead
  }

  /** So far, for who interrupts. */
  get progress(): { readonly done: number; readonly of: number } {
    return { done: [...this.done.values()].filter((d) => d.outcome === "applied").length, of: this.items.length }
  }

  readonly run: Effect.Effect<ReadonlyArray<ReportItem>> = Effect.gen({ self: this }, function* () {
    const { ghosts, loaded, records, target } = this.work
    const widened = yield* Effect.result(target.store.update(loaded, (old) => this.widened(old)))
    if (widened._tag === "Failure") {
      for (const item of this.items)
        this.done.set(item.id, {
          outcome: "failed",
          message: `the inventory cannot be written: ${widened.failure.message}`
        })
      return this.report
    }
    const writes = this.items.filter((i) => i.op !== "delete")
    for (const layer of layered(writes, idOf, (i) => i.id)) {
      yield* Effect.forEach(layer, (item) => this.step(item, this.write(item)), {
        concurrency: this.concurrency,
        discard: true
      })
    }
    const deletes = this.items.filter((i) => i.op === "delete")
    const bad = writes.filter((i) => this.done.get(i.id)?.outcome !== "applied").length
    if (bad > 0) {
      for (const item of deletes)
        this.done.set(item.id, {
          outcome: "skipped",
          message: `${bad} objects of this cluster were not applied, so nothing is deleted`
        })
    } else {
      for (const layer of layered(deletes, idOf, (i) => i.id).toReversed()) {
        yield* Effect.forEach(layer, (item) => this.step(item, this.remove(item)), {
          concurrency: this.concurrency,
          discard: true
        })
      }
    }
    yield* this.record(widened.success, records, ghosts)
    return this.report
  })

  private widened(old: ReadonlyMap<string, Entry>): ReadonlyMap<string, Entry> {
    // What is listed already need not be written again before its update: here the label and the UID prove whose it is.
    const news = this.items.filter((i) => !old.has(i.id))
    return widen({ owner: this.options.pipeline, entries: old }, news).entries
  }

  /** What failed stays listed. A failure here costs nothing: what is listed too long is found out by the next plan. */
  private record(loaded: Loaded, records: Work["records"], ghosts: Work["ghosts"]): Effect.Effect<void> {
    const change = (old: ReadonlyMap<string, Entry>): ReadonlyMap<string, Entry> => {
      const entries = new Map(
        settle({ owner: this.options.pipeline, entries: old }, this.report, (id) => this.done.get(id)?.written).entries
      )
      for (const [id, entry] of records) entries.set(id, entry)
      for (const id of ghosts) entries.delete(id)
      return entries
    }
    if (this.lost !== undefined) return Effect.void
    return this.work.target.store.update(loaded, change).pipe(
      Effect.map((stored) => {
        this.loaded = stored
      }),
      Effect.ignore
    )
  }

  private get report(): ReadonlyArray<ReportItem> {
    return this.items.map((item) => {
      const { message, outcome, attempts } = this.done.get(item.id) ?? {
        outcome: "skipped" as const,
        message: "interrupted"
      }
      return {
        op: item.op,
        target: item.target,
        id: item.id,
        outcome,
        ...(item.service === undefined ? {} : { service: item.service }),
        ...(message === undefined ? {} : { message }),
        ...(attempts === undefined ? {} : { attempts })
      }
    })
  }

  private step(item: Item, effect: Effect.Effect<Done, ApiError>): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.lost !== undefined) {
        this.done.set(item.id, { outcome: "skipped", message: this.lost })
        return Effect.void
      }
      return effect.pipe(
        Effect.catchTag("ApiError", (error) => Effect.succeed(this.failed(error))),
        Effect.map((done) => void this.done.set(item.id, done))
      )
    })
  }

  private failed(error: ApiError): Done {
    if (fatal.has(error.reason)) this.lost ??= `not tried: the cluster was lost (${error.message})`
    const outcome = error.doubt === true ? "unknown" : "failed"
    return { outcome, message: explain(error), ...(error.attempts === undefined ? {} : { attempts: error.attempts }) }
  }

  private resource({ group, kind }: ObjectId, version?: string): Effect.Effect<Resource | undefined, ApiError> {
    const known = this.work.resources.get(kindKey({ group, kind }))
    return known === undefined ? this.work.target.mapper.find(group, kind, version) : Effect.succeed(known)
  }

  private write(item: Item): Effect.Effect<Done, ApiError> {
    const write = this.work.writes.get(item.id)
    if (write === undefined) return Effect.succeed<Done>({ outcome: "skipped", message: "it is not part of this plan" })
    return Effect.gen({ self: this }, function* () {
      const { body, id } = write.wanted
      const resource = yield* this.resource(id, String(body.apiVersion).split("/").at(-1))
      if (resource === undefined)
        return { outcome: "failed", message: `the cluster does not know ${id.kind} of ${id.group}` }
      const applied = yield* this.patch(write, resource)
      if (
        id.kind === "CustomResourceDefinition" &&
        !(yield* served(this.work.target, resource, write.wanted, this.options.wait))
      ) {
        return { outcome: "failed", message: "the definition was applied, but is not served yet" }
      }
      if (id.kind === "Namespace") this.brought.add(id.name)
      const uid = applied.object.metadata.uid
      return {
        outcome: "applied",
        attempts: applied.attempts,
        written: { digest: item.digest ?? "", ...(uid === undefined ? {} : { uid }) }
      }
    })
  }

  private patch({ wanted, force, live }: Write, resource: Resource): Effect.Effect<Apply.Applied, ApiError> {
    const { client } = this.work.target
    const apply = Apply.apply(client, resource, wanted.body, {
      manager: wanted.manager,
      force,
      budget: this.options.patience
    })
    const taken =
      live === undefined
        ? apply
        : Effect.andThen(migrate(client, resource, live, this.options.migrate, apiVersion(resource)), apply)
    const settled = taken.pipe(
      Effect.catchTag("ApiError", (error) =>
        error.doubt === true ? this.verified(wanted, resource, error) : Effect.fail(error)
      )
    )
    // The server may notice a namespace of this run a moment later.
    if (!this.brought.has(wanted.id.namespace)) return settled
    return Effect.retry(settled, {
      times: 10,
      schedule: Schedule.spaced("200 millis"),
      while: (error) => error.reason === "NotFound" && error.kind === "namespaces"
    })
  }

  /** An apply whose outcome is unknown, looked at once more. */
  private verified(
    wanted: Write["wanted"],
    resource: Resource,
    error: ApiError
  ): Effect.Effect<Apply.Applied, ApiError> {
    const { name, namespace } = wanted.id
    return Apply.get(this.work.target.client, resource, namespace === "" ? undefined : namespace, name, 5000).pipe(
      Effect.orElseSucceed(() => undefined),
      Effect.flatMap((object) =>
        object !== undefined && same(compare(wanted.body, object, wanted.manager))
          ? Effect.succeed({ object, created: false, warnings: [], attempts: error.attempts ?? 1 })
          : Effect.fail(error)
      )
    )
  }

  /** Only what was looked at goes; a new status of it is no other object. */
  private removed(
    resource: Resource,
    id: ObjectId,
    { content, uid, version }: Removal
  ): Effect.Effect<Apply.Removed | "changed", ApiError> {
    const { client } = this.work.target
    const { patience } = this.options
    const namespace = id.namespace === "" ? undefined : id.namespace
    return Effect.gen(function* () {
      let known = version
      for (let attempt = 1; ; attempt++) {
        const result = yield* Apply.remove(client, resource, namespace, id.name, uid, patience, known)
        if (result !== "replaced") return result
        const live = yield* Apply.get(client, resource, namespace, id.name, patience)
        if (live === undefined) return "deleted"
        if (live.metadata.uid !== uid) return "replaced"
        if (live.metadata.deletionTimestamp !== undefined) known = undefined
        else if (attempt > 3 || contentOf(id.kind, live) !== content) return "changed"
        else known = live.metadata.resourceVersion
      }
    })
  }

  private remove(item: Item): Effect.Effect<Done, ApiError> {
    const removal = this.work.removals.get(item.id)
    const id = parseId(item.id)
    if (removal === undefined || id === undefined)
      return Effect.succeed<Done>({ outcome: "skipped", message: "it is not part of this plan" })
    return Effect.gen({ self: this }, function* () {
      const { client } = this.work.target
      const resource = yield* this.resource(id)
      if (resource === undefined) return { outcome: "applied" }
      if (removal.release !== undefined) {
        yield* Apply.release(client, resource, removal.release, Apply.fieldsManager(this.options.pipeline))
        return { outcome: "applied" }
      }
      const namespace = id.namespace === "" ? undefined : id.namespace
      const result = yield* this.removed(resource, id, removal)
      if (result === "changed")
        return { outcome: "failed", message: "somebody changed it after it was looked at; the next plan says how" }
      if (result === "deleted") return { outcome: "applied" }
      if (result === "replaced")
        return { outcome: "skipped", message: "somebody deleted it and created another one under its name; that stays" }
      const finalizers = yield* gone(this.work.target, resource, namespace, id.name, removal.uid, this.options.wait)
      return finalizers === undefined
        ? { outcome: "applied" }
        : { outcome: "failed", message: `it is marked for deletion, but finalizers hold it: ${finalizers.join(", ")}` }
    })
  }
}

const idOf = (item: Item): ObjectId => parseId(item.id)!

/** The server's word with what to do, where that is known. */
const explain = (error: ApiError): string => {
  if (error.reason === "Conflict") {
    const all = Apply.conflictsOf(error)
    return `fields are owned by others: ${all
      .slice(0, 3)
      .map((c) => `${c.field} by ${c.manager}`)
      .join("; ")}${all.length > 3 ? `; and ${all.length - 3} more` : ""}`
  }
  if (error.reason === "Invalid" && /immutable|may not change once set/i.test(error.message))
    return `${error.message}. cw never deletes an object to change it: delete it by hand, then run again`
  return error.message
}
