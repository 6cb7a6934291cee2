/**
 * The kubectl-apply sink and the kubernetes source against real API servers, beside what they are compared with: bare
 * PATCHes and LISTs over one connection pool, and kubectl of the same version. What is compared takes turns on one server.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type ApiServer, startApiServer, startApiServers } from "../parts/ApiServer.ts"
import { startFaultProxy } from "../parts/FaultProxy.ts"
import { files, lacking } from "../parts/Parts.ts"
import { atMost, type Figure, median, time } from "./Measure.ts"

const objects = 2000
const rounds = 5
const root = join(import.meta.dirname, "..", "..")

/** With its usual limit a server that has seen many objects does little but collect garbage. */
const roomy = { GOMEMLIMIT: "4GiB", GOGC: "300" }

const directory = mkdtempSync(join(tmpdir(), "cw-bench-live-"))
let number = 0

const child = async <A>(job: string, args: ReadonlyArray<string>, env: Record<string, string> = {}): Promise<A> => {
  const out = join(directory, `out-${++number}`)
  const program = [process.execPath, "--expose-gc", join(import.meta.dirname, "live-run.ts"), job, ...args]
  await time({ command: program, out, env })
  return JSON.parse(readFileSync(out, "utf8")) as A
}

const namespace = async (server: ApiServer, name: string): Promise<void> => {
  const { code, stderr } = await server.kubectl(["create", "namespace", name])
  if (code !== 0) throw new Error(stderr)
}

/** What stands in a server slows down every list of it. */
const empty = (server: ApiServer, name: string) =>
  server.request("DELETE", `/apis/networking.istio.io/v1/namespaces/${name}/serviceentries`)

interface Applied {
  readonly ms: number
  readonly applied: number
  readonly why?: string
}

/** What is compared takes turns, and each round gives its own ratio: a noisy machine is noisy for all of a round. */
const first = async (server: ApiServer): Promise<ReadonlyArray<Figure>> => {
  const walls: Record<"raw" | "cw" | "kubectl", Array<number>> = { raw: [], cw: [], kubectl: [] }
  const take = async (who: keyof typeof walls, place: string): Promise<number> => {
    await namespace(server, place)
    const args = [server.kubeconfig, place, String(objects)]
    try {
      if (who === "raw") return (await child<Applied>("raw", args)).ms
      if (who === "cw") {
        const done = await child<Applied>("apply", args)
        if (done.applied !== objects) throw new Error(`${done.applied} of ${objects} applied; ${done.why}`)
        return done.ms
      }
      const file = join(directory, `${place}.json`)
      writeFileSync(file, JSON.stringify(await child("objects", [place, String(objects)])))
      const command = [files("kube").kubectl, "apply", "--server-side", "-f", file]
      const { wall } = await time({ command, env: { KUBECONFIG: server.kubeconfig, HOME: directory } })
      return wall * 1000
    } finally {
      await empty(server, place)
    }
  }
  for (let round = 0; round < rounds; round++) {
    // Before and after: what drifts, drifts for both.
    const before = await take("raw", `raw-${round}`)
    walls.cw.push(await take("cw", `cw-${round}`))
    walls.raw.push((before + (await take("raw", `again-${round}`))) / 2)
    walls.kubectl.push(await take("kubectl", `kubectl-${round}`))
  }
  const per = (who: keyof typeof walls) => `${who} ${Math.round((objects / median(walls[who])) * 1000)}/s`
  const against = (who: keyof typeof walls) => median(walls[who].map((ms, i) => ms / walls.cw[i]!))
  return [
    { what: `First apply of ${objects} ServiceEntries`, value: `${per("raw")}, ${per("cw")}, ${per("kubectl")}` },
    share("First apply: share of the rate of bare PATCHes", against("raw"), 0.9),
    share("First apply against kubectl apply --server-side", against("kubectl"), 1.5)
  ]
}

const share = (what: string, value: number, least: number): Figure => ({
  what,
  value: `${value.toFixed(2)} ×`,
  target: `≥ ${least} ×`,
  ok: value >= least
})

interface Unchanged {
  readonly list: number
  readonly plan: number
  readonly writes: number
  /** Against the LIST, and against it and the bare PATCHes: medians of the rounds' ratios. */
  readonly same: number
  readonly changed: number
}

