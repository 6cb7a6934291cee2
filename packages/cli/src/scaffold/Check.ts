/** A new check: ports that nobody may offer; the shape `service`. */
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
  forbidden: Schema.Array(Schema.Int).annotate({
    description: "Ports that no service may offer to other clusters",
    examples: [[22, 3389]]
  })
})
`,
    "src/index.ts": `import { Check, Diagnostic } from "@coddiwomple/core"
import { Config } from "./Config.ts"

export default Check.make({
  type: "${name}",
  summary: "Refuses services on forbidden ports",
  config: Config,
  examples: [{ summary: "No shells", config: { forbidden: [22, 3389] } }],
  // An error refuses the generation; a warning is only told. Check.set looks at all artifacts of a cluster.
  make: ({ forbidden }) =>
    Check.service((service) =>
      service.ports
        .filter((port) => forbidden.includes(port.port))
        .map((port) =>
          Diagnostic.error("CW622", \`service \${service.identity} offers port \${port.port}\`, {
            service: service.identity,
            place: service.origin.place?.(),
            help: "take the port away, or ask for an exception"
          })
        )
    )
})
`,
    "test/laws.test.ts": `${lawsHead(`import { test } from "node:test"
import { type ConfigSubject, laws } from "@coddiwomple/testing"`)}
const subject: ConfigSubject = { plugin, rejects: [{}, { forbidden: 22 }, { forbidden: ["22"] }] }
${lawsTail}`,
    "pipeline.yaml": `${header(name)}
${inventory}
transforms:
  mesh: { uses: istio-global-dns }

checks:
  ${name}: { uses: ./src/index.ts, with: { forbidden: [22, 3389] } }

sinks:
  out: { uses: stdout }
`,
    "pipeline.test.yaml": `${pipelineTest("good services pass", "  diagnostics: []\n")}---
apiVersion: coddiwomple.io/v1alpha1
kind: PipelineTest
metadata: { name: a shell is refused }
given:
  sources:
    inventory:
      clusters: fixtures/clusters.json
      services:
        - name: shell
          dns_prefixes: [shell]
          ports: [{ name: tcp-ssh, protocol: TCP, service_port: 22, backend_port: 22 }]
          backends: { east: shell.default.svc.cluster.local }
expect:
  diagnostics: [{ code: CW622, node: ${name}, service: shell }]
`,
    "README.md": readme(
      scaffold,
      "**What is this?** A check for [cw](https://www.npmjs.com/package/coddiwomple) that refuses services on forbidden ports.",
      `checks:
  ${name}: { uses: npm:cw-check-${name}, with: { forbidden: [22, 3389] } }`
    )
  }
}
