import * as Artifact from "@coddiwomple/core/Artifact"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import { Host } from "@coddiwomple/core/Host"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { afterAll, describe, expect, it } from "vitest"
import { call } from "./good/Http.ts"
import { FakeHost, FaultyFileSystem, FaultyHttp, Given, Worlds } from "../src/index.ts"

describe("Given", () => {
  it("facts become models by the real fold", () => {
    const service = Given.service("reviews.shop", {
      in: { east: "reviews.shop.svc.cluster.local", west: { host: "r.example.com", weight: 2 } },
      ports: { http: [80, 9080], db: 5432 }
    })
    expect(service.hosts).toEqual(["reviews.shop.global"])
    expect(service.ports).toEqual([
      { name: "http", protocol: "HTTP", port: 80, backendPort: 9080 },
      { name: "db", protocol: "TCP", port: 5432, backendPort: 5432 }
    ])
    expect(service.backends.map((b) => [b.cluster, b.index, b.weight])).toEqual([
      ["east", 0, undefined],
      ["west", 1, 2]
    ])
    expect(() => Given.service("reviews", { in: [] })).toThrow(/not a usable model:[\s\S]*CW502/)
  })

  it("artifacts are for all clusters, or for those named", () => {
    const fleet = Given.fleet("a", "b", { name: "c", region: "north" })
    const one = Given.configMap(fleet, "x", { k: "v" }, { in: ["c"], service: "reviews" })
    expect([...ClusterSet.indices(one.targets)]).toEqual([2])
    expect([...ClusterSet.indices(Given.file(fleet, "x.txt", "x").targets)]).toEqual([0, 1, 2])
    expect(Artifact.parseId(one.id)).toEqual({ group: "", kind: "ConfigMap", namespace: "default", name: "x" })
    expect(fleet.clusters[2]).toMatchObject({ name: "c", region: "north", addresses: ["10.0.2.1"] })
  })

  it("a sequence knows what changed since when", () => {
    const story = Given.story({ pipeline: "mine" })
    expect(story.map((d) => d.generation)).toEqual([1, 2, 3, 4, 5, 6])
    expect(story[0]!.pipeline).toBe("mine")
    expect([...story[1]!.changesSince(1).groups]).toEqual(["reviews"])
    expect([...story[2]!.changesSince(1).groups].sort()).toEqual(["details", "reviews"])
    expect([...story[3]!.changesSince(3).groups]).toEqual([])
    expect(story[4]!.changesSince(0).all).toBe(true)
    expect(story[4]!.changesSince(5)).toEqual({ all: false, groups: new Set() })
    expect([...Given.story({ forms: ["file"] })[0]!.artifacts()].every((a) => a.form === "file")).toBe(true)
  })
})

describe("FaultyFileSystem", () => {
  const world = Worlds.directory()
  afterAll(world.dispose)
  const run = <A>(
    faults: ReadonlyArray<FaultyFileSystem.FileFault>,
    use: (fs: FileSystem.FileSystem) => Effect.Effect<A, unknown>
  ) =>
    Effect.runPromise(
      Effect.result(FileSystem.FileSystem.use(use)).pipe(
        Effect.provide(FaultyFileSystem.over(...faults)(NodeServices.layer))
      )
    )

  it("fails the n-th matching call, as the platform would", async () => {
    const result = await run([{ op: "writeFile", path: /b\.txt$/, nth: 2, times: 1, bring: "ENOSPC" }], (fs) =>
      Effect.gen(function* () {
        const write = (name: string) => Effect.result(fs.writeFileString(world.path(name), "text"))
        return [yield* write("a.txt"), yield* write("b.txt"), yield* write("b.txt"), yield* write("b.txt")].map((r) =>
          r._tag === "Success"
            ? "ok"
            : [r.failure.reason._tag, (r.failure.reason.cause as { readonly code?: string }).code]
        )
      })
    )
    expect(result).toMatchObject({ success: ["ok", "ok", ["Unknown", "ENOSPC"], "ok"] })
  })

  it("tears writes, through open files too", async () => {
    await run([{ op: ["writeFile", "write"], bring: "torn" }], (fs) =>
      Effect.gen(function* () {
        yield* Effect.ignore(fs.writeFileString(world.path("half.txt"), "12345678"))
        const file = yield* fs.open(world.path("open.txt"), { flag: "w" })
        yield* Effect.ignore(file.writeAll(new TextEncoder().encode("12345678")))
      }).pipe(Effect.scoped)
    )
    expect([world.read("half.txt"), world.read("open.txt")]).toEqual(["1234", "1234"])
  })
})

describe("Worlds.directory", () => {
  it("shows files, empty directories and links, and plants beside and in place", async () => {
    using world = Worlds.directory({ ignore: (name) => name.endsWith(".lock") })
    world.write("a/b/x.txt", "x")
    world.write("run.lock", "")
    const fs = await import("node:fs")
    fs.mkdirSync(world.path("empty"))
    fs.symlinkSync("a", world.path("link"))
    const before = await world.fingerprint()
    expect([...(before as ReadonlyMap<string, string>).keys()]).toEqual(["a/b/x.txt", "empty/", "link"])
    expect(await world.foreign!()).toBe("a/b/NOTES.txt")
    expect(await world.foreign!("a/b/x.txt")).toBe("a/b/x.txt")
    expect(await world.foreign!("link")).toBeUndefined()
    expect(world.read("a/b/x.txt")).toMatch(/^somebody else's/)
  })
})

describe("FaultyHttp", () => {
  it("answers, and brings the faults that are due", async () => {
    await using http = await FaultyHttp.start(({ path }) => ({ body: { path, pad: "x".repeat(1000) } }))
    const ask = (path: string) =>
      Effect.runPromise(Effect.result(call("GET", http.url + path))).then((r) =>
        r._tag === "Success" ? r.success : r.failure.message
      )
    expect(await ask("/a")).toContain('"path":"/a"')
    http.fault({ when: (r) => r.path === "/b", nth: 2, times: 1, bring: { status: 429, retryAfter: 7 } })
    expect(await ask("/b")).toContain("pad")
    expect(await ask("/b")).toMatch(/answers 429/)
    expect(await ask("/b")).toContain("pad")
    http.fault(
      { times: 1, bring: "reset" },
      { times: 1, bring: { truncate: 10 } },
      { when: (r) => r.path === "/e", bring: { status: 503, retryAfter: 7 } }
    )
    expect(await ask("/c")).toMatch(/hang up|reset|closed/i)
    expect(await ask("/d")).toMatch(/aborted|not to the end|closed|hang up/i)
    expect((await fetch(`${http.url}/e`)).headers.get("retry-after")).toBe("7")
    expect(http.requests.map((r) => r.path)).toEqual(["/a", "/b", "/b", "/b", "/c", "/d", "/e"])
  })

  it("streams", async () => {
    await using http = await FaultyHttp.start(() => ({
      body: (async function* () {
        yield "one\n"
        yield "two\n"
      })()
    }))
    expect(await (await fetch(http.url)).text()).toBe("one\ntwo\n")
  })
})

it("FakeHost keeps what is printed", async () => {
  const host = FakeHost.make({ pipeline: "mine" })
  const print = Effect.gen(function* () {
    const { stdout, pipeline } = yield* Host
    yield* stdout(new TextEncoder().encode(`${pipeline}: ö\n`))
  })
  await Effect.runPromise(Effect.provide(print, host.layer))
  expect(host.text()).toBe("mine: ö\n")
})
