import { Schema } from "effect"
import { Sink } from "@coddiwomple/core"

export default Sink.make({
  type: "hosts-file",
  summary: "Writes the global names as a hosts file",
  config: Schema.Struct({ path: Schema.NonEmptyString }),
  make: ({ path }) =>
    Sink.files((desired) => [
      { path, text: desired.services.map((s) => `${s.address} ${s.hosts.join(" ")}\n`).join("") }
    ])
})
