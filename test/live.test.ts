/** Example 11 as its README tells it, on two real API servers: from bare to configured, live, and through an outage. */
import { spawn } from "node:child_process"
import { copyFileSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { commands } from "./docs/Document.ts"
import { type ApiServer, startApiServers } from "./parts/ApiServer.ts"
import { files, lacking } from "./parts/Parts.ts"
import { until } from "./parts/Poll.ts"

const root = join(import.meta.dirname, "..")
const example = join(root, "examples", "11-live-clusters")
const bin = join(root, "packages", "cli", "bin", "cw.js")
const cw = `"${process.execPath}" ${"deno" in process.versions ? "run -A" : ""} "${bin}"`

describe.skipIf(lacking("etcd", "kube", "istio-crds"))("examples/11-live-clusters", () => {
  let servers: ReadonlyArray<ApiServer> = []
  const directory = mkdtempSync(join(tmpdir(), "cw-live-"))

  beforeAll(async () => {
    servers = await startApiServers(2, { istioCrds: true })
    for (const file of ["pipeline.yaml", "clusters.json"]) copyFileSync(join(example, file), join(directory, file))
    copyFileSync(servers[0]!.kubeconfig, join(directory, "east.kubeconfig"))
    copyFileSync(servers[1]!.kubeconfig, join(directory, "west.kubeconfig"))
  }, 180_000)
  afterAll(async () => {
    await Promise.all(servers.map((s) => s.stop()))
    rmSync(directory, { recursive: true, force: true })
  })

  const start = (text: string) => {
    const PATH = [dirname(files("kube").kubectl), process.env.PATH].join(delimiter)
    const script = `cw() { ${cw} "$@"; }\n${text}`
    const child = spawn("sh", ["-c", script], { cwd: directory, env: { ...process.env, PATH, NO_COLOR: "1" } })
    let out = ""
    child.stdout.setEncoding("utf8").on("data", (s: string) => (out += s))
    child.stderr.setEncoding("utf8").on("data", (s: string) => (out += s))
    const code = new Promise<number | null>((resolve) => child.once("close", resolve))
    return { child, code, out: () => out }
  }
  const shell = async (text: string) => {
    const run = start(text)
    return { code: await run.code, out: run.out() }
  }
  const entries = async (server: ApiServer): Promise<string> =>
    (await server.kubectl(["get", "serviceentry", "-A", "-o", "name"])).stdout
  const endpoints = async (server: ApiServer): Promise<string> =>
    (await server.kubectl(["get", "serviceentry", "-A", "-o", "jsonpath={.items[*].spec.endpoints[*].address}"])).stdout
  const versions = async (server: ApiServer): Promise<string> =>
    (
      await server.kubectl([
        "get",
        "serviceentry,destinationrule,gateway,configmap,namespace",
        "-A",
        "-o",
        "jsonpath={range .items[*]}{.metadata.name}={.metadata.resourceVersion} {end}"
      ])
    ).stdout

  it("does what its README says, command by command", async () => {
    for (const command of commands(join(example, "README.md"))) {
      const { code, out } = await shell(command.text)
      expect(`${command.text}: ${code}\n${code === command.exit ? "" : out}`).toBe(`${command.text}: ${command.exit}\n`)
    }
    for (const server of servers) expect(await entries(server)).toContain("cw-out-reviews--default")
    // Only the backend in west is left: west's own host, and its gateway for east.
    expect(await endpoints(servers[0]!)).toBe("203.0.113.2")
  }, 120_000)

  it("a second run changes nothing, and no resourceVersion moves", async () => {
    const before = await Promise.all(servers.map(versions))
    expect((await shell("cw run --once")).code).toBe(0)
    expect((await shell("cw plan --exit-code")).code).toBe(0)
    expect(await Promise.all(servers.map(versions))).toEqual(before)
  }, 60_000)

  it("watching: a new Service is in both clusters at once; a stopped server holds deletes", async () => {
    const running = start(`exec ${cw} run`)
    try {
      await until("the start", async () => running.out().includes("live: running"), [], 30)
      const [east, west] = servers as [ApiServer, ApiServer]
      await east.kubectl(["create", "service", "clusterip", "ratings", "--tcp=9080"])
      await east.kubectl(["label", "service", "ratings", "coddiwomple.io/export=true"])
      const there = async () =>
        (await Promise.all([entries(east), entries(west)])).every((e) => e.includes("cw-out-ratings--default"))
      await until("ratings in both clusters", there, [], 15)
      await west.kill()
      await east.kubectl(["delete", "service", "ratings"])
      // The item itself, not the help of the warning beside it.
      const heldItem = /ServiceEntry\s+\S*cw-out-ratings--default\s.*held/
      await until(`held deletes, said as ${heldItem}`, async () => heldItem.test(running.out()), [], 40).catch(
        (error: Error) => {
          throw new Error(`${error.message}\n${running.out()}`)
        }
      )
      expect(await entries(east)).toContain("cw-out-ratings--default")
    } finally {
      running.child.kill("SIGINT")
    }
  }, 120_000)
})
