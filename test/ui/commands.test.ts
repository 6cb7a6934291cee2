/** `cw ui`, `cw run --listen`, `cw status` and `cw tap` without a browser: the link, the file, the plan, the end. */
import { existsSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { cw, folder, start } from "../cli/Cw.ts"
import { inputs, service } from "./Inputs.ts"
import { call, type Served, serve, until } from "./Served.ts"

const web = service("web")
const moved = JSON.stringify([{ ...web, ports: [{ ...web.ports[0], service_port: 81 }] }])
const files = inputs(["east", "west"], { policy: "sync" })

interface Plan {
  readonly id?: string
  readonly confirm: string
  readonly stale: boolean
  readonly items: ReadonlyArray<{ readonly sink: string; readonly target: string; readonly id: string }>
}

const planned = (served: Served) =>
  until(
    () => served.get<Plan>("/plan"),
    (plan) => plan.id !== undefined && plan.items.length > 0
  )

describe("cw ui", () => {
  it("applies a plan that was confirmed, and refuses everything else", async () => {
    const cwd = folder(files)
    const served = await serve(["ui", "pipeline.yaml", "--port", "0", "--allow", "apply"], cwd)
    const plan = await planned(served)
    assert.strictEqual(plan.confirm, "2 targets")
    assert.include((await call(served, "Apply", { plan: plan.id, confirm: "yes" })).end, "to confirm")
    assert.include((await call(served, "Apply", { plan: "nothing", confirm: "2 targets" })).end, "no such plan")
    assert.notInclude(readdirSync(cwd), "out")
    const { values } = await call(served, "Apply", { plan: plan.id, confirm: plan.confirm })
    assert.strictEqual(values.at(-1)?.state, "done", JSON.stringify(values))
    assert.includeMembers(readdirSync(join(cwd, "out")), ["east", "west"])
  })

  it("leaves out what was unticked, and nothing else", async () => {
    const cwd = folder(files)
    const served = await serve(["ui", "pipeline.yaml", "--port", "0", "--allow", "apply"], cwd)
    const plan = await planned(served)
    const apply = (leaveOut: ReadonlyArray<object>) =>
      call(served, "Apply", { plan: plan.id, confirm: plan.confirm, leaveOut })
    assert.include((await apply([{ sink: "x", target: "y", id: "z" }])).end, "no part of this plan")
    const written = (i: (typeof plan.items)[number]) => existsSync(join(cwd, "out", i.target, i.id))
    const line = plan.items.findLast((i) => i.id.includes("serviceentry"))!
    const { values } = await apply([{ sink: line.sink, target: line.target, id: line.id }])
    assert.strictEqual(values.at(-1)?.state, "done", JSON.stringify(values))
    assert.deepEqual(
      plan.items.filter((i) => !written(i)),
      [line]
    )
    const next = await until(
      () => served.get<Plan>("/plan"),
      ({ items }) => items.length > 0 && items.length < plan.items.length
    )
    const rest = await call(served, "Apply", { plan: next.id, confirm: next.confirm })
    assert.strictEqual(rest.values.at(-1)?.state, "done", `${rest.end} ${JSON.stringify(next)}`)
    assert.isTrue(written(line))
  })

  it("refuses a plan whose inputs have moved", async () => {
    const cwd = folder(files)
    const served = await serve(["ui", "pipeline.yaml", "--port", "0", "--allow", "apply"], cwd)
    const plan = await planned(served)
    writeFileSync(join(cwd, "services.json"), moved)
    await until(
      () => served.get<Plan>(`/plans/${plan.id}`),
      (p) => p.stale
    )
    assert.include((await call(served, "Apply", { plan: plan.id, confirm: plan.confirm })).end, "changed since")
    assert.notInclude(readdirSync(cwd), "out")
  })

  it("starts with clusters that cannot be reached, and with no file at all", async () => {
    const unreachable = [{ name: "east", address: "192.0.2.1", kubeconfig_path: "none", kubeconfig_context: "x" }]
    const cwd = folder({ "clusters.json": JSON.stringify(unreachable) })
    const served = await serve(["ui", "--port", "0", "--cluster-file", "clusters.json"], cwd)
    const clusters = await until(
      () => served.get<ReadonlyArray<{ readonly state: string; readonly reason?: string }>>("/clusters"),
      (all) => all[0]?.reason !== undefined
    )
    assert.strictEqual(clusters[0]?.state, "unreached", JSON.stringify(clusters))
    const bare = await serve(["ui", "--port", "0"], folder())
    assert.deepEqual(await bare.get("/services"), [])
  })

  it("ends at once with a page open, and leaves no file behind", async () => {
    const args = ["ui", "--port", "0", "--cluster-file", "clusters.json", "--service-file", "services.json"]
    const served = await serve(args, folder(files))
    const socket = new WebSocket(`${served.url.replace("http", "ws")}/rpc`)
    await new Promise((resolve) => {
      socket.onmessage = resolve
      const headers = [["authorization", `Bearer ${served.bearer}`]]
      socket.onopen = () =>
        socket.send(
          `${JSON.stringify({ _tag: "Request", id: "1", tag: "Watch", payload: { coalesce: 50 }, headers })}\n`
        )
    })
    const from = performance.now()
    served.running.kill("SIGINT")
    const { code } = await served.running.done
    assert.strictEqual(code, 130)
    assert.isBelow(performance.now() - from, 3000)
    assert.deepEqual(readdirSync(join(served.runtime, "coddiwomple")), [])
  })

  it("explains itself", async () => {
    const { code, stdout } = await cw(["ui", "--help"])
    assert.strictEqual(code, 0)
    for (const word of ["--cluster-file", "--profile", "--from", "--allow", "--allowed-host", "--url", "EXAMPLES"])
      assert.include(stdout, word)
  })

  it("says what is wrong with its arguments", async () => {
    for (const [args, words] of [
      [["ui", "--allow", "everything"], "--allow does not know"],
      [["ui", "--port", "99999"], "is not a port"],
      [["ui", "pipeline.yaml", "--cluster-file", "x"], "exclude each other"],
      [["run", "--listen", "0.0.0.0:8080"], "reached from other machines"]
    ] as const) {
      const { code, stderr } = await cw(args, { cwd: folder(files) })
      assert.strictEqual(code, 64, stderr)
      assert.include(stderr, words)
    }
  })
})

describe("cw run --listen", () => {
  it("is asked by cw status and cw tap, and cannot be told to write", async () => {
    const cwd = folder(files)
    const served = await serve(["run", "pipeline.yaml", "--listen", "0"], cwd)
    await until(
      () =>
        served.get<{ readonly nodes: ReadonlyArray<{ readonly id: string; readonly applied?: number }> }>("/status"),
      ({ nodes }) => nodes.some((n) => n.applied === 1)
    )
    const env = { XDG_RUNTIME_DIR: served.runtime }
    const status = await cw(["status"], { cwd, env })
    assert.strictEqual(status.code, 0, status.stdout + status.stderr)
    assert.include(status.stdout, "1 service in 2 clusters")
    assert.match(status.stdout, /repo +sink files +ready +0 to write, [1-9]\d* unchanged, 0 held/)
    assert.include(status.stdout, "0 changes pending")
    assert.strictEqual((await cw(["tap", "nothing"], { cwd, env })).code, 64)
    const tap = start(["tap", "mesh"], { cwd, env })
    const change = setInterval(
      () => writeFileSync(join(cwd, "services.json"), Math.random() < 0.5 ? moved : files["services.json"]),
      700
    )
    await tap.said("ServiceEntry").finally(() => clearInterval(change))
    tap.kill("SIGINT")
    await tap.done
    assert.match((await call(served, "Apply", { plan: "x", confirm: "y" })).end, /Defect|Die|Unknown/)
  })
})
