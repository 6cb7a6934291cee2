import type { Artifact } from "@coddiwomple/core/Artifact"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Desired } from "@coddiwomple/core/Desired"
import { Host } from "@coddiwomple/core/Host"
import { decodeOptions } from "@coddiwomple/core/Node"
import type { Plan } from "@coddiwomple/core/Plan"
import type { SinkImpl } from "@coddiwomple/core/Sink"
import { FakeHost, Given } from "@coddiwomple/testing"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { parse, parseAllDocuments } from "yaml"
import type { Config } from "../src/Config.ts"
import plugin from "../src/index.ts"
import { chunkSize } from "../src/Printer.ts"

const make = (host: FakeHost.FakeHost, config: typeof Config.Encoded = {}) =>
  Effect.gen(function* () {
    return (yield* plugin.make(
      yield* Schema.decodeUnknownEffect(plugin.config, decodeOptions)(config)
    )) as SinkImpl<Plan>
  }).pipe(Effect.provideService(Host, host.service))

const printed = async (states: ReadonlyArray<Desired>, config: typeof Config.Encoded = {}, host = FakeHost.make()) => {
  const plans = await Effect.runPromise(
    Effect.flatMap(make(host, config), (sink) =>
      Effect.forEach(states, (desired) =>
        Effect.flatMap(sink.plan(desired), (plan) =>
          Effect.as(plan.items.length > 0 ? sink.apply(plan, desired) : Effect.void, plan)
        )
      )
    )
  )
  return { text: host.text(), plans, host }
}

/** The order as the words say it: group, cluster, as emitted. */
const naive = (desired: Desired): string => {
  let out = ""
  for (const group of desired.groupNames) {
    for (const { index } of desired.model.fleet.clusters) {
      for (const a of desired.group(group))
        if (a.form === "object" && ClusterSet.has(a.targets, index)) out += `---\n${a.text}`
    }
  }
  return out
}

const many = Array.from({ length: 40 }, (_, i) => `c${i}`)
const wide = Given.model({ clusters: many, services: { reviews: { in: ["c0"] }, ratings: { in: ["c1"] } } })

