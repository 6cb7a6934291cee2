/** Configuration of the json source. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const Path = Schema.NonEmptyString

export const Config = Schema.Struct({
  clusters: Schema.optionalKey(
    Path.annotate({
      description: "File with the list of clusters. Relative to the pipeline file, or to the home folder with ~/.",
      examples: ["clusters.json"]
    })
  ),
  services: Schema.optionalKey(
    Path.annotate({
      description: "File with the list of services. Relative to the pipeline file, or to the home folder with ~/.",
      examples: ["services.json"]
    })
  ),
  watch: Schema.Boolean.annotate({
    description: "Read the files again when they change. Has no effect in a run that ends by itself.",
    default: false
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed(false)))
})
  .check(
    Schema.makeFilter(
      (c: { readonly clusters?: string; readonly services?: string }) =>
        c.clusters !== undefined || c.services !== undefined || "at least one of `clusters` and `services` is needed",
      {
        expected: "`clusters`, `services` or both",
        toJsonSchema: () => ({ anyOf: [{ required: ["clusters"] }, { required: ["services"] }] })
      }
    )
  )
  .annotate({ identifier: "SourceJson", description: "Clusters and services from JSON files" })

export type Config = typeof Config.Type
