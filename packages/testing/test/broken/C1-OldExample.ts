/** Its example is of an earlier version. */
import * as Transform from "@coddiwomple/core/Transform"
import * as Schema from "effect/Schema"

export default Transform.make({
  type: "test/old-example",
  summary: "A port",
  config: Schema.Struct({ port: Schema.Int }),
  examples: [{ summary: "The usual port", config: { port: "8080" } as unknown as { readonly port: number } }],
  make: () => Transform.service(() => [])
})
