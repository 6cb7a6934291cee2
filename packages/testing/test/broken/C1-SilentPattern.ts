/** Its pattern has no `u` flag: the JSON Schema loses it without a word, and editors accept every name. */
import * as Transform from "@coddiwomple/core/Transform"
import * as Schema from "effect/Schema"

export default Transform.make({
  type: "test/pattern",
  summary: "A zone",
  config: Schema.Struct({ zone: Schema.String.pipe(Schema.check(Schema.isPattern(/^[a-z]+$/))) }),
  examples: [{ summary: "A zone", config: { zone: "global" } }],
  make: () => Transform.service(() => [])
})
