/**
 * A sink in any language: one run per cluster with all its objects, clusters apart from each other. Opaque: its plan
 * says that it will run, not what changes. What it prints is optional; a ResourceList may carry findings.
 */
import type { Artifact } from "@coddiwomple/core/Artifact"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Desired } from "@coddiwomple/core/Desired"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { executable, type ReportItem } from "@coddiwomple/core/Plan"
import { PluginError } from "@coddiwomple/core/PluginError"
import * as Sink from "@coddiwomple/core/Sink"
import * as Effect from "effect/Effect"
import { Config } from "./Config.ts"
import { answer, objectOf, request, told } from "./ResourceList.ts"
import { ended, type Ended, type Runner, runner } from "./Run.ts"

export default Sink.make({
  type: "exec",
  summary: "Runs a command per cluster with everything the cluster should have",
  config: Config,
  accepts: ["object"],
  deletes: false,
  examples: [{ summary: "A script that opens a ticket", config: { command: ["./open-ticket.sh"] } }],
  make: (config) =>
    Effect.map(
      runner(config),
      (runner): Sink.SinkImpl => ({
        probe: runner.probe,
        plan: ({ model }) =>
          Effect.succeed({
            items: model.fleet.clusters.map(({ name }) => ({ op: "update", target: name, id: runner.program })),
            unchanged: 0,
            opaque: true
          }),
        apply: (plan, desired) =>
          Effect.gen(function* () {
            const byCluster = grouped(desired)
            const results = yield* Effect.forEach(
              executable(plan),
              (item) => {
                const cluster = desired.model.fleet.byName.get(item.target)
                if (cluster === undefined) return Effect.succeed([])
                const spec = config.functionConfig === undefined ? told(cluster, desired.services) : {}
                return Effect.map(
                  Effect.result(runner.run(request(config, byCluster[cluster.index]!.map(objectOf), spec))),
                  (run) => {
                    const { failure, findings } = outcome(runner, run._tag === "Success" ? run.success : run.failure)
                    const bad = failure !== undefined
                    const { op, target, id } = item
                    const done: ReportItem = bad
                      ? { op, target, id, outcome: "failed", message: failure }
                      : { op, target, id, outcome: "applied" }
                    return [{ done, findings: findings.map((d) => inCluster(d, target)) }]
                  }
                )
              },
              { concurrency: 2 }
            )
            const all = results.flat()
            return { items: all.map((r) => r.done), diagnostics: all.flatMap((r) => r.findings) }
          })
      })
    )
})

const grouped = (desired: Desired): ReadonlyArray<ReadonlyArray<Artifact>> => {
  const out = desired.model.fleet.clusters.map((): Array<Artifact> => [])
  for (const artifact of desired.artifacts()) {
    if (artifact.form !== "object") continue
    for (const [i, list] of out.entries()) if (ClusterSet.has(artifact.targets, i)) list.push(artifact)
  }
  return out
}

const inCluster = (d: Diagnostic.Diagnostic, cluster: string): Diagnostic.Diagnostic =>
  d.object === undefined
    ? { ...d, message: `${d.message} (cluster ${cluster})` }
    : { ...d, object: { ...d.object, cluster } }

const outcome = (
  runner: Runner,
  run: Ended | PluginError
): { readonly failure?: string; readonly findings: ReadonlyArray<Diagnostic.Diagnostic> } => {
  if (run instanceof PluginError) return { failure: run.message, findings: run.diagnostics ?? [] }
  if (run.stdout.trim() === "") {
    if (run.code === 0) return { findings: [] }
    const failure = ended(runner, run)
    return { failure: failure.message, findings: failure.diagnostics ?? [] }
  }
  const answered = answer(runner, run, "ignored")
  if (!(answered instanceof PluginError)) {
    const error = answered.diagnostics.find(Diagnostic.isError)
    return error === undefined
      ? { findings: answered.diagnostics }
      : { failure: error.message, findings: answered.diagnostics }
  }
  const findings = answered.diagnostics ?? []
  // It has done its work already: what it printed besides is worth a warning, not another run.
  return run.code === 0
    ? { findings: findings.map((d) => ({ ...d, severity: "warning" })) }
    : { failure: answered.message, findings }
}
