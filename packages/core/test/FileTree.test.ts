import * as fs from "node:fs"
import { execFileSync } from "node:child_process"
import * as Effect from "effect/Effect"
import { assert, describe, it } from "vitest"
import { fromText } from "../src/Inventory.ts"
import type { Plan, PlanItem, Report } from "../src/Plan.ts"
import { files, type FilesOptions, type FileText } from "../src/FilesSink.ts"
import { NodeName } from "../src/NodeName.ts"
import type { PluginError } from "../src/PluginError.ts"
import { type Around, desired, enospc, type Folder, folder, run, type World } from "./files.ts"

type Texts = Readonly<Record<string, string>>

const listOf = (texts: Texts): ReadonlyArray<FileText> => Object.entries(texts).map(([path, text]) => ({ path, text }))

/** A process with such a sink, as the engine would use it: each state is planned and applied. */
const deliver = (states: ReadonlyArray<Texts>, options: FilesOptions = {}) =>
  Effect.gen(function* () {
    let now: Texts = {}
    const sink = yield* files(() => listOf(now), options)
    const out: Array<{ readonly plan: Plan; readonly report: Report }> = []
    for (const [i, state] of states.entries()) {
      now = state
      const plan = yield* sink.plan(desired(i + 1))
      out.push({ plan, report: yield* sink.apply(plan, desired(i + 1)) })
    }
    return out
  })

const once = async (world: World, state: Texts, options: FilesOptions = {}) =>
  (await run(world, deliver([state], options)))[0]!

const planOnly = (world: World, state: Texts, options: FilesOptions = {}) =>
  run(
    world,
    Effect.flatMap(
      files(() => listOf(state), options),
      (sink) => sink.plan(desired(1))
    )
  )

const short = (items: ReadonlyArray<PlanItem>) => items.map((i) => `${i.op} ${i.id}`).sort()
const manifest = ".cw/nodes/test.node/manifest.json"

