/** A pipeline from YAML, from definePipeline and from hand-made layers is the same pipeline, on the real engine. */
import * as Artifact from "@coddiwomple/core/Artifact"
import * as Assembly from "@coddiwomple/core/Assembly"
import { Engine } from "@coddiwomple/core/Engine"
import type { Fact } from "@coddiwomple/core/Fact"
import type { Node } from "@coddiwomple/core/Node"
import * as Sink from "@coddiwomple/core/Sink"
import * as Source from "@coddiwomple/core/Source"
import * as Transform from "@coddiwomple/core/Transform"
import { blueprints, engineOptions, layer, layers } from "@coddiwomple/config/Build"
import { definePipeline, loadDefinitions } from "@coddiwomple/config/define"
import { load } from "@coddiwomple/config/Load"
import type { Pipeline } from "@coddiwomple/config/Pipeline"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { resolve } from "./Plugins.ts"

const origin = { label: "test" }
const facts: ReadonlyArray<Fact> = [
  { kind: "cluster", name: "a", addresses: ["192.0.2.1"], order: 0, origin },
  {
    kind: "service",
    name: "foo",
    prefixes: ["foo"],
    ports: [{ name: "http", protocol: "HTTP", port: 80, backendPort: 80 }],
    origin
  },
  { kind: "backend", service: "foo", cluster: "a", host: "foo.x.svc.cluster.local", origin }
]

const written: Array<string> = []
const given = Source.make({
  type: "given",
  summary: "",
  config: Schema.Struct({}),
  make: () => Source.once("all", () => ({ facts }))
})
const hosts = Transform.make({
  type: "hosts",
  summary: "",
  config: Schema.Struct({ comment: Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("none"))) }),
  produces: ["file"],
  make: ({ comment }) =>
    Transform.service((s, fleet) => [
      Artifact.file(fleet.all, s.hosts[0]!, `${s.address} # ${comment}\n`, { service: s.identity })
    ])
})
const keep = Sink.make({
  type: "keep",
  summary: "",
  config: Schema.Struct({ label: Schema.String }),
  exclusive: ({ label }) => [`keep:${label}`],
  make: ({ label }) =>
    Sink.write((desired) => void written.push(...[...desired.artifacts()].map((a) => `${label} ${a.id} ${a.text}`)))
})

const inputs = {
  plugins: (uses: string, kind: any) => {
    const own = [given, hosts, keep].find((p) => p.type === uses)
    return own === undefined ? resolve(uses, kind) : Effect.succeed(own)
  },
  env: () => "from outside",
  readFile: () => Effect.fail("no")
}

const yaml = `
apiVersion: coddiwomple.io/v1alpha1
metadata: { name: books }
model: { suffix: example }
sources: { in: { uses: given } }
transforms: { names: { uses: hosts, with: { comment: "\${env:COMMENT}" } } }
sinks: { out: { uses: keep, timeout: 5s, guard: { percent: 1 }, with: { label: "1" } } }
trigger: { debounce: 1s }
`

const only = ({
  pipelines,
  diagnostics
}: {
  readonly pipelines: ReadonlyArray<Pipeline>
  readonly diagnostics: ReadonlyArray<unknown>
}): Pipeline => {
  expect(diagnostics).toEqual([])
  return pipelines[0]!
}

/** Runs a finite pipeline and gives what its sink was told to write. */
const outcome = async (nodes: Layer.Layer<never, unknown, any>, options: { readonly pipeline: string }) => {
  written.length = 0
  const program = Effect.gen(function* () {
    const engine = yield* Engine
    yield* Layer.build(Layer.provide(nodes, Layer.succeed(Engine, engine)))
    const { sinks } = yield* engine.run
    expect(sinks.map((s) => s.diagnostics)).toEqual([[]])
  })
  await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(Engine.layer(options))) as Effect.Effect<void>)
  return [...written]
}

describe("layers", () => {
  const byHand = Layer.mergeAll(
    Source.layer(given, "in", {}),
    Transform.layer(hosts, "names", { comment: "from outside" }),
    Sink.layer(keep, "out", { label: "1" }, { timeout: "5 seconds" })
  )

  it("run alike, wherever they come from", async () => {
    const fromYaml = only(await Effect.runPromise(load(yaml, "p.yaml", inputs)))
    const defined = definePipeline({
      metadata: { name: "books" },
      model: { suffix: "example" },
      sources: { in: { uses: given } },
      transforms: { names: { uses: hosts, with: { comment: "from outside" } } },
      sinks: { out: { uses: keep, with: { label: "1" } } }
    })
    const fromCode = only(await Effect.runPromise(loadDefinitions([defined], "p.ts", inputs)))
    const expected = await outcome(byHand, engineOptions(fromYaml))
    expect(expected).toHaveLength(1)
    expect(expected[0]).toMatch(/^1 file:foo\.example 24\d\.\d+\.\d+\.\d+ # from outside\n$/)
    expect(await outcome(layers(fromYaml), engineOptions(fromYaml))).toEqual(expected)
    expect(await outcome(layers(fromCode), engineOptions(fromCode))).toEqual(expected)
  })

  it("carry the options of the node to the engine", async () => {
    const pipeline = only(await Effect.runPromise(load(yaml, "p.yaml", inputs)))
    expect(engineOptions(pipeline)).toMatchObject({
      pipeline: "books",
      debounce: Duration.seconds(1),
      firstSync: Duration.seconds(30),
      fold: { suffix: "example", prefer: [], range: { cidr: "240.0.0.0/8" } }
    })
    const nodes = Effect.gen(function* () {
      const assembly = yield* Assembly.make
      yield* assembly.set(blueprints(pipeline))
      return yield* assembly.nodes
    })
    const all = await Effect.runPromise(
      nodes.pipe(Effect.scoped, Effect.provide(Engine.layer({ pipeline: "books" }))) as Effect.Effect<
        ReadonlyArray<Node>
      >
    )
    const node = (id: string) => all.find((n) => n.id === id)
    expect(node("out")).toMatchObject({
      kind: "sink",
      type: "keep",
      exclusive: ["keep:1"],
      options: { policy: "upsert-only", guard: { deletes: 10, percent: 1 }, timeout: Duration.seconds(5) }
    })
    expect(node("names")).toMatchObject({ kind: "transform", produces: ["file"], impl: { shape: "service" } })
  })

  it("refuse a node whose plugin is not loaded", async () => {
    const text = yaml.replace("uses: hosts", 'uses: "off:./hosts.ts"')
    const { pipelines } = await Effect.runPromise(load(text, "p.yaml", inputs))
    const node = pipelines[0]!.nodes.find((n) => n.id === "names")!
    const exit = await Effect.runPromiseExit(Effect.scoped(Layer.build(layer(node))) as Effect.Effect<unknown>)
    expect(JSON.stringify(exit)).toContain("is not loaded")
  })
})
