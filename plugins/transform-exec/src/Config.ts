/** Configuration of `exec`, the same in every place: a command, what it is told, and its limits. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const fields = {
  command: Schema.NonEmptyArray(Schema.NonEmptyString).annotate({
    description:
      "Program and arguments; no shell. A path with a slash is relative to the pipeline file. Naming it here is the permission to run it",
    examples: [["./add-team.py"], ["kubeconform", "-strict"]]
  }),
  functionConfig: Schema.optionalKey(
    Schema.Record(Schema.String, Schema.Unknown).annotate({
      description:
        "functionConfig of the ResourceList, as existing kpt and kustomize functions want it. Default: an ExecConfig with the cluster, its services and `config`",
      examples: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "labels" }, data: { team: "mesh" } }]
    })
  ),
  config: Schema.optionalKey(
    Schema.Unknown.annotate({
      description: "Anything: passed on as functionConfig.spec.config",
      examples: [{ team: "mesh" }]
    })
  ),
  env: Schema.Record(Schema.String, Schema.String)
    .annotate({
      description: "Environment beside PATH, HOME and TMPDIR; nothing else is inherited",
      examples: [{ TEAM: "mesh" }]
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  time: Schema.DurationFromString.annotate({ description: "Limit of one run. Default 30 seconds" }).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("30 seconds"))
  ),
  memory: Schema.Int.check(Schema.isGreaterThan(0))
    .annotate({ description: "Limit of memory in MiB, watched on Linux. Default 512", examples: [512] })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(512)))
}

export const Config = Schema.Struct(fields)
export type Config = typeof Config.Type

export const TransformConfig = Schema.Struct({
  ...fields,
  removes: Schema.Boolean.annotate({
    description: "The command may leave out objects. Default false: an object that does not come back is an error",
    examples: [true]
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed(false)))
})
export type TransformConfig = typeof TransformConfig.Type