describe("Sink.files", () => {
  it("creates, updates with line counts, deletes, and leaves no empty folder", async () => {
    using dir = folder()
    const world = { directory: dir.root }
    const first = await once(world, { "a/x.txt": "1\n2\n3\n", "b/c/y.txt": "y\n" })
    assert.deepStrictEqual(short(first.plan.items), ["create a/x.txt", "create b/c/y.txt"])
    const second = await once(world, { "a/x.txt": "1\ntwo\n3\n4\n" })
    const [update, remove] = second.plan.items
    assert.deepStrictEqual([update?.op, update?.added, update?.removed], ["update", 2, 1])
    assert.deepStrictEqual([remove?.op, remove?.id, remove?.removed], ["delete", "b/c/y.txt", 1])
    assert.strictEqual(second.plan.owned?.get("."), 2)
    assert.deepStrictEqual(dir.all(), { "a/x.txt": "1\ntwo\n3\n4\n" })
    const third = await planOnly(world, { "a/x.txt": "1\ntwo\n3\n4\n" })
    assert.deepStrictEqual([third.items, third.unchanged, third.bookkeeping], [[], 1, undefined])
  })

  it("does not write what is the same", async () => {
    using dir = folder()
    const world = { directory: dir.root }
    await once(world, { "x.txt": "x\n", "y.txt": "y\n" })
    const before = fs.statSync(dir.at("x.txt"), { bigint: true })
    await once(world, { "x.txt": "x\n", "y.txt": "other\n" })
    const after = fs.statSync(dir.at("x.txt"), { bigint: true })
    assert.deepStrictEqual([after.mtimeNs, after.ino], [before.mtimeNs, before.ino])
  })

  it("keeps files it does not own: differing ones are conflicts, equal ones are adopted", async () => {
    using dir = folder()
    const world = { directory: dir.root }
    dir.write("mine.txt", "mine\n")
    dir.write("same.txt", "same\n")
    dir.write("other.txt", "user\n")
    const { plan } = await once(world, { "same.txt": "same\n", "other.txt": "cw\n" })
    assert.deepStrictEqual(short(plan.items), ["conflict other.txt"])
    assert.deepStrictEqual(
      plan.diagnostics?.map((d) => d.code),
      ["CW702"]
    )
    assert.strictEqual(plan.bookkeeping, true)
    assert.deepStrictEqual(dir.all(), { "mine.txt": "mine\n", "same.txt": "same\n", "other.txt": "user\n" })
    // What was adopted is ours from now on, what was in conflict is not.
    const next = await planOnly(world, {})
    assert.deepStrictEqual(short(next.items), ["delete same.txt"])
    const adopted = await once(world, { "same.txt": "same\n", "other.txt": "cw\n" }, { adopt: true })
    assert.deepStrictEqual(short(adopted.plan.items), ["update other.txt"])
    assert.strictEqual(dir.read("other.txt"), "cw\n")
  })

  it("keeps files of its own that somebody changed", async () => {
    using dir = folder()
    const world = { directory: dir.root }
    await once(world, { "x.txt": "x\n", "y.txt": "y\n" })
    dir.write("x.txt", "edited\n")
    dir.write("y.txt", "edited\n")
    const { plan } = await once(world, { "x.txt": "new\n" })
    assert.deepStrictEqual(short(plan.items), ["conflict x.txt", "held y.txt"])
    assert.deepStrictEqual(
      plan.diagnostics?.map((d) => d.code),
      ["CW703", "CW703"]
    )
    assert.deepStrictEqual(dir.all(), { "x.txt": "edited\n", "y.txt": "edited\n" })
    await once(world, { "x.txt": "new\n" }, { overwrite: true })
    assert.deepStrictEqual(dir.all(), { "x.txt": "new\n", "y.txt": "edited\n" })
  })

  it("sees changes from outside in a watching run, and reads nothing else again", async () => {
    using dir = folder()
    const reads: Array<string> = []
    const around = (op: string, target: string, call: Effect.Effect<any, any, any>) => {
      if (op === "read" && !target.includes(".cw/")) reads.push(target.slice(dir.root.length + 1))
      return call
    }
    const world: World = { directory: dir.root, around, finite: false }
    let now: Texts = { "x.txt": "1\n", "y.txt": "1\n" }
    await run(
      world,
      Effect.gen(function* () {
        const sink = yield* files(() => listOf(now))
        const step = (generation: number) =>
          Effect.flatMap(sink.plan(desired(generation)), (plan) =>
            Effect.as(sink.apply(plan, desired(generation)), plan)
          )
        yield* step(1)
        now = { "x.txt": "2\n", "y.txt": "1\n" }
        reads.length = 0
        yield* step(2)
        // Only the lines of the one that changes are counted.
        assert.deepStrictEqual(new Set(reads), new Set(["x.txt"]))
        dir.write("y.txt", "edited\n")
        now = { "x.txt": "2\n", "y.txt": "3\n" }
        assert.deepStrictEqual(short((yield* step(3)).items), ["conflict y.txt"])
        dir.write("x.txt", "edited too\n")
        now = { "x.txt": "2\n", "y.txt": "edited\n" }
        assert.deepStrictEqual(short((yield* step(4)).items), [])
        // The same generation again looks at everything.
        assert.deepStrictEqual(short((yield* step(4)).items), ["conflict x.txt"])
      })
    )
  })

  it("refuses everything below links, pipes and folders in the place of files, before any write", async () => {
    using dir = folder()
    using outside = folder()
    const plant: Readonly<Record<string, () => void>> = {
      "a symbolic link": () => fs.symlinkSync(outside.root, dir.at("a")),
      "a symbolic link, not a file": () => {
        fs.mkdirSync(dir.at("a"))
        fs.symlinkSync(outside.at("x"), dir.at("a/x.txt"))
      },
      "a named pipe": () => {
        fs.mkdirSync(dir.at("a"))
        execFileSync("mkfifo", [dir.at("a/x.txt")])
      },
      "a folder": () => fs.mkdirSync(dir.at("a/x.txt"), { recursive: true }),
      "a file, not a folder": () => dir.write("a", "file\n"),
      "cannot be relied on": () => {
        fs.mkdirSync(dir.at(".cw"))
        fs.symlinkSync(outside.root, dir.at(".cw/nodes"))
      }
    }
    for (const [what, arrange] of Object.entries(plant)) {
      arrange()
      const before = fs.readdirSync(dir.root, { recursive: true })
      const { plan, report } = await once({ directory: dir.root }, { "a/x.txt": "x\n", "b.txt": "b\n" })
      assert.deepStrictEqual([plan.items, report.items], [[], []], what)
      assert.include(plan.failed?.get(".")?.message, what)
      assert.deepStrictEqual(fs.readdirSync(dir.root, { recursive: true }), before)
      assert.deepStrictEqual(outside.all(), {})
      for (const name of fs.readdirSync(dir.root)) fs.rmSync(dir.at(name), { recursive: true })
    }
  })

  it("refuses unsafe and colliding paths one by one", async () => {
    using dir = folder()
    const texts = {
      "../evil": "1",
      "ok.txt": "ok\n",
      ".git/hooks/x": "1",
      "a/.cw/x": "1",
      "Case.txt": "1",
      "case.txt": "2",
      d: "1",
      "d/e": "2"
    }
    const { plan } = await once({ directory: dir.root }, texts)
    assert.deepStrictEqual(short(plan.items), [
      "conflict ../evil",
      "conflict .git/hooks/x",
      "conflict Case.txt",
      "conflict a/.cw/x",
      "conflict case.txt",
      "conflict d",
      "conflict d/e",
      "create ok.txt"
    ])
    assert.isTrue(plan.diagnostics?.every((d) => d.code === "CW704"))
    assert.deepStrictEqual(dir.all(), { "ok.txt": "ok\n" })
  })

  it("keeps a file of its own whose path begins to collide", async () => {
    using dir = folder()
    await once({ directory: dir.root }, { "case.txt": "1" })
    const { plan } = await once({ directory: dir.root }, { "case.txt": "1", "Case.txt": "2" })
    assert.deepStrictEqual(short(plan.items), ["conflict Case.txt", "conflict case.txt"])
    assert.deepStrictEqual(dir.all(), { "case.txt": "1" })
  })

  it("does nothing with records it cannot read, that are another's, or that point outside", async () => {
    const broken: ReadonlyArray<readonly [code: string, text: string]> = [
      ["CW705", "{"],
      ["CW705", "[]"],
      ["CW705", '{"version":1,"pipeline":"test","entries":{"../../etc/passwd":{"digest":"x"}}}'],
      ["CW705", '{"version":1,"pipeline":"test","entries":{"x":{}}}'],
      ["CW706", '{"version":1,"pipeline":"other","entries":{}}']
    ]
    for (const [code, text] of broken) {
      using dir = folder()
      await once({ directory: dir.root }, { "x.txt": "x\n" })
      dir.write(manifest, text)
      const { plan } = await once({ directory: dir.root }, { "y.txt": "y\n" })
      assert.strictEqual(plan.failed?.get(".")?.code, code)
      assert.deepStrictEqual(dir.all(), { "x.txt": "x\n" })
      assert.strictEqual(dir.read(manifest), text)
    }
  })

  it("two sinks of one folder do not meet, nor do two pipelines", async () => {
    using dir = folder()
    await once({ directory: dir.root, pipeline: "one" }, { "x.txt": "x\n" })
    await once({ directory: dir.root, pipeline: "two" }, { "y.txt": "y\n" })
    assert.deepStrictEqual(short((await planOnly({ directory: dir.root, pipeline: "one" }, {})).items), [
      "delete x.txt"
    ])
  })
})