const unchanged = async (server: ApiServer): Promise<ReadonlyArray<Figure>> => {
  await namespace(server, "same")
  await child<Applied>("apply", [server.kubeconfig, "same", String(objects)])
  const file = join(directory, "same.json")
  writeFileSync(file, JSON.stringify(await child("objects", ["same", String(objects)])))
  const one = await child<Unchanged>("unchanged", [server.kubeconfig, "same", String(objects)])
  const command = [files("kube").kubectl, "apply", "--server-side", "--force-conflicts", "-f", file]
  const env = { KUBECONFIG: server.kubeconfig, HOME: directory }
  await time({ command, env })
  const { wall } = await time({ command, env })
  await empty(server, "same")
  const ms = (n: number) => `${Math.round(n)} ms`
  return [
    { what: "No-op run", value: `raw LIST ${ms(one.list)}, cw ${ms(one.plan)}, kubectl ${ms(wall * 1000)}` },
    atMost("No-op run against one raw paged LIST", one.same, 2),
    share("No-op run against kubectl", (wall * 1000) / one.plan, 20),
    atMost("No-op run: writes", one.writes, 0, ""),
    atMost("1 % changed against the LIST and bare PATCHes of those", one.changed, 2)
  ]
}

/** The command as it is installed: services from a file, their objects applied, and then once more for nothing. */
const memory = async (server: ApiServer): Promise<ReadonlyArray<Figure>> => {
  await namespace(server, "istio-system")
  const services = objects / 2
  const write = (name: string, value: unknown) => writeFileSync(join(directory, name), JSON.stringify(value))
  write("clusters.json", [{ name: "one", address: "203.0.113.1", kubeconfig_path: server.kubeconfig }])
  write(
    "services.json",
    Array.from({ length: services }, (_, i) => ({
      name: `svc-${i}`,
      namespace: "shop",
      dns_prefixes: [`svc-${i}.shop`],
      ports: [{ name: "http", protocol: "HTTP", service_port: 80, backend_port: 8080 }],
      backends: { one: `svc-${i}.shop.svc.cluster.local` }
    }))
  )
  write("pipeline.yaml", {
    apiVersion: "coddiwomple.io/v1alpha1",
    kind: "Pipeline",
    metadata: { name: "memory" },
    sources: { inventory: { uses: "json", with: { clusters: "clusters.json", services: "services.json" } } },
    transforms: { mesh: { uses: "istio-global-dns", with: { createNamespaces: true } } },
    sinks: { clusters: { uses: "kubectl-apply", policy: "sync" } }
  })
  const command = [process.execPath, join(root, "packages/cli/bin/cw.js"), "run", "--once"]
  const apply = await time({ command, cwd: directory })
  const again = await time({ command, cwd: directory })
  return [
    atMost(`Memory of \`cw run --once\` that applies ${objects + 1} objects`, apply.rss, 200, "MiB"),
    atMost("Memory of one that finds nothing to do", again.rss, 200, "MiB")
  ]
}

interface Fleet {
  readonly ms: number
  readonly applied: number
  readonly failed: number
}

/** Every cluster keeps its own inventory, so each needs a server of its own; four fit on a small machine. */
const dead = async (servers: ReadonlyArray<ApiServer>): Promise<ReadonlyArray<Figure>> => {
  await using proxy = await startFaultProxy({ port: servers[0]!.port })
  proxy.set({ kind: "blackhole" })
  const gone = servers[0]!.writeKubeconfig("dead", { url: `https://127.0.0.1:${proxy.port}` })
  const count = 500
  const all = servers.map((s) => s.kubeconfig)
  const walls: Record<"well" | "ill", Array<number>> = { well: [], ill: [] }
  for (const server of servers)
    for (let i = 0; i <= servers.length; i++) await server.kubectl(["create", "namespace", `bench-${i}`])
  for (let round = 0; round < 3; round++) {
    for (const who of ["well", "ill"] as const) {
      const done = await child<Fleet>("fleet", [
        `${who}-${round}`,
        String(count),
        ...all,
        ...(who === "ill" ? [gone] : [])
      ])
      if (done.applied !== count * servers.length) throw new Error(`${done.applied} applied`)
      walls[who].push(done.ms)
      for (const [i, server] of servers.entries()) await empty(server, `bench-${i}`)
    }
  }
  return [
    {
      what: `${servers.length} clusters with ${count} objects each, first apply`,
      value: `${(median(walls.well) / 1000).toFixed(1)} s; beside a dead one ${(median(walls.ill) / 1000).toFixed(1)} s`
    },
    atMost("Time of the others beside a dead cluster", median(walls.ill.map((ms, i) => ms / walls.well[i]!)), 1.25)
  ]
}

const measured = async (server: ApiServer): Promise<ReadonlyArray<Figure>> => [
  ...(await first(server)),
  ...(await unchanged(server)),
  ...(await memory(server))
]

export default async (): Promise<ReadonlyArray<Figure>> => {
  if (lacking("etcd", "kube", "istio-crds")) return [{ what: "The API servers are not built", value: "skipped" }]
  try {
    const one = await startApiServer({ istioCrds: true, env: roomy })
    const alone = await measured(one).finally(() => one.stop())
    const servers = await startApiServers(4, { sharedEtcd: true, istioCrds: true, env: roomy })
    const together = await dead(servers).finally(() => Promise.all(servers.map((s) => s.stop())))
    return [...alone, ...together]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
