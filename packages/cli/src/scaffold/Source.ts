/** A new source: lines of a file; read once. */
import { common, type Files, header, lawsHead, lawsTail, readme, type Scaffold } from "./Shared.ts"

export const files = (scaffold: Scaffold): Files => {
  const { name } = scaffold
  const { "fixtures/services.json": _services, ...shared } = common(scaffold)
  return {
    ...shared,
    "fixtures/services.txt":
      "# service cluster host port\nreviews east reviews.default.svc.cluster.local 9080\nreviews west reviews.default.svc.cluster.local 9080\ndb east db.default.svc.cluster.local 5432\n",
    "src/Config.ts": `import { Schema } from "effect"

/** Descriptions, defaults and examples show in \`cw explain\`, in the editor and in messages. */
export const Config = Schema.Struct({
  path: Schema.NonEmptyString.annotate({
    description: "The file with a line \`service cluster host port\` for each backend, relative to the pipeline file",
    examples: ["services.txt"]
  })
})
`,
    "src/index.ts": `import { readFile } from "node:fs/promises"
import { resolve } from "node:path"
import { Effect } from "effect"
import { Fact, Host, PluginError, Source } from "@coddiwomple/core"
import { Config } from "./Config.ts"

export default Source.make({
  type: "${name}",
  summary: "Services from lines of a text file",
  config: Config,
  examples: [{ summary: "A file beside the pipeline", config: { path: "services.txt" } }],
  make: ({ path }) =>
    Effect.map(Host, ({ directory }) =>
      // Read once: all of it or a failure, never half a list. A source that watches returns { events, endless: true }.
      Source.once(path, async () => ({ facts: parse(path, await readFile(resolve(directory, path), "utf8")) }))
    )
})

const parse = (file: string, text: string): ReadonlyArray<Fact.Fact> => {
  const services = new Map<string, Fact.ServiceFact>()
  const backends: Array<Fact.BackendFact> = []
  for (const [i, line] of text.split("\\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue
    const [service, cluster, host, port] = line.split(/\\s+/)
    const origin = { label: file, place: () => ({ file, line: i + 1, source: line }) }
    if (!service || !cluster || !host || !Number(port)) throw PluginError.permanent(\`\${file}:\${i + 1}: expected: service cluster host port\`)
    const ports = [{ name: "tcp", protocol: "TCP" as const, port: Number(port), backendPort: Number(port) }]
    if (!services.has(service)) services.set(service, { kind: "service", name: service, prefixes: [service], ports, origin })
    backends.push({ kind: "backend", service, cluster, host, origin })
  }
  return [...services.values(), ...backends]
}
`,
    "test/laws.test.ts": `${lawsHead(`import { after, test } from "node:test"
import { laws, type SourceSubject, Worlds } from "@coddiwomple/testing"`)}
const world = Worlds.directory()
after(() => world.dispose())
const path = "services.txt"

const subject: SourceSubject = {
  plugin,
  rejects: [{}, { path: "" }, { path: 5 }],
  directory: world.directory,
  worlds: [
    {
      title: "one service in two clusters",
      arrange: () => world.write(path, "reviews a x.svc 80\\nreviews b y.svc 80\\n"),
      expect: { [path]: ["service/reviews", "backend/reviews/a", "backend/reviews/b"] }
    },
    { title: "nothing in it", arrange: () => world.write(path, "# nothing\\n"), expect: { [path]: [] } },
    { title: "no file", arrange: () => world.remove(path), expect: "fails" },
    { title: "half a line", arrange: () => world.write(path, "reviews a x.s"), expect: "fails" }
  ],
  without: { R3: "it is read once" }
}
${lawsTail}`,
    "pipeline.yaml": `${header(name)}
sources:
  fleet: { uses: json, with: { clusters: fixtures/clusters.json } }
  ${name}: { uses: ./src/index.ts, with: { path: fixtures/services.txt } }

transforms:
  mesh: { uses: istio-global-dns }

sinks:
  out: { uses: stdout }
`,
    "README.md": readme(
      scaffold,
      "**What is this?** A source for [cw](https://www.npmjs.com/package/coddiwomple) that reads services from lines of a text file.",
      `sources:
  ${name}: { uses: npm:cw-source-${name}, with: { path: services.txt } }`
    )
  }
}
