/**
 * List and watch of one kind in one cluster, for as long as the stream runs: a complete snapshot first, then what
 * changes, and the state of the connection. Never a partial list, never a lost or phantom object; it does not fail, it
 * says that it is stale and tries again. The rules are client-go's, with a limit for silent connections.
 */
import { setTimeout } from "node:timers"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import { ApiError, type Reason } from "./ApiError.ts"
import type { Client } from "./Client.ts"
import { currentVersion, list, type Raw } from "./List.ts"
import { compact, type Data, type Entry, Store } from "./Store.ts"
import { type End, watch } from "./Watch.ts"

/** The connection: `synced` while it stands, `stale` since `since` when it is lost, `never-synced` before the first list. */
export interface Status {
  readonly _tag: "Status"
  readonly state: "synced" | "stale" | "never-synced"
  /** Milliseconds since the epoch. */
  readonly since: number
  readonly error?: ApiError
}

export type Event<A> = Data<A> | Status

export interface Reflection<A> {
  readonly path: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /**
   * What is kept of an object under its key; undefined leaves it out. Must not throw: an object that makes it throw is
   * left as it was.
   */
  readonly project: (object: Raw, key: string) => A | undefined
  /** One key per object; `namespace/name` where nothing is said. */
  readonly key?: (object: Raw) => string
  /** Called once at the start with a way to see all that is known, for who wants to keep it. */
  readonly view?: (values: () => Iterable<A>) => void
}

/** Times in milliseconds. */
export interface Settings {
  readonly pageSize: number
  /** A watch lasts between one and two of these. */
  readonly watchFor: number
  /** Without a byte for so long, a connection counts as half open. Servers send bookmarks about once a minute. */
  readonly silence: number
  readonly backoff: number
  readonly backoffMost: number
  /** Most pause after a refusal that only a person can mend: rights, credentials, certificates. */
  readonly refusedPause: number
  /** How long one list is tried again at once, before it counts as a failed attempt. */
  readonly listBudget: number
  /** Finite: the stream ends after the first snapshot, or after so many failed attempts at it. */
  readonly once?: number
}

export const defaults: Settings = {
  pageSize: 500,
  watchFor: 300_000,
  silence: 150_000,
  listBudget: 1000,
  backoff: 800,
  backoffMost: 30_000,
  refusedPause: 30_000
}

const refusals: ReadonlySet<Reason> = new Set([
  "Unauthorized",
  "Forbidden",
  "Credentials",
  "Certificate",
  "NotApi",
  "NotFound"
])

/** A joined string is one piece in memory, a template keeps its parts. */
export const keyOf = (object: Raw): string =>
  object.metadata.namespace === undefined
    ? object.metadata.name
    : [object.metadata.namespace, object.metadata.name].join("/")

type Changed = "ADDED" | "MODIFIED" | "DELETED"

class Run<A> {
  readonly news = Latch.makeUnsafe(false)
  ended = false
  private readonly store = new Store<A>()
  private readonly client: Client
  private readonly what: Reflection<A>
  private readonly settings: Settings
  private readonly query: Readonly<Record<string, string>>
  private status: Status | undefined
  private told: string | undefined
  /** When the server was last heard. */
  private heard: number | undefined
  private failures = 0
  private gone = false
  /** Where the next watch begins; undefined: with a list. */
  private version: string | undefined
  /** After an outage the server may be another one, restored from a backup. */
  private suspect = false

  constructor(client: Client, what: Reflection<A>, settings: Settings) {
    this.client = client
    this.what = what
    this.settings = settings
    what.view?.(() => this.store.values())
    this.query = {
      ...(what.labelSelector === undefined ? {} : { labelSelector: what.labelSelector }),
      ...(what.fieldSelector === undefined ? {} : { fieldSelector: what.fieldSelector })
    }
  }

  /** Data first: a snapshot stands before the word that it is fresh. */
  take(): ReadonlyArray<Event<A>> {
    if (!this.ended) this.news.closeUnsafe()
    const data = this.store.take()
    const status = this.status
    this.status = undefined
    return [...(data === undefined ? [] : [data]), ...(status === undefined ? [] : [status])]
  }

  private say(state: Status["state"], since: number, error?: ApiError): void {
    const word = error === undefined ? state : `${state} ${error.reason} ${error.message}`
    if (word === this.told) return
    this.told = word
    this.status = { _tag: "Status", state, since, ...(error === undefined ? {} : { error }) }
    this.news.openUnsafe()
  }

  private keyOf(object: Raw): string {
    return (this.what.key ?? keyOf)(object)
  }

  private entry(object: Raw): readonly [string, Entry<A>] | undefined {
    const key = this.keyOf(object)
    try {
      const value = this.what.project(object, key)
      return value === undefined ? undefined : [key, { version: compact(object.metadata.resourceVersion ?? ""), value }]
    } catch {
      // Nothing is lost on a bug of the projection: what was known stays.
      const old = this.store.get(key)
      return old === undefined ? undefined : [key, old]
    }
  }

  private arrived(version: string): void {
    this.heard = Date.now()
    if (version !== "") this.version = version
    this.say("synced", this.heard)
  }

