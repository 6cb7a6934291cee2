/** Configuration of `exec`, the same in every place: a command, what it is told, and its limits. */
import { DurationText } from "@coddiwomple/core/DurationText"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export const fields = {
  command: Schema.NonEmptyArray(Schema.NonEmptyString).annotate({
    description:
      "Program and arguments; no shell. A path with a slash is relative to the pipeline file, or to the home folder with ~/. Naming it here is the permission to run it",
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
  env: Schema.Record(Schema.String, Schema.RedactedFromValue(Schema.String))
    .annotate({
      description:
        "Environment beside PATH, HOME and TMPDIR; nothing else is inherited. Its values are never shown: neither by `cw config` nor in what the command says"
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  format: Schema.Literals(["yaml", "json"])
    .annotate({
      description: "What the command reads. JSON is YAML too, and needs no library in most languages",
      default: "yaml",
      examples: ["json"]
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("yaml" as const))),
  time: DurationText.annotate({ description: "Limit of one run, as 2m. Default 30s" }).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("30s"))
  ),
  memory: Schema.Int.check(Schema.isGreaterThan(0))
    .annotate({
      description: "Limit of memory in MiB, of the command and what it starts; watched on Linux",
      default: 512,
      examples: [1024]
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(512)))
}

export const Config = Schema.Struct(fields)
export type Config = typeof Config.Type

export const SourceConfig = Schema.Struct({
  ...fields,
  every: Schema.optionalKey(
    DurationText.annotate({
      description: "Run it again after this time, as 1m. Default: once. Has no effect in a run that ends by itself"
    })
  )
})
export type SourceConfig = typeof SourceConfig.Type

export const TransformConfig = Schema.Struct({
  ...fields,
  removes: Schema.Boolean.annotate({
    description: "The command may leave out objects. Otherwise an object that does not come back is an error",
    default: false,
    examples: [true]
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed(false)))
})
export type TransformConfig = typeof TransformConfig.Type

export const CheckConfig = Schema.Struct({
  ...fields,
  input: Schema.Literals(["ResourceList", "stream"])
    .annotate({
      description:
        "What the command reads: a ResourceList, or the objects as a YAML stream; then only the exit code counts",
      default: "ResourceList",
      examples: ["stream"]
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("ResourceList" as const)))
})
export type CheckConfig = typeof CheckConfig.Type
