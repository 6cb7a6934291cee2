import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import type { Artifact } from "@coddiwomple/core/Artifact"
import type { Desired } from "@coddiwomple/core/Desired"
import { decodeOptions } from "@coddiwomple/core/Node"
import { defaultLimits, type Policy, secure } from "@coddiwomple/core/Guard"
import { Host } from "@coddiwomple/core/Host"
import { executable, type Plan, type Report } from "@coddiwomple/core/Plan"
import { PluginError } from "@coddiwomple/core/PluginError"
import type { SinkImpl } from "@coddiwomple/core/Sink"
import { FakeHost, FaultyFileSystem, Given, Worlds } from "@coddiwomple/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import { assert, describe, it } from "vitest"
import { parse } from "yaml"
import type { Config } from "../src/Config.ts"
import plugin from "../src/index.ts"

type Settings = Partial<typeof Config.Encoded>

const platform = NodeServices.layer
/** A process with this sink, as the engine drives it. */
const make = (directory: string, config: Settings = {}, finite = true) => {
  const host = FakeHost.make({ directory, finite })
  return Effect.gen(function* () {
    const decoded = yield* Schema.decodeUnknownEffect(plugin.config, decodeOptions)({ path: ".", ...config })
    return (yield* plugin.make(decoded)) as SinkImpl<Plan>
  }).pipe(Effect.provideService(Host, host.service), Effect.scoped, Effect.provide(platform))
}

const step = (sink: SinkImpl<Plan>, desired: Desired, policy: Policy = "sync") =>
  Effect.gen(function* () {
    const safety = { policy, limits: defaultLimits, allowDeletes: "all" as const, partitions: [], held: desired.held }
    const plan = secure(yield* sink.plan(desired), safety)
    const idle = executable(plan).length === 0 && plan.bookkeeping !== true
    const report: Report = idle ? { items: [] } : yield* sink.apply(plan, desired)
    return { plan, report }
  })

const deliver = (directory: string, states: ReadonlyArray<Desired>, config: Settings = {}, policy: Policy = "sync") =>
  Effect.runPromise(
    Effect.flatMap(make(directory, config), (sink) => Effect.forEach(states, (desired) => step(sink, desired, policy)))
  )

const model = Given.model({ clusters: ["a", "b"] })
const { fleet } = model
const desired = (artifacts: ReadonlyArray<Artifact>, more: Parameters<typeof Given.desired>[1] = {}) =>
  Given.desired(artifacts, { model, ...more })
const held = (identity: string) => ({ held: [{ identity, diagnostics: [] }] })
const list = (plan: Plan) => plan.items.map((i) => `${i.op} ${i.target} ${i.id}`)
const files = (root: string) =>
  (fs.readdirSync(root, { recursive: true, withFileTypes: true }) as Array<fs.Dirent>)
    .filter((e) => e.isFile() && !e.parentPath.includes(".cw"))
    .map((e) => `${e.parentPath}/${e.name}`.slice(root.length + 1))
    .sort()
const resources = (dir: Worlds.Directory, cluster: string): ReadonlyArray<string> =>
  parse(dir.read(`${cluster}/kustomization.yaml`)).resources

const reviews = Given.configMap(fleet, "reviews", { v: "1" }, { service: "reviews" })
const ratings = Given.configMap(fleet, "ratings", { v: "1" }, { service: "ratings", in: ["b"] })
const role = Given.object(fleet, {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRole",
  metadata: { name: "cw:reader" }
})
const zone = Given.file(fleet, "zones/db.global", "zone\n")

