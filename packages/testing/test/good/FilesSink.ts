/** The smallest sink that keeps all laws: one file per object and cluster, and a record of what is ours. */
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Desired } from "@coddiwomple/core/Desired"
import { digest } from "@coddiwomple/core/Digest"
import { Host } from "@coddiwomple/core/Host"
import { executable, type Plan, type PlanItem, type ReportItem } from "@coddiwomple/core/Plan"
import { permanent, retryable } from "@coddiwomple/core/PluginError"
import * as Sink from "@coddiwomple/core/Sink"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"

/** Each names one way in which a broken plugin of ../broken differs. */
export interface Flaws {
  readonly alwaysUpdates?: boolean
  readonly writesWhilePlanning?: boolean
  readonly tears?: boolean
  readonly forgetsOnInterrupt?: boolean
  readonly takesAll?: boolean
  readonly everythingRetryable?: boolean
  readonly swallows?: boolean
}

const records = ".records.json"
type Owned = Readonly<Record<string, ReadonlyArray<string>>>

export const filesSink = (flaws: Flaws = {}) =>
  Sink.make({
    type: "test/files",
    summary: "One file per object and cluster",
    config: Schema.Struct({ path: Schema.NonEmptyString }),
    examples: [{ summary: "A folder", config: { path: "out" } }],
    make: Effect.fnUntraced(function* ({ path: folder }: { readonly path: string }) {
      const fs = yield* FileSystem.FileSystem
      const paths = yield* Path.Path
      const root = paths.resolve((yield* Host).directory, folder)
      const at = (name: string) => paths.join(root, name)

      const wantedFiles = (desired: Desired) => {
        const out = new Map<string, string>()
        for (const a of desired.artifacts()) {
          for (const i of ClusterSet.indices(a.targets)) {
            out.set(`${desired.model.fleet.clusters[i]!.name}/${a.id.replaceAll("/", "_")}.yaml`, a.text)
          }
        }
        return out
      }
      const read = (name: string) =>
        fs
          .readFileString(at(name))
          .pipe(
            Effect.catchTag("PlatformError", (e) => (e.reason._tag === "NotFound" ? Effect.undefined : Effect.fail(e)))
          )
      /** Digests that a file of ours may have; more than one while an apply is under way. */
      const owned = Effect.flatMap(read(records), (text) =>
        Effect.try({
          try: () => JSON.parse(text ?? "{}") as Owned,
          catch: () => permanent(`${records} cannot be read`)
        })
      )
      const write = Effect.fnUntraced(function* (name: string, text: string) {
        yield* fs.makeDirectory(paths.dirname(at(name)), { recursive: true })
        if (flaws.tears === true) return yield* fs.writeFileString(at(name), text)
        // One name for all, and always the same: the next run writes over what a kill left.
        const temporary = at(".new")
        yield* fs.writeFileString(temporary, text).pipe(
          Effect.andThen(fs.rename(temporary, at(name))),
          Effect.tapError(() => Effect.ignore(fs.remove(temporary)))
        )
      })
      const text = (of: Owned) =>
        `${JSON.stringify(Object.fromEntries(Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1))))}\n`

      const plan = Effect.fnUntraced(function* (desired: Desired) {
        const ours = yield* owned
        const wanted = wantedFiles(desired)
        const items: Array<PlanItem> = []
        let unchanged = 0
        for (const [id, body] of wanted) {
          const now = yield* read(id)
          const item = { target: folder, id, digest: digest(body) }
          const mine = flaws.takesAll === true || now === undefined || ours[id]?.includes(digest(now))
          if (now === body && mine && flaws.alwaysUpdates !== true) unchanged++
          else
            items.push(
              mine
                ? { ...item, op: now === undefined ? "create" : "update" }
                : { ...item, op: "conflict", reason: "not ours" }
            )
        }
        const known =
          flaws.takesAll === true
            ? (yield* fs.exists(root))
              ? yield* fs.readDirectory(root, { recursive: true })
              : []
            : Object.keys(ours)
        for (const id of known) {
          if (wanted.has(id) || id === records) continue
          const now = yield* Effect.orElseSucceed(read(id), () => undefined)
          if (now !== undefined && (flaws.takesAll === true || ours[id]?.includes(digest(now))))
            items.push({ op: "delete", target: folder, id })
        }
        const settled = text(Object.fromEntries([...wanted].map(([id, body]) => [id, [digest(body)]])))
        const untidy = (yield* fs.exists(at(".new"))) || ((yield* read(records)) ?? "{}\n") !== settled
        if (flaws.writesWhilePlanning === true) yield* write("plan.txt", items.map((i) => i.id).join("\n"))
        return { items, unchanged, ...(untidy ? { bookkeeping: true } : {}) } satisfies Plan
      })

      const apply = Effect.fnUntraced(function* (made: Plan, desired: Desired) {
        const wanted = wantedFiles(desired)
        const ours = yield* owned
        const todo = executable(made)
        const wider = Object.fromEntries(
          todo.flatMap((i) => (i.digest === undefined ? [] : [[i.id, [...(ours[i.id] ?? []), i.digest]]]))
        )
        yield* write(records, text({ ...ours, ...wider }))
        const items: Array<ReportItem> = []
        for (const { op, target, id } of todo) {
          yield* op === "delete" ? fs.remove(at(id)) : write(id, wanted.get(id)!)
          items.push({ op, target, id, outcome: "applied" })
        }
        const conflicts = new Set(made.items.filter((i) => i.op === "conflict").map((i) => i.id))
        yield* write(
          records,
          text(
            Object.fromEntries(
              [...wanted].filter(([id]) => !conflicts.has(id)).map(([id, body]) => [id, [digest(body)]])
            )
          )
        )
        return { items }
      })

      const classify = <A, R>(effect: Effect.Effect<A, unknown, R>) =>
        Effect.mapError(effect, (e) => {
          const error = e as PlatformError
          const denied = error._tag === "PlatformError" && error.reason._tag === "PermissionDenied"
          return denied && flaws.everythingRetryable !== true
            ? permanent(error.message, e)
            : error._tag === "PlatformError"
              ? retryable(error.message, e)
              : e
        })
      return {
        plan: (desired: Desired) => classify(plan(desired)),
        apply: (made: Plan, desired: Desired) =>
          flaws.forgetsOnInterrupt === true
            ? Effect.onInterrupt(apply(made, desired), () => Effect.ignore(fs.remove(at(records))))
            : flaws.swallows === true
              ? Effect.orElseSucceed(apply(made, desired), () => ({
                  items: executable(made).map((i) => ({ ...i, outcome: "applied" as const }))
                }))
              : classify(apply(made, desired))
      }
    })
  })

export default filesSink()
