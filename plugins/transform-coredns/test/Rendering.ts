/** Renders one model and gives what each cluster gets. */
import type { Artifact } from "@coddiwomple/core/Artifact"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Diagnostic } from "@coddiwomple/core/Diagnostic"
import { standing } from "@coddiwomple/core/Model"
import type { ModelInput, ModelTransform } from "@coddiwomple/core/Transform"
import { FakeHost, Given } from "@coddiwomple/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { parse } from "yaml"
import plugin from "../src/index.ts"

export interface Rendering {
  /** Path or `Kind/name` → text of a file, or data of a ConfigMap, by cluster. */
  readonly of: (cluster: string) => Readonly<Record<string, string>>
  readonly objects: (
    cluster: string
  ) => ReadonlyArray<{ readonly kind: string; readonly spec: any; readonly metadata: any }>
  readonly findings: ReadonlyArray<Diagnostic>
}

export const render = async (config: object, given: Given.Terse, directory = "/nowhere"): Promise<Rendering> => {
  const model = Given.model(given)
  const input: ModelInput = { model, services: standing(model) }
  const run = Effect.gen(function* () {
    const impl = (yield* plugin.make(yield* Schema.decodeUnknownEffect(plugin.config)(config))) as ModelTransform
    return yield* impl.run(input) as Effect.Effect<{
      artifacts: ReadonlyArray<Artifact>
      diagnostics: ReadonlyArray<Diagnostic>
    }>
  })
  const host = FakeHost.make({ directory, pipeline: "shop" })
  const { artifacts, diagnostics } = await Effect.runPromise(
    run.pipe(Effect.scoped, Effect.provide(host.layer), Effect.provide(NodeServices.layer)) as Effect.Effect<any>
  )
  const mine = (cluster: string) =>
    (artifacts as ReadonlyArray<Artifact>).filter((a) =>
      ClusterSet.has(a.targets, model.fleet.byName.get(cluster)!.index)
    )
  return {
    of: (cluster) =>
      Object.assign(
        {},
        ...mine(cluster).map((a) =>
          a.form === "file" ? { [a.id.slice("file:".length)]: a.text } : (parse(a.text).data ?? {})
        )
      ),
    objects: (cluster) => mine(cluster).flatMap((a) => (a.form === "object" ? [parse(a.text)] : [])),
    findings: diagnostics
  }
}
