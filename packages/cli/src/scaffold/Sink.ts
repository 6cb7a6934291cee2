/** A new sink: `Sink.files`, so that plan, diff, ownership and prune are there from the first line. */
import { common, type Files, header, inventory, lawsHead, lawsTail, readme, type Scaffold } from "./Shared.ts"

export const files = (scaffold: Scaffold): Files => {
  const { name } = scaffold
  return {
    ...common(scaffold),
    "src/Config.ts": `import { Effect, Schema } from "effect"

/** Descriptions, defaults and examples show in \`cw explain\`, in the editor and in messages. */
export const Config = Schema.Struct({
  path: Schema.NonEmptyString.annotate({
    description: "The file to write, relative to the pipeline file",
    examples: ["out/hosts"]
  }),
  comment: Schema.String.annotate({ description: "First line of the file" }).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("written by cw"))
  )
})
`,
    "src/index.ts": `import { Sink } from "@coddiwomple/core"
import { Config } from "./Config.ts"

export default Sink.make({
  type: "${name}",
  summary: "Writes the global names as a hosts file",
  config: Config,
  examples: [{ summary: "One file", config: { path: "out/hosts" } }],
  // Say which files should be there; plan, diff, ownership, atomic writes and prune come with Sink.files.
  // For a protocol of your own return { plan, apply }; for fire and forget, Sink.write((desired) => …).
  make: ({ comment, path }) =>
    Sink.files((desired) => {
      const lines = desired.services.map((service) => \`\${service.address} \${service.hosts.join(" ")}\`)
      return [{ path, text: [\`# \${comment}\`, ...lines, ""].join("\\n") }]
    })
})
`,
    "test/laws.test.ts": `${lawsHead(`import { after, test } from "node:test"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { FaultyFileSystem, Given, laws, type SinkSubject, Worlds } from "@coddiwomple/testing"`)}
const world = Worlds.directory()
after(() => world.dispose())

const subject: SinkSubject = {
  plugin,
  rejects: [{}, { path: "" }, { path: 5 }],
  platform: NodeServices.layer,
  world,
  desired: Given.story(),
  interruptions: 20,
  faults: [
    { title: "the disk is full", must: "retryable", platform: FaultyFileSystem.over({ bring: "ENOSPC" }) }
  ]
}
${lawsTail}`,
    "pipeline.yaml": `${header(name)}
${inventory}
sinks:
  out: { uses: ./src/index.ts, policy: sync, with: { path: out/hosts } }
`,
    "README.md": readme(
      scaffold,
      "**What is this?** A sink for [cw](https://www.npmjs.com/package/coddiwomple) that writes the global names as a hosts file.",
      `sinks:
  out: { uses: npm:cw-sink-${name}, policy: sync, with: { path: out/hosts } }`
    )
  }
}