describe("layout", () => {
  it("has a folder per cluster, a file per object, files at their path, and lists the objects", async () => {
    using dir = Worlds.directory()
    await deliver(dir.directory, [desired([role, zone, reviews, ratings])])
    assert.deepStrictEqual(files(dir.directory), [
      "a/_cluster/clusterrole-cw%3Areader.yaml",
      "a/default/configmap-reviews.yaml",
      "a/kustomization.yaml",
      "a/zones/db.global",
      "b/_cluster/clusterrole-cw%3Areader.yaml",
      "b/default/configmap-ratings.yaml",
      "b/default/configmap-reviews.yaml",
      "b/kustomization.yaml",
      "b/zones/db.global"
    ])
    assert.deepStrictEqual(resources(dir, "b"), [
      "_cluster/clusterrole-cw%3Areader.yaml",
      "default/configmap-ratings.yaml",
      "default/configmap-reviews.yaml"
    ])
    assert.strictEqual(dir.read("a/default/configmap-reviews.yaml"), reviews.text)
  })

  it("names the group only where it must, and takes it away again", async () => {
    using dir = Worlds.directory()
    const gateway = (group: string) =>
      Given.object(fleet, { apiVersion: `${group}/v1`, kind: "Gateway", metadata: { name: "x", namespace: "n" } })
    const [istio, kube] = [gateway("networking.istio.io"), gateway("gateway.networking.k8s.io")]
    await deliver(dir.directory, [desired([istio])])
    assert.deepStrictEqual(resources(dir, "a"), ["n/gateway-x.yaml"])
    // Even where the old file may not be deleted, its object is listed once.
    const { plan } = (await deliver(dir.directory, [desired([istio, kube])], {}, "upsert-only"))[0]!
    assert.include(list(plan), "held a n/gateway-x.yaml")
    const both = ["n/gateway.gateway.networking.k8s.io-x.yaml", "n/gateway.networking.istio.io-x.yaml"]
    assert.deepStrictEqual(resources(dir, "a"), both)
    await deliver(dir.directory, [desired([istio, kube])])
    assert.deepStrictEqual(
      files(dir.directory).filter((f) => f.startsWith("a/n")),
      both.map((f) => `a/${f}`)
    )
    await deliver(dir.directory, [desired([istio])])
    assert.deepStrictEqual(resources(dir, "a"), ["n/gateway-x.yaml"])
  })

  it("refuses artifacts that want one place, and paths that are unsafe or its own; the others go on", async () => {
    using dir = Worlds.directory()
    const evil = `../evil-of-${dir.directory.split("/").at(-1)}`
    const bad = [
      Given.file(fleet, evil, "x"),
      Given.file(fleet, "kustomization.yaml", "x"),
      Given.file(fleet, "Zones/db.global", "other\n", { in: ["a"] })
    ]
    const { plan, report } = (await deliver(dir.directory, [desired([zone, reviews, ...bad])]))[0]!
    assert.deepStrictEqual(
      list(plan).filter((l) => l.startsWith("conflict")),
      [
        `conflict a ${evil}`,
        "conflict a Zones/db.global",
        "conflict a file:kustomization.yaml",
        "conflict a zones/db.global",
        `conflict b ${evil}`,
        "conflict b file:kustomization.yaml"
      ]
    )
    assert.isTrue(report.items.every((i) => i.outcome === "applied"))
    assert.deepStrictEqual(files(dir.directory), [
      "a/default/configmap-reviews.yaml",
      "a/kustomization.yaml",
      "b/default/configmap-reviews.yaml",
      "b/kustomization.yaml",
      "b/zones/db.global"
    ])
    assert.isFalse(fs.existsSync(dir.path(evil)))
  })

  it("refuses layouts that let clusters meet", () => {
    for (const layout of [
      "{namespace}/{kind}-{name}.yaml",
      "{cluster}-{name}/{kind}.yaml",
      "{namespace}/{cluster}/{kind}-{name}",
      "../{cluster}/{kind}-{name}",
      "{cluster}",
      "{cluster}/{cluster}/{kind}-{name}",
      "{cluster}/{kind}",
      "{cluster}/{nam}/{kind}-{name}"
    ]) {
      assert.isTrue(Schema.decodeUnknownResult(plugin.config)({ path: ".", layout })._tag === "Failure", layout)
    }
  })

  it("keeps clusters apart whose folders are one on some systems", async () => {
    using dir = Worlds.directory()
    const two = Given.model({ clusters: ["a", "A", "b"] })
    const { plan } = (
      await deliver(dir.directory, [desired([Given.configMap(two.fleet, "x", {})], { model: two })])
    )[0]!
    assert.deepStrictEqual(
      [...(plan.failed ?? [])].map(([name, d]) => `${name} ${d.code}`),
      ["A CW704", "a CW704"]
    )
    assert.deepStrictEqual(files(dir.directory), ["b/default/configmap-x.yaml", "b/kustomization.yaml"])
  })

  it("a cluster whose name changes its case only waits, until the old folder is away", async () => {
    using dir = Worlds.directory()
    const of = (...clusters: ReadonlyArray<string>) => {
      const model = Given.model({ clusters })
      return desired([Given.configMap(model.fleet, "x", {})], { model })
    }
    await deliver(dir.directory, [of("east", "b")])
    const before = files(dir.directory)
    const { plan, report } = (await deliver(dir.directory, [of("East", "b")]))[0]!
    assert.deepStrictEqual([...(plan.failed ?? [])].map(([name, d]) => `${name} ${d.code}`).sort(), [
      "./east CW704",
      "East CW704"
    ])
    assert.deepStrictEqual([list(plan), report.items, files(dir.directory)], [[], [], before])
    fs.rmSync(dir.path("east"), { recursive: true })
    fs.rmSync(dir.path(".cw/clusters/east"), { recursive: true })
    const later = (await deliver(dir.directory, [of("East", "b")]))[0]!
    assert.deepStrictEqual([...(later.plan.failed ?? [])], [])
    assert.deepStrictEqual(files(dir.directory), before.map((f) => f.replace("east", "East")).sort())
  })
})