describe("others at the same time", () => {
  const lock = ".cw/nodes/test.node/lock"
  const here = (pid: number, alive: ReadonlyArray<number>) => ({
    pid,
    machine: "here",
    isAlive: (p: number) => alive.includes(p)
  })
  const note = (pid: number, machine: string) =>
    JSON.stringify({ pid, machine, since: "2026-01-01T00:00:00Z", token: `t${pid}` })

  it("waits for a lock that is held, and takes over one whose holder is gone", async () => {
    const old = new Date(Date.now() - 120_000)
    const cases: ReadonlyArray<readonly [what: string, text: string, taken: boolean, at?: Date]> = [
      ["a process that lives", note(7, "here"), false],
      ["a dead process", note(8, "here"), true],
      ["a former process of our own id", note(1, "here"), true],
      ["another machine that beats", note(8, "there"), false],
      ["another machine that fell silent", note(7, "there"), true, old],
      ["a process killed while it took it", '{"pid":', true]
    ]
    for (const [what, text, taken, at] of cases) {
      using dir = folder()
      dir.write(lock, text)
      if (at !== undefined) fs.utimesSync(dir.at(lock), at, at)
      const result = await once({ directory: dir.root, process: here(1, [1, 7]) }, { "x.txt": "x\n" }).catch(
        (error: PluginError) => error
      )
      if (taken) {
        assert.deepStrictEqual(Object.keys(dir.all(true)).sort(), [manifest, "x.txt"], what)
        continue
      }
      assert.deepStrictEqual(
        [(result as PluginError).retryable, (result as PluginError).diagnostics?.[0]?.code],
        [true, "CW804"],
        what
      )
      assert.deepStrictEqual(dir.all(), {}, what)
      assert.strictEqual(dir.read(lock), text)
    }
  })

  it("two processes that apply at once: both end, or one says that it is locked out or late; nothing is lost", async () => {
    using dir = folder()
    await once({ directory: dir.root }, { "x.txt": "0\n", "y.txt": "y\n" })
    const states = [1, 2, 3, 4].map((n) => ({ "x.txt": `${n}\n`, [`n${n}.txt`]: "n\n" }))
    const alive = here(1, [1, 101, 102, 103, 104])
    const ends = await Promise.allSettled(
      states.map((state, i) => once({ directory: dir.root, process: { ...alive, pid: 101 + i } }, state))
    )
    assert.isTrue(ends.some((end) => end.status === "fulfilled"))
    for (const end of ends)
      if (end.status === "rejected") assert.strictEqual((end.reason as PluginError).diagnostics?.[0]?.code, "CW804")
    await once({ directory: dir.root, process: alive }, { "x.txt": "last\n" })
    assert.deepStrictEqual(dir.all(true)["x.txt"], "last\n")
    assert.deepStrictEqual(Object.keys(dir.all(true)).sort(), [manifest, "x.txt"])
  })

  it("what changed since the plan is neither replaced nor deleted", async () => {
    const meddle: Readonly<Record<string, (dir: Folder) => unknown>> = {
      "x.txt": (dir) => dir.write("x.txt", "edited\n"),
      "y.txt": (dir) => dir.write("y.txt", "edited\n"),
      "new.txt": (dir) => dir.write("new.txt", "foreign\n"),
      "x.txt y.txt new.txt": (dir) => once({ directory: dir.root }, { "other.txt": "other\n" }, { adopt: true })
    }
    for (const [names, act] of Object.entries(meddle)) {
      using dir = folder()
      await once({ directory: dir.root }, { "x.txt": "x\n", "y.txt": "y\n" })
      const report = await run(
        { directory: dir.root },
        Effect.gen(function* () {
          const sink = yield* files(() => listOf({ "x.txt": "x2\n", "new.txt": "new\n" }))
          const plan = yield* sink.plan(desired(1))
          yield* Effect.promise(async () => act(dir))
          const after = dir.all()
          const report = yield* sink.apply(plan, desired(1))
          for (const name of names.split(" ")) assert.strictEqual(dir.all()[name], after[name], names)
          return report
        })
      )
      for (const name of names.split(" "))
        assert.notStrictEqual(report.items.find((i) => i.id === name)?.outcome, "applied", names)
      await once({ directory: dir.root }, { "x.txt": "x3\n" }, { overwrite: true })
      assert.strictEqual(dir.read("x.txt"), "x3\n")
    }
  })

  it("a journal beside a manifest that it does not continue says nothing", async () => {
    using dir = folder()
    const big = Object.fromEntries(Array.from({ length: 1100 }, (_, i) => [`${i}.txt`, "x\n"]))
    await run({ directory: dir.root, finite: false }, deliver([big, { ...big, "7.txt": "y\n" }]))
    const journal = manifest.replace("manifest.json", "journal.ndjson")
    const text = dir.read(journal)
    assert.strictEqual(text.trimEnd().split("\n").length, 3)
    await once({ directory: dir.root }, { ...big, "7.txt": "z\n" })
    assert.isFalse(fs.existsSync(dir.at(journal)))
    // As if the process had been killed before it removed the journal.
    dir.write(journal, text)
    const { items, bookkeeping } = await planOnly({ directory: dir.root }, { ...big, "7.txt": "new\n" })
    assert.deepStrictEqual([short(items), bookkeeping], [["update 7.txt"], true])
  })
})

