/**
 * Runs the transform through the engine's own fold and renderer. A case is a folder with `facts.json`
 * (`{ config, facts }`, facts without origins) and `expected/`: one YAML stream per cluster, and the findings.
 */
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Artifact } from "@coddiwomple/core/Artifact"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Fact } from "@coddiwomple/core/Fact"
import { Fold } from "@coddiwomple/core/Fold"
import type { Model } from "@coddiwomple/core/Model"
import { decodeOptions } from "@coddiwomple/core/Node"
import { Renderer } from "@coddiwomple/core/Render"
import plugin from "@coddiwomple/transform-istio-global-dns"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"

type Bare = Fact extends infer F ? (F extends unknown ? Omit<F, "origin"> : never) : never

export interface Case {
  readonly config?: typeof plugin.config.Encoded
  readonly facts: ReadonlyArray<Bare>
}

export const modelOf = (facts: ReadonlyArray<Bare>): Model => {
  const fold = new Fold()
  const origin = { label: "facts.json" }
  fold.accept("facts", {
    _tag: "Snapshot",
    partition: "facts.json",
    facts: facts.map((f) => ({ ...f, origin }) as Fact)
  })
  return fold.commit()!
}

export const implOf = (config: unknown) =>
  Effect.runSync(
    plugin.make(Schema.decodeUnknownSync(plugin.config, decodeOptions)(config ?? {})) as Effect.Effect<never>
  )

export interface Result {
  readonly model: Model
  readonly artifacts: ReadonlyArray<Artifact>
  readonly held: ReadonlyMap<string, ReadonlyArray<Diagnostic.Diagnostic>>
  readonly warnings: ReadonlyArray<Diagnostic.Diagnostic>
}

export const run = ({ config, facts }: Case): Result => {
  const model = modelOf(facts)
  const node = { kind: "transform", id: "mesh", type: plugin.type, impl: implOf(config), options: {} } as const
  const renderer = new Renderer("test", {
    transforms: [node],
    checks: [],
    upstream: new Map([["out", ["mesh"]]])
  } as never)
  const exit = Effect.runSync(Effect.exit(renderer.render(model)))
  if (Exit.isFailure(exit)) throw new Error(JSON.stringify(exit.cause))
  const { held, diagnostics, desired } = exit.value
  const reasons = [...held].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, h]) => [id, h.diagnostics] as const)
  return {
    model,
    artifacts: [...desired("out").artifacts()],
    held: new Map(reasons),
    warnings: diagnostics
  }
}

/** File name to text: what `expected/` holds. */
export const printed = (result: Result): ReadonlyMap<string, string> => {
  const files = new Map<string, string>()
  for (const cluster of result.model.fleet.clusters) {
    const own = result.artifacts.filter((a) => ClusterSet.has(a.targets, cluster.index))
    if (own.length > 0) files.set(`${cluster.name}.yaml`, own.map((a) => `---\n${a.text}`).join(""))
  }
  const findings = [
    ...[...result.held].flatMap(([id, list]) => [`held: ${id}`, ...list.map((d) => Diagnostic.toText(d))]),
    ...result.warnings.map((d) => Diagnostic.toText(d))
  ]
  if (findings.length > 0) files.set("findings.txt", `${findings.join("\n")}\n`)
  return files
}
