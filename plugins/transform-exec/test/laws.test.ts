/** The laws of all four places of `exec`, with commands of the shell. */
import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Given, laws, type SinkSubject, Worlds } from "@coddiwomple/testing"
import { afterAll, describe, it } from "vitest"
import transform from "../src/index.ts"
import check from "../src/check.ts"
import sink from "../src/sink.ts"
import source from "../src/source.ts"

const world = Worlds.directory()
afterAll(world.dispose)
const host = { directory: world.directory }
const platform = NodeServices.layer
const pass = new URL("fixtures/pass.sh", import.meta.url).pathname
const rejects = [
  {},
  { command: [] },
  { command: "cat" },
  { command: ["cat"], time: "30" },
  { command: ["cat"], memory: 0 }
]
const facts = Given.facts({ services: { reviews: { in: ["a", "b"] }, "web.shop": { in: ["b"] } } })

describe("transform", () => {
  const artifacts = (model: ReturnType<typeof Given.model>) => [
    Given.configMap(model.fleet, "shared", { on: "yes", number: "0123", long: "a: b # c" }),
    Given.configMap(model.fleet, "reviews", { text: "two\nlines\n" }, { service: "reviews", in: ["a"] }),
    Given.file(model.fleet, "zones/x.txt", "not for commands\n")
  ]
  const subject = {
    plugin: transform,
    config: { command: [pass] },
    rejects,
    host,
    platform,
    models: [facts],
    artifacts
  }
  for (const law of laws(subject)) it(`${law.name}: ${law.title}`, law.run, law.timeout)
})

describe("check", () => {
  for (const law of laws({ plugin: check, rejects: [...rejects, { command: ["x"], input: "lines" }] }))
    it(`${law.name}: ${law.title}`, law.run, law.timeout)
})

describe("sink", () => {
  const tools = Worlds.directory()
  afterAll(tools.dispose)
  const keep = new URL("fixtures/keep.sh", import.meta.url).pathname
  const subject: SinkSubject = {
    plugin: sink,
    config: { command: [keep], env: { KEEP_BROKEN: tools.path("broken") } },
    rejects,
    platform,
    world,
    desired: Given.story(),
    interruptions: 4,
    without: { S4: "what else is in the target is the command's own affair" },
    faults: [
      {
        title: "the command fails",
        must: "reported",
        arrange: () => tools.write("broken", ""),
        release: () => tools.remove("broken")
      }
    ]
  }
  for (const law of laws(subject)) it(`${law.name}: ${law.title}`, law.run, law.timeout)
})

describe("source", () => {
  const list = (...items: ReadonlyArray<object>) =>
    JSON.stringify({ apiVersion: "config.kubernetes.io/v1", kind: "ResourceList", items })
  const cluster = (name: string) => ({
    apiVersion: "coddiwomple.io/v1alpha1",
    kind: "Cluster",
    metadata: { name },
    spec: { addresses: ["192.0.2.1"] }
  })
  const service = (name: string, more: object = {}) => ({
    apiVersion: "coddiwomple.io/v1alpha1",
    kind: "Service",
    metadata: { name },
    spec: {
      prefixes: [name],
      ports: [{ name: "http", protocol: "HTTP", port: 80 }],
      backends: { a: `${name}.x.svc` },
      ...more
    }
  })
  const prints = (text: string) => () => {
    writeFileSync(join(world.directory, "inventory.sh"), `#!/bin/sh\ncat > /dev/null\ncat <<'END'\n${text}\nEND\n`)
    chmodSync(join(world.directory, "inventory.sh"), 0o755)
  }
  const name = "./inventory.sh"
  const subject = {
    plugin: source,
    config: { command: [name] },
    rejects: [...rejects, { command: ["x"], every: 5 }],
    host,
    directory: world.directory,
    platform,
    worlds: [
      {
        title: "two items",
        arrange: prints(list(cluster("a"), service("reviews"))),
        expect: { [name]: ["cluster/a", "service/reviews", "backend/reviews/a"] }
      },
      {
        title: "one bad service",
        arrange: prints(list(cluster("a"), service("reviews", { porst: [] }))),
        expect: { [name]: { facts: ["cluster/a"], bad: 1 } }
      },
      { title: "nothing printed", arrange: prints(""), expect: "fails" as const },
      { title: "half a list", arrange: prints(list(cluster("a")).slice(0, 40)), expect: "fails" as const },
      {
        title: "never ends",
        arrange: () =>
          writeFileSync(join(world.directory, "inventory.sh"), "#!/bin/sh\nexec sleep 100\n", { mode: 0o755 }),
        expect: "hangs" as const
      }
    ],
    without: { R3: "it is read once, and with `every` again as a whole; the engine says stale while that fails" }
  }
  for (const law of laws(subject)) it(`${law.name}: ${law.title}`, law.run, law.timeout)
})