for (const single of [false, true]) {
  const name = single ? "one file per cluster" : "one file per object"
  const objects = (dir: Worlds.Directory, cluster: string): ReadonlyArray<string> => {
    if (!fs.existsSync(dir.path(cluster))) return []
    const texts = single
      ? dir.read(`${cluster}/manifest.yaml`).split(/^---$/m).slice(1)
      : resources(dir, cluster).map((r) => dir.read(`${cluster}/${r}`))
    return texts.map((text) => parse(text).metadata.name).sort()
  }

  describe(`prune, ${name}`, () => {
    it("keeps and lists what is held, whoever holds it", async () => {
      using dir = Worlds.directory()
      await deliver(dir.directory, [desired([reviews, ratings])], { single })
      const held_ = (await deliver(dir.directory, [desired([reviews], held("ratings"))], { single }))[0]!
      assert.deepStrictEqual(
        held_.plan.items.map((i) => `${i.op} ${i.target} ${i.service}`),
        ["held b ratings"]
      )
      const upsert = (
        await deliver(
          dir.directory,
          [desired([Given.configMap(fleet, "reviews", { v: "2" }, { service: "reviews" })])],
          { single },
          "upsert-only"
        )
      )[0]!
      assert.deepStrictEqual(
        upsert.plan.items.filter((i) => i.op === "held").map((i) => `${i.intended} ${i.service}`),
        ["delete ratings"]
      )
      assert.deepStrictEqual([objects(dir, "a"), objects(dir, "b")], [["reviews"], ["ratings", "reviews"]])
      await deliver(dir.directory, [desired([reviews])], { single })
      assert.deepStrictEqual([objects(dir, "a"), objects(dir, "b")], [["reviews"], ["reviews"]])
    })

    it("clears the folder of a cluster that is gone, also in a new process", async () => {
      using dir = Worlds.directory()
      const less = Given.model({ clusters: ["a"] })
      const rest = desired([Given.configMap(less.fleet, "reviews", { v: "1" }, { service: "reviews" })], {
        model: less,
        generation: 2
      })
      await deliver(dir.directory, [desired([reviews, zone])], { single })
      const { plan } = (await deliver(dir.directory, [rest], { single }))[0]!
      assert.isTrue(plan.items.filter((i) => i.target === "b").every((i) => i.op === "delete"))
      assert.isFalse(fs.existsSync(dir.path("b")))
      assert.deepStrictEqual(objects(dir, "a"), ["reviews"])
      await deliver(dir.directory, [desired([]), desired([reviews, zone], { generation: 2 })], { single })
      await deliver(dir.directory, [desired([reviews]), rest], { single })
      assert.isFalse(fs.existsSync(dir.path("b")))
    })

    it("a failed write holds the deletes of its cluster, and the list names nothing that is not there", async () => {
      using dir = Worlds.directory()
      await deliver(dir.directory, [desired([reviews, ratings])], { single })
      const details = Given.configMap(fleet, "details", { v: "1" }, { service: "details" })
      const fault = FaultyFileSystem.over({
        op: "rename",
        path: single ? "b/manifest.yaml" : "b/default/configmap-details.yaml",
        bring: "ENOSPC"
      })
      const host = FakeHost.make({ directory: dir.directory })
      const { plan, report } = await Effect.runPromise(
        Effect.gen(function* () {
          const decoded = yield* Schema.decodeUnknownEffect(plugin.config, decodeOptions)({ path: ".", single })
          return yield* step((yield* plugin.make(decoded)) as SinkImpl<Plan>, desired([reviews, details]))
        }).pipe(Effect.provideService(Host, host.service), Effect.scoped, Effect.provide(fault(platform)))
      )
      assert.include(
        plan.items.map((i) => `${i.op} ${i.target} ${i.service}`),
        "delete b ratings"
      )
      assert.deepInclude(
        report.items.filter((i) => i.target === "b" && i.op === "delete").map((i) => i.outcome),
        "skipped"
      )
      assert.isTrue(report.items.filter((i) => i.target === "a").every((i) => i.outcome === "applied"))
      assert.deepStrictEqual(
        [objects(dir, "a"), objects(dir, "b")],
        [
          ["details", "reviews"],
          ["ratings", "reviews"]
        ]
      )
      await deliver(dir.directory, [desired([reviews, details])], { single })
      assert.deepStrictEqual(objects(dir, "b"), ["details", "reviews"])
    })
  })
}

