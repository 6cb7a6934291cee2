/** One of two keys must be there: the decoder knows it, the JSON Schema does not. */
import * as Transform from "@coddiwomple/core/Transform"
import * as Schema from "effect/Schema"

export default Transform.make({
  type: "test/one-of-two",
  summary: "A file or a folder",
  config: Schema.Struct({ file: Schema.optionalKey(Schema.String), folder: Schema.optionalKey(Schema.String) }).check(
    Schema.makeFilter(
      (c: { readonly file?: string; readonly folder?: string }) =>
        c.file !== undefined || c.folder !== undefined || "give a file or a folder"
    )
  ),
  examples: [{ summary: "A file", config: { file: "a.txt" } }],
  make: () => Transform.service(() => [])
})
