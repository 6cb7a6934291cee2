/** The smallest source that keeps all laws: lists in pages by HTTP, looked at again and again. */
import type { BackendFact, SourceEvent } from "@coddiwomple/core/Fact"
import { Host } from "@coddiwomple/core/Host"
import { type PluginError, retryable } from "@coddiwomple/core/PluginError"
import * as Source from "@coddiwomple/core/Source"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { call } from "./Http.ts"

/** Each names one way in which a broken plugin of ../broken differs. */
export interface Flaws {
  readonly halfLists?: boolean
  readonly noPartitions?: boolean
  readonly neverEnds?: boolean
  readonly leaks?: boolean
  readonly slowToEnd?: boolean
  readonly emptyWhenLost?: boolean
  readonly onlyNews?: boolean
  readonly staysStale?: boolean
}

interface Page {
  readonly services: ReadonlyArray<string>
  readonly next?: number
}

const fact = (service: string, cluster: string): BackendFact => ({
  kind: "backend",
  service,
  cluster,
  host: `${service}.default.svc.cluster.local`,
  origin: { label: cluster }
})

export const pagesSource = (flaws: Flaws = {}) =>
  Source.make({
    type: "test/pages",
    summary: "Lists in pages",
    config: Schema.Struct({ url: Schema.NonEmptyString, partitions: Schema.Array(Schema.NonEmptyString) }),
    examples: [{ summary: "Two partitions", config: { url: "http://127.0.0.1:1", partitions: ["east", "west"] } }],
    make: Effect.fnUntraced(function* ({ url, partitions }) {
      const { finite } = yield* Host

      const page = (partition: string, n: number): Effect.Effect<Page, PluginError> => {
        const read = Effect.flatMap(call("GET", `${url}/${partition}?page=${n}`), (body) =>
          Effect.try({ try: () => JSON.parse(body) as Page, catch: (cause) => retryable("not JSON", cause) })
        )
        return flaws.halfLists === true && n > 0 ? Effect.orElseSucceed(read, () => ({ services: [] })) : read
      }
      const list = (partition: string, from = 0): Effect.Effect<ReadonlyArray<string>, PluginError> =>
        Effect.flatMap(page(partition, from), ({ services, next }) =>
          next === undefined
            ? Effect.succeed(services)
            : Effect.map(list(partition, next), (rest) => [...services, ...rest])
        )

      const snapshot = (partition: string, found: ReadonlyArray<string>): SourceEvent => ({
        _tag: "Snapshot",
        partition,
        facts: found.map((s) => fact(s, partition))
      })
      const lost = (partition: string, { message }: PluginError): SourceEvent =>
        flaws.emptyWhenLost === true
          ? snapshot(partition, [])
          : { _tag: "Freshness", partition, state: "stale", since: 0, reason: message }

      const watch = (partition: string, first: ReadonlyArray<string>) => {
        let known: ReadonlyArray<string> | undefined = first
        let last = first
        const look = Effect.gen(function* () {
          yield* Effect.sleep("5 millis")
          const found = yield* list(partition).pipe(Effect.catchTag("PluginError", (e) => Effect.succeed(e)))
          if ("_tag" in found) {
            const news = known === undefined ? [] : [lost(partition, found)]
            known = undefined
            return news
          }
          if (known !== undefined && known.join() === found.join()) return []
          const event: SourceEvent =
            flaws.onlyNews === true
              ? {
                  _tag: "Delta",
                  partition,
                  upserts: found.filter((s) => !last.includes(s)).map((s) => fact(s, partition)),
                  removes: []
                }
              : snapshot(partition, found)
          const stale: ReadonlyArray<SourceEvent> =
            flaws.staysStale === true && known === undefined
              ? [{ _tag: "Freshness", partition, state: "stale", since: 0 }]
              : []
          known = last = found
          return [event, ...stale]
        })
        return Stream.fromIterableEffectRepeat(look)
      }

      const named: ReadonlyArray<SourceEvent> =
        flaws.noPartitions === true ? [] : [{ _tag: "Partitions", names: [...partitions] }]
      const read = Effect.forEach(partitions, (p) => Effect.map(list(p), (found) => ({ p, found })))
      if (flaws.leaks === true) yield* Effect.forkDetach(call("GET", `${url}/hang`))
      if (flaws.slowToEnd === true) yield* Effect.addFinalizer(() => Effect.sleep("1100 millis"))
      const all = Stream.unwrap(
        Effect.map(read, (lists) => {
          const first = Stream.fromIterable(lists.map(({ p, found }) => snapshot(p, found)))
          const ends = finite && flaws.neverEnds !== true
          return ends
            ? first
            : Stream.concat(
                first,
                Stream.mergeAll(
                  lists.map(({ p, found }) => watch(p, found)),
                  { concurrency: "unbounded" }
                )
              )
        })
      )
      return { events: Stream.concat(Stream.fromIterable(named), all) }
    })
  })

export default pagesSource()
