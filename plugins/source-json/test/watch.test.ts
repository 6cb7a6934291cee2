/** A watched file: what reaches the engine when it changes, breaks, vanishes and comes back. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { type Fact, key, type SourceEvent } from "@coddiwomple/core/Fact"
import { FakeHost, Worlds } from "@coddiwomple/testing"
import { Listener } from "@coddiwomple/testing/Listener"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as FastCheck from "fast-check"
import * as fs from "node:fs"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import json from "../src/index.ts"
import { Partition } from "../src/Partition.ts"
import * as ServiceEntry from "../src/ServiceEntry.ts"
import { service } from "./Reading.ts"

let world: Worlds.Directory
beforeEach(() => {
  world = Worlds.directory()
})
afterEach(() => world.dispose())

const list = (...names: ReadonlyArray<string>) =>
  JSON.stringify(
    names.map((n) => service(n)),
    null,
    2
  )
const of = (...names: ReadonlyArray<string>) => names.flatMap((n) => [`service/${n}`, `backend/${n}/a`])

interface Watching {
  readonly heard: Listener
  readonly events: ReadonlyArray<SourceEvent>
  /** Waits for a condition on what was heard; fails when it does not come. The limit is below the poll. */
  readonly until: (holds: () => boolean, limit?: string) => Effect.Effect<void>
  /** Waits until exactly these facts are there. */
  readonly facts: (...keys: ReadonlyArray<string>) => Effect.Effect<void>
  readonly stale: () => boolean
}

type Disk = FileSystem.FileSystem | Path.Path

const watching = (
  file: string,
  story: (w: Watching) => Effect.Effect<void, unknown, FileSystem.FileSystem>,
  change: (fs: FileSystem.FileSystem) => Partial<FileSystem.FileSystem> = () => ({}),
  clock: Layer.Layer<never> = Layer.empty
): Promise<void> => {
  const platform = Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (real) => FileSystem.FileSystem.of({ ...real, ...change(real) }))
  ).pipe(Layer.provideMerge(NodeServices.layer)) as Layer.Layer<Disk>
  const program = Effect.gen(function* () {
    const heard = new Listener()
    const impl = yield* json.make({ services: file, watch: true })
    expect(impl.endless).toBe(true)
    yield* heard.listen(impl)
    const until = (holds: () => boolean, limit = "1500 millis") =>
      Effect.map(heard.until(holds, limit as "1500 millis"), (done) => {
        if (!done || !holds())
          throw new Error(`it did not come: ${holds}\n${heard.story.join("\n")}\n${String(heard.failure)}`)
      })
    const found = () => [...(heard.partitions.get(file)?.facts.keys() ?? [])].sort().join()
    yield* story({
      heard,
      events: heard.events,
      until,
      facts: (...keys) => until(() => found() === [...keys].sort().join()),
      stale: () => heard.partitions.get(file)?.state === "stale"
    })
    expect(heard.offence).toBeUndefined()
  })
  const host = FakeHost.make({ directory: world.directory, finite: false })
  return Effect.runPromise(
    program.pipe(
      Effect.scoped,
      Effect.provide(host.layer),
      Effect.provide(platform),
      Effect.provide(clock)
    ) as Effect.Effect<void>
  )
}

const atomically = (name: string, text: string) => {
  world.write(`${name}.tmp`, text)
  fs.renameSync(world.path(`${name}.tmp`), world.path(name))
}

describe("an edit is a delta of what it changed", () => {
  it.each([
    ["in place", (text: string) => world.write("s.json", text)],
    ["by rename", (text: string) => atomically("s.json", text)]
  ])("%s", (_title, save) =>
    watching("s.json", ({ facts, events, until }) =>
      Effect.gen(function* () {
        yield* facts(...of("a", "b", "c"))
        save(list("a", "b", "d"))
        yield* facts(...of("a", "b", "d"))
        expect(events.at(-1)).toMatchObject({ _tag: "Delta", removes: of("c") })
        expect((events.at(-1) as { upserts: ReadonlyArray<Fact> }).upserts.map(key)).toEqual(of("d"))
        const count = events.length
        // Neither the same text nor another layout is news.
        save(list("a", "b", "d"))
        save(`${list("a", "b", "d")}\n\n`)
        save(list("a", "b"))
        yield* until(() => events.length > count)
        yield* facts(...of("a", "b"))
      })
    )
  )

  beforeEach(() => world.write("s.json", list("a", "b", "c")))
})

