/**
 * The clusters a sink writes to: how each is reached, and the connections, which live as long as the sink and are
 * replaced only after the new one stands. Two names for one server are refused, whatever its addresses: they would fight.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Connection } from "@coddiwomple/core/Fact"
import type { Cluster } from "@coddiwomple/core/Model"
import * as Suggest from "@coddiwomple/core/Suggest"
import type { ApiError } from "@coddiwomple/kubernetes/ApiError"
import * as Client from "@coddiwomple/kubernetes/Client"
import * as Discovery from "@coddiwomple/kubernetes/Discovery"
import { type InventoryStore, make as makeStore } from "@coddiwomple/kubernetes/InventoryStore"
import type { Raw } from "@coddiwomple/kubernetes/List"
import { named } from "@coddiwomple/kubernetes/Problem"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

export interface Target {
  readonly cluster: string
  readonly client: Client.Client
  readonly mapper: Discovery.Mapper
  readonly store: InventoryStore
}

/** The UID of namespace kube-system, which no two clusters share; undefined without the right to look. */
export const identity = ({ client }: Target): Effect.Effect<string | undefined, ApiError> =>
  client.request({ method: "GET", path: "/api/v1/namespaces/kube-system", budget: 10_000, silence: 20_000 }).pipe(
    Effect.map(({ body }) => (body as Raw).metadata?.uid),
    Effect.catchTag("ApiError", (error) =>
      error.reason === "Forbidden" || error.reason === "NotFound" ? Effect.succeed(undefined) : Effect.fail(error)
    )
  )

/** Names with one value in common, each with a finding. */
export const twins = (
  values: Iterable<readonly [cluster: string, value: string | undefined]>,
  message: (value: string, others: string) => string
): ReadonlyMap<string, Diagnostic.Diagnostic> => {
  const groups = new Map<string, Array<string>>()
  for (const [name, value] of values) if (value !== undefined) groups.set(value, [...(groups.get(value) ?? []), name])
  const found = new Map<string, Diagnostic.Diagnostic>()
  for (const [value, names] of groups) {
    for (const name of names.length === 1 ? [] : names) {
      const others = names.filter((n) => n !== name).join(", ")
      const help = "give each cluster its own kubeconfig_context"
      found.set(name, Diagnostic.error("CW702", `cluster ${name}: ${message(value, others)}`, { help }))
    }
  }
  return found
}

/** One cluster that answers under several addresses. */
export const sameCluster = (identities: Iterable<readonly [cluster: string, uid: string | undefined]>) =>
  twins(identities, (_uid, others) => `its API server is also that of ${others}, under another address`)

/** Times of clients; the defaults are right outside of tests. */
export const Tuning = Context.Reference<Client.Options>("cw/sink-kubectl-apply/Tuning", { defaultValue: () => ({}) })

export interface Options {
  readonly pipeline: string
  readonly inventory: string
  readonly concurrency: number
  /** Milliseconds one request may be tried again. */
  readonly patience: number
  /** Connections for clusters whose facts have none. */
  readonly connections: ReadonlyMap<string, Connection>
  readonly only: ReadonlySet<string> | undefined
}

interface Open {
  readonly key: string
  readonly target: Target
  readonly scope: Scope.Closeable
}

export interface Targets {
  /** The clusters of a fleet: reachable as far as the kubeconfig says, or why not. */
  readonly of: (
    clusters: ReadonlyArray<Pick<Cluster, "name" | "connection">>
  ) => Effect.Effect<ReadonlyMap<string, Target | Diagnostic.Diagnostic>>
  /** Names in `clusters` that are not among these. */
  readonly strangers: (known: ReadonlyArray<string>) => ReadonlyArray<readonly [string, Diagnostic.Diagnostic]>
}

export const make = (options: Options): Effect.Effect<Targets, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const opened = new Map<string, Open>()

    const open = (name: string, connection: Connection): Effect.Effect<Target | Diagnostic.Diagnostic> =>
      Effect.gen(function* () {
        const key = JSON.stringify(connection)
        const before = opened.get(name)
        if (before?.key === key) return before.target
        const own = yield* Scope.fork(scope)
        const tuning = yield* Tuning
        const connected = yield* Client.connect(name, connection, {
          concurrency: options.concurrency,
          connectTimeout: 5000,
          execLimit: 20_000,
          budget: options.patience,
          ...tuning
        }).pipe(Effect.provideService(Scope.Scope, own), Effect.result)
        if (connected._tag === "Failure") {
          yield* Scope.close(own, Exit.void)
          const [first, ...rest] = named(name, connected.failure.diagnostics ?? [])
          const message = first?.message ?? `cluster ${name}: ${connected.failure.message}`
          return {
            ...(first ?? Diagnostic.error("CW420", message)),
            ...(rest.length === 0 ? {} : { related: rest.map((d) => ({ message: d.message })) })
          }
        }
        const client = connected.success
        const target = {
          cluster: name,
          client,
          mapper: Discovery.make(client),
          store: makeStore(client, options.pipeline, options.inventory)
        }
        opened.set(name, { key, target, scope: own })
        if (before !== undefined) yield* Scope.close(before.scope, Exit.void)
        return target
      })

    const unknown = (name: string) =>
      Diagnostic.error("CW420", `cluster ${name}: nothing says how to reach it`, {
        help: "give it kubeconfig_path and kubeconfig_context in clusters.json, or an entry in `contexts`; or leave it out with `clusters`"
      })

    /** Fails both where two names lead to one server. */
    const distinct = (found: Map<string, Target | Diagnostic.Diagnostic>) => {
      const servers = [...found].map(
        ([name, t]) => [name, "client" in t ? t.client.context.server : undefined] as const
      )
      const bad = twins(servers, (server, others) => `${server} is also the API server of ${others}`)
      return new Map([...found, ...bad])
    }

    const strangers: Targets["strangers"] = (known) =>
      [...(options.only ?? [])]
        .filter((name) => !known.includes(name))
        .map((name) => {
          const help = Suggest.help(name, known)
          const message = `cluster ${name} of \`clusters\`: no source names it`
          return [name, Diagnostic.error("CW429", message, help === undefined ? {} : { help })] as const
        })

    return {
      strangers,
      of: (clusters) =>
        Effect.map(
          Effect.forEach(
            clusters.filter((c) => options.only?.has(c.name) ?? true),
            (c) => {
              const connection = c.connection ?? options.connections.get(c.name)
              const target = connection === undefined ? Effect.succeed(unknown(c.name)) : open(c.name, connection)
              return Effect.map(target, (t) => [c.name, t] as const)
            },
            { concurrency: 16 }
          ),
          (pairs) => distinct(new Map(pairs))
        )
    }
  })