describe("ownership", () => {
  it("does not delete what a kustomization.yaml names that it may not change", async () => {
    using dir = Worlds.directory()
    await deliver(dir.directory, [desired([reviews, ratings])])
    fs.appendFileSync(dir.path("b/kustomization.yaml"), "# mine\n")
    const { plan } = (await deliver(dir.directory, [desired([reviews])]))[0]!
    assert.deepStrictEqual(list(plan), ["held b default/configmap-ratings.yaml", "conflict b kustomization.yaml"])
    assert.isTrue(files(dir.directory).includes("b/default/configmap-ratings.yaml"))
  })

  it("one bad cluster folder does not hold up the others", async () => {
    using dir = Worlds.directory()
    using outside = Worlds.directory()
    fs.symlinkSync(outside.directory, dir.path("a"))
    const { plan, report } = (await deliver(dir.directory, [desired([reviews])]))[0]!
    assert.deepStrictEqual(
      [...(plan.failed ?? [])].map(([target, d]) => `${target} ${d.code}`),
      ["a CW704"]
    )
    assert.isTrue(report.items.length > 0 && report.items.every((i) => i.target === "b" && i.outcome === "applied"))
    assert.deepStrictEqual(fs.readdirSync(outside.directory), [])
  })

  it("refuses the folder of another pipeline", async () => {
    using dir = Worlds.directory()
    await deliver(dir.directory, [desired([reviews])])
    const host = FakeHost.make({ directory: dir.directory, pipeline: "other" })
    const plan = await Effect.runPromise(
      Effect.gen(function* () {
        const sink = (yield* plugin.make(
          yield* Schema.decodeUnknownEffect(plugin.config)({ path: "." })
        )) as SinkImpl<Plan>
        return yield* sink.plan(desired([reviews], { pipeline: "other" }))
      }).pipe(Effect.provideService(Host, host.service), Effect.scoped, Effect.provide(platform))
    )
    assert.deepStrictEqual(
      [...(plan.failed ?? [])].map(([, d]) => d.code),
      ["CW706", "CW706"]
    )
  })

  it("moves everything when the layout changes, without naming an object twice", async () => {
    using dir = Worlds.directory()
    await deliver(dir.directory, [desired([reviews, ratings])])
    const layout = "{cluster}/{service}/{kind}-{name}.yaml"
    await deliver(dir.directory, [desired([reviews, ratings])], { layout }, "upsert-only")
    assert.deepStrictEqual(resources(dir, "b"), ["ratings/configmap-ratings.yaml", "reviews/configmap-reviews.yaml"])
    const other = "all/{cluster}/{kind}-{name}.yaml"
    await deliver(dir.directory, [desired([reviews, ratings])], { layout: other })
    assert.deepStrictEqual(files(dir.directory), [
      "all/a/configmap-reviews.yaml",
      "all/a/kustomization.yaml",
      "all/b/configmap-ratings.yaml",
      "all/b/configmap-reviews.yaml",
      "all/b/kustomization.yaml"
    ])
  })
})

