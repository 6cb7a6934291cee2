// Fleets as the real transform renders them: facts through core's fold and renderer, then the simulator's world.
import type { KubernetesObject } from "@coddiwomple/core/Artifact"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Artifact } from "@coddiwomple/core/Artifact"
import type { Diagnostic } from "@coddiwomple/core/Diagnostic"
import type { Fact } from "@coddiwomple/core/Fact"
import { Fold } from "@coddiwomple/core/Fold"
import type { Model } from "@coddiwomple/core/Model"
import { decodeOptions } from "@coddiwomple/core/Node"
import { read } from "@coddiwomple/core/Read"
import { Renderer } from "@coddiwomple/core/Render"
import { fromObjects, type Site, type World } from "@coddiwomple/istio/simulator/World"
import { Given } from "@coddiwomple/testing"
import plugin from "@coddiwomple/transform-istio-global-dns"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"

/** Configuration of the transform, by profile. */
export const profiles = {
  mtls: {},
  tls: { profile: "tls", tls: { caConfigMap: "cw-ca" } },
  plaintext: { profile: "plaintext", allowPlaintext: true },
  classic: { profile: "classic" }
} as const
export type Profile = keyof typeof profiles
export const profileNames = Object.keys(profiles) as ReadonlyArray<Profile>

export interface Rendered {
  readonly model: Model
  readonly artifacts: ReadonlyArray<Artifact>
  readonly held: ReadonlyMap<string, ReadonlyArray<Diagnostic>>
  readonly warnings: ReadonlyArray<Diagnostic>
}

export const render = (facts: ReadonlyArray<Fact>, config: unknown = {}): Rendered => {
  const fold = new Fold()
  fold.accept("facts", { _tag: "Snapshot", partition: "facts", facts })
  const model = fold.commit()!
  const impl = Effect.runSync(
    plugin.make(Schema.decodeUnknownSync(plugin.config, decodeOptions)(config)) as Effect.Effect<never>
  )
  const node = { kind: "transform", id: "mesh", type: plugin.type, impl, options: {} } as const
  const graph = { transforms: [node], checks: [], upstream: new Map([["out", ["mesh"]]]) }
  const exit = Effect.runSync(Effect.exit(new Renderer("test", graph as never).render(model)))
  if (Exit.isFailure(exit)) throw new Error(JSON.stringify(exit.cause))
  return {
    model,
    artifacts: [...exit.value.desired("out").artifacts()],
    held: new Map([...exit.value.held].map(([id, h]) => [id, h.diagnostics])),
    warnings: exit.value.diagnostics
  }
}

export const given = (terse: Given.Terse, config: unknown = {}): Rendered => render(Given.facts(terse), config)

/** Objects by cluster, each a copy that may be changed. */
export type Objects = Record<string, Array<any>>

export const objects = ({ artifacts, model }: Rendered): Objects =>
  Object.fromEntries(
    model.fleet.clusters.map((cluster) => [
      cluster.name,
      artifacts.filter((a) => ClusterSet.has(a.targets, cluster.index)).map((a) => read(a.text) as KubernetesObject)
    ])
  )

export const worldOf = ({ model }: Rendered, all: Objects, more: Partial<Site> = {}): World =>
  fromObjects(model.fleet.clusters.map((cluster) => ({ site: { ...cluster, ...more }, objects: all[cluster.name]! })))
