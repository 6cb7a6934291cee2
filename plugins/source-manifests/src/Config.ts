/** Configuration of the manifests source. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const Cluster = Schema.Struct({
  paths: Schema.Union([Schema.NonEmptyString, Schema.NonEmptyArray(Schema.NonEmptyString)]).annotate({
    description:
      "Files, folders (with all .yaml, .yml and .json below them), globs, or - for standard input. Relative to the pipeline file, or to the home folder with ~/. A path that finds nothing is an error.",
    examples: ["rendered/east", ["apps/*/overlays/east/*.yaml", "-"]]
  }),
  addresses: Schema.optionalKey(
    Schema.Array(Schema.NonEmptyString).annotate({
      description:
        "Names or IPs under which other clusters reach the gateway. With it this source also declares the cluster; without it another source must.",
      examples: [["east.example.com"]]
    })
  ),
  region: Schema.optionalKey(
    Schema.NonEmptyString.annotate({ description: "Region, with `addresses`", examples: ["eu-central"] })
  ),
  namespace: Schema.NonEmptyString.annotate({
    description: "Namespace of objects that name none, as `helm template -n` leaves them",
    default: "default"
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed("default"))),
  domain: Schema.NonEmptyString.annotate({ description: "Cluster domain", default: "cluster.local" }).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("cluster.local"))
  )
})

export const Config = Schema.Struct({
  clusters: Schema.Record(Schema.NonEmptyString, Cluster).annotate({
    description: "Manifests by cluster, in the order in which clusters are printed"
  }),
  select: Schema.optionalKey(
    Schema.Struct({
      labels: Schema.optionalKey(
        Schema.String.annotate({
          description: "Label selector as kubectl has it",
          examples: ["coddiwomple.io/export=true", "tier in (web,api)"]
        })
      ),
      annotations: Schema.optionalKey(
        Schema.Record(Schema.String, Schema.String).annotate({
          description: "Annotations that must have these values",
          examples: [{ "coddiwomple.io/export": "true" }]
        })
      ),
      namespaces: Schema.optionalKey(
        Schema.Array(Schema.NonEmptyString).annotate({
          description: "Only these namespaces. Default: all but those of the system",
          examples: [["shop"]]
        })
      )
    }).annotate({ description: "Which Services count" })
  ),
  bareNames: Schema.Array(Schema.NonEmptyString)
    .annotate({
      description: "Namespaces whose Services also get their name without the namespace. Default: none",
      examples: [["default"]]
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed([]))),
  watch: Schema.Boolean.annotate({
    description: "Read the files again when they change. Has no effect in a run that ends by itself.",
    default: false
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed(false)))
}).annotate({ identifier: "SourceManifests", description: "Services from Kubernetes YAML" })

export type Config = typeof Config.Type
/** One path stands for a list of it. */
export const pathsOf = ({ paths }: ClusterConfig): ReadonlyArray<string> =>
  typeof paths === "string" ? [paths] : paths

export type ClusterConfig = (typeof Cluster)["Type"]
