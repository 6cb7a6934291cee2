// The laws of sources, against a real API server behind a proxy that can fail.
import * as NodeServices from "@effect/platform-node/NodeServices"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { laws } from "@coddiwomple/testing"
import { afterAll, beforeAll, describe, it } from "vitest"
import { type ApiServer, startApiServer } from "../../../test/parts/ApiServer.ts"
import { type FaultProxy, startFaultProxy } from "../../../test/parts/FaultProxy.ts"
import { lacking } from "../../../test/parts/Parts.ts"
import plugin from "../src/index.ts"

const directory = mkdtempSync(join(tmpdir(), "cw-laws-kubernetes-"))
const missing = lacking("etcd", "kube")
let server: ApiServer
let proxy: FaultProxy

const clusters = (entries: ReadonlyArray<object>) =>
  writeFileSync(join(directory, "clusters.json"), JSON.stringify(entries))
const east = { name: "east", address: "10.0.0.1", kubeconfig_path: "kubeconfig" }

const put = async (name: string, annotations: Record<string, string> = {}) => {
  const body = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, labels: { export: "yes" }, annotations },
    spec: { ports: [{ name: "http", port: 80, protocol: "TCP" }] }
  }
  await server.request("PATCH", `/api/v1/namespaces/default/services/${name}?fieldManager=t&force=true`, {
    body: JSON.stringify(body),
    type: "application/apply-patch+yaml"
  })
}
const remove = (name: string) => server.request("DELETE", `/api/v1/namespaces/default/services/${name}`)
const only = async (...names: ReadonlyArray<string>) => {
  proxy.set({ kind: "none" })
  clusters([east])
  const { items } = JSON.parse(
    (await server.request("GET", "/api/v1/namespaces/default/services?labelSelector=export")).body
  )
  for (const { metadata } of items) if (!names.includes(metadata.name)) await remove(metadata.name)
  for (const name of names) await put(name)
}
const facts = (...names: ReadonlyArray<string>) =>
  names.flatMap((n) => [`service/${n}.default`, `backend/${n}.default/east`])

beforeAll(async () => {
  if (missing) return
  server = await startApiServer()
  proxy = await startFaultProxy({ port: server.port })
  const kubeconfig = server.writeKubeconfig("laws", { url: `https://127.0.0.1:${proxy.port}` })
  const { copyFileSync } = await import("node:fs")
  copyFileSync(kubeconfig, join(directory, "kubeconfig"))
}, 120_000)
afterAll(async () => {
  rmSync(directory, { recursive: true, force: true })
  await proxy?.close()
  await server?.stop()
})

/** Open sockets to the proxy. It cannot tell itself: while it swallows everything it does not see that one was closed. */
const sockets = (): number => {
  const active = (
    process as {
      _getActiveHandles?: () => ReadonlyArray<{ readonly remotePort?: number; readonly destroyed?: boolean }>
    }
  )._getActiveHandles
  return active?.().filter((handle) => handle.remotePort === proxy.port && handle.destroyed !== true).length ?? 0
}

const parts = "the real API server is not built: node test/parts/bin.ts ensure etcd kube"

describe("laws of the kubernetes source", () => {
  for (const law of laws({
    plugin,
    platform: NodeServices.layer,
    directory,
    config: { clusters: "clusters.json", select: { labels: "export=yes" } },
    accepts: [
      { contexts: { east: "x" }, kubeconfig: "k", bareNames: ["default"], gateway: {}, cache: false },
      { clusters: "c.json", select: { namespaces: ["a"], annotations: { a: "b" } } }
    ],
    rejects: [{}, { clusters: "a", contexts: {} }, { clusters: "a", kubeconfig: "k" }, { clusters: "a", selct: {} }],
    ...(missing ? { without: { R1: parts, R2: parts, R3: parts } } : {}),
    worlds: [
      {
        title: "two services",
        arrange: () => only("one", "two"),
        expect: { "clusters.json": ["cluster/east"], east: facts("one", "two") }
      },
      {
        title: "a bad annotation beside a good service",
        arrange: async () => {
          await only("one", "two")
          await put("two", { "coddiwomple.io/traffic": "nearest" })
        },
        expect: { "clusters.json": ["cluster/east"], east: { facts: facts("one"), bad: 1 } }
      },
      {
        title: "a cluster that does not answer beside one that does",
        arrange: async () => {
          await only("one")
          clusters([east, { name: "dead", address: "10.0.0.2", kubeconfig_path: "no-such-kubeconfig" }])
        },
        expect: { "clusters.json": ["cluster/east", "cluster/dead"], east: facts("one"), dead: "never-synced" }
      },
      {
        title: "no clusters file",
        arrange: () => rmSync(join(directory, "clusters.json"), { force: true }),
        expect: "fails"
      },
      {
        title: "a network that swallows everything",
        arrange: async () => {
          await only("one")
          proxy.set({ kind: "blackhole" })
        },
        expect: "hangs"
      }
    ],
    reconnect: {
      arrange: () => only("one", "two"),
      before: { "clusters.json": ["cluster/east"], east: facts("one", "two") },
      lose: () => proxy.set({ kind: "reset" }),
      change: async () => {
        await remove("one")
        await put("three")
      },
      restore: () => proxy.set({ kind: "none" }),
      after: { "clusters.json": ["cluster/east"], east: facts("two", "three") },
      within: 15_000
    },
    handles: sockets
  })) {
    it(`${law.name}: ${law.title}`, law.run, law.timeout)
  }
})
