/**
 * One transform of one generation: what was touched goes in, its next stage comes out. What claims and whole-model
 * transforms find to have moved is added to `touched`.
 */
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import type { Artifact } from "./Artifact.ts"
import { type Groups, lookup } from "./Bundle.ts"
import type { Lost } from "./Claims.ts"
import * as ClusterSet from "./ClusterSet.ts"
import { fleetGroup } from "./Desired.ts"
import * as Diagnostic from "./Diagnostic.ts"
import { type Cluster, type Model, type Service, standing } from "./Model.ts"
import type { CheckNode, TransformNode } from "./Node.ts"
import { bounded, type Eventually, eventually } from "./PluginError.ts"
import type { Wants } from "./Rivals.ts"
import { attempt, gaveUp, guarded, type Refusal } from "./Refusal.ts"
import * as Returned from "./Returned.ts"
import { join, marked, mergeClusters, parts, regroup, rerender, type Stage } from "./Stage.ts"
import type { Claim, ServiceTransform, SetInput } from "./Transform.ts"

export const runTransform = (
  node: TransformNode,
  upstream: ReadonlyArray<Groups>,
  old: Stage,
  model: Model,
  touched: Set<string>
): Effect.Effect<Stage, Refusal> => {
  const impl = node.impl
  switch (impl.shape) {
    case "service":
      return attempt(node, () => renderServices(node, impl, old, model, touched))
    case "artifact":
      return attempt(node, () =>
        rerender(node, old, touched, (group) =>
          join(
            upstream
              .flatMap((groups) => lookup(groups, group))
              .map((a) => marked(Returned.rendered(impl.run(a, model.fleet)), () => a.combines))
          )
        )
      )
    case "model":
      return bounded(
        "it",
        node.options.timeout,
        eventually(() => impl.run({ model, services: standing(model) }))
      ).pipe(
        Effect.mapError(gaveUp(node)),
        Effect.flatMap((rendered) =>
          attempt(node, () =>
            regroup(
              node,
              old,
              marked(Returned.rendered(rendered), () => "services"),
              touched
            )
          )
        )
      )
    case "set":
      return eachCluster(node, upstream, model, (input) => impl.run(input)).pipe(
        Effect.flatMap((all) =>
          attempt(node, () => {
            const results = all.map(({ artifacts, cluster, result }) => {
              const known = new Map(artifacts.map((a) => [a.id, a.combines]))
              const combines = ({ id }: Artifact) => (known.has(id) ? known.get(id) : "artifacts")
              return { index: cluster.index, ...parts(marked(Returned.rendered(result), combines)) }
            })
            return regroup(node, old, mergeClusters(results, model), touched)
          })
        )
      )
  }
}

/** Runs plugin code once per cluster, with the artifacts of that cluster in stream order; four at a time. */
export const eachCluster = <A>(
  node: TransformNode | CheckNode,
  upstream: ReadonlyArray<Groups>,
  model: Model,
  run: (input: SetInput) => Eventually<A>
) => {
  const names = [...new Set(upstream.flatMap((groups) => [...HashMap.keys(groups)]))].sort()
  const of = (cluster: Cluster) =>
    names.flatMap((name) =>
      upstream.flatMap((groups) => lookup(groups, name).filter((a) => ClusterSet.has(a.targets, cluster.index)))
    )
  return Effect.forEach(
    model.fleet.clusters,
    (cluster) => {
      const artifacts = of(cluster)
      return bounded(
        `cluster ${cluster.name}`,
        node.options.timeout,
        eventually(() => run({ cluster, artifacts, model }))
      ).pipe(
        Effect.mapError(gaveUp(node)),
        Effect.map((result) => ({ cluster, artifacts, result }))
      )
    },
    { concurrency: 4 }
  )
}

const renderServices = (
  node: TransformNode,
  impl: ServiceTransform,
  old: Stage,
  model: Model,
  touched: Set<string>
): Stage => {
  const claims = impl.claims
  if (claims !== undefined) {
    for (const id of [...touched]) {
      const service = HashMap.get(model.services, id)
      const wanted = service._tag === "Some" ? guarded(node, id, () => listed(claims(service.value, model.fleet))) : []
      for (const other of old.claims.set(id, wanted)) touched.add(other)
    }
  }
  return rerender(node, old, touched, (group) => {
    if (group === fleetGroup) return impl.fleet === undefined ? [] : Returned.rendered(impl.fleet(model.fleet))
    const service = HashMap.get(model.services, group)
    if (service._tag === "None") return undefined
    const lost = old.claims.lost(group)
    if (lost.length === 0) return Returned.rendered(impl.run(service.value, model.fleet))
    // One clash may be had by several keys.
    const clashes = [...new Map(lost.map((l) => clash(service.value, l)).map((d) => [d.message, d])).values()]
    const fatal = clashes.filter(Diagnostic.isError)
    if (fatal.length > 0) return { artifacts: [], diagnostics: fatal }
    const rendered = Returned.rendered(impl.run(service.value, model.fleet))
    return "artifacts" in rendered
      ? { artifacts: rendered.artifacts, diagnostics: [...clashes, ...rendered.diagnostics] }
      : { artifacts: rendered, diagnostics: clashes }
  })
}

/** What services claim of all transforms, and lose where another has it. */
export const wantsOf =
  (nodes: ReadonlyArray<TransformNode>): Wants =>
  (service, fleet) =>
    nodes.flatMap(({ id, impl }) =>
      impl.shape !== "service" || impl.claims === undefined
        ? []
        : listed(impl.claims(service, fleet))
            .filter((claim) => claim.severity !== "warning")
            .map((claim) => ({ ...claim, key: `${id} ${claim.key}` }))
    )

const listed = (claims: ReadonlyArray<Claim>): ReadonlyArray<Claim> => {
  if (!Array.isArray(claims)) throw new TypeError(`it claims ${Returned.kindOfValue(claims)}, not a list`)
  return claims
}

const clash = (service: Service, { claim, winner }: Lost<Claim>): Diagnostic.Diagnostic => {
  const { identity, origin } = service
  const about = { service: identity, place: origin.place?.(), object: origin.object, help: claim.help }
  const code = claim.diagnostic ?? "CW624"
  const both = `services ${winner} and ${service.identity} both`
  return claim.severity === "warning"
    ? Diagnostic.warning(code, `${both} have ${claim.what}: calls of one may go to the other`, about)
    : Diagnostic.error(code, `${both} need ${claim.what}; ${winner} keeps it`, about)
}
