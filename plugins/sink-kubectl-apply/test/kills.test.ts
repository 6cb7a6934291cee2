// Processes that are killed at every request boundary: cw's own, and the API server's. Nothing may leak, and the next
// run converges.
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { fromText } from "@coddiwomple/core/Inventory"
import { type Intercept, startIntercept } from "../../../packages/kubernetes/test/Intercept.ts"
import { type ApiServer, startApiServer } from "../../../test/parts/ApiServer.ts"
import { lacking } from "../../../test/parts/Parts.ts"
import { apply, plan } from "./Driver.ts"

const config = (name: string, a = "b") => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "mesh" },
  data: { a }
})

/** Five writes lead from one to the other: inventory, two applies, a delete, inventory. */
const before = [config("changed"), config("old"), config("same")]
const wanted = [config("changed", "c"), config("new"), config("same")]
const writes = 5

describe.skipIf(lacking("etcd", "kube"))("killed at every request", () => {
  const directory = mkdtempSync(join(tmpdir(), "cw-kills-"))
  const file = join(directory, "objects.json")
  let server: ApiServer
  let proxy: Intercept

  beforeAll(async () => {
    server = await startApiServer()
    proxy = await startIntercept(server)
    await server.kubectl(["create", "namespace", "mesh"])
    writeFileSync(file, JSON.stringify(wanted))
  }, 120_000)
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]()
    await server?.stop()
    rmSync(directory, { recursive: true, force: true })
  })
  beforeEach(() => {
    proxy.gate = (_what, write) => write()
  })

  interface Live {
    readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
    readonly data?: Readonly<Record<string, string>>
  }
  const list = async (path: string): Promise<ReadonlyArray<Live>> =>
    JSON.parse((await server.request("GET", path)).body).items
  /** What carries our label, and what the inventory lists. */
  const books = async () => {
    const live = await list("/api/v1/namespaces/mesh/configmaps?labelSelector=coddiwomple.io/pipeline=test")
    const shards = await list("/api/v1/namespaces/default/configmaps?labelSelector=coddiwomple.io/inventory")
    const listed = shards.flatMap((s) => {
      const parsed = s.data?.entries === undefined ? undefined : fromText(s.data.entries)
      return parsed === undefined || "problem" in parsed ? [] : [...parsed.entries.keys()]
    })
    return { live: live.map((o) => `/ConfigMap/mesh/${o.metadata.name}`).sort(), listed: listed.sort() }
  }
  const reset = async () => {
    await server.request("DELETE", "/api/v1/namespaces/mesh/configmaps")
    await server.request("DELETE", "/api/v1/namespaces/default/configmaps")
    await apply({ east: server.kubeconfig }, before)
  }
  const converged = async () => {
    expect((await plan({ east: server.kubeconfig }, wanted)).items).toEqual([])
    const { listed, live } = await books()
    expect(live).toEqual(wanted.map((o) => `/ConfigMap/mesh/${o.metadata.name}`).sort())
    expect(listed).toEqual(live)
  }

  it.each(["before", "after"] as const)(
    "A16: cw, %s the server has seen the request",
    async (when) => {
      for (let at = 1; ; at++) {
        await reset()
        let seen = 0
        let child: ChildProcess | undefined
        const kill = async () => {
          child!.kill("SIGKILL")
          await once(child!, "exit")
          return undefined
        }
        proxy.gate = async (_what, write) => {
          if (++seen !== at) return write()
          if (when === "after") await write()
          return kill()
        }
        const program = [
          ...("deno" in process.versions ? ["run", "-A"] : []),
          join(import.meta.dirname, "once.ts"),
          proxy.kubeconfig,
          file
        ]
        child = spawn(process.execPath, program, { stdio: "ignore" })
        const [code] = await once(child, "exit")
        if (code === 0) {
          expect(seen).toBe(writes)
          break
        }
        const { listed, live } = await books()
        // Nothing that is there and ours may be missing in the inventory.
        expect(live.filter((id) => !listed.includes(id))).toEqual([])
        await apply({ east: server.kubeconfig }, wanted)
        await converged()
      }
      await converged()
    },
    120_000
  )

  it("A1: the server, at every request: all is applied exactly once, in one run", async () => {
    for (let at = 1; at <= writes; at++) {
      await reset()
      let seen = 0
      proxy.gate = async (_what, write) => {
        if (++seen !== at) return write()
        if (at % 2 === 0) await write()
        await server.restart()
        return undefined
      }
      const { report } = await apply({ east: proxy.kubeconfig }, wanted, { config: { patience: "60s" } })
      expect(report.items.map((i) => `${i.op} ${i.outcome}`).sort()).toEqual([
        "create applied",
        "delete applied",
        "update applied"
      ])
      await converged()
    }
  }, 120_000)
})
