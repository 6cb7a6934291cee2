/** What happens when nodes come, go and fail at the wrong moment, or break the rules: nothing is deleted, and nobody else is hurt. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Artifact from "../src/Artifact.ts"
import * as Assembly from "../src/Assembly.ts"
import * as Check from "../src/Check.ts"
import { type Diagnostic, error } from "../src/Diagnostic.ts"
import { Engine } from "../src/Engine.ts"
import type { Fact, SourceEvent } from "../src/Fact.ts"
import type * as Plan from "../src/Plan.ts"
import * as PluginError from "../src/PluginError.ts"
import * as Sink from "../src/Sink.ts"
import * as Source from "../src/Source.ts"
import * as Transform from "../src/Transform.ts"
import type { Fleet } from "../src/Model.ts"
import { configMap, driven, Empty, facts, fixed, maps, memory, settle, snapshot, withEngine } from "./nodes.ts"

const transform = (type: string, impl: Transform.TransformImpl) =>
  Transform.make({ type, summary: "", config: Empty, make: () => impl })

describe("promise 5, for sources that have not spoken", () => {
  const named = (name: string): SourceEvent => ({ _tag: "Partitions", names: [name] })
  const dead = Source.make({
    type: "dead",
    summary: "",
    config: Empty,
    make: () => ({ endless: true, events: Stream.fail(PluginError.retryable("no route to host")) })
  })
  const seeded = Effect.gen(function* () {
    const sink = memory()
    const layer = Layer.mergeAll(
      Source.layer(fixed(snapshot("one", "two")), "in", {}),
      Transform.layer(maps, "maps", {}),
      Sink.layer(sink.plugin, "out", {}, { policy: "sync" })
    )
    yield* withEngine(layer, (engine) => engine.run)
    return sink
  })
  const withDead = (sink: ReturnType<typeof memory>) =>
    Layer.mergeAll(
      Source.layer(fixed(snapshot("one")), "in", {}),
      Source.layer(dead, "fleet", {}),
      Transform.layer(maps, "maps", {}),
      Sink.layer(sink.plugin, "out", {}, { policy: "sync" })
    )
  it.effect("one that fails before it names its partitions holds deletes of a finite run", () =>
    Effect.gen(function* () {
      const sink = yield* seeded
      const result = yield* withEngine(withDead(sink), (engine) => engine.run)
      assert.deepEqual(sink.names(), ["one", "two"])
      assert.equal(result.sinks[0]?.plan?.items.find((i) => i.op === "held")?.intended, "delete")
      assert.deepEqual(
        result.sourceFailures.map((d) => d.code),
        ["CW405"]
      )
    })
  )
  it.effect("and of a watching run, which says so", () =>
    Effect.gen(function* () {
      const sink = yield* seeded
      yield* withEngine(withDead(sink), (engine) =>
        Effect.gen(function* () {
          yield* engine.start
          yield* settle(40_000)
          assert.deepEqual(sink.names(), ["one", "two"])
          const said = (yield* engine.rendering)?.model.diagnostics.map((d) => d.message).join("\n") ?? ""
          assert.match(said, /fleet.*never-synced.*no route to host/)
        })
      )
    })
  )
  it.effect("what is made of all services does not forget those that nobody could tell of", () =>
    Effect.gen(function* () {
      const sink = memory()
      const list = (name: string, names: ReadonlyArray<string>, fleet: Fleet) =>
        Artifact.object(fleet.all, { ...configMap(name), data: { names: names.join(" ") } })
      const zone = transform(
        "zone",
        Transform.model(({ model, services }) => [
          list(
            "zone",
            services.map((s) => s.identity),
            model.fleet
          )
        ])
      )
      const plain = transform("plain", {
        shape: "service",
        run: () => [],
        fleet: (fleet) => [list("plain", [String(turn)], fleet)]
      })
      const index = transform(
        "index",
        Transform.set(({ artifacts, model }) => [
          ...artifacts,
          list(
            "index",
            artifacts.map((a) => a.id),
            model.fleet
          )
        ])
      )
      let turn = 0
      const run = (...sources: ReadonlyArray<Layer.Layer<never, unknown, Engine>>) => {
        turn++
        const layer = Layer.mergeAll(
          ...(sources as [Layer.Layer<never, unknown, Engine>]),
          Transform.layer(maps, "maps", {}),
          Transform.layer(zone, "zone", {}),
          Transform.layer(plain, "plain", {}),
          Transform.layer(index, "index", {}, { from: ["maps", "plain"] }),
          Sink.layer(sink.plugin, "out", {}, { from: ["zone", "index"] })
        )
        return withEngine(layer, (engine) => engine.run)
      }
      const updated = (result: { readonly sinks: ReadonlyArray<{ readonly plan?: Plan.Plan }> }) =>
        result.sinks[0]!.plan!.items.flatMap((i) => (i.op === "update" ? [i.id.split("/")[3]!] : [])).sort()
      const holds = (result: Parameters<typeof updated>[0]) =>
        result.sinks[0]!.plan!.items.flatMap((i) => (i.intended === "update" ? [i.id.split("/")[3]!] : [])).sort()
      yield* run(Source.layer(fixed(snapshot("one", "two")), "in", {}))
      // Only what says nothing of services is written on.
      const partly = yield* run(Source.layer(fixed(snapshot("one")), "in", {}), Source.layer(dead, "fleet", {}))
      assert.deepEqual([updated(partly), holds(partly)], [["plain"], ["index", "zone"]])
      const whole = yield* run(Source.layer(fixed(snapshot("one")), "in", {}))
      assert.deepEqual([updated(whole), holds(whole)], [["index", "plain", "zone"], []])
    })
  )
  it.effect("what could not be understood at the start is taken up once it is mended, and is told with its place", () =>
    Effect.gen(function* () {
      const sink = memory()
      let mended = false
      const broken = Source.make({
        type: "broken",
        summary: "",
        config: Empty,
        make: () => ({
          endless: true,
          events: Stream.suspend(() =>
            mended
              ? Stream.concat(Stream.make(snapshot("one")), Stream.never)
              : Stream.concat(
                  Stream.make<[SourceEvent]>({ _tag: "Partitions", names: ["p"] }),
                  Stream.fail(PluginError.refused([error("CW002", "not JSON", { place: { file: "x.json", line: 3 } })]))
                )
          )
        })
      })
      const layer = Layer.mergeAll(
        Source.layer(broken, "in", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(sink.plugin, "out", {})
      )
      yield* withEngine(layer, (engine) =>
        Effect.gen(function* () {
          yield* engine.start
          yield* settle(10_000)
          const { generation } = yield* engine.status
          yield* settle(50_000)
          assert.equal((yield* engine.status).generation, generation, "the same failure again is no news")
          const told = (yield* engine.rendering)?.model.diagnostics.find((d) => d.code === "CW002")
          assert.deepEqual([told?.node, told?.place?.line], ["in", 3])
          mended = true
          yield* settle(3000)
          assert.deepEqual(sink.names(), ["one"])
        })
      )
    })
  )
  it.effect("a delta before the first snapshot is no complete list", () =>
    Effect.gen(function* () {
      const sink = yield* seeded
      const delta: SourceEvent = { _tag: "Delta", partition: "p", upserts: facts("one"), removes: [] }
      const layer = Layer.mergeAll(
        Source.layer(fixed(delta), "in", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(sink.plugin, "out", {}, { policy: "sync" })
      )
      yield* withEngine(layer, (engine) => engine.run)
      assert.deepEqual(sink.names(), ["one", "two"])
    })
  )
  it.effect(
    "a retry does not delete once a partition has become stale, even where the next generation is refused",
    () =>
      Effect.gen(function* () {
        const queue = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
        const sink = memory()
        const moody = Transform.make({
          type: "moody",
          summary: "",
          config: Empty,
          make: () =>
            Transform.model(({ model, services }) => {
              if (model.partitions.some((p) => p.state === "stale")) throw new Error("no")
              return services.map((s) => Artifact.object(model.fleet.all, configMap(s.name), { service: s.identity }))
            })
        })
        const layer = Layer.mergeAll(
          Source.layer(driven(queue), "in", {}),
          Transform.layer(moody, "maps", {}),
          Sink.layer(sink.plugin, "out", {}, { policy: "sync", retry: { initial: "5 seconds" } })
        )
        yield* withEngine(layer, (engine) =>
          Effect.gen(function* () {
            yield* engine.start
            yield* Queue.offerAll(queue, [named("p"), snapshot("one", "two")])
            yield* settle()
            sink.failWith(PluginError.retryable("busy"))
            yield* Queue.offer(queue, snapshot("one"))
            yield* settle()
            yield* Queue.offer(queue, { _tag: "Freshness", partition: "p", state: "stale", since: 0 })
            yield* settle()
            assert.isDefined((yield* engine.status).lastRefusal)
            yield* settle(20_000)
            assert.deepEqual(sink.names(), ["one", "two"])
          })
        )
      })
  )
})

describe("promise 7, while something is under way", () => {
  it.effect("a sink that comes while a generation is rendered never sees an empty one", () =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
      const gate = yield* Deferred.make<void>()
      const late = memory()
      yield* withEngine(
        Layer.mergeAll(
          Source.layer(fixed(snapshot("one")), "in", {}),
          Transform.layer(maps, "maps", {}),
          Sink.layer(late.plugin, "late", {})
        ),
        (engine) => engine.run
      )
      let rounds = 0
      const slow = Transform.make({
        type: "slow",
        summary: "",
        config: Empty,
        make: () =>
          Transform.model(({ model, services }) =>
            Effect.as(
              rounds++ === 1 ? Deferred.await(gate) : Effect.void,
              services.map((s) => Artifact.object(model.fleet.all, configMap(s.name), { service: s.identity }))
            )
          )
      })
      const layer = Layer.mergeAll(
        Source.layer(driven(queue), "in", {}),
        Transform.layer(slow, "slow", {}),
        Sink.layer(memory().plugin, "first", {})
      )
      yield* withEngine(layer, (engine) =>
        Effect.gen(function* () {
          yield* engine.start
          yield* Queue.offerAll(queue, [{ _tag: "Partitions", names: ["p"] }, snapshot("one")])
          yield* settle()
          yield* Queue.offer(queue, snapshot("one", "two"))
          yield* settle()
          yield* Layer.build(Sink.layer(late.plugin, "late", {}, { policy: "sync" })).pipe(
            Effect.provideService(Engine, engine)
          )
          yield* Deferred.succeed(gate, undefined)
          yield* settle()
          assert.deepEqual(late.names(), ["one", "two"])
          assert.deepEqual(late.wantedSizes, [1, 2])
        })
      )
    })
  )
  it.effect("a source under a new name takes over before anything is rendered without it", () =>
    Effect.gen(function* () {
      const first = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
      const second = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
      const sink = memory()
      const sizes: Array<number> = []
      const watcher = Sink.make({
        type: "watcher",
        summary: "",
        config: Empty,
        make: () => Sink.write((desired) => void sizes.push(desired.services.length))
      })
      const others = [
        { id: "t", fingerprint: "1", layer: Transform.layer(maps, "t", {}) },
        { id: "out", fingerprint: "1", layer: Sink.layer(sink.plugin, "out", {}, { policy: "sync" }) },
        { id: "watcher", fingerprint: "1", layer: Sink.layer(watcher, "watcher", {}) }
      ]
      yield* Effect.scoped(
        Effect.gen(function* () {
          const engine = yield* Engine
          const assembly = yield* Assembly.make
          yield* assembly.set([{ id: "a", fingerprint: "1", layer: Source.layer(driven(first), "a", {}) }, ...others])
          yield* engine.start
          yield* Queue.offer(first, snapshot("one"))
          yield* settle()
          yield* assembly.set([{ id: "b", fingerprint: "1", layer: Source.layer(driven(second), "b", {}) }, ...others])
          yield* settle(5000)
          yield* Queue.offer(second, snapshot("one"))
          yield* settle()
          assert.deepEqual(sink.names(), ["one"])
          assert.notInclude(sizes, 0)
        }).pipe(Effect.provide(Engine.layer({ pipeline: "test" })))
      ) as Effect.Effect<void>
    })
  )
  it.effect("a generation that is ready while nodes are exchanged goes to the new sink, not to the old", () =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
      const slowEnd = yield* Deferred.make<void>()
      const stuck = memory()
      stuck.holdAt(Effect.never.pipe(Effect.onInterrupt(() => Deferred.await(slowEnd))))
      const before = memory()
      const after = memory()
      const stay = [
        { id: "in", fingerprint: "1", layer: Source.layer(driven(queue), "in", {}) },
        { id: "t", fingerprint: "1", layer: Transform.layer(maps, "t", {}) }
      ]
      const sinks = (n: string, out: ReturnType<typeof memory>, other: ReturnType<typeof memory>) => [
        { id: "out", fingerprint: n, layer: Sink.layer(out.plugin, "out", {}) },
        { id: "stuck", fingerprint: n, layer: Sink.layer(other.plugin, "stuck", {}) }
      ]
      yield* Effect.scoped(
        Effect.gen(function* () {
          const engine = yield* Engine
          const assembly = yield* Assembly.make
          yield* assembly.set([...stay, ...sinks("1", before, stuck)])
          yield* engine.start
          yield* Queue.offer(queue, snapshot("one"))
          yield* settle()
          const reload = yield* Effect.forkChild(assembly.set([...stay, ...sinks("2", after, memory())]))
          yield* settle()
          yield* Queue.offer(queue, snapshot("one", "two"))
          yield* settle()
          yield* Deferred.succeed(slowEnd, undefined)
          yield* Fiber.join(reload)
          yield* settle()
          assert.deepEqual(before.names(), ["one"])
          assert.deepEqual(after.names(), ["one", "two"])
        }).pipe(Effect.provide(Engine.layer({ pipeline: "test" })))
      ) as Effect.Effect<void>
    })
  )
})

describe("plugins that break the rules", () => {
  const odd = (impl: unknown) => Transform.layer(transform("odd", impl as Transform.TransformImpl), "odd", {})
  const check = (impl: unknown) =>
    Layer.merge(
      Transform.layer(maps, "maps", {}),
      Check.layer(
        Check.make({ type: "odd", summary: "", config: Empty, make: () => impl as Check.CheckImpl }),
        "odd",
        {}
      )
    )
  const made = (name: string, fleet: Fleet) => Artifact.object(fleet.all, configMap(name), { service: name })
  it.effect.each<[string, Layer.Layer<never, unknown, Engine>, RegExp]>([
    ["a Promise for a list", odd({ shape: "service", run: async () => [] }), /CW620 .*service one.*a Promise/],
    ["nothing for a list", odd({ shape: "service", run: () => undefined }), /CW620 .*service one.*undefined/],
    ["nothing, of a whole model", odd({ shape: "model", run: () => undefined }), /CW620 .*undefined/],
    ["a text, of a cluster", odd({ shape: "set", run: () => "no" }), /CW620 .*a string/],
    [
      "no text in an artifact",
      odd({ shape: "service", run: (_: unknown, fleet: Fleet) => [{ ...made("one", fleet), text: 5 }] }),
      /CW620 .*artifact 1 .*`text`/
    ],
    [
      "a path for an id",
      odd({
        shape: "model",
        run: ({ model }) => [{ ...made("one", model.fleet), id: "../x", form: "file" }]
      } satisfies {
        shape: string
        run: (input: Transform.ModelInput) => unknown
      }),
      /CW620 .*begins with `file:`/
    ],
    ["claims that are none", odd({ shape: "service", run: () => [], claims: () => "x" }), /CW620 .*claims a string/],
    ["a check that answers later", check({ shape: "service", run: async () => [] }), /CW623 .*a Promise/],
    ["a check that says no", check({ shape: "service", run: () => false }), /CW623 .*a boolean/],
    ["a check of clusters that says nothing", check({ shape: "set", run: () => undefined }), /CW623 .*undefined/],
    [
      "a finding of a code that is none",
      check({ shape: "set", run: () => [{ severity: "error", code: "NOPE", message: "no" }] }),
      /CW623 .*"NOPE" is not known/
    ]
  ])("%s is a fault of the plugin, never an empty answer", ([, layer, expected]) =>
    Effect.gen(function* () {
      const sink = memory()
      const seed = Layer.mergeAll(
        Source.layer(fixed(snapshot("one")), "in", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(sink.plugin, "out", {}, { policy: "sync" })
      )
      yield* withEngine(seed, (engine) => engine.run)
      const broken = Layer.mergeAll(
        Source.layer(fixed(snapshot("one")), "in", {}),
        layer,
        Sink.layer(sink.plugin, "out", {}, { policy: "sync" })
      )
      const { refusal } = yield* withEngine(broken, (engine) => engine.run)
      assert.match(refusal?.diagnostics.map((d) => `${d.code} ${d.message}`).join() ?? "", expected)
      assert.deepEqual(sink.names(), ["one"])
    })
  )
  it.effect.each<[string, Layer.Layer<never, unknown, Engine>, RegExp]>([
    ["a transform", odd(undefined), /`make` returned undefined/],
    ["a transform of no known shape", odd({ shape: "foo", run: () => [] }), /shape.*service, artifact, model, set/],
    ["a check", check(Promise.resolve()), /`make` returned a Promise/],
    [
      "a source",
      Source.layer(
        Source.make({ type: "odd", summary: "", config: Empty, make: () => ({ events: [] }) as never }),
        "in",
        {}
      ) as Layer.Layer<never, unknown, Engine>,
      /not a Stream/
    ],
    [
      "a sink",
      Sink.layer(
        Sink.make({ type: "odd", summary: "", config: Empty, make: () => ({}) as never }),
        "out",
        {}
      ) as Layer.Layer<never, unknown, Engine>,
      /no function `plan`/
    ]
  ])("%s that is none does not start", ([, layer, expected]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(withEngine(layer, () => Effect.void) as Effect.Effect<void, Error>)
      assert.match(error.message, expected)
    })
  )
  it.effect(
    "a sink that throws instead of failing, gives no plan, or does not say what it did, fails alone and is tried again",
    () =>
      Effect.gen(function* () {
        const queue = yield* Queue.unbounded<SourceEvent, PluginError.PluginError>()
        let asked = 0
        let applied = 0
        const rude = Sink.make({
          type: "rude",
          summary: "",
          config: Empty,
          make: () => ({
            plan: (): Effect.Effect<Plan.Plan> => {
              asked++
              if (asked === 1) throw new Error("rude")
              if (asked === 2) return Effect.succeed({} as Plan.Plan)
              return Effect.succeed({ items: [{ op: "create", target: "t", id: "x" }], unchanged: 0 })
            },
            apply: () =>
              Effect.sync((): Plan.Report => {
                applied++
                return { items: applied === 1 ? [] : [{ op: "create", target: "t", id: "x", outcome: "applied" }] }
              })
          })
        })
        const layer = Layer.mergeAll(
          Source.layer(driven(queue), "in", {}),
          Transform.layer(maps, "maps", {}),
          Sink.layer(rude, "rude", {})
        )
        yield* withEngine(layer, (engine) =>
          Effect.gen(function* () {
            yield* engine.start
            yield* Queue.offer(queue, snapshot("one"))
            yield* settle(10_000)
            assert.deepEqual([asked, applied], [4, 2])
          })
        )
      })
  )
  it.effect("a source whose facts are no facts fails alone; what others say still counts", () =>
    Effect.gen(function* () {
      const sink = memory()
      const junk = Source.make({
        type: "junk",
        summary: "",
        config: Empty,
        make: () => Source.once("p", () => ({ facts: [{ kind: "service", name: "x" } as unknown as Fact] }))
      })
      const layer = Layer.mergeAll(
        Source.layer(fixed(snapshot("one")), "in", {}),
        Source.layer(junk, "junk", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(sink.plugin, "out", {})
      )
      const result = yield* withEngine(layer, (engine) => engine.run)
      assert.deepEqual(sink.names(), ["one"])
      assert.match(JSON.stringify(result), /junk/)
    })
  )
})

describe("what does not answer", () => {
  const sleepy = (make: () => Transform.TransformImpl | Effect.Effect<Transform.TransformImpl>) =>
    Transform.make({ type: "sleepy", summary: "", config: Empty, make })

  it.effect("a transform over its time refuses the generation, and is asked again by itself", () =>
    Effect.gen(function* () {
      const sink = memory()
      let rounds = 0
      const transform = sleepy(() =>
        Transform.model(({ model, services }) =>
          rounds++ < 2
            ? Effect.never
            : services.map((s) => Artifact.object(model.fleet.all, configMap(s.name), { service: s.identity }))
        )
      )
      const layer = Layer.mergeAll(
        Source.layer(fixed(snapshot("one")), "in", {}),
        Transform.layer(transform, "t", {}, { timeout: "3 seconds" }),
        Sink.layer(sink.plugin, "out", {})
      )
      yield* withEngine(layer, (engine) =>
        Effect.gen(function* () {
          yield* engine.start
          yield* settle(3500)
          const status = yield* engine.status
          assert.match(status.lastRefusal?.diagnostics[0]?.message ?? "", /t \(sleepy\) failed: it took longer than 3s/)
          yield* settle(10_000)
          assert.deepEqual(sink.names(), ["one"])
          assert.isUndefined((yield* engine.status).lastRefusal)
        })
      )
    })
  )
  it.effect("a source over its time counts as failed, and the others go on without deletes", () =>
    Effect.gen(function* () {
      const sink = memory()
      const mute = Source.make({
        type: "mute",
        summary: "",
        config: Empty,
        make: () => ({
          events: Stream.concat(Stream.make<[SourceEvent]>({ _tag: "Partitions", names: ["q"] }), Stream.never)
        })
      })
      const layer = Layer.mergeAll(
        Source.layer(fixed(snapshot("one")), "in", {}),
        Source.layer(mute, "mute", {}, { timeout: "5 seconds" }),
        Transform.layer(maps, "maps", {}),
        Sink.layer(sink.plugin, "out", {})
      )
      const fiber = yield* Effect.forkChild(withEngine(layer, (engine) => engine.run))
      yield* settle(6000)
      const result = yield* Fiber.join(fiber)
      assert.deepEqual(sink.names(), ["one"])
      assert.match(result.sourceFailures[0]?.message ?? "", /source mute failed: no answer within 5s/)
      assert.deepEqual(
        result.partitions.map((p) => `${p.name} ${p.state}`),
        ["p synced", "q never-synced"]
      )
    })
  )
  it.effect("a sink over its time fails, and a node that never gets ready is a finding", () =>
    Effect.gen(function* () {
      const stuck = memory()
      stuck.holdAt(Effect.never)
      const layer = Layer.mergeAll(
        Source.layer(fixed(snapshot("one")), "in", {}),
        Transform.layer(maps, "maps", {}),
        Sink.layer(stuck.plugin, "out", {}, { timeout: "2 seconds", retry: { times: 2 } })
      )
      const run = yield* Effect.forkChild(withEngine(layer, (engine) => engine.run))
      yield* settle(10_000)
      assert.match((yield* Fiber.join(run)).sinks[0]?.diagnostics[0]?.message ?? "", /apply took longer than 2s/)

      const never = sleepy(() => Effect.never)
      const assembling = yield* Effect.forkChild(
        Effect.scoped(
          Effect.gen(function* () {
            const assembly = yield* Assembly.make
            return yield* Effect.flip(
              assembly.set([{ id: "t", fingerprint: "1", layer: Transform.layer(never, "t", {}) }])
            )
          }).pipe(Effect.provide(Engine.layer({ pipeline: "test" })))
        ) as Effect.Effect<ReadonlyArray<Diagnostic>, ReadonlyArray<Diagnostic>>
      )
      yield* settle(61_000)
      assert.deepEqual(
        (yield* Fiber.join(assembling)).map((d) => `${d.code} ${d.message}`),
        ["CW206 node t cannot start: it took longer than 1m"]
      )
    })
  )
})
