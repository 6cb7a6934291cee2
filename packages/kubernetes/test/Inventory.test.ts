// The inventory in a cluster: shards, two writers at once, killed writers; unreadable is never smaller.
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type ApiServer, startApiServer } from "../../../test/parts/ApiServer.ts"
import { lacking } from "../../../test/parts/Parts.ts"
import type { Entry } from "@coddiwomple/core/Inventory"
import * as Client from "../src/Client.ts"
import { make, type InventoryStore } from "../src/InventoryStore.ts"
import { type Intercept, startIntercept } from "./Intercept.ts"

const hex = (n: number) => n.toString(16).padStart(64, "0")
const entry = (i: number): Entry => ({
  id: `networking.istio.io/ServiceEntry/istio-system/service-${i}--default`,
  digest: hex(i),
  uid: `74c5d96c-b198-46eb-8ded-${String(i).padStart(12, "0")}`,
  service: `service-${i}.default`
})
const entries = (from: number, to: number): Map<string, Entry> =>
  new Map(Array.from({ length: to - from }, (_, i) => [entry(from + i).id, entry(from + i)]))
const plus = (more: ReadonlyMap<string, Entry>) => (old: ReadonlyMap<string, Entry>) => new Map([...old, ...more])

describe.skipIf(lacking("etcd", "kube"))("inventory", () => {
  let server: ApiServer
  beforeAll(async () => {
    server = await startApiServer()
  }, 120_000)
  afterAll(() => server?.stop())

  const using = <A, E>(
    pipeline: string,
    body: (store: InventoryStore) => Effect.Effect<A, E, Scope.Scope>,
    kubeconfig = server.kubeconfig
  ): Promise<A> =>
    Effect.runPromise(
      Effect.scoped(
        Effect.flatMap(Client.connect("east", { kubeconfigPath: kubeconfig }, { budget: 2000 }), (client) =>
          body(make(client, pipeline, "default"))
        )
      )
    )
  const maps = async (
    pipeline: string
  ): Promise<ReadonlyArray<{ readonly name: string; readonly version: string; readonly size: number }>> => {
    const { items } = JSON.parse((await server.request("GET", "/api/v1/namespaces/default/configmaps")).body)
    return items
      .filter((o: { metadata: { name: string } }) => o.metadata.name.startsWith(`cw-inventory-${pipeline}`))
      .map((o: { metadata: { name: string; resourceVersion: string } }) => ({
        name: o.metadata.name,
        version: o.metadata.resourceVersion,
        size: JSON.stringify(o).length
      }))
  }

  const through = async (body: (proxy: Intercept) => Promise<void>) => {
    const proxy = await startIntercept(server)
    await body(proxy).finally(() => proxy[Symbol.asyncDispose]())
  }

  it("is empty where there is none, and writes nothing for nothing", () =>
    using("none", (store) =>
      Effect.gen(function* () {
        const loaded = yield* store.load
        expect(loaded.inventory.entries.size).toBe(0)
        yield* store.update(loaded, (old) => old)
        expect(yield* Effect.promise(() => maps("none"))).toEqual([])
      })
    ))

  it("holds more than twenty thousand entries; a change writes one shard, no change none", () =>
    using("large", (store) =>
      Effect.gen(function* () {
        let loaded = yield* store.update(yield* store.load, plus(entries(0, 22_000)))
        const first = yield* Effect.promise(() => maps("large"))
        expect(first.length).toBeGreaterThan(5)
        expect(Math.max(...first.map((m) => m.size))).toBeLessThan(1024 * 1024)
        loaded = yield* store.update(loaded, plus(new Map([[entry(7).id, { ...entry(7), digest: hex(99) }]])))
        const second = yield* Effect.promise(() => maps("large"))
        expect(second.filter((m, i) => m.version !== first[i]!.version)).toHaveLength(1)
        yield* store.update(loaded, (old) => new Map(old))
        expect(yield* Effect.promise(() => maps("large"))).toEqual(second)
        const again = yield* store.load
        expect(again.inventory.entries.size).toBe(22_000)
        expect(again.inventory.entries.get(entry(7).id)).toEqual({ ...entry(7), digest: hex(99) })
      })
    ))

  it("grows by more shards when they are full, without leftovers", () =>
    using("grows", (store) =>
      Effect.gen(function* () {
        let loaded = yield* store.update(yield* store.load, plus(entries(0, 100)))
        for (let n = 3000; n <= 12_000; n += 3000) loaded = yield* store.update(loaded, plus(entries(n - 3000, n)))
        const all = yield* Effect.promise(() => maps("grows"))
        expect(new Set(all.slice(1).map((m) => m.name.split(".")[1])).size).toBe(1)
        expect((yield* store.load).inventory.entries.size).toBe(12_000)
      })
    ))

  it("long names of pipelines that begin alike have an inventory each", async () => {
    const long = (end: string) => `a-very-long-name-of-a-pipeline-for-the-${end}-payments-and-all-of-its-friends`
    for (const name of [long("one"), long("two"), `${"x".repeat(36)}-y`])
      await using(name, (store) => Effect.flatMap(store.load, (l) => store.update(l, plus(entries(0, 1)))))
    await using(long("one"), (store) => Effect.flatMap(store.load, (l) => store.update(l, plus(entries(1, 3)))))
    await using(long("two"), (store) => Effect.map(store.load, (l) => expect(l.inventory.entries.size).toBe(1)))
  })

  it("records the cluster's name, also in a head that has none", async () => {
    await using("named", (store) => Effect.flatMap(store.load, (l) => store.update(l, plus(entries(0, 1)))))
    const head = "/api/v1/namespaces/default/configmaps/cw-inventory-named"
    const before = JSON.parse((await server.request("GET", head)).body)
    expect(before.data.cluster).toBe("east")
    delete before.data.cluster
    await server.request("PUT", head, { body: JSON.stringify(before) })
    await using("named", (store) =>
      Effect.gen(function* () {
        const loaded = yield* store.load
        expect([loaded.cluster, loaded.inventory.entries.size]).toEqual([undefined, 1])
        expect((yield* store.update(loaded, plus(entries(1, 2)))).cluster).toBe("east")
        expect((yield* store.load).inventory.entries.size).toBe(2)
      })
    )
  })

  it("two writers at once lose nothing", async () => {
    const writer = (from: number) =>
      using("both", (store) =>
        Effect.gen(function* () {
          let loaded = yield* store.load
          for (let i = 0; i < 10; i++)
            loaded = yield* store.update(loaded, plus(entries(from + i * 10, from + i * 10 + 10)))
        })
      )
    await Promise.all([writer(0), writer(1000)])
    await using("both", (store) => Effect.map(store.load, (l) => expect(l.inventory.entries.size).toBe(200)))
  })

  it("A16: killed at any request, nothing of the old one is missing, and it can be written again", async () => {
    const old = entries(0, 2000)
    const wanted = entries(0, 9000)
    for (let at = 1; ; at++) {
      const pipeline = `killed-${at}`
      await using(pipeline, (store) => Effect.flatMap(store.load, (l) => store.update(l, plus(old))))
      await through(async (proxy) => {
        let requests = 0
        proxy.decide = ({ verb }) => (verb !== "LIST" && ++requests >= at ? { cutAfter: 0 } : undefined)
        const outcome = await using(
          pipeline,
          (store) => Effect.flatMap(store.load, (l) => Effect.exit(store.update(l, plus(wanted)))),
          proxy.kubeconfig
        )
        const stored = await using(pipeline, (store) => store.load)
        expect([...old.keys()].filter((id) => !stored.inventory.entries.has(id))).toEqual([])
        expect([...stored.inventory.entries.keys()].filter((id) => !wanted.has(id))).toEqual([])
        const again = await using(pipeline, (store) => Effect.flatMap(store.load, (l) => store.update(l, plus(wanted))))
        expect(again.inventory.entries.size).toBe(wanted.size)
        if (outcome._tag === "Success") at = 1000
      })
      if (at >= 1000 || at > 12) break
    }
  }, 120_000)

  it("A21: an answer lost after the write is no conflict", async () => {
    await using("lost", (store) => Effect.flatMap(store.load, (l) => store.update(l, plus(entries(0, 10)))))
    await through(async (proxy) => {
      proxy.decide = ({ verb }, nth) => (verb === "PUT" && nth === 1 ? { cutAfter: 0 } : undefined)
      const loaded = await using(
        "lost",
        (store) => Effect.flatMap(store.load, (l) => store.update(l, plus(entries(10, 20)))),
        proxy.kubeconfig
      )
      expect(loaded.inventory.entries.size).toBe(20)
    })
  })

  it("is refused when a shard is missing, damaged, or another pipeline's", async () => {
    const problem = (pipeline: string) =>
      using(pipeline, (store) => Effect.flip(store.load)).then((e) => (e as Error).message)
    await using("torn", (store) => Effect.flatMap(store.load, (l) => store.update(l, plus(entries(0, 9000)))))
    const shard = (await maps("torn")).find((m) => m.name.includes("."))
    await server.kubectl(["patch", "configmap", shard!.name, "--type=merge", "-p", '{"data":{"entries":"{}"}}'])
    expect(await problem("torn")).toMatch(/shard .* cannot be read/)
    await server.kubectl(["delete", "configmap", shard!.name])
    expect(await problem("torn")).toMatch(/shard 1 of \d+ is missing/)
    await server.kubectl([
      "patch",
      "configmap",
      "cw-inventory-torn",
      "--type=merge",
      "-p",
      '{"data":{"pipeline":"other"}}'
    ])
    expect(await problem("torn")).toMatch(/belongs to pipeline other/)
  })
})