describe("a watching run", () => {
  const big = (n: number, value: (i: number) => string) =>
    Array.from({ length: n }, (_, i) =>
      Given.configMap(fleet, `s${i}`, { v: value(i) }, { service: `s${i}`, in: ["a"] })
    )

  it("records small changes in a journal, and a new process reads it", async () => {
    using dir = Worlds.directory()
    const base = big(1200, () => "1")
    const moment = (artifacts: ReadonlyArray<Artifact>) => ({ artifacts, model })
    const changed = Given.configMap(fleet, "s7", { v: "2" }, { service: "s7", in: ["a"] })
    const states = Given.sequence([
      moment(base),
      moment(base.with(7, changed)),
      moment(base.with(7, changed).slice(0, -1))
    ])
    const manifest = dir.path(".cw/clusters/a/manifest.json")
    await Effect.runPromise(
      Effect.gen(function* () {
        const sink = yield* make(dir.directory, { kustomization: false }, false)
        yield* step(sink, states[0]!)
        const before = fs.statSync(manifest).mtimeMs
        for (const state of states.slice(1)) {
          const { plan, report } = yield* step(sink, state)
          assert.strictEqual(plan.items.length, 1)
          assert.isTrue(report.items.every((i) => i.outcome === "applied"))
        }
        assert.strictEqual(fs.statSync(manifest).mtimeMs, before)
      })
    )
    assert.isTrue(fs.existsSync(dir.path(".cw/clusters/a/journal.ndjson")))
    const { plan } = (
      await deliver(dir.directory, [desired(states[2]!.groupNames.flatMap((g) => [...states[2]!.group(g)]))], {
        kustomization: false
      })
    )[0]!
    assert.deepStrictEqual([plan.items, plan.bookkeeping, plan.owned?.get("a")], [[], undefined, 1199])
    // A line that was torn, and one that belongs to another manifest, say nothing.
    fs.appendFileSync(dir.path(".cw/clusters/a/journal.ndjson"), '{"id":"defa')
    await deliver(dir.directory, [states[2]!], { kustomization: false })
    assert.isFalse(fs.existsSync(dir.path(".cw/clusters/a/journal.ndjson")))
  })

  it("looks only at files of what changed", async () => {
    using dir = Worlds.directory()
    const base = big(50, () => "1")
    const states = Given.sequence([
      { artifacts: base, model },
      { artifacts: base.with(3, Given.configMap(fleet, "s3", { v: "2" }, { service: "s3", in: ["a"] })), model }
    ])
    await Effect.runPromise(
      Effect.gen(function* () {
        const sink = yield* make(dir.directory, {}, false)
        yield* step(sink, states[0]!)
        fs.rmSync(dir.path("a/default/configmap-s9.yaml"))
        assert.deepStrictEqual(list((yield* step(sink, states[1]!)).plan), ["update a default/configmap-s3.yaml"])
        // Asked again for the same, it looks at everything.
        assert.deepStrictEqual(list((yield* step(sink, states[1]!)).plan), ["create a default/configmap-s9.yaml"])
      })
    )
  })
})

