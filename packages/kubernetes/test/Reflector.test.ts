// The reflector against real API servers, one test per fault: what it knows equals what the server has, always.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Effect from "effect/Effect"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { type ApiServer, startApiServer } from "../../../test/parts/ApiServer.ts"
import { lacking } from "../../../test/parts/Parts.ts"
import { until } from "../../../test/parts/Poll.ts"
import type { Raw } from "../src/List.ts"
import type { Reflection, Settings } from "../src/Reflector.ts"
import { type Intercept, startIntercept, status } from "./Intercept.ts"
import { observe, type View } from "./Observer.ts"

const uid = (object: Raw): string =>
  `${object.metadata.uid} ${(object as { data?: Record<string, string> }).data?.n ?? ""}`

describe.skipIf(lacking("etcd", "kube"))("reflector", () => {
  let server: ApiServer
  let proxy: Intercept
  let view: View | undefined
  const base = "/api/v1/namespaces/default/configmaps"

  const put = async (name: string, n: string | number = 0, labels: Record<string, string> = {}) => {
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels }, data: { n: String(n) } }
    const { status } = await server.request("PATCH", `${base}/${name}?fieldManager=t&force=true`, {
      body: JSON.stringify(body),
      type: "application/apply-patch+yaml"
    })
    expect([200, 201]).toContain(status)
  }
  const remove = async (name: string) => expect((await server.request("DELETE", `${base}/${name}`)).status).toBe(200)
  const live = async (): Promise<Map<string, string>> => {
    const { items } = JSON.parse((await server.request("GET", base)).body) as { items: Array<Raw> }
    return new Map(items.map((o) => [`default/${o.metadata.name}`, uid(o)]))
  }
  const equal = async (v: View): Promise<boolean> => {
    const want = await live()
    return want.size === v.items.size && [...want].every(([k, value]) => v.items.get(k) === value)
  }
  const settled = (v: View) =>
    until("the view equals the list", async () => v.state() === "synced" && (await equal(v)), [], 30)
  const watched = (n: number) => until(`${n} watches`, async () => proxy.count("WATCH") >= n, [], 30)

  beforeAll(async () => {
    server = await startApiServer()
  }, 120_000)
  afterAll(() => server?.stop())
  afterEach(async () => {
    await view?.stop()
    await proxy?.[Symbol.asyncDispose]()
    await server.request("DELETE", base)
  })
  const start = (
    what: Partial<Reflection<string>> = {},
    settings: Partial<Settings> = {},
    pace: Effect.Effect<void> = Effect.void
  ): View => {
    view = observe(proxy.kubeconfig, { path: base, project: uid, ...what }, settings, pace)
    return view
  }
  const begin = async (...args: Parameters<typeof start>): Promise<View> => {
    proxy = await startIntercept(server)
    view = start(...args)
    await settled(view)
    return view
  }

  it("gives one snapshot, then changes, and is synced", async () => {
    await put("a")
    const v = await begin()
    await put("b")
    await put("a", 2)
    await settled(v)
    await remove("b")
    await settled(v)
    expect(v.events.filter((e) => e._tag === "Snapshot")).toHaveLength(1)
    expect(v.statuses.map((s) => s.state)).toEqual(["synced"])
    expect(proxy.count("LIST")).toBe(1)
  })

  it("W1: a watch that the server ends is continued, without a list and without repeated events", async () => {
    await put("a")
    const v = await begin({}, { watchFor: 1000 })
    const before = v.events.length
    await watched(4)
    await put("b")
    await settled(v)
    expect(proxy.count("LIST")).toBe(1)
    expect(v.events.length - before).toBe(1)
    expect(v.statuses.map((s) => s.state)).toEqual(["synced"])
  })

  it("W2: after a restart the old version is gone: a list, and deletes of the gap once", async () => {
    for (const name of ["a", "b", "c"]) await put(name)
    const v = await begin()
    // The watch may not come back before the server has forgotten.
    proxy.decide = () => ({ status: 503, body: status(503, "ServiceUnavailable", "away") })
    proxy.drop()
    await remove("a")
    await put("d")
    await server.etcd.compact()
    await server.restart()
    expect(v.items.has("default/a")).toBe(true)
    proxy.decide = () => undefined
    await settled(v)
    const removes = v.events.flatMap((e) => (e._tag === "Delta" ? e.removes : []))
    expect(removes.filter((k) => k === "default/a")).toHaveLength(1)
    expect(v.events.filter((e) => e._tag === "Snapshot")).toHaveLength(1)
    const states = v.statuses.map((s) => s.state)
    expect(states.filter((s, i) => s !== states[i - 1])).toEqual(["synced", "stale", "synced"])
  })

  it("W4: on a quiet selector bookmarks carry the version forward", async () => {
    const v = await begin({ labelSelector: "quiet=yes" }, { watchFor: 4000 })
    for (let i = 0; i < 30; i++) await put("busy", i)
    await watched(3)
    const versions = proxy.seen
      .filter((s) => s.verb === "WATCH")
      .map((s) => Number(s.url.searchParams.get("resourceVersion")))
    expect(versions.at(-1)).toBeGreaterThanOrEqual(versions[0]! + 30)
    expect(proxy.count("LIST")).toBe(1)
    expect(v.items.size).toBe(0)
  }, 40_000)

  it("W6: answers in small pieces, characters split, a large event: nothing is lost", async () => {
    await put("a", "ü\u2028€😀".repeat(500))
    proxy = await startIntercept(server)
    proxy.decide = () => ({ pieces: 7 })
    await settled(start())
    await put("b", "ü\u2028€😀".repeat(40_000))
    await put("c")
    await settled(view!)
    expect(proxy.count("WATCH")).toBe(1)
  })

  it("W6: a cut last line is no event, and the change comes with the next watch", async () => {
    const v = await begin()
    proxy.decide = (seen) => (seen.verb === "WATCH" ? { cutAfter: 100 } : undefined)
    proxy.drop()
    await watched(2)
    await put("a")
    await watched(3)
    proxy.decide = () => undefined
    await settled(v)
    expect(proxy.seen.filter((s) => s.verb === "LIST" && !s.url.searchParams.has("limit"))).toEqual([])
  })

  it("W6: a line that is no JSON breaks the connection, not the view", async () => {
    const v = await begin()
    proxy.decide = (seen, nth) =>
      seen.verb === "WATCH" && nth < 4 ? { line: '{"type":"ADDED","object":{"meta' } : undefined
    proxy.drop()
    await watched(4)
    await put("a")
    await settled(v)
  })

  it("W7: 429, at the start of a watch and inside of one, means waiting and no list", async () => {
    await put("a")
    const v = await begin()
    const busy = status(429, "TooManyRequests", "busy")
    proxy.decide = (seen, nth) => {
      if (seen.verb !== "WATCH" || nth > 5) return undefined
      return nth < 4
        ? { status: 429, body: busy, headers: { "retry-after": "0" } }
        : { line: JSON.stringify({ type: "ERROR", object: busy }) }
    }
    proxy.drop()
    await watched(6)
    await put("b")
    await settled(v)
    expect(proxy.seen.filter((s) => s.verb === "LIST" && s.url.searchParams.get("limit") === "500")).toHaveLength(1)
  })

  it("W8: an internal error in the stream is followed by another watch", async () => {
    await put("a")
    const v = await begin()
    const error = { type: "ERROR", object: status(500, "InternalError", "an error on the server") }
    proxy.decide = (seen, nth) => (seen.verb === "WATCH" && nth < 4 ? { line: JSON.stringify(error) } : undefined)
    proxy.drop()
    await watched(4)
    await put("b")
    await settled(v)
    expect(proxy.seen.filter((s) => s.verb === "LIST" && s.url.searchParams.get("limit") === "500")).toHaveLength(1)
  })

  it("W10: a slow consumer gets the last state, and the watch goes on", async () => {
    const v = await begin({}, {}, Effect.sleep(300))
    for (let i = 0; i < 300; i++) await put(`n${i % 7}`, i)
    await settled(v)
    expect(proxy.count("WATCH")).toBe(1)
    expect(v.events.length).toBeLessThan(40)
  })

  it("W11: an object deleted and created again during an outage has its new UID", async () => {
    await put("a")
    const v = await begin()
    const before = v.items.get("default/a")
    proxy.decide = () => ({ status: 503, body: status(503, "ServiceUnavailable", "away") })
    proxy.drop()
    await remove("a")
    await put("a")
    proxy.decide = () => undefined
    await settled(v)
    expect(v.items.get("default/a")).not.toBe(before)
  })

  it("W12: a token that is revoked while watching: the exec plugin gives another one, and nothing is missed", async () => {
    await put("a")
    const directory = mkdtempSync(join(tmpdir(), "cw-w12-"))
    const current = join(directory, "token")
    writeFileSync(current, "first")
    proxy = await startIntercept(server)
    // The server knows one token: the proxy lets each live for a while in its place.
    const status401 = { status: 401, body: status(401, "Unauthorized", "Unauthorized") }
    let revoked = ""
    proxy.exchange = (bearer) => (bearer === "first" || bearer === "second" ? server.token : bearer)
    proxy.decide = ({ authorization }) => (authorization === `Bearer ${revoked}` ? status401 : undefined)
    const plugin = join(directory, "plugin")
    const credential = `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}`
    writeFileSync(plugin, `#!/bin/sh\nprintf '${credential}' "$(cat ${current})"\n`, { mode: 0o755 })
    const kubeconfig = join(directory, "kubeconfig")
    const exec = `exec: { apiVersion: client.authentication.k8s.io/v1, command: ${plugin} }`
    writeFileSync(kubeconfig, readFileSync(proxy.kubeconfig, "utf8").replace(/token: \S+/, exec))
    view = observe(kubeconfig, { path: base, project: uid })
    await settled(view)
    writeFileSync(current, "second")
    revoked = "first"
    proxy.drop()
    await put("b")
    await settled(view)
    expect(proxy.seen.at(-1)?.authorization).toBe("Bearer second")
    expect(proxy.seen.filter((s) => s.verb === "LIST" && s.url.searchParams.get("limit") === "500")).toHaveLength(1)
    rmSync(directory, { recursive: true })
  })

  it("W13: rights that go and come back: stale with the reason, data kept, then synced", async () => {
    await put("a")
    expect(
      (await server.kubectl(["create", "role", "reader", "--verb=list,watch", "--resource=configmaps"])).code
    ).toBe(0)
    const role = ["create", "rolebinding", "reader", "--role=reader", "--user=user"]
    expect((await server.kubectl(role)).code).toBe(0)
    proxy = await startIntercept(server, server.userToken)
    const v = start()
    await settled(v)
    await server.kubectl(["delete", "rolebinding", "reader"])
    await until(
      "stale",
      async () => {
        if (v.state() === "synced") proxy.drop()
        return v.statuses.some((s) => s.error?.reason === "Forbidden")
      },
      [],
      20
    )
    expect(v.state()).toBe("stale")
    expect(v.items.size).toBeGreaterThan(0)
    await put("b")
    await server.kubectl(role)
    await settled(v)
  })

  it("W15: a second page that fails discards the list; a dead continue token is answered by a whole list", async () => {
    for (let i = 0; i < 5; i++) await put(`p${i}`)
    proxy = await startIntercept(server)
    let continued = 0
    proxy.decide = ({ url }) => {
      if (!url.searchParams.has("continue")) return undefined
      continued++
      return continued < 12
        ? { status: 500, body: status(500, "InternalError", "broken") }
        : { status: 410, body: status(410, "Expired", "The provided continue parameter is too old") }
    }
    const v = start({}, { pageSize: 2 })
    await until("the first failure", async () => continued >= 3)
    expect(v.items.size).toBe(0)
    await settled(v)
    expect(
      v.events.filter((e) => e._tag === "Snapshot").map((e) => (e as { items: ReadonlyMap<string, string> }).items.size)
    ).toEqual([(await live()).size])
  }, 40_000)

  it("W17: a projection that throws concerns its object only", async () => {
    let broken = false
    const v = await begin({
      project: (o) => {
        if (broken && o.metadata.name === "a") throw new Error("a bug")
        return uid(o)
      }
    })
    await put("a", 1)
    await settled(v)
    const before = v.items.get("default/a")
    broken = true
    await put("a", 2)
    await put("b", 1)
    await until("b", async () => v.items.has("default/b"))
    expect(v.items.get("default/a")).toBe(before)
    expect(v.state()).toBe("synced")
  })

  it("W18: two hundred reconnects leave neither files nor memory", async () => {
    const open = () => readdirSync("/proc/self/fd").length
    setFlagsFromString("--expose-gc")
    const gc = runInNewContext("gc") as () => void
    const heap = () => {
      gc()
      return process.memoryUsage().heapUsed
    }
    const v = await begin({}, { backoff: 1, backoffMost: 2 })
    const cycle = async (n: number) => {
      for (let i = 0; i < n; i++) {
        const next = proxy.count("WATCH") + 1
        proxy.drop()
        await watched(next)
      }
    }
    await cycle(20)
    const before = { open: open(), heap: heap() }
    await cycle(200)
    await put("a")
    await settled(v)
    expect(open()).toBeLessThan(before.open + 10)
    // What a connection held would be hundreds of kilobytes, each.
    expect(heap() - before.heap).toBeLessThan(200 * 20_000)
  }, 60_000)
})
