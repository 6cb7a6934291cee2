/** Configuration of `stdout`: the form of the stream, and which part of it. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export const formats = ["yaml", "classic", "json"] as const

export const Config = Schema.Struct({
  format: Schema.Literals(formats)
    .annotate({
      description:
        "yaml: documents that begin with ---. classic: the same with a banner per service and cluster, as the original tool printed it. json: one object a line. Default yaml",
      examples: ["yaml"]
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("yaml" as const))),
  clusters: Schema.optionalKey(
    Schema.Array(Schema.NonEmptyString).annotate({
      description: "Only these clusters. Default all",
      examples: [["east"]]
    })
  ),
  services: Schema.optionalKey(
    Schema.Array(Schema.NonEmptyString).annotate({
      description: "Only these services, by identity. Default all",
      examples: [["reviews"]]
    })
  )
})

export type Config = typeof Config.Type
