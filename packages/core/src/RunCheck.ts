/** One check of one generation: findings by service are kept for services that were not touched. Never changes artifacts. */
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import { type Groups, lookup } from "./Bundle.ts"
import type * as Diagnostic from "./Diagnostic.ts"
import type { Model } from "./Model.ts"
import type { CheckNode } from "./Node.ts"
import { attempt, guarded, type Refusal } from "./Refusal.ts"
import * as Returned from "./Returned.ts"
import { eachCluster } from "./RunTransform.ts"

/** Findings by service; a check of shape `set` has one list for all. */
export type Findings = ReadonlyMap<string, ReadonlyArray<Diagnostic.Diagnostic>>

export const runCheck = (
  node: CheckNode,
  groups: Groups,
  old: Findings | undefined,
  model: Model,
  touched: ReadonlySet<string>
): Effect.Effect<Findings, Refusal> => {
  const impl = node.impl
  if (impl.shape === "set") {
    return eachCluster(node, [groups], model, (input) => impl.run(input)).pipe(
      Effect.flatMap((results) =>
        attempt(node, () => new Map([["", results.flatMap(({ result }) => Returned.findings(result))]]))
      )
    )
  }
  return attempt(node, () => {
    const findings = new Map(old)
    for (const id of touched) {
      const service = HashMap.get(model.services, id)
      const artifacts = lookup(groups, id)
      const list =
        service._tag === "None" || artifacts.length === 0
          ? []
          : guarded(node, id, () => Returned.findings(impl.run(service.value, artifacts, model.fleet)))
      if (list.length > 0) findings.set(id, list)
      else findings.delete(id)
    }
    return findings
  })
}
