/**
 * The kubernetes source against real API servers, beside bare paged LISTs of the same Services: cold sync, memory, CPU at
 * rest, and how fast a change gets through the engine to a sink.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type ApiServer, startApiServers } from "../parts/ApiServer.ts"
import { lacking } from "../parts/Parts.ts"
import { atMost, type Figure, time } from "./Measure.ts"

const services = 20_000

/** With its usual limit a full server does little but collect garbage. */
const roomy = { GOMEMLIMIT: "3GiB", GOGC: "300" }

const fill = async (server: ApiServer, cluster: number, count: number): Promise<void> => {
  let next = 0
  const body = (name: string) =>
    JSON.stringify({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, labels: { app: name, "app.kubernetes.io/part-of": "bench" } },
      spec: { selector: { app: name }, ports: [{ name: "http", port: 80, targetPort: 8080, protocol: "TCP" }] }
    })
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (next < count) {
        const name = `svc-${cluster}-${String(next++).padStart(6, "0")}`
        const { status } = await server.request("POST", "/api/v1/namespaces/default/services", { body: body(name) })
        if (status !== 201 && status !== 409) throw new Error(`a Service was answered with ${status}`)
      }
    })
  )
}

interface Synced {
  readonly services: number
  readonly list: number
  readonly sync: number
  readonly against: number
  readonly bytes: number
  readonly idle: number
  readonly p50: number
  readonly p99: number
}

const measure = async (servers: ReadonlyArray<ApiServer>, directory: string): Promise<ReadonlyArray<Figure>> => {
  await Promise.all(servers.map((s, i) => fill(s, i, services / servers.length)))
  const file = join(directory, "clusters.json")
  const clusters = servers.map((s, i) => ({ name: `c${i}`, address: `203.0.113.${i}`, kubeconfig_path: s.kubeconfig }))
  writeFileSync(file, JSON.stringify(clusters))
  const out = join(directory, "figures")
  const run = join(import.meta.dirname, "watch-run.ts")
  await time({ command: [process.execPath, "--expose-gc", run, file, ...servers.map((s) => s.kubeconfig)], out })
  const one = JSON.parse(readFileSync(out, "utf8")) as Synced
  return [
    {
      what: `${one.services} Services in ${servers.length} clusters`,
      value: `raw lists ${Math.round(one.list)} ms, synced in ${Math.round(one.sync)} ms; a change in ${one.p50.toFixed(1)} ms (p50)`
    },
    atMost("Cold sync against the raw lists", one.against, 1.5),
    atMost("Heap per Service", one.bytes, 500, "bytes"),
    atMost("A change reaches a sink's plan, p99", one.p99, 50, "ms"),
    atMost("CPU while nothing happens", one.idle * 100, 1, "%")
  ]
}

export default async (): Promise<ReadonlyArray<Figure>> => {
  if (lacking("etcd", "kube")) return [{ what: "The API servers are not built", value: "skipped" }]
  const directory = mkdtempSync(join(tmpdir(), "cw-bench-watch-"))
  const servers = await startApiServers(4, { sharedEtcd: true, env: roomy })
  try {
    return await measure(servers, directory)
  } finally {
    await Promise.all(servers.map((s) => s.stop()))
    rmSync(directory, { recursive: true, force: true })
  }
}
