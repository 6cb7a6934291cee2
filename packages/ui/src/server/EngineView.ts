/**
 * A running engine as the page sees it. Follows the engine's events, keeps the matrix, the history and the newest plan of
 * every sink, and answers questions from the last accepted rendering. It never writes and never drives the engine.
 */
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Stamped } from "@coddiwomple/core/Event"
import type { Plan } from "@coddiwomple/core/Plan"
import type { Rendering } from "@coddiwomple/core/Render"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  type Cluster,
  type EventLine,
  type Info,
  type Live,
  Missing,
  type ServiceDetail,
  type Status
} from "../Contract.ts"
import { Book } from "./Book.ts"
import * as Detail from "./Detail.ts"
import { History } from "./History.ts"
import { clusterInfo, type Options, statusOf } from "./Infos.ts"
import { Plans } from "./Plans.ts"
import { trace } from "./Tracing.ts"
import type { Bundle, View } from "./View.ts"

export interface EngineView extends View {
  /** The plan with what apply needs, and whether something moved since. */
  readonly made: (id: string) => ReturnType<Plans["get"]>
}

const rightsLifetime = 60_000
const neighbours = 500

export const make = (options: Options): Effect.Effect<EngineView, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const now = () => clock.currentTimeMillisUnsafe()
    const started = now()
    const book = new Book()
    const history = new History()
    const plans = new Map<string, Plan>()
    const types = () =>
      new Map(
        options
          .nodes()
          .filter((n) => n.kind === "sink" && n.hidden !== true)
          .map((n) => [n.id, n.type])
      )
    const allowed = (type: string) =>
      options.info.allow.includes("apply") || (type === "git" && options.info.allow.includes("commit"))
    const desk = new Plans({ pipeline: options.info.pipeline, file: options.info.file, types: types(), allowed })
    const wakes = new Set<() => void>()
    const rights = new Map<string, { readonly asked: number; value: "yes" | "no" | "unknown" }>()
    let rendering: Rendering | undefined
    let others: { readonly of: Rendering; readonly list: ReadonlyMap<string, ServiceDetail["resources"]> } | undefined
    let engineStatus = yield* options.engine.status

    const sinkIds = () =>
      options
        .nodes()
        .filter((n) => n.kind === "sink")
        .map((n) => n.id)
    const wake = () => {
      for (const each of wakes) each()
    }
    const planned = (wanted: ReadonlyArray<string> = []) =>
      [...plans]
        .filter(([sink]) => wanted.length === 0 || wanted.includes(sink))
        .map(([sink, plan]) => ({ sink, plan }))

    const take = Effect.gen(function* () {
      const next = yield* options.engine.rendering
      if (next === undefined || next === rendering) return
      rendering = next
      book.rendered(next, sinkIds(), now())
    })

    const follow = (event: Stamped) =>
      Effect.gen(function* () {
        if (event.type === "generation-rendered" || event.type === "planned") yield* take
        const hidden = "node" in event && options.nodes().some((n) => n.id === event.node && n.hidden === true)
        if (!hidden) history.accept(event, rendering?.model)
        if (event.type === "planned") {
          plans.set(event.node, event.plan)
          book.planned(event.node, event.plan, now())
        }
        if (event.type === "reloaded") for (const id of plans.keys()) if (!sinkIds().includes(id)) plans.delete(id)
        engineStatus = yield* options.engine.status
        wake()
      })

    yield* Effect.forkScoped(Stream.runForEach(options.engine.events, follow), { startImmediately: true })
    yield* take

    const info = (): Info => ({
      ...options.info,
      suffix: rendering?.model.fleet.suffix ?? "global",
      started,
      compares: book.compares
    })

    const clusters = (): ReadonlyArray<Cluster> => {
      const services = book.counts()
      const partitions = engineStatus.nodes.flatMap((n) => n.partitions ?? [])
      return book.clusters.map((cluster, i) =>
        clusterInfo(cluster, services[i] ?? 0, partitions, plans, rights.get(cluster.name)?.value)
      )
    }

    const askRights = Effect.gen(function* () {
      if (options.writable === undefined) return
      for (const cluster of book.clusters) {
        const { connection, name } = cluster
        const known = rights.get(name)
        if (connection === undefined || (known !== undefined && now() - known.asked < rightsLifetime)) continue
        const entry = { asked: now(), value: known?.value ?? ("unknown" as const) }
        rights.set(name, entry)
        yield* Effect.forkDetach(
          Effect.tap(options.writable(cluster), (value) => Effect.sync(() => void (entry.value = value)))
        )
      }
    })

    const status: Effect.Effect<Status> = Effect.gen(function* () {
      engineStatus = yield* options.engine.status
      return statusOf(
        engineStatus,
        options.nodes().filter((n) => n.hidden !== true),
        history,
        rendering,
        plans,
        now()
      )
    })

    /** The snapshot is taken and the reader registered in one synchronous step: no change falls between them. */
    const watch = (coalesce: number): Stream.Stream<Live> =>
      Stream.unwrap(
        Effect.gen(function* () {
          const bell = yield* Queue.sliding<void>(1)
          const ring = () => void Queue.offerUnsafe(bell, undefined)
          const cells = new Map<number, number>()
          const rows = new Set<number>()
          let whole = true
          let events = 0
          let told = ""
          let statusAt = 0
          let statusDue = true
          const width = () => Math.max(1, book.clusters.length)
          yield* Effect.acquireRelease(
            Effect.sync(() => {
              const off = book.subscribe({
                cell: (row, column, byte) => {
                  events++
                  cells.set(row * width() + column, byte)
                },
                row: (row) => {
                  events++
                  rows.add(row)
                },
                reset: () => {
                  whole = true
                }
              })
              const waker = () => {
                statusDue = true
                ring()
              }
              wakes.add(waker)
              return () => {
                off()
                wakes.delete(waker)
              }
            }),
            (release) => Effect.sync(release)
          )
          ring()
          const next = Effect.gen(function* () {
            yield* Queue.take(bell)
            yield* Effect.sleep(whole ? 0 : coalesce)
            yield* askRights
            const out: Array<Live> = []
            const list = clusters()
            const said = JSON.stringify(list)
            if (whole) {
              whole = false
              cells.clear()
              rows.clear()
              out.push({
                _tag: "Snapshot",
                epoch: book.epoch,
                seq: book.seq,
                time: now(),
                info: info(),
                clusters: list,
                rows: book.rows()
              })
              const holes = book.holes()
              if (holes.length > 0)
                out.push({ _tag: "Delta", seq: book.seq, time: now(), events: 0, cells: [], rows: [], removed: holes })
            } else {
              if (cells.size > 0 || rows.size > 0) {
                const flat: Array<number> = []
                for (const [key, byte] of cells)
                  if (!rows.has(Math.floor(key / width()))) flat.push(Math.floor(key / width()), key % width(), byte)
                const present = [...rows].flatMap((at) => {
                  const row = book.row(at)
                  return row === undefined ? [] : [{ at, row }]
                })
                out.push({
                  _tag: "Delta",
                  seq: book.seq,
                  time: now(),
                  events,
                  cells: flat,
                  rows: present,
                  removed: [...rows].filter((at) => book.isRemoved(at))
                })
              }
              if (said !== told) out.push({ _tag: "Clusters", clusters: list })
            }
            told = said
            cells.clear()
            rows.clear()
            events = 0
            if (statusDue && now() - statusAt >= 500) {
              statusDue = false
              statusAt = now()
              out.push(yield* status)
            } else if (statusDue) yield* Effect.forkDetach(Effect.andThen(Effect.sleep(500), Effect.sync(ring)))
            return out
          })
          return Stream.fromEffectRepeat(next).pipe(Stream.flatMap((all) => Stream.fromIterable(all)))
        })
      )

    const detail = (id: string) =>
      Effect.suspend(() => {
        const found = rendering === undefined ? undefined : Detail.detail(id, rendering, sinkIds(), planned())
        return found === undefined ? Effect.fail(new Missing({ what: `service ${id}` })) : Effect.succeed(found)
      })

    /** Other services may stand in the way of a call; in a fleet of thousands only the service itself is looked at. */
    const around = (service: ServiceDetail) => {
      const latest = rendering!
      const ids =
        HashMap.size(latest.model.services) <= neighbours
          ? [...HashMap.keys(latest.model.services), ""]
          : ["", service.id]
      if (others === undefined || others.of !== latest || !ids.every((id) => others!.list.has(id))) {
        others = {
          of: latest,
          list: new Map(
            ids.map((id) => [id, Detail.artifactsOf(latest, sinkIds(), id).map((a) => Detail.resource(a, latest))])
          )
        }
      }
      return {
        sites: latest.model.fleet.clusters,
        services: ids.map((id) => ({
          resources: id === service.id ? service.resources : others!.list.get(id)!,
          changes: id === service.id ? service.changes : []
        })),
        unreached: new Set(
          clusters()
            .filter((c) => c.state === "stale" || c.state === "unreached")
            .map((c) => c.name)
        ),
        compares: book.compares
      }
    }

    const batches = (after: number, wanted: (line: EventLine) => boolean): Stream.Stream<ReadonlyArray<EventLine>> =>
      Stream.unwrap(
        Effect.gen(function* () {
          const bell = yield* Queue.sliding<void>(1)
          let at = after
          yield* Effect.acquireRelease(
            Effect.sync(() => history.listen(() => void Queue.offerUnsafe(bell, undefined))),
            (off) => Effect.sync(off)
          )
          Queue.offerUnsafe(bell, undefined)
          return Stream.fromEffectRepeat(
            Effect.gen(function* () {
              yield* Queue.take(bell)
              yield* Effect.sleep(after === at ? 0 : 100)
              const lines = history.after(at)
              at = lines.at(-1)?.seq ?? at
              return lines.filter(wanted)
            })
          )
        })
      )

    const tap = (node: string) =>
      options.nodes().some((n) => n.id === node) || node === "model"
        ? Stream.merge(
            batches(history.seq, (line) => line.node === node || (node === "model" && line.kind === "generation")).pipe(
              Stream.filter((lines) => lines.length > 0)
            ),
            samples(node)
          )
        : Stream.fail(new Missing({ what: `node ${node}` }))

    /** What a transform made of the services that a generation touched: at most twenty per second. */
    const samples = (node: string): Stream.Stream<ReadonlyArray<EventLine>> =>
      Stream.filter(options.engine.events, (event) => event.type === "generation-rendered").pipe(
        Stream.mapEffect((event) =>
          Effect.map(
            Effect.andThen(Effect.sleep(1000), options.engine.rendering),
            (latest): ReadonlyArray<EventLine> => {
              if (latest === undefined) return []
              const groups = latest.groups(node)
              return [...latest.model.touched]
                .slice(0, 20)
                .flatMap((id) => {
                  const found = HashMap.get(groups, id)
                  return (found._tag === "Some" ? found.value : []).map((artifact) => ({
                    seq: 0,
                    time: event.time,
                    level: "info" as const,
                    kind: "artifact",
                    node,
                    generation: latest.model.generation,
                    services: [id],
                    text: `${artifact.id} for ${ClusterSet.size(artifact.targets)} clusters\n${artifact.text}`
                  }))
                })
                .slice(0, 20)
            }
          )
        ),
        Stream.filter((lines) => lines.length > 0)
      )

    const bundle: Effect.Effect<Bundle> = Effect.gen(function* () {
      const services: Record<string, ServiceDetail> = {}
      for (const row of book.rows()) {
        const found = rendering === undefined ? undefined : Detail.detail(row.i, rendering, sinkIds(), planned())
        if (found !== undefined) services[row.i] = found
      }
      const made = desk.make(planned(), book.generation, now())
      return {
        format: "cw-ui-bundle/v1" as const,
        made: now(),
        info: info(),
        clusters: clusters(),
        rows: book.rows().filter((_, i) => !book.isRemoved(i)),
        status: yield* status,
        events: history.after(0),
        services,
        plan: made.doc
      }
    })

    return {
      info,
      clusters,
      rows: () => book.rows(),
      status,
      watch,
      service: detail,
      trace: (question) =>
        Effect.flatMap(detail(question.service), (service) =>
          rendering === undefined
            ? Effect.fail(new Missing({ what: question.service }))
            : Effect.sync(() => trace(question, service, around(service)))
        ),
      events: (after) => batches(after, () => true),
      tap,
      makePlan: (sinks) =>
        Effect.suspend(() => {
          const chosen = planned(sinks).filter(({ sink }) =>
            options.nodes().some((n) => n.id === sink && n.hidden !== true)
          )
          return chosen.length === 0
            ? Effect.fail(
                new Missing({
                  what: options.nodes().every((n) => n.kind !== "sink" || n.hidden === true)
                    ? "a sink: this pipeline has none"
                    : "a plan: no sink has planned yet"
                })
              )
            : Effect.succeed(desk.make(chosen, book.generation, now()).doc)
        }),
      getPlan: (id) =>
        Effect.suspend(() => {
          const made = desk.get(id, planned, now())
          return made === undefined ? Effect.fail(new Missing({ what: `plan ${id}` })) : Effect.succeed(made.doc)
        }),
      bundle,
      made: (id) => desk.get(id, planned, now())
    }
  })