it("a folder without rights fails alone and says so", async (context) => {
  using dir = Worlds.directory()
  await deliver(dir.directory, [desired([reviews])])
  const locked = dir.path("a/default")
  // Root may write everywhere, unless the file system itself forbids it.
  const root = process.getuid?.() === 0
  const forbid = (on: boolean) => {
    if (root) execFileSync("chattr", [on ? "+i" : "-i", locked], { stdio: "ignore" })
    else fs.chmodSync(locked, on ? 0o555 : 0o755)
  }
  try {
    forbid(true)
  } catch {
    return context.skip("root, and a file system without immutable folders")
  }
  try {
    const next = desired([Given.configMap(fleet, "reviews", { v: "2" }, { service: "reviews" })])
    const { report } = (await deliver(dir.directory, [next]))[0]!
    const failed = report.items.filter((i) => i.outcome === "failed")
    const expected = ["a default/configmap-reviews.yaml"]
    assert.deepStrictEqual(
      failed.map((i) => `${i.target} ${i.id}`),
      expected
    )
    assert.match(failed[0]!.message!, /EACCES|EPERM/)
    assert.strictEqual(dir.read("a/default/configmap-reviews.yaml"), reviews.text)
  } finally {
    forbid(false)
  }
})

describe("a new process", () => {
  it("looks at what it wrote without reading it; what somebody changed, and all of it without its cache, is read", async () => {
    using dir = Worlds.directory()
    const cacheDirectory = `${dir.directory}-cache`
    const many = Array.from({ length: 1100 }, (_, i) => Given.configMap(fleet, `m${i}`, { v: "1" }, { in: ["a"] }))
    let opened = 0
    const run = () =>
      Effect.runPromise(
        Effect.gen(function* () {
          const real = yield* FileSystem.FileSystem
          opened = 0
          const counting = FileSystem.FileSystem.of({
            ...real,
            open: (file, options) => {
              if (file.includes("configmap-")) opened++
              return real.open(file, options)
            }
          })
          const host = FakeHost.make({ directory: dir.directory, cacheDirectory })
          const decoded = yield* Schema.decodeUnknownEffect(plugin.config, decodeOptions)({ path: "." })
          const sink = (yield* plugin
            .make(decoded)
            .pipe(
              Effect.provideService(FileSystem.FileSystem, counting),
              Effect.provideService(Host, host.service)
            )) as SinkImpl<Plan>
          return yield* step(sink, desired(many))
        }).pipe(Effect.scoped, Effect.provide(platform))
      )
    await run()
    assert.deepStrictEqual(list((await run()).plan), [])
    assert.strictEqual(opened, 0)
    dir.write("a/default/configmap-m7.yaml", "mine\n")
    assert.deepStrictEqual(list((await run()).plan), ["conflict a default/configmap-m7.yaml"])
    assert.strictEqual(opened, 1)
    const [kept] = fs.readdirSync(`${cacheDirectory}/files`)
    const file = `${cacheDirectory}/files/${kept}`
    fs.writeFileSync(file, fs.readFileSync(file, "utf8").slice(0, -10))
    assert.deepStrictEqual(list((await run()).plan), ["conflict a default/configmap-m7.yaml"])
    assert.strictEqual(opened, 1100)
    fs.rmSync(cacheDirectory, { recursive: true })
  })
})

describe("a path where no folder can be", () => {
  const linux = it.skipIf(!fs.existsSync("/proc/self") || !fs.existsSync("/dev/full"))
  const outcome = (path: string) => deliver("/tmp", [desired([reviews])], { path }).catch((error: Error) => error)

  linux.each([
    ["/dev/full", "cannot write to /dev/full: /dev/full is a device, not a folder"],
    ["/dev/null/out", "cannot write to /dev/null/out: /dev/null is a device, not a folder"],
    ["/proc/cw/out", "cannot write to /proc/cw/out: /proc/cw cannot be made: nothing can be created there"],
    ["/proc/self/fd", "cannot write to /proc/self/fd: /proc/self/fd/.cw cannot be made: nothing can be created there"]
  ])(
    "%s is refused at once, and said why",
    async (path, message) => {
      const error = await outcome(path)
      assert.instanceOf(error, PluginError)
      const { diagnostics, retryable } = error as PluginError
      assert.deepStrictEqual([(error as Error).message, retryable, diagnostics?.[0]?.code], [message, false, "CW704"])
    },
    10_000
  )
})