describe("links", () => {
  it("a ConfigMap is swapped by its ..data link", async () => {
    world.write("mount/..v1/s.json", list("a"))
    fs.symlinkSync("..v1", world.path("mount/..data"))
    fs.symlinkSync("..data/s.json", world.path("mount/s.json"))
    await watching("mount/s.json", ({ facts }) =>
      Effect.gen(function* () {
        yield* facts(...of("a"))
        for (const [i, names] of [["a", "b"], ["b"], ["c"]].entries()) {
          world.write(`mount/..v${i + 2}/s.json`, list(...names))
          fs.symlinkSync(`..v${i + 2}`, world.path("mount/..data_tmp"))
          fs.renameSync(world.path("mount/..data_tmp"), world.path("mount/..data"))
          world.remove(`mount/..v${i + 1}`)
          yield* facts(...of(...names))
        }
      })
    )
  })

  it("a folder far above is a link, and the file is edited behind it", async () => {
    world.write("releases/1/etc/s.json", list("a"))
    world.write("releases/2/etc/s.json", list("b"))
    fs.symlinkSync("releases/1", world.path("current"))
    await watching("current/etc/s.json", ({ facts }) =>
      Effect.gen(function* () {
        yield* facts(...of("a"))
        fs.symlinkSync("releases/2", world.path("next"))
        fs.renameSync(world.path("next"), world.path("current"))
        yield* facts(...of("b"))
        atomically("releases/2/etc/s.json", list("c"))
        yield* facts(...of("c"))
      })
    )
  })
})

describe("what cannot be read is stale, and the last good facts stay", () => {
  it("a broken file, a deleted file, a deleted folder", async () => {
    world.write("in/s.json", list("a", "b"))
    await watching("in/s.json", ({ facts, events, until, stale }) =>
      Effect.gen(function* () {
        yield* facts(...of("a", "b"))
        world.write("in/s.json", '[\n  {"name": }\n]')
        yield* until(stale, "10 seconds")
        const told = events.at(-1) as Extract<SourceEvent, { _tag: "Freshness" }>
        expect(told.reason).toMatch(/s\.json:2:12: expected a value, found "}"/)
        expect(told.diagnostics).toMatchObject([{ code: "CW002", place: { line: 2, col: 12, source: '  {"name": }' } }])
        expect(Date.now() - told.since).toBeLessThan(10_000)

        world.remove("in/s.json")
        yield* until(
          () => (events.at(-1) as { reason?: string }).reason?.includes("does not exist") === true,
          "10 seconds"
        )
        expect((events.at(-1) as { since: number }).since).toBe(told.since)
        yield* facts(...of("a", "b"))

        // The same text as before the failure: all is said again, so that nobody has to remember.
        world.write("in/s.json", list("a", "b"))
        yield* until(() => !stale(), "10 seconds")
        expect(events.at(-1)).toMatchObject({ _tag: "Snapshot", bad: [], diagnostics: [] })

        world.remove("in")
        yield* until(stale, "10 seconds")
        world.write("in/s.json", list("c"))
        yield* until(() => !stale(), "10 seconds")
        yield* facts(...of("c"))
        atomically("in/s.json", list("d"))
        yield* facts(...of("d"))
      })
    )
  })

  it("a bad entry is no failure: it is held with the next delta", async () => {
    world.write("s.json", list("a", "b"))
    await watching("s.json", ({ facts, events }) =>
      Effect.gen(function* () {
        yield* facts(...of("a", "b"))
        world.write("s.json", list("a", "b").replace('"HTTP"', '"HTTQ"'))
        yield* facts(...of("b"))
        expect(events.at(-1)).toMatchObject({
          _tag: "Delta",
          removes: of("a"),
          bad: [{ service: "a", diagnostics: [{ code: "CW507" }] }]
        })
        world.write("s.json", list("a", "b"))
        yield* facts(...of("a", "b"))
        expect(events.at(-1)).toMatchObject({ _tag: "Delta", bad: [] })
      })
    )
  })

  it("a half-written file is looked at again before it is called stale", async () => {
    world.write("s.json", list("a"))
    const whole = list("a", "b")
    const half = whole.slice(0, 200)
    const seen = Promise.withResolvers<void>()
    await watching(
      "s.json",
      ({ facts, events }) =>
        Effect.gen(function* () {
          yield* facts(...of("a"))
          world.write("s.json", half)
          yield* Effect.promise(() => seen.promise)
          fs.appendFileSync(world.path("s.json"), whole.slice(200))
          yield* facts(...of("a", "b"))
          expect(events.map((e) => e._tag)).toEqual(["Partitions", "Snapshot", "Delta"])
        }),
      (real) => ({
        readFile: (path) =>
          Effect.tap(real.readFile(path), (bytes) => Effect.sync(() => bytes.length === half.length && seen.resolve()))
      })
    )
  })
})

