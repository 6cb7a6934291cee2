/** Configuration of the stdout sink. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const names = (description: string, example: string) =>
  Schema.optionalKey(Schema.Array(Schema.NonEmptyString).annotate({ description, examples: [[example]] }))

export const Config = Schema.Struct({
  format: Schema.Literals(["yaml", "classic", "json"])
    .annotate({
      description:
        "yaml: documents separated by `---`. classic: the same, with the comment banners for services and clusters of the original tool. json: one object per line.",
      default: "yaml"
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("yaml" as const))),
  clusters: names("Print only what is for these clusters. All of them where none is named.", "east"),
  services: names("Print only these services, and nothing of the fleet. All of them where none is named.", "reviews")
}).annotate({ identifier: "SinkStdout", description: "Objects on standard output" })

export type Config = typeof Config.Type
