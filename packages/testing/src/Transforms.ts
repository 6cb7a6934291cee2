/** How laws call a transform of any shape: as the engine does, with each call's output kept apart. */
import type { Artifact } from "@coddiwomple/core/Artifact"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import { type Model, type Service, standing } from "@coddiwomple/core/Model"
import { eventually } from "@coddiwomple/core/PluginError"
import type { Rendered, TransformImpl } from "@coddiwomple/core/Transform"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import type * as Scope from "effect/Scope"
import { isFacts, model as modelOf } from "./GivenModel.ts"
import { must, unjudged } from "./Judge.ts"
import type { LawBroken, LawName } from "./Law.ts"
import { start } from "./Process.ts"
import type { TransformSubject } from "./Subject.ts"

/** What one call gave: of a service, of the fleet, of a cluster, of an artifact, or of the whole model. */
export interface Piece {
  readonly of: string
  readonly artifacts: ReadonlyArray<Artifact>
  readonly findings: ReadonlyArray<unknown>
}

export interface Input {
  readonly model: Model
  readonly upstream: ReadonlyArray<Artifact>
}

export const begin = (law: LawName, subject: TransformSubject): Effect.Effect<TransformImpl, LawBroken, Scope.Scope> =>
  must(law, "making the transform", start<TransformImpl>(subject))

export const inputs = (law: LawName, subject: TransformSubject): Effect.Effect<ReadonlyArray<Input>, LawBroken> =>
  subject.models.length === 0
    ? unjudged(law, "give the subject models")
    : Effect.succeed(subject.models.map((given) => inputOf(subject, isFacts(given) ? modelOf(given) : given)))

export const inputOf = (subject: TransformSubject, model: Model): Input => ({
  model,
  upstream: subject.artifacts?.(model) ?? []
})

/** Those that are rendered one by one, by name. */
export const servicesOf = (model: Model): ReadonlyArray<Service> =>
  [...HashMap.values(model.services)].sort((a, b) => (a.identity < b.identity ? -1 : 1))

export interface RenderOptions {
  /** Calls in the opposite order; what comes out is in the usual order all the same. */
  readonly backwards?: boolean
  /** Around each synchronous call. */
  readonly around?: (run: () => Rendered) => Rendered
}

/** Everything the transform makes of an input, a piece per call. */
export const render = (
  impl: TransformImpl,
  { model, upstream }: Input,
  options: RenderOptions = {}
): Effect.Effect<ReadonlyArray<Piece>, unknown> => {
  const around = options.around ?? ((run) => run())
  const calls = (list: ReadonlyArray<readonly [of: string, run: () => Rendered]>) =>
    Effect.try({
      try: () => {
        const pieces = (options.backwards === true ? [...list].reverse() : list).map(([of, run]) =>
          piece(of, around(run))
        )
        return options.backwards === true ? pieces.reverse() : pieces
      },
      catch: (cause) => cause
    })
  switch (impl.shape) {
    case "service": {
      const fleet = impl.fleet
      return calls([
        ...(fleet === undefined ? [] : [["the fleet", () => fleet(model.fleet)] as const]),
        ...servicesOf(model).map((s) => [`service ${s.identity}`, () => impl.run(s, model.fleet)] as const)
      ])
    }
    case "artifact":
      return calls(upstream.map((a) => [`artifact ${a.id}`, () => impl.run(a, model.fleet)] as const))
    case "model":
      return Effect.map(
        eventually(() => impl.run({ model, services: standing(model) })),
        (r) => [piece("the model", r)]
      )
    case "set":
      return Effect.forEach(model.fleet.clusters, (cluster) => {
        const artifacts = upstream.filter((a) => ClusterSet.has(a.targets, cluster.index))
        return Effect.map(
          eventually(() => impl.run({ cluster, artifacts, model })),
          (r) => {
            const { artifacts, ...rest } = piece(`cluster ${cluster.name}`, r)
            return { ...rest, artifacts: artifacts.map((a) => ({ ...a, targets: model.fleet.set([cluster.index]) })) }
          }
        )
      })
  }
}

const piece = (of: string, rendered: Rendered): Piece =>
  "artifacts" in rendered
    ? { of, artifacts: rendered.artifacts, findings: rendered.diagnostics }
    : { of, artifacts: rendered, findings: [] }
