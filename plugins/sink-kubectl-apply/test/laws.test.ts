// The laws of sinks, against two real API servers behind proxies that can stop every write.
import * as NodeServices from "@effect/platform-node/NodeServices"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Platform, Given, laws, Steps, type World } from "@coddiwomple/testing"
import { afterAll, beforeAll, describe, it } from "vitest"
import { type Intercept, startIntercept, status } from "../../../packages/kubernetes/test/Intercept.ts"
import { type ApiServer, startApiServers } from "../../../test/parts/ApiServer.ts"
import { lacking } from "../../../test/parts/Parts.ts"
import plugin from "../src/index.ts"

const missing = lacking("etcd", "kube")
const names = ["a", "b"] as const
const directory = mkdtempSync(join(tmpdir(), "cw-laws-apply-"))
const path = "/api/v1/namespaces/default/configmaps"
const steps = new Steps()
let servers: ReadonlyArray<ApiServer> = []
let proxies: ReadonlyArray<Intercept> = []

beforeAll(async () => {
  if (missing) return
  servers = await startApiServers(2, { sharedEtcd: true })
  proxies = await Promise.all(servers.map((s) => startIntercept(s)))
  for (const proxy of proxies) proxy.gate = steps.promise
  writeFileSync(
    join(directory, "clusters.json"),
    JSON.stringify(proxies.map((p, i) => ({ name: names[i], kubeconfig_path: p.kubeconfig })))
  )
}, 120_000)
afterAll(async () => {
  rmSync(directory, { recursive: true, force: true })
  for (const proxy of proxies) await proxy[Symbol.asyncDispose]()
  for (const server of servers) await server.stop()
})

interface Item {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
  readonly data?: Readonly<Record<string, string>>
}

const items = async (server: ApiServer): Promise<ReadonlyArray<Item>> =>
  JSON.parse((await server.request("GET", path)).body).items
const isOurRecord = (o: Item) => o.metadata.labels?.["coddiwomple.io/inventory"] !== undefined
const write = (server: ApiServer, name: string) =>
  server.request("POST", `${path}?fieldManager=someone`, {
    body: JSON.stringify({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name },
      data: { theirs: "yes", address: "no" }
    })
  })

let strangers = 0
const world: World = {
  directory,
  steps,
  reset: async () => {
    for (const proxy of proxies) proxy.decide = () => undefined
    await Promise.all(servers.map((s) => s.request("DELETE", path)))
  },
  fingerprint: async () => {
    const found = await Promise.all(servers.map(items))
    return new Map(
      found.flatMap((list, i) =>
        list
          .filter((o) => !isOurRecord(o))
          .map((o): [string, string] => [`${names[i]} ${o.metadata.name}`, JSON.stringify([o.metadata.labels, o.data])])
      )
    )
  },
  foreign: async (at) => {
    const [cluster, name] = at?.split(" ") ?? ["a", `stranger-${++strangers}`]
    const server = servers[names.indexOf(cluster as "a")]!
    await server.request("DELETE", `${path}/${name}`)
    await write(server, name!)
    return `${cluster} ${name}`
  }
}

const parts = "the real API server is not built: node test/parts/bin.ts ensure etcd kube"
const answering = (cluster: "a" | "b", decide: Intercept["decide"]) => ({
  arrange: () => {
    proxies[names.indexOf(cluster)]!.decide = decide
  },
  release: () => {
    proxies[names.indexOf(cluster)]!.decide = () => undefined
  }
})

describe.each([
  { run: "finite", finite: true, interruptions: 16 },
  { run: "watching", finite: false, interruptions: 10 }
])("laws of the kubectl-apply sink in a $run run", ({ finite, interruptions }) => {
  for (const law of laws({
    plugin,
    platform: NodeServices.layer as Platform,
    config: { clustersFile: "clusters.json", patience: "500ms", wait: "2s" },
    accepts: [
      { adopt: true, conflicts: "never", migrate: ["kubectl-client-side-apply"] },
      { contexts: { a: "x" }, kubeconfig: "k", clusters: ["a"], inventory: "istio-system" }
    ],
    rejects: [
      { conflicts: "sometimes" },
      { inventory: "No_Namespace" },
      { wait: "soon" },
      { concurrency: 0 },
      { adopt: "yes" }
    ],
    ...(missing ? { without: { S1: parts, S2: parts, S3: parts, S4: parts, S5: parts } } : {}),
    world,
    host: { finite },
    desired: Given.story(),
    // Real processes are killed in kills.test.ts.
    interruptions,
    faults: [
      { title: "a cluster that is not there", must: "reported", ...answering("b", () => ({ cutAfter: 0 })) },
      {
        title: "no right to write",
        must: "reported",
        ...answering("a", ({ method }) =>
          method === "PATCH" ? { status: 403, body: status(403, "Forbidden", "configmaps is forbidden") } : undefined
        )
      },
      {
        title: "no right to keep the inventory",
        must: "reported",
        ...answering("a", ({ method }) =>
          method === "POST" ? { status: 403, body: status(403, "Forbidden", "configmaps is forbidden") } : undefined
        )
      },
      {
        title: "an object that the server refuses",
        must: "reported",
        ...answering("a", ({ method, url }) =>
          method === "PATCH" && url.pathname.endsWith("reviews")
            ? { status: 422, body: status(422, "Invalid", "is invalid") }
            : undefined
        )
      }
    ]
  })) {
    it(`${law.name}: ${law.title}`, law.run, law.timeout)
  }
})
