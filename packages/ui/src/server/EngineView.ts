/**
 * A running engine as the page sees it. Follows the engine's events, keeps the matrix, the history and the newest plan of
 * every sink, and answers questions from the last accepted rendering. It never writes and never drives the engine.
 */
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Stamped } from "@coddiwomple/core/Event"
import { left, type Plan } from "@coddiwomple/core/Plan"
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
import { feed } from "./Feed.ts"
import { History } from "./History.ts"
import { clusterInfo, type Options, statusOf } from "./Infos.ts"
import { Looks } from "./Looks.ts"
import { Plans } from "./Plans.ts"
import { trace } from "./Tracing.ts"
import type { Bundle, View } from "./View.ts"

export interface EngineView extends View {
  /** The plan with what apply needs, and whether something moved since. */
  readonly made: (id: string) => ReturnType<Plans["get"]>
}

const rightsLifetime = 60_000
/** Changes of one service whose bodies are looked up where they are. */
const lookups = 400
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

    const looks = new Looks(options.again, () => [...plans.keys()])

    const follow = (event: Stamped) =>
      Effect.gen(function* () {
        if (looks.noNews(event)) return
        if (event.type === "generation-rendered" || event.type === "planned") yield* take
        const hidden = "node" in event && options.nodes().some((n) => n.id === event.node && n.hidden === true)
        if (!hidden) history.accept(event, rendering?.model)
        if (event.type === "planned") {
          plans.set(event.node, event.plan)
          book.planned(event.node, event.plan, now())
          looks.looked(event.node)
        }
        const before = event.type === "applied" ? plans.get(event.node) : undefined
        if (event.type === "applied" && before !== undefined) {
          const rest = left(before, event.report)
          plans.set(event.node, rest)
          book.planned(event.node, rest, now())
        }
        if (event.type === "reloaded") for (const id of plans.keys()) if (!sinkIds().includes(id)) plans.delete(id)
        engineStatus = yield* options.engine.status
        wake()
      })

    yield* Effect.forkScoped(Stream.runForEach(options.engine.events, follow), { startImmediately: true })
    yield* take

    yield* Effect.forkScoped(looks.watch(options.every ?? 30_000, () => wakes.size > 0))

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
          Effect.tap(options.writable(cluster), (value) =>
            Effect.sync(() => {
              entry.value = value
              wake()
            })
          )
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

    const watch = (coalesce: number): Stream.Stream<Live> =>
      feed({ book, wakes, clusters, info, status, before: askRights, now }, coalesce)

    const detail = (id: string) =>
      Effect.suspend(() => {
        const found = rendering === undefined ? undefined : Detail.detail(id, rendering, sinkIds(), planned())
        return found === undefined ? Effect.fail(new Missing({ what: `service ${id}` })) : withBodies(found)
      })

    /** Some plans only count lines: what is there is then read where it is. */
    const withBodies = (found: ServiceDetail): Effect.Effect<ServiceDetail> => {
      const { there } = options
      if (there === undefined) return Effect.succeed(found)
      return Effect.map(
        Effect.forEach(
          found.changes,
          (change, i) =>
            i >= lookups || change.live !== undefined || (change.intended ?? change.op) === "create"
              ? Effect.succeed(change)
              : Effect.map(
                  Effect.promise(() => there(change.sink, change)),
                  (live) => (live === undefined ? change : { ...change, live })
                ),
          { concurrency: 8 }
        ),
        (changes) => ({ ...found, changes })
      )
    }

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
        Effect.andThen(looks.again, () => {
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
