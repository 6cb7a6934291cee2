/**
 * The clusters a sink writes to: how each is reached, and the connections, which live as long as the sink and are
 * replaced only after the new one stands. Two names for one server are refused: they would fight.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Connection } from "@coddiwomple/core/Fact"
import type { Cluster } from "@coddiwomple/core/Model"
import * as Client from "@coddiwomple/kubernetes/Client"
import * as Discovery from "@coddiwomple/kubernetes/Discovery"
import { type InventoryStore, make as makeStore } from "@coddiwomple/kubernetes/InventoryStore"
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
  readonly serves: (cluster: string) => boolean
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
    const distinct = (
      found: Map<string, Target | Diagnostic.Diagnostic>
    ): Map<string, Target | Diagnostic.Diagnostic> => {
      const servers = new Map<string, Array<string>>()
      for (const [name, target] of found) {
        if (!("client" in target)) continue
        const { server } = target.client.context
        servers.set(server, [...(servers.get(server) ?? []), name])
      }
      for (const [server, names] of servers) {
        if (names.length === 1) continue
        for (const name of names) {
          const others = names.filter((n) => n !== name).join(", ")
          found.set(
            name,
            Diagnostic.error("CW702", `cluster ${name}: ${server} is also the API server of ${others}`, {
              help: "give each cluster its own kubeconfig_context"
            })
          )
        }
      }
      return found
    }

    return {
      serves: (cluster) => options.only?.has(cluster) ?? true,
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
