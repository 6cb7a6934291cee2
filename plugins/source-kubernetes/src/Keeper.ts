/**
 * Stands behind the events of a partition: keeps its facts in the cache, and offers those of the cache while the cluster
 * has not answered at all. After that nothing of the partition counts as never-synced: it is stale since the cache was made.
 */
import type { SourceEvent } from "@coddiwomple/core/Fact"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Cache, events as cachedEvents } from "./Cache.ts"
import type { Word } from "./Words.ts"

/** Time between two writes of the cache. */
const pause = "60 seconds"

export class Keeper {
  /** Known when the kubeconfig is; the cache of another server is none. */
  server: string | undefined
  private readonly cluster: string
  private readonly cache: Cache
  private words: () => Iterable<Word> = () => []
  private dirty = false
  private since: number | undefined
  private asked = false

  private constructor(cluster: string, cache: Cache) {
    this.cluster = cluster
    this.cache = cache
  }

  static readonly make = (cluster: string, cache: Cache): Effect.Effect<Keeper, never, Scope.Scope> =>
    Effect.gen(function* () {
      const keeper = new Keeper(cluster, cache)
      yield* Effect.addFinalizer(() => keeper.save)
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(pause), keeper.save)))
      return keeper
    })

  readonly view = (words: () => Iterable<Word>): void => {
    this.words = words
  }

  readonly behind = (events: Stream.Stream<SourceEvent>): Stream.Stream<SourceEvent> =>
    Stream.flattenIterable(Stream.mapEffect(events, this.see))

  private readonly see = (event: SourceEvent): Effect.Effect<ReadonlyArray<SourceEvent>> =>
    Effect.gen({ self: this }, function* () {
      if (event._tag === "Snapshot" || event._tag === "Delta") this.dirty = true
      if (event._tag !== "Freshness" || event.state !== "never-synced" || event.partition !== this.cluster)
        return [event]
      if (!this.asked) {
        this.asked = true
        const stored = yield* this.cache.load(this.server)
        if (stored !== undefined) {
          this.since = stored.at
          return cachedEvents(
            event.partition,
            this.cluster,
            stored,
            yield* Clock.currentTimeMillis,
            event.reason ?? "",
            event.diagnostics
          )
        }
      }
      return [this.since === undefined ? event : { ...event, state: "stale", since: this.since }]
    })

  private readonly save: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.dirty || this.server === undefined) return Effect.void
    this.dirty = false
    const server = this.server
    const facts = [...this.words()].flatMap((word) => word.facts)
    return Effect.flatMap(Clock.currentTimeMillis, (now) => this.cache.save(server, facts, now))
  })
}
