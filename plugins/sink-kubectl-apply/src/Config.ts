/** Configuration of the kubectl-apply sink. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const time = (description: string, fallback: string) =>
  Schema.String.check(Schema.isPattern(/^[1-9][0-9]{0,5}(ms|s|m)$/u, { expected: "a time such as 500ms, 30s or 2m" }))
    .annotate({ description, default: fallback, examples: [fallback] })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(fallback)))

const units = { ms: 1, s: 1000, m: 60_000 } as const

/** Milliseconds of a configured time. */
export const milliseconds = (text: string): number => {
  const [, n, unit] = /^(\d+)(ms|s|m)$/.exec(text)!
  return Number(n) * units[unit as keyof typeof units]
}

export const Config = Schema.Struct({
  clusters: Schema.optionalKey(
    Schema.Array(Schema.NonEmptyString).annotate({
      description: "Names of the clusters this sink writes to. Without it all of the fleet.",
      examples: [["east", "west"]]
    })
  ),
  clustersFile: Schema.optionalKey(
    Schema.NonEmptyString.annotate({
      description:
        "File with kubeconfig_path and kubeconfig_context of the clusters, for those whose source names no connection, and for `cw doctor`. Relative to the pipeline file, or to the home folder with ~/.",
      examples: ["clusters.json"]
    })
  ),
  contexts: Schema.optionalKey(
    Schema.Record(Schema.String, Schema.String).annotate({
      description: "Kubeconfig context by cluster name, for clusters whose source names no connection.",
      examples: [{ east: "admin@east" }]
    })
  ),
  kubeconfig: Schema.optionalKey(
    Schema.NonEmptyString.annotate({
      description:
        "Kubeconfig for `contexts`. Relative to the pipeline file, or to the home folder with ~/. Without it KUBECONFIG, ~/.kube/config, or the service account of the pod."
    })
  ),
  inventory: Schema.NonEmptyString.check(
    Schema.isPattern(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/u, { expected: "the name of a namespace" })
  )
    .annotate({
      description:
        "Namespace of the ConfigMaps that list what this pipeline owns. It must exist. Another one is another inventory: move the ConfigMaps with it.",
      default: "default"
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("default"))),
  adopt: Schema.Boolean.annotate({
    description:
      "Take over objects that are there already and belong to no pipeline. Otherwise they are conflicts (CW702).",
    default: false
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed(false))),
  conflicts: Schema.Literals(["never", "owned", "always"])
    .annotate({
      description:
        "Whether fields that other managers own are taken. never: such an object is a conflict (CW709). owned: in objects that this pipeline owns. always: also in objects that are adopted, and in shared ones.",
      default: "owned"
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("owned" as const))),
  migrate: Schema.Array(Schema.NonEmptyString)
    .annotate({
      description:
        "Field managers whose fields are taken over for good, as those of client-side `kubectl apply`: fields that are no longer wanted then go.",
      default: [],
      examples: [["kubectl-client-side-apply", "before-first-apply"]]
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed([]))),
  concurrency: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 64 }))
    .annotate({
      description: "Requests at once to one cluster. It goes down by itself when a server asks for it.",
      default: 12
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(12))),
  patience: time("How long one object is tried again while its cluster is in trouble.", "2m"),
  wait: time("How long to wait for namespaces and definitions to be ready, and for deleted objects to be gone.", "30s")
}).annotate({ identifier: "SinkKubectlApply", description: "Server-side apply to live clusters" })

export type Config = typeof Config.Type
