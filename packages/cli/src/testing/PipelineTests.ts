/**
 * Runs one `PipelineTest`: the pipeline as it is, with the test's facts in place of its sources, and sinks that only look.
 * What it made is compared with what is expected; a second run, and one with the facts in another order, must make the same.
 */
import { dirname, resolve } from "node:path"
import type { PipelineTest } from "@coddiwomple/config/Pipeline"
import type { TestConfig } from "@coddiwomple/config/TestConfig"
import type { Blueprint } from "@coddiwomple/core/Assembly"
import type { Groups } from "@coddiwomple/core/Bundle"
import type { Desired } from "@coddiwomple/core/Desired"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { SourceEvent } from "@coddiwomple/core/Fact"
import type { Fleet } from "@coddiwomple/core/Model"
import * as Sink from "@coddiwomple/core/Sink"
import type { SinkPlugin } from "@coddiwomple/core/Sink"
import * as Source from "@coddiwomple/core/Source"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Effect from "effect/Effect"
import type { Opened } from "../Opened.ts"
import * as Session from "../Session.ts"
import * as Verdict from "../Verdict.ts"
import * as Expect from "./Expect.ts"
import * as Output from "./Output.ts"
import * as Stub from "./Stub.ts"
import { unified } from "./TextDiff.ts"

export interface Ready {
  readonly test: PipelineTest
  readonly config: TestConfig
  readonly pipeline: Opened
  readonly directory: string
  readonly sources: ReadonlyMap<string, ReadonlyArray<SourceEvent>>
}

/** The test with everything it needs, or what is wrong with it. */
export const prepare = (
  test: PipelineTest,
  config: TestConfig,
  pipeline: Opened
): Ready | ReadonlyArray<Diagnostic.Diagnostic> => {
  const directory = dirname(resolve(test.file))
  const problems: Array<Diagnostic.Diagnostic> = []
  const sources = new Map<string, ReadonlyArray<SourceEvent>>()
  const ids = pipeline.nodes.filter((n) => n.kind === "source").map((n) => n.id)
  for (const [id, given] of Object.entries(config.given.sources)) {
    const path = ["given", "sources", id]
    if (!ids.includes(id)) {
      const help = Suggest.help(id, ids)
      problems.push(Diagnostic.error("CW301", `unknown source \`${id}\``, { place: test.place(path, "key"), help }))
      continue
    }
    const { diagnostics, events } = Stub.stub(given, directory, (key) => test.place([...path, key]))
    problems.push(...diagnostics)
    sources.set(id, events)
  }
  for (const id of ids) {
    if (id in config.given.sources) continue
    const help = `add \`${id}: { clusters: [], services: [] }\`, or with what it should say`
    const place = test.place(["given", "sources"], "key")
    problems.push(Diagnostic.error("CW103", `the test does not say what source \`${id}\` gives`, { place, help }))
  }
  const makers = pipeline.nodes.filter((n) => n.kind === "transform" || n.kind === "sink").map((n) => n.id)
  for (const id of Object.keys(config.expect.nodes)) {
    if (makers.includes(id)) continue
    const kind = pipeline.nodes.find((n) => n.id === id)?.kind
    const what = kind === undefined ? `unknown node \`${id}\`` : `\`${id}\` is a ${kind}: it makes nothing to expect`
    const help = kind === undefined ? Suggest.help(id, makers) : "name its findings in `expect.diagnostics`"
    problems.push(Diagnostic.error("CW301", what, { place: test.place(["expect", id], "key"), help }))
  }
  return problems.length > 0 ? problems : { test, config, pipeline, directory, sources }
}

interface Made {
  readonly findings: ReadonlyArray<Diagnostic.Diagnostic>
  /** By node: transforms, and sinks with what they see. */
  readonly nodes: ReadonlyMap<string, ReadonlyArray<Output.Item>>
}

/** One run from nothing. Fails with findings where a node cannot be built. */
const make = (
  { pipeline, sources }: Ready,
  change: (events: ReadonlyArray<SourceEvent>) => ReadonlyArray<SourceEvent>
) => {
  const { lock: _lock, ...rest } = pipeline
  const seen = new Map<string, Desired>()
  const blueprints = pipeline.nodes.map((node): Blueprint => {
    if (node.kind === "source") {
      const events = change(sources.get(node.id) ?? [])
      return { ...node.blueprint, layer: Source.layer(Stub.source(events), node.id, {}) }
    }
    if (node.kind !== "sink") return node.blueprint
    const traits = (node.plugin?.plugin as SinkPlugin | undefined)?.traits
    const plugin = Stub.sink(traits, (desired) => void seen.set(node.id, desired))
    const from = pipeline.checked.nodes.find((n) => n.id === node.id)?.options.from
    return { ...node.blueprint, layer: Sink.layer(plugin, node.id, {}, from === undefined ? {} : { from }) }
  })
  // Addresses must not depend on a lock file that others write.
  return Session.open(rest, { finite: true, dryRun: true }, (session) =>
    Effect.gen(function* () {
      yield* session.assembly.set(blueprints)
      const result = yield* session.engine.run
      const rendering = yield* session.engine.rendering
      const nodes = new Map<string, ReadonlyArray<Output.Item>>()
      const add = (id: string, groups: Groups, fleet: Fleet) => nodes.set(id, Output.items(groups, fleet))
      for (const { id, kind } of pipeline.nodes) {
        if (rendering === undefined) break
        if (kind === "transform") add(id, rendering.groups(id), rendering.model.fleet)
        const desired = seen.get(id)
        if (desired !== undefined) add(id, desired.groups, desired.model.fleet)
      }
      return { findings: Verdict.findings(result), nodes } satisfies Made
    })
  )
}

export const run = (ready: Ready, golden: Omit<Expect.Golden, "directory">) =>
  Effect.gen(function* () {
    const { config, directory, pipeline, test } = ready
    const first = yield* make(ready, (events) => events)
    const out = [...Expect.diagnostics(config.expect.diagnostics, first.findings, test.place)]
    for (const [id, expected] of Object.entries(config.expect.nodes)) {
      out.push(...Expect.node(id, expected, first.nodes.get(id) ?? [], test.place, { ...golden, directory }))
    }
    const transforms = pipeline.nodes.filter((n) => n.kind === "transform").map((n) => n.id)
    for (const [how, change] of [
      ["in a second run", (events: ReadonlyArray<SourceEvent>) => events],
      ["when the facts come in another order", Stub.shuffled]
    ] as const) {
      const again = yield* make(ready, change)
      for (const id of transforms) {
        const [a, b] = [first, again].map((made) => Output.text(made.nodes.get(id) ?? []))
        if (a === b) continue
        const help = `a transform must depend on its input alone: no clock, no randomness, no order of arrival\n${unified(a!, b!, "the first run", how, 20)}`
        out.push(
          Diagnostic.error("CW626", `\`${id}\` makes something else ${how}`, {
            node: id,
            help,
            place: pipeline.checked.nodes.find((n) => n.id === id)?.place()
          })
        )
        // What reads from it differs as well.
        break
      }
      if (out.some((d) => d.code === "CW626")) break
    }
    return out
  }).pipe(Effect.catch((found) => Effect.succeed(found as ReadonlyArray<Diagnostic.Diagnostic>)))