it("where no watch can be had, a slow look finds the change", async () => {
  world.write("s.json", list("a"))
  await watching(
    "s.json",
    ({ facts, events }) =>
      Effect.gen(function* () {
        yield* facts(...of("a"))
        world.write("s.json", list("b"))
        // Real reads between steps of virtual time.
        for (let i = 0; i < 1000 && events.length < 3; i++) {
          yield* TestClock.adjust("100 millis")
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        }
        yield* facts(...of("b"))
      }),
    () => ({ watch: (_path, options) => Stream.suspend(() => (options?.onReady?.(), Stream.never)) }),
    TestClock.layer() as Layer.Layer<never>
  )
})

it("in a run that ends by itself, nothing is watched", async () => {
  world.write("s.json", list("a"))
  const host = FakeHost.make({ directory: world.directory, finite: true })
  const program = Effect.gen(function* () {
    const impl = yield* json.make({ services: "s.json", watch: true })
    expect(impl.endless).toBe(false)
    return yield* Stream.runCollect(impl.events)
  })
  const events = await Effect.runPromise(
    program.pipe(Effect.scoped, Effect.provide(host.layer), Effect.provide(NodeServices.layer))
  )
  expect(events.map((e) => e._tag)).toEqual(["Partitions", "Snapshot"])
})

describe("reading again", () => {
  const partition = () => new Partition("s.json", "s.json", { what: "service", ...ServiceEntry })
  const take = (p: Partition, text: string) => {
    const result = p.take(text)
    return result._tag === "Success" ? result.success : p.lose(result.failure, 0)
  }

  it("keeps facts that did not change, and moves their places", () => {
    const p = partition()
    const [first] = take(p, list("a", "b")) as [Extract<SourceEvent, { _tag: "Snapshot" }>]
    const b = first.facts.find((f) => key(f) === "service/b")!
    expect(b.origin.place?.()).toMatchObject({ line: 20 })
    const [delta] = take(p, list("new", "a", "b")) as [Extract<SourceEvent, { _tag: "Delta" }>]
    expect(delta.upserts.map(key)).toEqual(of("new"))
    expect(b.origin.place?.()).toMatchObject({ line: 37 })
    // The fact is another one now, but whoever holds the old one still finds its place.
    take(p, `\n${list("b", "new").replace("8080", "8081")}`)
    expect(b.origin.place?.(["ports", 0, "backend_port"])).toMatchObject({
      line: 13,
      source: '        "backend_port": 8081'
    })
  })

  const entry = FastCheck.record({
    name: FastCheck.constantFrom("a", "b", "c", "d", "e", "No"),
    port: FastCheck.constantFrom(80, 81, "x"),
    warn: FastCheck.boolean(),
    clusters: FastCheck.subarray(["x", "y"])
  }).map(({ name, port, warn, clusters }) => {
    const one = { name: "http", protocol: "HTTP", service_port: port, backend_port: 80 }
    return service(name, {
      ports: warn ? one : [one],
      backends: Object.fromEntries(clusters.map((c) => [c, `${name}.${c}`]))
    })
  })
  const text = FastCheck.tuple(
    FastCheck.array(FastCheck.oneof(entry, FastCheck.constant(5)), { maxLength: 6 }),
    FastCheck.nat(2),
    FastCheck.nat(9)
  ).map(([entries, indent, broken]) => JSON.stringify(entries, null, indent).slice(0, broken === 0 ? -1 : undefined))

  it("after any edits, the engine knows what a first reading would say", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(text, { minLength: 2, maxLength: 8 }), (texts) => {
        const p = partition()
        const facts = new Map<string, Fact>()
        let bad: unknown = []
        let diagnostics: unknown = []
        let good: string | undefined
        for (const t of texts) {
          const events = take(p, t)
          const fresh = partition().take(t)
          if (fresh._tag === "Success") good = t
          else expect(events.every((e) => e._tag === "Freshness")).toBe(true)
          for (const e of events) {
            if (e._tag === "Snapshot") {
              facts.clear()
              for (const f of e.facts) facts.set(key(f), f)
              bad = e.bad
              diagnostics = e.diagnostics
            } else if (e._tag === "Delta") {
              for (const k of e.removes) expect(facts.delete(k)).toBe(true)
              for (const f of e.upserts) facts.set(key(f), f)
              bad = e.bad ?? bad
            }
          }
          if (good === undefined) continue
          const [want] = take(partition(), good) as [Extract<SourceEvent, { _tag: "Snapshot" }>]
          const plain = (f: Fact) =>
            JSON.stringify({
              ...f,
              origin: [f.origin.label, f.origin.place?.(), f.origin.place?.(["ports", 0, "service_port"])]
            })
          expect([...facts.values()].map(plain).sort()).toEqual(want.facts.map(plain).sort())
          expect(bad).toEqual(want.bad)
          expect(diagnostics).toEqual(want.diagnostics)
        }
      }),
      { numRuns: 300 }
    )
  })
})