describe("what an author may return", () => {
  const planned = (f: Parameters<typeof files>[0], node?: string) => {
    const plan = Effect.flatMap(files(f), (sink) => sink.plan(desired(1)))
    return (world: World) => run(world, node === undefined ? plan : Effect.provideService(plan, NodeName, node))
  }

  it("a list, a Promise or an Effect; anything else is said", async () => {
    using dir = folder()
    const world = { directory: dir.root }
    for (const f of [
      () => listOf({ x: "1" }),
      async () => listOf({ x: "1" }),
      () => Effect.succeed(listOf({ x: "1" }))
    ]) {
      assert.deepStrictEqual(short((await planned(f)(world)).items), ["create x"])
    }
    for (const bad of [undefined, {}, [null], [{ path: "x" }], [{ path: 1, text: "" }]]) {
      const error = await planned((() => bad) as never)(world).catch((e: PluginError) => e)
      assert.include((error as PluginError).message, "Sink.files needs a list")
    }
    const thrown = await planned(() => Effect.fail(new Error("no address")))(world).catch((e: PluginError) => e)
    assert.include((thrown as PluginError).message, "no address")
  })

  it("two nodes of one folder have their own records", async () => {
    using dir = folder()
    const world = { directory: dir.root }
    for (const node of ["hosts", "zones"]) {
      const sink = Effect.flatMap(
        files(() => listOf({ [node]: "x" })),
        (s) => Effect.flatMap(s.plan(desired(1)), (p) => s.apply(p, desired(1)))
      )
      await run(world, Effect.provideService(sink, NodeName, node))
    }
    assert.deepStrictEqual(short((await planned(() => [], "hosts")(world)).items), ["delete hosts"])
    assert.deepStrictEqual(short((await planned(() => [], "zones")(world)).items), ["delete zones"])
  })
})

