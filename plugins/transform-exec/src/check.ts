/** A check in any language: the same ResourceList; findings in `results`, or a non-zero exit, refuse the generation. */
import * as Check from "@coddiwomple/core/Check"
import { Host } from "@coddiwomple/core/Host"
import { PluginError } from "@coddiwomple/core/PluginError"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HashMap from "effect/HashMap"
import * as Path from "effect/Path"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Schema from "effect/Schema"
import { Config } from "./Config.ts"
import { answer, objectOf, request, told } from "./ResourceList.ts"
import { run } from "./Run.ts"

const CheckConfig = Schema.Struct({
  ...Config.fields,
  input: Schema.Literals(["ResourceList", "stream"])
    .annotate({
      description:
        "What the command reads: a ResourceList, or the objects as a YAML stream (then only the exit code counts). Default ResourceList",
      examples: ["stream"]
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("ResourceList" as const)))
})

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
    Effect.gen(function* () {
      const { directory } = yield* Host
      const services = yield* Effect.context<ChildProcessSpawner | FileSystem.FileSystem | Path.Path>()
      return Check.set(({ artifacts, cluster, model }) =>
        Effect.gen(function* () {
          const objects = artifacts.filter((a) => a.form === "object")
          if (config.input === "stream") {
            yield* run(config, directory, objects.map((a) => `---\n${a.text}`).join(""))
            return []
          }
          const spec = config.functionConfig === undefined ? told(cluster, HashMap.values(model.services)) : {}
          const output = yield* run(config, directory, request(config, objects.map(objectOf), spec))
          const answered = answer(config.command[0], output.stdout)
          return answered instanceof PluginError ? yield* Effect.fail(answered) : answered.diagnostics
        }).pipe(Effect.provideContext(services))
      )
    })
})
