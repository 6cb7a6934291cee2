// The reflector while servers, databases and networks fail for real.
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { type ApiServer, startApiServer } from "../../../test/parts/ApiServer.ts"
import { type Fault, startFaultProxy } from "../../../test/parts/FaultProxy.ts"
import { lacking } from "../../../test/parts/Parts.ts"
import { until } from "../../../test/parts/Poll.ts"
import { observe, type View } from "./Observer.ts"
import { type Intercept, startIntercept, status, type Verdict } from "./Intercept.ts"

describe.skipIf(lacking("etcd", "kube"))("reflector in outages", () => {
  let server: ApiServer
  const views: Array<View> = []
  const base = "/api/v1/namespaces/default/services"
  const what = {
    path: base,
    project: (o: { metadata: { uid?: string; resourceVersion?: string } }) =>
      `${o.metadata.uid} ${o.metadata.resourceVersion}`
  }

  beforeAll(async () => {
    // No cache for Services: a compaction is then felt at once.
    server = await startApiServer({ args: ["--watch-cache-sizes=services#0"] })
  }, 120_000)
  afterAll(() => server?.stop())
  afterEach(async () => {
    await Promise.all(views.splice(0).map((v) => v.stop()))
  })

  const put = async (name: string, port = 80) => {
    const body = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name },
      spec: { ports: [{ name: "p", port, protocol: "TCP" }] }
    }
    return (
      await server.request("PATCH", `${base}/${name}?fieldManager=t&force=true`, {
        body: JSON.stringify(body),
        type: "application/apply-patch+yaml"
      })
    ).status
  }
  const remove = async (name: string) => (await server.request("DELETE", `${base}/${name}`)).status
  const live = async (): Promise<Map<string, string>> => {
    const { items } = JSON.parse((await server.request("GET", base)).body)
    return new Map(
      items.map((o: { metadata: { name: string } }) => [`default/${o.metadata.name}`, what.project(o as never)])
    )
  }
  const equal = async (v: View) => {
    const want = await live()
    return want.size === v.items.size && [...want].every(([k, value]) => v.items.get(k) === value)
  }
  const settled = (v: View, seconds = 30) =>
    until("the view equals the list", async () => v.state() === "synced" && (await equal(v)), [], seconds)
  const begin = async (kubeconfig: string, settings = {}) => {
    const v = observe(kubeconfig, what, settings)
    views.push(v)
    return v
  }

  it("W3: a history that was compacted meanwhile is answered inside the stream, and by a list", async () => {
    await put("a")
    await using proxy = await startIntercept(server)
    const v = await begin(proxy.kubeconfig)
    await settled(v)
    proxy.decide = () => ({ status: 503, body: status(503, "ServiceUnavailable", "away") })
    proxy.drop()
    await put("b")
    await remove("a")
    await put("c")
    await server.etcd.compact()
    proxy.decide = () => undefined
    await settled(v)
    expect(proxy.seen.filter((s) => s.verb === "LIST" && s.url.searchParams.get("limit") === "500").length).toBe(2)
    expect(v.events.flatMap((e) => (e._tag === "Delta" ? e.removes : []))).toEqual(["default/a"])
  })

  it("W5: a half-open connection is noticed by its silence, and replaced", async () => {
    await using proxy = await startFaultProxy({ port: server.port })
    const v = await begin(server.writeKubeconfig("half-open", { url: `https://127.0.0.1:${proxy.port}` }), {
      silence: 1000
    })
    await settled(v)
    const before = proxy.accepted
    proxy.set({ kind: "blackhole" })
    await put("w5")
    await until("a new connection", async () => proxy.accepted > before, [], 10)
    proxy.set({ kind: "none" })
    await settled(v)
  })

  it("W9: a database restored from a backup: what it does not know is gone", async () => {
    await put("kept")
    await using proxy = await startIntercept(server)
    const v = await begin(proxy.kubeconfig)
    await settled(v)
    const data = join(dirname(server.etcd.endpoint.replace("unix://", "")), "data")
    await server.etcd.kill()
    cpSync(data, `${data}.backup`, { recursive: true })
    await server.etcd.restart()
    await server.restart()
    for (const name of ["x1", "x2", "x3"]) await put(name)
    await settled(v)
    expect(v.items.has("default/x3")).toBe(true)
    proxy.decide = () => ({ status: 503, body: status(503, "ServiceUnavailable", "away") })
    proxy.drop()
    await server.kill()
    await server.etcd.kill()
    rmSync(data, { recursive: true })
    cpSync(`${data}.backup`, data, { recursive: true })
    await server.etcd.restart()
    await server.restart()
    proxy.decide = () => undefined
    await settled(v)
    expect(v.items.has("default/x3")).toBe(false)
    expect(v.items.has("default/kept")).toBe(true)
  }, 60_000)

  it("W14: a server that is down at the start is never-synced, and then joins", async () => {
    await server.kill()
    const v = await begin(server.kubeconfig)
    await until("the first word", async () => v.statuses.length > 0)
    expect(v.statuses[0]).toMatchObject({ state: "never-synced", error: { reason: "Unreachable" } })
    expect(v.events.filter((e) => e._tag !== "Status")).toEqual([])
    await server.restart()
    await settled(v)
    expect(v.events.filter((e) => e._tag === "Snapshot")).toHaveLength(1)
  })

  it("W19: a process that slept wakes up with the newest state", async () => {
    const { spawn } = await import("node:child_process")
    const program = [...("deno" in process.versions ? ["run", "-A"] : []), join(import.meta.dirname, "observe.ts")]
    const child = spawn(process.execPath, [...program, server.kubeconfig, base], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    let last = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (last = text.trim().split("\n").at(-1) ?? last))
    try {
      await put("before")
      await until("the child sees it", async () => last.includes("default/before"), [], 30)
      child.kill("SIGSTOP")
      await remove("before")
      await put("after")
      await server.restart()
      await sleep(1000)
      child.kill("SIGCONT")
      await until(
        "the child is right again",
        async () => last.includes("default/after") && !last.includes("default/before"),
        [],
        30
      )
    } finally {
      child.kill("SIGKILL")
    }
  }, 60_000)

  // An hour of it: CW_CHAOS_SECONDS=3600.
  const seconds = Number(process.env.CW_CHAOS_SECONDS ?? 12)
  it(
    "W20: chaos: after every storm the view equals the list, and no phantom stays",
    async () => {
      // Below TLS and above it: connections that break, and answers that refuse or are rubbish.
      await using proxy = await startIntercept(server)
      await using line = await startFaultProxy({ port: Number(/127\.0\.0\.1:(\d+)/.exec(text(proxy))![1]) })
      const file = server.writeKubeconfig("chaos", { url: server.url })
      writeFileSync(file, text(proxy).replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${line.port}`))
      const v = await begin(file, { silence: 2000, watchFor: 2000, pageSize: 7 })
      const pick = <A>(all: ReadonlyArray<A>): A => all[Math.floor(Math.random() * all.length)]!
      const faults: ReadonlyArray<() => Fault> = [
        () => ({ kind: "reset" }),
        () => ({ kind: "cut" }),
        () => ({ kind: "truncate", bytes: 200 + Math.floor(Math.random() * 9000) }),
        () => ({ kind: "delay", ms: 30 }),
        () => ({ kind: "blackhole" }),
        () => ({ kind: "trickle" })
      ]
      const error = (code: number, reason: string) => ({
        line: JSON.stringify({ type: "ERROR", object: status(code, reason, "chaos") })
      })
      const inStream: ReadonlyArray<Verdict> = [
        error(410, "Expired"),
        error(429, "TooManyRequests"),
        error(500, "InternalError"),
        { line: '{"type":"ADDED","object":{"meta' },
        { line: "", end: true },
        { pieces: 5 }
      ]
      const refusals: ReadonlyArray<Verdict> = [
        { status: 429, body: status(429, "TooManyRequests", "chaos"), headers: { "retry-after": "0" } },
        { status: 410, body: status(410, "Expired", "chaos") },
        { status: 503, body: status(503, "ServiceUnavailable", "chaos") },
        { status: 403, body: status(403, "Forbidden", "chaos") },
        { status: 504, body: status(504, "Timeout", "Too large resource version: 9, current: 1") },
        { status: 200, body: {} },
        { cutAfter: 700 }
      ]
      const end = Date.now() + seconds * 1000
      for (let round = 0; Date.now() < end; round++) {
        proxy.decide = ({ verb }) =>
          Math.random() < 0.5 ? undefined : pick(verb === "WATCH" ? [...inStream, ...refusals] : refusals)
        for (let i = 0; i < 12; i++) {
          const name = `s${Math.floor(Math.random() * 25)}`
          await (Math.random() < 0.35 ? remove(name) : put(name, 1 + Math.floor(Math.random() * 60_000)))
          if (i % 4 === 0) line.set(pick(faults)())
        }
        if (round % 3 === 1) await server.etcd.compact()
        if (round % 5 === 4) await server.restart()
        line.set({ kind: "none" })
        proxy.decide = () => undefined
        await settled(v, 40)
      }
    },
    seconds * 1000 + 90_000
  )
})

const text = (proxy: Intercept): string => readFileSync(proxy.kubeconfig, "utf8")
