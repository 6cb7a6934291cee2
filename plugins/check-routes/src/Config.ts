/** Configuration of the check `routes`. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export const Config = Schema.Struct({
  allowPlaintext: Schema.Boolean.annotate({
    description: "Calls may cross clusters in plaintext, as with profile classic. Default false",
    examples: [true]
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed(false))),
  namespace: Schema.NonEmptyString.annotate({
    description: "Namespace of the callers where a service does not say who sees it. Default `default`",
    examples: ["team-a"]
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed("default")))
}).annotate({ identifier: "CheckRoutes", description: "Every call from every cluster must arrive" })

export type Config = typeof Config.Type
