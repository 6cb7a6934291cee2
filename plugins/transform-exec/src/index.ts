/**
 * A transform in any language: one run per cluster, objects in, objects out, as KRM functions do it.
 * Objects keep the service they belong to by their identity; new ones name it with the annotation
 * `coddiwomple.io/service`, or belong to the fleet.
 */
import * as Artifact from "@coddiwomple/core/Artifact"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { PluginError } from "@coddiwomple/core/PluginError"
import * as Transform from "@coddiwomple/core/Transform"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import { TransformConfig } from "./Config.ts"
import { answer, objectOf, request, told } from "./ResourceList.ts"
import { runner } from "./Run.ts"

const serviceKey = "coddiwomple.io/service"

export default Transform.make({
  type: "exec",
  summary: "Runs a command per cluster: KRM ResourceList on standard input and output",
  // Files are not shown to the command: they pass by it.
  produces: ["object", "file"],
  config: TransformConfig,
  examples: [
    { summary: "A script beside the pipeline file", config: { command: ["./add-team.py"], config: { team: "mesh" } } },
    {
      summary: "An existing function",
      config: {
        command: ["set-labels"],
        functionConfig: { apiVersion: "v1", kind: "ConfigMap", data: { team: "mesh" } }
      }
    }
  ],
  make: (config) =>
    Effect.map(runner(config), (runner) => ({
      probe: runner.probe,
      ...Transform.set(({ artifacts, cluster, model }) =>
        Effect.gen(function* () {
          const objects = artifacts.filter((a) => a.form === "object")
          const files = artifacts.filter((a) => a.form === "file")
          const spec = config.functionConfig === undefined ? told(cluster, HashMap.values(model.services)) : {}
          const answered = answer(runner, yield* runner.run(request(config, objects.map(objectOf), spec)), "needed")
          if (answered instanceof PluginError) return yield* Effect.fail(answered)
          const before = new Map(objects.map((a) => [a.id, a]))
          const returned = answered.items.map((object) => {
            const old = before.get(Artifact.objectId(object))
            const service = object.metadata.annotations?.[serviceKey] ?? old?.service
            return Artifact.object(model.fleet.set([cluster.index]), object, {
              ...(service === undefined ? {} : { service }),
              ...(old === undefined ? {} : { ownership: old.ownership })
            })
          })
          const missing = config.removes ? [] : lost(objects, returned, runner.program, cluster.name)
          return { artifacts: [...returned, ...files], diagnostics: [...answered.diagnostics, ...missing] }
        })
      )
    }))
})

const lost = (
  before: ReadonlyArray<Artifact.Artifact>,
  after: ReadonlyArray<Artifact.Artifact>,
  program: string,
  cluster: string
): ReadonlyArray<Diagnostic.Diagnostic> => {
  const there = new Set(after.map((a) => a.id))
  const gone = before.filter((a) => !there.has(a.id))
  if (gone.length === 0) return []
  const more = gone.length > 1 ? ` and ${gone.length - 1} more` : ""
  return [
    Diagnostic.error("CW645", `${program} did not return ${gone[0]!.id}${more} for cluster ${cluster}`, {
      help: "return every item; if it is meant to leave some out, set `removes: true`"
    })
  ]
}
