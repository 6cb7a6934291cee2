/** The ten promises of the engine (docs/promises in ARCHITECTURE.md), each on a real engine with small real plugins. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Artifact from "../src/Artifact.ts"
import * as Assembly from "../src/Assembly.ts"
import * as Check from "../src/Check.ts"
import * as Diagnostic from "../src/Diagnostic.ts"
import type { Desired } from "../src/Desired.ts"
import { Engine, type EngineOptions } from "../src/Engine.ts"
import type { SourceEvent } from "../src/Fact.ts"
import type { SinkOptions } from "../src/Node.ts"
import * as Plan from "../src/Plan.ts"
import * as PluginError from "../src/PluginError.ts"
import * as Sink from "../src/Sink.ts"
import * as Source from "../src/Source.ts"
import * as Transform from "../src/Transform.ts"
import { configMap, driven, Empty, fixed, maps, memory, settle, snapshot, withEngine } from "./nodes.ts"

describe("promise 1: newest generation, in order", () => {
  it.effect("a slow sink skips generations and never sees one go backwards", () =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
      const slow = memory()
      const quick = memory()
      const release = yield* Deferred.make<void>()
      slow.holdAt(Deferred.await(release))
      const layer = Layer.mergeAll(
        Source.layer(driven(queue), "in", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(slow.plugin, "slow", {}),
        Sink.layer(quick.plugin, "quick", {})
      )
      yield* withEngine(layer, (engine) =>
        Effect.gen(function* () {
          yield* engine.start
          yield* Queue.offer(queue, { _tag: "Partitions", names: ["p"] })
          for (let i = 1; i <= 20; i++) {
            yield* Queue.offer(queue, snapshot(...Array.from({ length: i }, (_, n) => `s${n}`)))
            yield* settle(200)
          }
          yield* Deferred.succeed(release, undefined)
          yield* settle()
        })
      )
      assert.isAbove(quick.applied.length, 10)
      assert.isBelow(slow.applied.length, 4)
      for (const sink of [slow, quick]) {
        assert.deepEqual(
          sink.seen,
          [...sink.seen].sort((a, b) => a - b)
        )
        assert.equal(sink.live.size, 20)
      }
    })
  )
})

describe("promise 2: a failing transform or check stops the generation for all sinks", () => {
  const broken = (when: string) =>
    Transform.make({
      type: "broken",
      summary: "",
      config: Empty,
      make: () =>
        Transform.service((s, fleet) => {
          if (s.name === when) throw new Error("cannot frobnicate")
          return [Artifact.object(fleet.all, configMap(s.name), { service: s.identity })]
        })
    })
  it.effect("the last good one stays in force, and the next good one arrives", () =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
      const sink = memory()
      const layer = Layer.mergeAll(
        Source.layer(driven(queue), "in", {}),
        Transform.layer(broken("bad"), "t", {}),
        Sink.layer(sink.plugin, "out", {}, { policy: "sync" })
      )
      yield* withEngine(layer, (engine) =>
        Effect.gen(function* () {
          yield* engine.start
          yield* Queue.offer(queue, { _tag: "Partitions", names: ["p"] })
          yield* Queue.offer(queue, snapshot("one"))
          yield* settle()
          yield* Queue.offer(queue, snapshot("one", "bad", "two"))
          yield* settle()
          assert.deepEqual(sink.names(), ["one"])
          const status = yield* engine.status
          assert.match(
            status.lastRefusal?.diagnostics[0]?.message ?? "",
            /transform t \(broken\) failed on service bad: cannot frobnicate/
          )
          yield* Queue.offer(queue, snapshot("one", "two"))
          yield* settle()
          assert.deepEqual(sink.names(), ["one", "two"])
          assert.isUndefined((yield* engine.status).lastRefusal)
        })
      )
    })
  )
  it.effect("a refusing check does the same, and says why", () =>
    Effect.gen(function* () {
      const sink = memory()
      const policy = Check.make({
        type: "policy",
        summary: "",
        config: Empty,
        make: () =>
          Check.service((s) =>
            s.name === "bad" ? [Diagnostic.error("CW625", "not allowed", { service: s.identity })] : []
          )
      })
      const layer = Layer.mergeAll(
        Source.layer(fixed(snapshot("good", "bad")), "in", {}),
        Transform.layer(maps, "maps", {}),
        Check.layer(policy, "policy", {}),
        Sink.layer(sink.plugin, "out", {})
      )
      const result = yield* withEngine(layer, (engine) => engine.run)
      assert.equal(result.refusal?.node, "policy")
      assert.equal(result.refusal?.diagnostics[0]?.message, "not allowed")
      assert.deepEqual(sink.seen, [])
    })
  )
  it.effect("two artifacts of one identity for one cluster are refused, naming both producers", () =>
    Effect.gen(function* () {
      const sink = memory()
      const layer = Layer.mergeAll(
        Source.layer(fixed(snapshot("one")), "in", {}),
        Transform.layer(maps, "first", {}),
        Transform.layer(maps, "second", {}),
        Sink.layer(sink.plugin, "out", {})
      )
      const result = yield* withEngine(layer, (engine) => engine.run)
      assert.equal(result.refusal?.diagnostics[0]?.code, "CW621")
      assert.match(
        result.refusal?.diagnostics[0]?.message ?? "",
        /by first \(service one\) and by second \(service one\)/
      )
      assert.deepEqual(sink.seen, [])
    })
  )
  it.effect("that is so as well where artifacts of services do not say whose they are", () =>
    Effect.gen(function* () {
      const sink = memory()
      const forgetful = Transform.make({
        type: "forgetful",
        summary: "",
        config: Empty,
        make: () =>
          Transform.service((s, fleet) => [Artifact.object(fleet.all, { ...configMap("same"), data: { is: s.name } })])
      })
      const layer = Layer.mergeAll(
        Source.layer(fixed(snapshot("one", "two")), "in", {}),
        Transform.layer(forgetful, "maps", {}),
        Sink.layer(sink.plugin, "out", {})
      )
      const result = yield* withEngine(layer, (engine) => engine.run)
      const [found] = result.refusal?.diagnostics ?? []
      assert.equal(found?.code, "CW621")
      assert.match(found?.message ?? "", /by maps \(service one\) and by maps \(service two\)/)
      assert.deepEqual(sink.seen, [])
    })
  )
  it.effect("a bad service is held alone: its live objects stay, the others go on", () =>
    Effect.gen(function* () {
      const picky = Transform.make({
        type: "picky",
        summary: "",
        config: Empty,
        make: () =>
          Transform.service((s, fleet) => ({
            artifacts: [Artifact.object(fleet.all, configMap(s.name), { service: s.identity })],
            diagnostics: s.meshed ? [] : [Diagnostic.error("CW625", "must be meshed")]
          }))
      })
      const queue = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
      const sink = memory()
      const layer = Layer.mergeAll(
        Source.layer(driven(queue), "in", {}),
        Transform.layer(picky, "t", {}),
        Sink.layer(sink.plugin, "out", {}, { policy: "sync" })
      )
      const spoil = (event: SourceEvent): SourceEvent =>
        event._tag !== "Snapshot"
          ? event
          : {
              ...event,
              facts: event.facts.map((f) => (f.kind === "service" && f.name === "one" ? { ...f, meshed: false } : f))
            }
      yield* withEngine(layer, (engine) =>
        Effect.gen(function* () {
          yield* engine.start
          yield* Queue.offer(queue, snapshot("one", "two"))
          yield* settle()
          yield* Queue.offer(queue, spoil(snapshot("one", "three")))
          yield* settle()
          assert.deepEqual(sink.names(), ["one", "three"])
          assert.deepEqual((yield* engine.status).held, ["one"])
        })
      )
    })
  )
})

describe("promise 3: sinks are independent", () => {
  it.effect("a failing sink neither stops nor re-drives another, and catches up on its own clock", () =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
      const bad = memory()
      const good = memory()
      bad.failWith(PluginError.retryable("busy"), PluginError.retryable("busy"))
      const layer = Layer.mergeAll(
        Source.layer(driven(queue), "in", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(bad.plugin, "bad", {}),
        Sink.layer(good.plugin, "good", {})
      )
      yield* withEngine(layer, (engine) =>
        Effect.gen(function* () {
          yield* engine.start
          yield* Queue.offer(queue, snapshot("one"))
          yield* settle(500)
          assert.deepEqual([good.names(), bad.names()], [["one"], []])
          const state = (yield* engine.status).nodes.find((n) => n.id === "bad")
          assert.equal(state?.state, "degraded")
          yield* settle(5000)
          assert.deepEqual(bad.names(), ["one"])
          assert.deepEqual(good.applied, [1])
          assert.equal((yield* engine.status).nodes.find((n) => n.id === "bad")?.appliedGeneration, 1)
        })
      )
    })
  )
  it.effect("a sink that throws is a finding, not a crash", () =>
    Effect.gen(function* () {
      const good = memory()
      const thrower = Sink.make({
        type: "thrower",
        summary: "",
        config: Empty,
        make: () => ({
          plan: () =>
            Effect.sync((): Plan.Plan => {
              throw new Error("bug")
            }),
          apply: () => Effect.succeed({ items: [] })
        })
      })
      const layer = Layer.mergeAll(
        Source.layer(fixed(snapshot("one")), "in", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(thrower, "thrower", {}, { retry: { times: 1 } }),
        Sink.layer(good.plugin, "good", {})
      )
      const result = yield* withEngine(layer, (engine) => engine.run)
      assert.deepEqual(good.names(), ["one"])
      assert.match(
        result.sinks.find((s) => s.sink === "thrower")?.diagnostics[0]?.message ?? "",
        /sink thrower \(thrower\) failed: bug/
      )
    })
  )
})

describe("promise 4: an unchanged generation causes no write", () => {
  it.effect("apply is not called when nothing differs", () =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
      const sink = memory()
      const layer = Layer.mergeAll(
        Source.layer(driven(queue), "in", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(sink.plugin, "out", {})
      )
      yield* withEngine(layer, (engine) =>
        Effect.gen(function* () {
          yield* engine.start
          for (let i = 0; i < 5; i++) {
            yield* Queue.offer(queue, snapshot("one"))
            yield* settle()
          }
        })
      )
      assert.deepEqual(sink.applied, [1])
    })
  )
})

describe("promise 4: the newest generation is delivered", () => {
  it.effect("also when what stood in its way goes without another one", () =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
      let inTheWay = true
      const applied: Array<number> = []
      const item = { target: "a", id: "/ConfigMap/x/one" }
      const plugin = Sink.make({
        type: "blocked",
        summary: "",
        config: Empty,
        make: () => ({
          plan: () =>
            Effect.sync((): Plan.Plan => {
              if (applied.length > 0) return { items: [], unchanged: 1 }
              const one: Plan.PlanItem = inTheWay
                ? { ...item, op: "conflict", intended: "create", reason: "its namespace is missing" }
                : { ...item, op: "create" }
              return { items: [one], unchanged: 0 }
            }),
          apply: (_plan: Plan.Plan, desired: Desired) =>
            Effect.sync(() => {
              applied.push(desired.generation)
              return { items: [{ ...item, op: "create" as const, outcome: "applied" as const }] }
            })
        })
      })
      const layer = Layer.mergeAll(
        Source.layer(driven(queue), "in", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(plugin, "out", {})
      )
      yield* withEngine(layer, (engine) =>
        Effect.gen(function* () {
          yield* engine.start
          yield* Queue.offer(queue, snapshot("one"))
          yield* settle()
          assert.deepEqual(applied, [])
          inTheWay = false
          yield* TestClock.adjust("3 minutes")
          yield* settle()
        })
      )
      assert.deepEqual(applied, [1])
    })
  )
})

describe("promise 4, for sinks that cannot compare", () => {
  it.effect("a generation is offered once, though sources go on speaking", () =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
      let ran = 0
      const opaque = Sink.make({ type: "opaque", summary: "", config: Empty, make: () => Sink.write(() => ran++) })
      const layer = Layer.mergeAll(
        Source.layer(driven(queue), "in", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(opaque, "out", {})
      )
      yield* withEngine(layer, (engine) =>
        Effect.gen(function* () {
          yield* engine.start
          yield* Queue.offer(queue, snapshot("one"))
          yield* settle()
          assert.equal(ran, 1)
          yield* Queue.offer(queue, snapshot("one"))
          yield* settle()
          yield* Queue.offer(queue, { _tag: "Partitions", names: ["p"] })
          yield* settle()
          assert.equal(ran, 1)
          yield* Queue.offer(queue, snapshot("one", "two"))
          yield* settle()
          assert.equal(ran, 2)
        })
      )
    })
  )
})

describe("promise 5: nothing is deleted on doubt", () => {
  const scenario = (
    events: ReadonlyArray<SourceEvent>,
    options: SinkOptions,
    engineOptions: Partial<EngineOptions> = {},
    seed: ReadonlyArray<string> = ["one", "two"]
  ) =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
      const sink = memory()
      const layer = Layer.mergeAll(
        Source.layer(driven(queue), "in", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(sink.plugin, "out", {}, options)
      )
      yield* withEngine(
        layer,
        (engine) =>
          Effect.gen(function* () {
            yield* engine.start
            yield* Queue.offer(queue, { _tag: "Partitions", names: ["p"] })
            yield* Queue.offer(queue, snapshot(...seed))
            yield* settle()
            for (const event of events) yield* Queue.offer(queue, event)
            yield* settle()
          }),
        engineOptions
      )
      return sink.names()
    })

  it.effect("policy sync deletes what is gone", () =>
    Effect.gen(function* () {
      assert.deepEqual(yield* scenario([snapshot("one")], { policy: "sync" }), ["one"])
    })
  )
  it.effect("without sync nothing is deleted", () =>
    Effect.gen(function* () {
      assert.deepEqual(yield* scenario([snapshot("one")], {}), ["one", "two"])
    })
  )
  it.effect("not while a partition is stale", () =>
    Effect.gen(function* () {
      const stale: SourceEvent = { _tag: "Freshness", partition: "q", state: "stale", since: 0, reason: "away" }
      assert.deepEqual(
        yield* scenario([{ _tag: "Partitions", names: ["p", "q"] }, stale, snapshot("one")], { policy: "sync" }),
        ["one", "two"]
      )
    })
  )
  it.effect("not while a named partition was never read", () =>
    Effect.gen(function* () {
      assert.deepEqual(
        yield* scenario([{ _tag: "Partitions", names: ["p", "q"] }, snapshot("one")], { policy: "sync" }),
        ["one", "two"]
      )
    })
  )
  it.effect("not while an entry of a partition cannot be read", () =>
    Effect.gen(function* () {
      const doubtful: SourceEvent = {
        ...(snapshot("one") as Extract<SourceEvent, { _tag: "Snapshot" }>),
        bad: [{ diagnostics: [Diagnostic.error("CW401", "?")] }]
      }
      assert.deepEqual(yield* scenario([doubtful], { policy: "sync" }), ["one", "two"])
    })
  )
  const many = Array.from({ length: 30 }, (_, i) => `s${i}`)
  it.effect("not beyond the guard", () =>
    Effect.gen(function* () {
      assert.equal((yield* scenario([snapshot("s0")], { policy: "sync" }, {}, many)).length, 30)
    })
  )
  it.effect("beyond the guard when it is allowed", () =>
    Effect.gen(function* () {
      assert.deepEqual(yield* scenario([snapshot("s0")], { policy: "sync" }, { allowDeletes: "all" }, many), ["s0"])
    })
  )
  it.effect("never a held service's objects", () =>
    Effect.gen(function* () {
      const bad: SourceEvent = {
        ...(snapshot("one") as Extract<SourceEvent, { _tag: "Snapshot" }>),
        bad: [{ service: "two", diagnostics: [Diagnostic.error("CW401", "?")] }]
      }
      assert.deepEqual(yield* scenario([bad], { policy: "sync" }), ["one", "two"])
    })
  )
})

describe("promise 6: a plan is seen before it is applied", () => {
  it.effect("review sees every plan first and can refuse it", () =>
    Effect.gen(function* () {
      const sink = memory()
      const seen: Array<string> = []
      const layer = Layer.mergeAll(
        Source.layer(fixed(snapshot("one")), "in", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(sink.plugin, "out", {})
      )
      const result = yield* withEngine(layer, (engine) => engine.run, {
        review: (id, plan) =>
          Effect.sync(() => {
            seen.push(`${id}: ${plan.items.length} before ${sink.applied.length} applies`)
            return [Diagnostic.error("CW904", "moved")]
          })
      })
      assert.deepEqual(seen, ["out: 1 before 0 applies"])
      assert.deepEqual(sink.applied, [])
      assert.deepEqual(
        result.sinks[0]?.diagnostics.map((d) => d.code),
        ["CW904"]
      )
    })
  )
  it.effect("a dry run never applies", () =>
    Effect.gen(function* () {
      const sink = memory()
      const layer = Layer.mergeAll(
        Source.layer(fixed(snapshot("one")), "in", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(sink.plugin, "out", {})
      )
      const result = yield* withEngine(layer, (engine) => engine.run, { dryRun: true })
      assert.equal(result.sinks[0]?.plan?.items.length, 1)
      assert.deepEqual(sink.applied, [])
    })
  )
})

describe("promise 7: reload builds and probes before it swaps", () => {
  const blueprint = (id: string, fingerprint: string, layer: Layer.Layer<never, unknown, Engine>) => ({
    id,
    fingerprint,
    layer
  })
  it.effect("a bad reload changes nothing; a good one keeps unchanged nodes", () =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
      const before = memory()
      const after = memory()
      let made = 0
      let closed = 0
      const counting = Transform.make({
        type: "counting",
        summary: "",
        config: Empty,
        make: () =>
          Effect.acquireRelease(
            Effect.sync(() => {
              made++
              return Transform.service((s, fleet) => [
                Artifact.object(fleet.all, configMap(s.name), { service: s.identity })
              ])
            }),
            () => Effect.sync(() => void closed++)
          )
      })
      const sick = Sink.make({
        type: "sick",
        summary: "",
        config: Empty,
        make: () => ({
          plan: () => Effect.succeed(Plan.nothing),
          apply: () => Effect.succeed({ items: [] }),
          probe: Effect.fail(PluginError.permanent("no rights"))
        })
      })
      const stay = [
        blueprint("in", "1", Source.layer(driven(queue), "in", {})),
        blueprint("t", "1", Transform.layer(counting, "t", {}))
      ]
      const first = [...stay, blueprint("out", "1", Sink.layer(before.plugin, "out", {}))]
      yield* Effect.scoped(
        Effect.gen(function* () {
          const engine = yield* Engine
          const assembly = yield* Assembly.make
          yield* assembly.set(first)
          yield* engine.start
          yield* Queue.offer(queue, snapshot("one"))
          yield* settle()
          assert.deepEqual(before.names(), ["one"])
          const refused = yield* Effect.exit(
            assembly.set([...stay, blueprint("out", "2", Sink.layer(sick, "out", {}))], { probe: true })
          )
          assert.isTrue(Exit.isFailure(refused))
          yield* Queue.offer(queue, snapshot("one", "two"))
          yield* settle()
          assert.deepEqual(before.names(), ["one", "two"])
          yield* assembly.set([...stay, blueprint("out", "3", Sink.layer(after.plugin, "out", {}))], { probe: true })
          yield* settle()
          assert.deepEqual(after.names(), ["one", "two"])
          assert.deepEqual([made, closed], [1, 0])
        }).pipe(Effect.provide(Engine.layer({ pipeline: "test" })))
      ) as Effect.Effect<void>
      assert.deepEqual([made, closed], [1, 1])
    })
  )
})

describe("promise 8: a kill at any point converges at the next run", () => {
  it.effect("an interrupted apply is finished by the next run", () =>
    Effect.gen(function* () {
      const sink = memory()
      const gate = yield* Deferred.make<void>()
      sink.holdAt(Deferred.await(gate))
      const layer = () =>
        Layer.mergeAll(
          Source.layer(fixed(snapshot("one", "two")), "in", {}),
          Transform.layer(maps, "maps", {}),
          Sink.layer(sink.plugin, "out", {})
        )
      const fiber = yield* Effect.forkChild(withEngine(layer(), (engine) => engine.run))
      yield* settle()
      yield* Fiber.interrupt(fiber)
      assert.deepEqual(sink.names(), [])
      sink.holdAt(Effect.void)
      yield* withEngine(layer(), (engine) => engine.run)
      assert.deepEqual(sink.names(), ["one", "two"])
      const again = yield* withEngine(layer(), (engine) => engine.run)
      assert.equal(again.sinks[0]?.plan?.unchanged, 2)
    })
  )
})

describe("promise 9: a storm is bounded work and the last state wins", () => {
  it.effect("a thousand events in a second make about ten generations", () =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
      const sink = memory()
      const layer = Layer.mergeAll(
        Source.layer(driven(queue), "in", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(sink.plugin, "out", {}, { policy: "sync" })
      )
      yield* withEngine(
        layer,
        (engine) =>
          Effect.gen(function* () {
            yield* engine.start
            for (let i = 0; i < 1000; i++) {
              yield* Queue.offer(queue, snapshot("base", `s${i}`))
              yield* TestClock.adjust("1 millis")
            }
            yield* settle()
            assert.isAtMost((yield* engine.status).generation, 15)
          }),
        { allowDeletes: "all" }
      )
      assert.deepEqual(sink.names(), ["base", "s999"])
    })
  )
})

describe("promise 10: shutdown", () => {
  it.effect("closing the scope stops sources and sinks and releases what they hold", () =>
    Effect.gen(function* () {
      const released: Array<string> = []
      const holding = Source.make({
        type: "holding",
        summary: "",
        config: Empty,
        make: () =>
          Effect.acquireRelease(
            Effect.succeed({
              endless: true,
              events: Stream.concat(Stream.make(snapshot("one")), Stream.never).pipe(
                Stream.ensuring(Effect.sync(() => released.push("stream")))
              )
            }),
            () => Effect.sync(() => released.push("source"))
          )
      })
      const sink = memory()
      const stuck = yield* Deferred.make<void>()
      sink.holdAt(Deferred.await(stuck).pipe(Effect.onInterrupt(() => Effect.sync(() => released.push("sink")))))
      yield* withEngine(
        Layer.mergeAll(
          Source.layer(holding, "in", {}),
          Transform.layer(maps, "maps", {}),
          Sink.layer(sink.plugin, "out", {})
        ),
        (engine) => Effect.andThen(engine.start, settle())
      )
      assert.deepEqual([...released].sort(), ["sink", "source", "stream"])
    })
  )
})

describe("sources", () => {
  it.effect("a source that cannot be understood stops a finite run before any sink", () =>
    Effect.gen(function* () {
      const sink = memory()
      const broken = Source.make({
        type: "broken",
        summary: "",
        config: Empty,
        make: () => ({ events: Stream.fail(PluginError.refused([Diagnostic.error("CW002", "not JSON")])) })
      })
      const layer = Layer.mergeAll(
        Source.layer(broken, "in", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(sink.plugin, "out", {})
      )
      const result = yield* withEngine(layer, (engine) => engine.run)
      assert.deepEqual(
        result.sourceFailures.map((d) => [d.code, d.node]),
        [["CW002", "in"]]
      )
      assert.deepEqual(sink.seen, [])
    })
  )
  it.effect("a source that dies keeps its facts as stale and comes back by itself", () =>
    Effect.gen(function* () {
      let lives = 0
      const mortal = Source.make({
        type: "mortal",
        summary: "",
        config: Empty,
        make: () => ({
          endless: true,
          events: Stream.suspend(() =>
            lives++ === 0
              ? Stream.concat(Stream.make(snapshot("one", "two")), Stream.fail(PluginError.retryable("gone")))
              : Stream.concat(Stream.make(snapshot("one")), Stream.never)
          )
        })
      })
      const sink = memory()
      const layer = Layer.mergeAll(
        Source.layer(mortal, "in", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(sink.plugin, "out", {}, { policy: "sync" })
      )
      yield* withEngine(layer, (engine) =>
        Effect.gen(function* () {
          yield* engine.start
          yield* settle(200)
          assert.deepEqual(sink.names(), ["one", "two"])
          assert.equal((yield* engine.status).nodes[0]?.partitions?.[0]?.state, "stale")
          yield* settle(2000)
          assert.deepEqual(sink.names(), ["one"])
        })
      )
    })
  )
})
