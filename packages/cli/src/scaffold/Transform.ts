/** A new transform: labels on every object; the shape `artifact`. */
import {
  common,
  type Files,
  header,
  inventory,
  lawsHead,
  lawsTail,
  pipelineTest,
  readme,
  type Scaffold
} from "./Shared.ts"

export const files = (scaffold: Scaffold): Files => {
  const { name } = scaffold
  return {
    ...common(scaffold),
    "src/Config.ts": `import { Schema } from "effect"

/** Descriptions, defaults and examples show in \`cw explain\`, in the editor and in messages. */
export const Config = Schema.Struct({
  labels: Schema.Record(Schema.String, Schema.String).annotate({
    description: "Labels for every object",
    examples: [{ team: "mesh" }]
  })
})
`,
    "src/index.ts": `import { Artifact, Transform } from "@coddiwomple/core"
import { Config } from "./Config.ts"

export default Transform.make({
  type: "${name}",
  summary: "Puts labels on every object",
  config: Config,
  examples: [{ summary: "The team that owns it", config: { labels: { team: "mesh" } } }],
  produces: ["object", "file"],
  // Other shapes: Transform.service((service, fleet) => artifacts), Transform.model, Transform.set (per cluster).
  make: ({ labels }) =>
    Transform.artifact((artifact) => [
      Artifact.edit(artifact, (body) => ({
        ...body,
        metadata: { ...body.metadata, labels: { ...body.metadata.labels, ...labels } }
      }))
    ])
})
`,
    "test/laws.test.ts": `${lawsHead(`import { test } from "node:test"
import { Given, laws, type TransformSubject } from "@coddiwomple/testing"`)}
const subject: TransformSubject = {
  plugin,
  rejects: [{}, { labels: [] }, { labels: { team: 1 } }],
  models: [Given.facts({ services: { reviews: { in: ["a", "b"] }, "web.shop": { in: ["b"] } } })],
  artifacts: ({ fleet }) => [
    Given.configMap(fleet, "shared", { a: "b" }),
    Given.configMap(fleet, "reviews", { c: "d" }, { service: "reviews", in: ["a"] }),
    Given.file(fleet, "zones/global", "text\\n")
  ]
}
${lawsTail}`,
    "pipeline.yaml": `${header(name)}
${inventory}
transforms:
  mesh: { uses: istio-global-dns }
  ${name}: { uses: ./src/index.ts, from: [mesh], with: { labels: { team: mesh } } }

sinks:
  out: { uses: stdout }
`,
    "pipeline.test.yaml": pipelineTest(
      "every object has the label",
      `  ${name}:
    contains: [{ kind: ServiceEntry, metadata: { labels: { team: mesh } }, spec: { hosts: [reviews.global] } }]
    absent: [{ kind: EnvoyFilter }]
    # golden: fixtures/expected.yaml    the whole output; \`cw test --update\` writes it
  diagnostics: []
`
    ),
    "README.md": readme(
      scaffold,
      "**What is this?** A transform for [cw](https://www.npmjs.com/package/coddiwomple) that puts labels on every object.",
      `transforms:
  mesh: { uses: istio-global-dns }
  ${name}: { uses: npm:cw-transform-${name}, from: [mesh], with: { labels: { team: mesh } } }`
    )
  }
}