describe("faults", () => {
  const before: Texts = { "a/x.txt": "x1\n", "a/y.txt": "y1\n", "b/z.txt": "z1\n", "top.txt": "t\n" }
  const after: Texts = { "a/x.txt": "x2\n", "c/d/n.txt": "n\n", "top.txt": "t\n" }
  const later: Texts = { "a/x.txt": "x3\n", "c/d/n.txt": "n3\n" }
  const owned = (text: string) => [
    ...(fromText(text) as { readonly entries: ReadonlyMap<string, unknown> }).entries.keys()
  ]

  const calls = async (dir: { readonly root: string }): Promise<number> => {
    let n = 0
    await once({ directory: dir.root, around: (_op, _target, call) => Effect.suspend(() => (n++, call)) }, after)
    return n
  }

  it("an error at any call leaves each file old or new, forgets nothing, deletes nothing, and the next run converges", async () => {
    using probe = folder()
    await once({ directory: probe.root }, before)
    const total = await calls(probe)
    assert.isAbove(total, 40)
    for (let n = 1; n <= total; n++) {
      using dir = folder()
      await once({ directory: dir.root }, before)
      let count = 0
      let hit = ""
      const around = (op: string, target: string, call: Effect.Effect<any, any, any>) =>
        Effect.suspend(() => {
          if (++count !== n) return call
          hit = `${op} ${target}`
          return Effect.fail(enospc(op, target))
        })
      const result = await once({ directory: dir.root, around }, after).catch((error: Error) => error)
      const there = dir.all()
      for (const [name, text] of Object.entries(there))
        assert.oneOf(text, [before[name], after[name], ""], `${n} ${hit}: ${name}`)
      const listed = owned(dir.read(manifest))
      for (const name of Object.keys(there)) if (!name.endsWith("/")) assert.include(listed, name, `${n} ${hit}`)
      if (
        !(result instanceof Error) &&
        result.report.items.some((i) => i.outcome === "failed" && i.op !== "delete" && !i.id.startsWith(".cw"))
      ) {
        assert.deepInclude(there, { "a/y.txt": "y1\n", "b/z.txt": "z1\n" }, `${n} ${hit}`)
      }
      const rerun = await once({ directory: dir.root }, after)
      assert.isTrue(
        rerun.report.items.every((i) => i.outcome === "applied"),
        `${n} ${hit}`
      )
      assert.deepStrictEqual(dir.all(), after, `${n} ${hit}`)
      assert.isEmpty(
        Object.keys(dir.all(true)).filter((name) => /\.cw-|lock/.test(name)),
        `${n} ${hit}`
      )
      assert.sameMembers(owned(dir.read(manifest)), Object.keys(after))
    }
  })

  const reading = new Set(["lstat", "stat", "read", "readFile", "readDirectory"])

  for (const mode of ["kill", "interrupt"] as const) {
    it(`${mode} at any write, the next run converges, to whatever is wanted then`, async () => {
      for (let n = 1, last = false; !last; n++) {
        for (const edge of mode === "kill" ? (["before", "half"] as const) : (["before"] as const)) {
          using dir = folder()
          await once({ directory: dir.root }, before)
          let count = 0
          let hit = ""
          const stop = Promise.withResolvers<void>()
          const told = Promise.withResolvers<void>()
          const around: Around = (op, target, call, half) =>
            Effect.suspend(() => {
              if (mode === "kill" && hit !== "") return Effect.never
              // Right after one write is right before the next one.
              if (reading.has(op) || ++count !== n || (edge === "half" && half === undefined)) return call
              hit = `${op} ${target} ${edge}`
              return Effect.flatMap(edge === "before" ? Effect.void : half!, () => {
                stop.resolve()
                if (mode === "kill") return Effect.never
                // Where interrupts wait, as while the lock is taken, it goes on.
                return Effect.andThen(
                  Effect.promise(() => told.promise),
                  call
                )
              })
            })
          const process = { pid: 4_000_000 + n, machine: "here", isAlive: () => false }
          const controller = new AbortController()
          const ended = run({ directory: dir.root, around, process }, deliver([after]), {
            signal: controller.signal
          }).catch(() => {})
          await Promise.race([stop.promise, ended])
          if (hit === "") {
            last = edge === "before"
            break
          }
          if (mode === "interrupt") {
            controller.abort()
            told.resolve()
            await ended
            assert.isEmpty(
              Object.keys(dir.all(true)).filter((name) => /\.cw-.*tmp|lock/.test(name)),
              `${n} ${hit}`
            )
          }
          for (const [name, text] of Object.entries(dir.all())) {
            if (!name.includes(".cw-")) assert.oneOf(text, [before[name], after[name], ""], `${n} ${hit}: ${name}`)
          }
          const wanted = n % 2 === 0 ? after : later
          const rerun = await once({ directory: dir.root, process: { ...process, pid: 5_000_000 } }, wanted)
          const stuck = rerun.plan.items.filter((i) => i.op === "conflict" || i.op === "held")
          assert.deepStrictEqual(stuck, [], `${n} ${hit}`)
          assert.deepStrictEqual(dir.all(), wanted, `${n} ${hit}`)
          assert.sameMembers(owned(dir.read(manifest)), Object.keys(wanted))
          assert.isEmpty(
            Object.keys(dir.all(true)).filter((name) => name.includes(".cw-")),
            `${n} ${hit}`
          )
        }
        if (n > 200) assert.fail("it never ends")
      }
    })
  }
})
