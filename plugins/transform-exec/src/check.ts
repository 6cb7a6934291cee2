/** A check in any language: the same ResourceList; findings in `results`, or a non-zero exit, refuse the generation. */
import * as Check from "@coddiwomple/core/Check"
import { PluginError } from "@coddiwomple/core/PluginError"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import { CheckConfig } from "./Config.ts"
import { answer, objectOf, request, told } from "./ResourceList.ts"
import { ended, runner } from "./Run.ts"

export default Check.make({
  type: "exec",
  summary: "Runs a command per cluster that may refuse what would be delivered",
  config: CheckConfig,
  examples: [
    {
      summary: "A validator that reads a YAML stream",
      config: { command: ["kubeconform", "-strict"], input: "stream" }
    }
  ],
  make: (config) =>
    Effect.map(runner(config), (runner) => ({
      probe: runner.probe,
      ...Check.set(({ artifacts, cluster, model }) =>
        Effect.gen(function* () {
          const objects = artifacts.filter((a) => a.form === "object")
          if (config.input === "stream") {
            const run = yield* runner.run(objects.map((a) => `---\n${a.text}`).join(""))
            return run.code === 0 ? [] : yield* Effect.fail(complaint(runner.program, run.stdout, ended(runner, run)))
          }
          const spec = config.functionConfig === undefined ? told(cluster, HashMap.values(model.services)) : {}
          const answered = answer(runner, yield* runner.run(request(config, objects.map(objectOf), spec)), "ignored")
          return answered instanceof PluginError ? yield* Effect.fail(answered) : answered.diagnostics
        })
      )
    }))
})

/** Validators tell what is wrong on standard output, where they have nothing else to print. */
const complaint = (program: string, stdout: string, failure: PluginError): PluginError => {
  const [first] = failure.diagnostics ?? []
  const said = stdout.trim().split("\n").slice(0, 10).join("\n").slice(0, 1000)
  if (first === undefined || said === "") return failure
  const help = [`${program} said: ${said}`, ...(first.help === undefined ? [] : [first.help])].join("\n")
  return new PluginError({ message: failure.message, retryable: failure.retryable, diagnostics: [{ ...first, help }] })
}