describe("stdout", () => {
  it("prints group by group, cluster by cluster, as emitted; sizes do not matter", async () => {
    const artifact = fc.record({
      name: fc.constantFrom("a", "b", "c", "d", "e"),
      service: fc.constantFrom(undefined, "reviews", "ratings"),
      clusters: fc.subarray(many),
      size: fc.constantFrom(0, 10, 100_000, chunkSize + 7),
      text: fc.string({ unit: "grapheme" })
    })
    await fc.assert(
      fc.asyncProperty(fc.array(artifact, { maxLength: 8 }), async (list) => {
        const artifacts = list.map(({ name, service, clusters, size, text }) =>
          Given.configMap(
            wide.fleet,
            name,
            { text: text + "é".repeat(size / 2) },
            { in: clusters, ...(service === undefined ? {} : { service }) }
          )
        )
        const files = [Given.file(wide.fleet, "zone", "not an object\n")]
        const desired = Given.desired([...artifacts, ...files], { model: wide })
        const { text, host } = await printed([desired])
        assert.isTrue(text === naive(desired))
        assert.isTrue(host.chunks.slice(0, -1).every((chunk) => chunk.length >= 256 * 1024))
      }),
      { numRuns: 25 }
    )
  })

  it("classic is what the original tool printed", async () => {
    const model = Given.model({
      clusters: ["east", "west"],
      services: { reviews: { in: ["east"] }, ratings: { in: ["west"] } }
    })
    const map = (name: string, service: string, clusters: ReadonlyArray<string>) =>
      Given.configMap(model.fleet, name, {}, { service, in: clusters })
    const artifacts = [
      map("r1", "reviews", ["east", "west"]),
      map("r2", "reviews", ["west"]),
      map("x", "ratings", ["west"])
    ]
    const { text } = await printed([Given.desired(artifacts, { model })], { format: "classic" })
    const service = (name: string) => `${"#".repeat(80)}\n# Configs for Service "${name}"\n${"#".repeat(80)}\n`
    const cluster = (name: string) => `${"#".repeat(20)}\n# Configs for Cluster "${name}"\n${"#".repeat(20)}\n`
    const [r1, r2, x] = artifacts.map((a) => `---\n${a.text}\n`)
    assert.strictEqual(
      text,
      service("ratings") + cluster("west") + x + service("reviews") + cluster("east") + r1 + cluster("west") + r1 + r2
    )
    const one = await printed([Given.desired(artifacts, { model })], { format: "classic", clusters: ["east"] })
    assert.strictEqual(one.text, service("reviews") + cluster("east") + r1)
  })

  it("no name ends a comment", async () => {
    const hostile = "x\n---\nevil: 1\u2028evil: 2\u0085evil: 3"
    const fleet = Given.fleet("a")
    const model = {
      ...Given.model({ clusters: ["a"] }),
      fleet: Object.assign(Object.create(Object.getPrototypeOf(fleet)), fleet, {
        clusters: [{ ...fleet.clusters[0]!, name: hostile }]
      })
    }
    const { text } = await printed(
      [Given.desired([Given.configMap(fleet, "x", {}, { service: hostile })], { model })],
      { format: "classic" }
    )
    for (const version of ["1.1", "1.2"] as const) {
      const documents = parseAllDocuments(text, { version }) as ReadonlyArray<{ toJS: () => { kind?: string } | null }>
      assert.deepStrictEqual(
        documents.map((d) => d.toJS()?.kind),
        ["ConfigMap"]
      )
    }
    assert.isTrue(text.split(/[\n\u0085\u2028\u2029]/).every((line) => !line.startsWith("evil")))
  })

  it("json is one object per line, also for texts of others", async () => {
    const ours = Given.configMap(wide.fleet, "x", { a: "yes", b: "1e3" }, { in: ["c0"] })
    const theirs: Artifact = {
      ...ours,
      id: "/ConfigMap/default/y",
      text: "kind: ConfigMap\n# theirs\nmetadata: {name: y}"
    }
    const { text } = await printed([Given.desired([ours, theirs], { model: wide })], { format: "json" })
    assert.isTrue(text.endsWith("\n"))
    assert.deepStrictEqual(
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
      [parse(ours.text), { kind: "ConfigMap", metadata: { name: "y" } }]
    )
  })

  it("selects by exact name, and a name that nobody has is a mistake that prints nothing", async () => {
    const artifacts = ["reviews", "ratings"].map((service) => Given.configMap(wide.fleet, service, {}, { service }))
    const desired = Given.desired([Given.configMap(wide.fleet, "fleet", {}), ...artifacts], { model: wide })
    const { text } = await printed([desired], { clusters: ["c7"], services: ["reviews"] })
    assert.strictEqual(text, `---\n${artifacts[0]!.text}`)
    for (const [config, help] of [
      [{ services: ["review"] }, 'did you mean "reviews"?'],
      [{ clusters: ["c77"] }, "did you mean"]
    ] as const) {
      const { plans, text } = await printed([desired], config)
      assert.strictEqual(text, "")
      assert.include(plans[0]!.failed!.get("stdout")!.help, help)
    }
    // A held service is known, it only has nothing to print.
    const held = Given.desired([], { model: wide, held: [{ identity: "details", diagnostics: [] }] })
    assert.strictEqual((await printed([held], { services: ["details"] })).plans[0]!.failed, undefined)
  })

  it("prints a generation whole when something changed, and nothing when nothing did", async () => {
    const x = (v: string) => Given.configMap(wide.fleet, "x", { v }, { service: "reviews", in: ["c0"] })
    const y = Given.configMap(wide.fleet, "y", {}, { service: "ratings", in: ["c0"] })
    const states = Given.sequence([
      { artifacts: [x("1"), y], model: wide },
      { artifacts: [x("1"), y], model: wide },
      { artifacts: [x("2"), y], model: wide }
    ])
    const { text } = await printed(states)
    assert.strictEqual(text, naive(states[0]!) + naive(states[2]!))
  })

  it("what failed half-way is not taken for printed", async () => {
    const artifacts = [Given.configMap(wide.fleet, "x", { v: "x".repeat(chunkSize) }, {})]
    const states = Given.sequence([
      { artifacts, model: wide },
      { artifacts, model: wide }
    ])
    let calls = 0
    const chunks: Array<number> = []
    const host = FakeHost.make({
      stdout: (bytes) =>
        Effect.suspend(() =>
          ++calls === 3 ? Effect.die("broken pipe") : Effect.sync(() => void chunks.push(bytes.length))
        )
    })
    await Effect.runPromise(
      Effect.gen(function* () {
        const sink = yield* make(host)
        const exit = yield* Effect.exit(Effect.flatMap(sink.plan(states[0]!), (plan) => sink.apply(plan, states[0]!)))
        assert.strictEqual(exit._tag, "Failure")
        chunks.length = 0
        const plan = yield* sink.plan(states[1]!)
        assert.strictEqual(plan.items.length, 1)
        yield* sink.apply(plan, states[1]!)
      })
    )
    assert.strictEqual(
      chunks.reduce((a, b) => a + b, 0),
      new TextEncoder().encode(naive(states[1]!)).length
    )
  })
})
