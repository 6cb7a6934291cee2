/** Configuration of the kubernetes source. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const Select = Schema.Struct({
  labels: Schema.optionalKey(
    Schema.String.annotate({
      description: "Label selector as kubectl has it. Without it every Service counts.",
      examples: ["coddiwomple.io/export=true", "team in (web, shop), !internal"]
    })
  ),
  annotations: Schema.optionalKey(
    Schema.Record(Schema.String, Schema.String).annotate({ description: "Annotations that must have these values." })
  ),
  namespaces: Schema.optionalKey(
    Schema.NonEmptyArray(Schema.NonEmptyString).annotate({
      description:
        "Only these namespaces. With one of them, rights in that namespace are enough. Without it all but the system's."
    })
  )
})

export const Config = Schema.Struct({
  clusters: Schema.optionalKey(
    Schema.NonEmptyString.annotate({
      description:
        "File with the list of clusters, as the json source reads it: name, address, kubeconfig_path, kubeconfig_context. An address may be left out: it is then asked of the cluster's gateway Service. Relative to the pipeline file, or to the home folder with ~/.",
      examples: ["clusters.json"]
    })
  ),
  contexts: Schema.optionalKey(
    Schema.Record(Schema.String, Schema.String).annotate({
      description: "Instead of `clusters`: name of each cluster and the kubeconfig context that reaches it.",
      examples: [{ east: "admin@east" }]
    })
  ),
  kubeconfig: Schema.optionalKey(
    Schema.NonEmptyString.annotate({
      description:
        "Kubeconfig for `contexts`. Relative to the pipeline file, or to the home folder with ~/. Without it KUBECONFIG, ~/.kube/config, or the service account of the pod."
    })
  ),
  select: Schema.optionalKey(
    Select.annotate({ description: "Which Services count. A Service must pass all of these." })
  ),
  bareNames: Schema.optionalKey(
    Schema.Array(Schema.NonEmptyString).annotate({
      description:
        "Namespaces whose Services get their bare name too: `reviews.global` beside `reviews.default.global`.",
      examples: [["default"]]
    })
  ),
  gateway: Schema.optionalKey(
    Schema.Struct({
      namespace: Schema.NonEmptyString.annotate({
        description: "Namespace of the gateway Service.",
        default: "istio-system"
      }).pipe(Schema.withDecodingDefaultKey(Effect.succeed("istio-system"))),
      selector: Schema.String.annotate({
        description: "Labels of the gateway Service.",
        default: "istio=eastwestgateway"
      }).pipe(Schema.withDecodingDefaultKey(Effect.succeed("istio=eastwestgateway")))
    }).annotate({
      description:
        "Where the address of a cluster is found that has none in `clusters`; the cluster's own `gateway` wins."
    })
  ),
  cache: Schema.Boolean.annotate({
    description:
      "Keep what a cluster said last on disk, so that a restart during its outage does not forget it. Such facts are stale: nothing is deleted because of them.",
    default: true
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed(true)))
})
  .check(
    Schema.makeFilter(
      (c: { readonly clusters?: string; readonly contexts?: unknown; readonly kubeconfig?: string }) =>
        (c.clusters === undefined) === (c.contexts === undefined)
          ? "either `clusters` or `contexts` is needed"
          : c.kubeconfig === undefined || c.contexts !== undefined || "`kubeconfig` belongs to `contexts`",
      {
        expected: "`clusters`, or `contexts` with an optional `kubeconfig`",
        toJsonSchema: () => ({
          oneOf: [{ required: ["clusters"], not: { required: ["kubeconfig"] } }, { required: ["contexts"] }]
        })
      }
    )
  )
  .annotate({ identifier: "SourceKubernetes", description: "Services of live clusters" })

export type Config = typeof Config.Type
