/**
 * The nodes of a pipeline as they run, each built in a scope of its own. A reload builds and probes the new nodes first
 * and swaps only when all are good; unchanged nodes keep running; a bad reload leaves everything as it was.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Diagnostic from "./Diagnostic.ts"
import { Engine } from "./Engine.ts"
import type { ClusterFact } from "./Fact.ts"
import type { Node } from "./Node.ts"
import type { PluginServices } from "./Plugin.ts"
import { bounded, fromUnknown } from "./PluginError.ts"

/** A node before it is built. Equal fingerprints mean that the running node can stay. */
export interface Blueprint {
  readonly id: string
  /** Digest of `uses`, `with`, `from`, options, and of watched files it depends on. */
  readonly fingerprint: string
  /** One of `Source.layer`, `Transform.layer`, `Check.layer`, `Sink.layer`. */
  readonly layer: Layer.Layer<never, unknown, Engine | PluginServices>
  /** Where the node stands in its file, for findings. */
  readonly place?: Diagnostic.Place
}

interface Built {
  readonly fingerprint: string
  readonly scope: Scope.Closeable
  readonly node: Node
}

export interface Assembly {
  /**
   * Brings the pipeline to these nodes; fails with findings and changes nothing when one cannot be built or probed.
   * Findings of probes that are no errors are the result.
   */
  readonly set: (
    blueprints: ReadonlyArray<Blueprint>,
    options?: { readonly probe?: boolean; readonly clusters?: ReadonlyArray<ClusterFact> }
  ) => Effect.Effect<
    ReadonlyArray<Diagnostic.Diagnostic>,
    ReadonlyArray<Diagnostic.Diagnostic>,
    Engine | PluginServices
  >
  readonly nodes: Effect.Effect<ReadonlyArray<Node>>
}

/** A node that is not there by then keeps the whole pipeline waiting, and every later reload. */
const patience = Duration.minutes(1)

/** The assembly's scope ends all nodes, in reverse order of their building. */
export const make: Effect.Effect<Assembly, never, Scope.Scope> = Effect.gen(function* () {
  const home = yield* Effect.scope
  const running = new Map<string, Built>()

  const build = (
    blueprint: Blueprint
  ): Effect.Effect<Built, ReadonlyArray<Diagnostic.Diagnostic>, Engine | PluginServices> =>
    Effect.gen(function* () {
      const scope = yield* Scope.fork(home)
      let node: Node | undefined
      // Stands in for the engine while nodes are built: they join the real one only when all are good.
      const staging = Layer.effect(
        Engine,
        Effect.map(Engine, (engine) => ({ ...engine, add: (added: Node) => Effect.sync(() => void (node = added)) }))
      )
      const layer = Layer.buildWithScope(Layer.provide(blueprint.layer, staging), scope)
      const exit = yield* Effect.exit(bounded("it", patience, Effect.mapError(layer, fromUnknown)))
      if (Exit.isSuccess(exit) && node !== undefined) return { fingerprint: blueprint.fingerprint, scope, node }
      yield* Scope.close(scope, exit)
      return yield* Effect.fail(Exit.isFailure(exit) ? findings(blueprint, exit.cause) : [])
    })

  const probe = (
    blueprint: Blueprint,
    built: Built,
    clusters: ReadonlyArray<ClusterFact>
  ): Effect.Effect<ReadonlyArray<Diagnostic.Diagnostic>> => {
    const impl = built.node.impl
    const probed = "probe" in impl ? impl.probe : undefined
    if (probed === undefined) return Effect.succeed([])
    const check = Effect.isEffect(probed) ? probed : probed(clusters)
    return Effect.exit(bounded("its probe", patience, Effect.mapError(check, fromUnknown))).pipe(
      Effect.map((exit) => (Exit.isFailure(exit) ? findings(blueprint, exit.cause) : []))
    )
  }

  return {
    nodes: Effect.sync(() => [...running.values()].map((b) => b.node)),
    set: (blueprints, options = {}) =>
      Effect.gen(function* () {
        const engine = yield* Engine
        const problems: Array<Diagnostic.Diagnostic> = []
        const fresh = new Map<string, Built>()
        for (const blueprint of blueprints) {
          if (running.get(blueprint.id)?.fingerprint === blueprint.fingerprint) continue
          const built = yield* Effect.result(build(blueprint))
          if (built._tag === "Failure") problems.push(...built.failure)
          else {
            fresh.set(blueprint.id, built.success)
            if (options.probe === true)
              problems.push(...(yield* probe(blueprint, built.success, options.clusters ?? [])))
          }
        }
        if (problems.some(Diagnostic.isError)) {
          for (const built of [...fresh.values()].reverse()) yield* Scope.close(built.scope, Exit.void)
          return yield* Effect.fail(problems)
        }
        const wanted = new Set(blueprints.map((b) => b.id))
        const removed = [...running.keys()].filter((id) => !wanted.has(id))
        yield* engine.swap(
          [...fresh.values()].map((b) => b.node),
          removed
        )
        for (const id of [...removed, ...fresh.keys()]) {
          const old = running.get(id)
          running.delete(id)
          const now = fresh.get(id)
          if (now !== undefined) running.set(id, now)
          if (old !== undefined) yield* Scope.close(old.scope, Exit.void)
        }
        return problems
      })
  }
})

const findings = (blueprint: Blueprint, cause: Cause.Cause<unknown>): ReadonlyArray<Diagnostic.Diagnostic> => {
  const error = fromUnknown(Cause.squash(cause))
  return (
    error.diagnostics?.map((d) => ({ node: blueprint.id, ...d })) ?? [
      Diagnostic.error("CW206", `node ${blueprint.id} cannot start: ${error.message}`, {
        node: blueprint.id,
        place: blueprint.place
      })
    ]
  )
}