  private changed(type: Changed, object: Raw): void {
    this.arrived(object.metadata.resourceVersion ?? "")
    const entry = type === "DELETED" ? undefined : this.entry(object)
    if (entry === undefined) this.store.delete(this.keyOf(object))
    else this.store.set(...entry)
    this.news.openUnsafe()
  }

  private readonly listing: Effect.Effect<void, ApiError> = Effect.suspend(() => {
    const request = {
      path: this.what.path,
      query: this.query,
      limit: this.settings.pageSize,
      timeout: 60_000,
      silence: Math.min(20_000, this.settings.silence),
      budget: this.settings.listBudget
    }
    return Effect.map(
      list(this.client, request, (object) => this.entry(object)),
      (listed) => {
        this.store.replace(new Map(listed.items))
        this.suspect = false
        this.arrived(listed.resourceVersion)
        this.news.openUnsafe()
      }
    )
  })

  private readonly watching: Effect.Effect<End, ApiError> = Effect.suspend(() => {
    const seconds = (this.settings.watchFor * (1 + Math.random())) / 1000
    const request = {
      path: this.what.path,
      query: this.query,
      resourceVersion: this.version!,
      timeoutSeconds: Math.max(1, Math.round(seconds)),
      silence: this.settings.silence
    }
    // A watch from too far back opens as any other and then says so: fresh is what has lived for a moment.
    let timer: NodeJS.Timeout | undefined
    return watch(this.client, request, {
      opened: () => {
        timer = setTimeout(() => this.say("synced", Date.now()), moment)
      },
      changed: (type, object) => this.changed(type, object),
      bookmark: (version) => this.arrived(version)
    }).pipe(Effect.ensuring(Effect.sync(() => clearTimeout(timer))))
  })

  /** A history that ends before ours is another one: the list tells what is there. */
  private readonly checkHistory: Effect.Effect<void, ApiError> = Effect.suspend(() =>
    Effect.map(currentVersion(this.client, this.what.path, Math.min(10_000, this.settings.silence)), (server) => {
      this.suspect = false
      if (this.version !== undefined && behind(server, this.version)) this.version = undefined
    })
  )

  private readonly turn: Effect.Effect<void, ApiError> = Effect.gen({ self: this }, function* () {
    if (this.version !== undefined && this.suspect) yield* this.checkHistory
    if (this.version === undefined) yield* this.listing
    if (this.settings.once !== undefined) {
      this.ended = true
      return
    }
    const started = Date.now()
    const end = yield* this.watching
    const lasted = Date.now() - started
    // Whatever sits between may keep the head of a quiet answer until its end: an orderly end says that nothing is missing.
    if (end.how === "closed" && lasted >= moment) this.say("synced", Date.now())
    this.suspect = end.how !== "closed"
    this.gone = false
    if (end.events > 0 || lasted >= steady) this.failures = 0
    // An orderly end after a moment of life, or the first break, is followed by the next watch at once.
    if ((end.how === "closed" && lasted >= 1000) || this.failures === 0) {
      if (lasted < 1000) this.failures++
      return
    }
    return yield* new ApiError({ reason: "Lost", message: end.why ?? "watches end at once" })
  })

  private readonly recover = (error: ApiError): Effect.Effect<void> =>
    Effect.suspend(() => {
      this.failures++
      if (error.reason === "Gone" || error.reason === "NotFound" || (error.reason === "Server" && this.failures > 5))
        this.version = undefined
      // A history that ended is no loss of contact: the list comes at once, unless it ends again and again.
      if (error.reason === "Gone" && !this.gone) {
        this.gone = true
        return Effect.void
      }
      this.suspect ||= error.reason !== "Busy"
      this.say(this.store.synced ? "stale" : "never-synced", this.heard ?? Date.now(), error)
      this.ended = this.settings.once !== undefined && this.failures >= this.settings.once
      if (this.ended) return Effect.void
      const { backoff, backoffMost, refusedPause } = this.settings
      const least = refusals.has(error.reason) ? refusedPause : backoffMost
      const base = Math.min(least, backoff * 2 ** Math.min(this.failures - 1, 20))
      return Effect.sleep(Math.max(error.retryAfter ?? 0, base * (1 + Math.random())))
    })

  readonly loop: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    while (!this.ended) yield* Effect.catchTag(this.turn, "ApiError", this.recover)
  }).pipe(
    Effect.ensuring(
      Effect.sync(() => {
        this.ended = true
        this.news.openUnsafe()
      })
    )
  )
}

const moment = 200

/** A watch that lived so long clears the count of failures. */
const steady = 10_000

/** Only where both are numbers, as those of etcd are; anything else counts as in order. */
const behind = (server: string, ours: string): boolean =>
  /^\d+$/.test(server) && /^\d+$/.test(ours) && BigInt(server) < BigInt(ours)

/** The stream never fails and, unless `once` is set, never ends. */
export const reflect = <A>(
  client: Client,
  what: Reflection<A>,
  settings: Partial<Settings> = {}
): Stream.Stream<Event<A>> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const run = new Run(client, what, { ...defaults, ...settings })
      yield* Effect.forkScoped(run.loop)
      const next = Effect.gen(function* () {
        yield* run.news.await
        const ended = run.ended
        const events = run.take()
        return events.length === 0 && ended ? yield* Cause.done() : events
      })
      return Stream.fromIterableEffectRepeat(next)
    })
  )
