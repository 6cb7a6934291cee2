/** The page over two real API servers: who may write, plan and apply, a field that somebody else took, a cluster that dies. */
import { cpSync } from "node:fs"
import { join } from "node:path"
import type { Browser, Page } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { deno, root } from "../cli/Cw.ts"
import { type ApiServer, startApiServers } from "../parts/ApiServer.ts"
import { lacking } from "../parts/Parts.ts"
import { removeFolder, temporaryFolder } from "../parts/Processes.ts"
import { audit, available, goTo, launch, type Served, serve, settled, watched } from "./Browser.ts"

const missing = deno || !available() || lacking("etcd", "kube", "istio-crds")

describe.skipIf(missing)("cw ui over two API servers", { timeout: 180_000 }, () => {
  let servers: ReadonlyArray<ApiServer> = []
  let browser: Browser
  let served: Served
  let page: Page
  let problems: ReadonlyArray<string>
  const directory = temporaryFolder("ui")
  const [east, west] = [() => servers[0]!, () => servers[1]!]

  beforeAll(async () => {
    ;[servers, browser] = await Promise.all([startApiServers(2, { sharedEtcd: true, istioCrds: true }), launch()])
    cpSync(join(root, "examples/11-live-clusters"), directory, { recursive: true })
    cpSync(east().kubeconfig, join(directory, "east.kubeconfig"))
    cpSync(west().kubeconfig, join(directory, "west.kubeconfig"))
    for (const server of servers) await server.kubectl(["create", "namespace", "istio-system"])
    for (const name of ["reviews", "ratings"]) {
      await east().kubectl(["create", "service", "clusterip", name, "--tcp=9080"])
      await east().kubectl(["annotate", "service", name, `note=<img src=x onerror="document.title=1">`])
      await east().kubectl(["label", "service", name, "coddiwomple.io/export=true"])
    }
    served = await serve(["pipeline.yaml", "--allow", "apply"], { cwd: directory })
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    ;({ page, problems } = await watched(context, served.url))
    await page.goto(served.link)
    await page.getByRole("heading", { name: "2 services" }).waitFor({ timeout: 60_000 })
  }, 240_000)
  afterAll(async () => {
    await browser?.close()
    await served?.stop()
    await Promise.all(servers.map((s) => s.stop()))
    removeFolder(directory)
  })

  const rule = "cw-out-reviews--default"
  /** Somebody else takes a field of ours in west. */
  const take = async (errors: number): Promise<void> => {
    const { code, stderr } = await west().kubectl(
      ["apply", "--server-side", "--force-conflicts", "--field-manager=someone", "-f", "-"],
      JSON.stringify({
        apiVersion: "networking.istio.io/v1",
        kind: "DestinationRule",
        metadata: { name: rule, namespace: "cw-system" },
        spec: { trafficPolicy: { outlierDetection: { consecutiveGatewayErrors: errors } } }
      })
    )
    assert.strictEqual(code, 0, stderr)
  }
  const errors = async (): Promise<string> =>
    (
      await west().kubectl([
        "get",
        "destinationrule",
        "-n",
        "cw-system",
        rule,
        "-o",
        "jsonpath={.spec.trafficPolicy.outlierDetection.consecutiveGatewayErrors}"
      ])
    ).stdout
  const facet = (text: RegExp) => page.locator(".facets button", { hasText: text })

  it("asks who may write before anybody tries", async () => {
    await goTo(page, "/clusters")
    await page.locator("tbody tr:has-text('yes')").nth(1).waitFor({ timeout: 30_000 })
    assert.match(await page.locator(".pagebar").innerText(), /2 connected/)
  })

  it("plans, refuses a wrong confirmation, applies, and shows what is there now", async () => {
    await goTo(page, "/plan")
    await page.getByRole("button", { name: "Apply…" }).click({ timeout: 60_000 })
    const dialog = page.getByRole("dialog")
    const button = dialog.getByRole("button", { name: "Apply to 2 clusters" })
    await dialog.getByLabel(/to confirm/).fill("2 cluster")
    assert.isTrue(await button.isDisabled())
    await dialog.getByLabel(/to confirm/).fill("2 clusters")
    await button.click()
    await page.locator(".result.done").waitFor({ timeout: 90_000 })
    for (const server of servers)
      assert.include((await server.kubectl(["get", "serviceentry", "-A", "-o", "name"])).stdout, "cw-out-reviews")
    await goTo(page, "/services")
    await facet(/2 in sync/).waitFor({ timeout: 60_000 })
    assert.deepEqual(problems, [])
  })

  it("shows what somebody else took: in the cell, the difference, the route and the plan", async () => {
    await take(77)
    // Nobody has to ask: while a page is open, what is there is looked at again and again.
    await goTo(page, "/services")
    await facet(/live differs/).waitFor({ timeout: 90_000 })
    await goTo(page, "/services/reviews.default?cluster=west&tab=diff")
    await page.locator(".diff", { hasText: "consecutiveGatewayErrors" }).waitFor({ timeout: 30_000 })
    assert.match(await page.locator(".diff").first().innerText(), /someone|77/)
    assert.deepEqual(await audit(page), [])
    await goTo(page, "/services/reviews.default?cluster=west")
    await page.locator(".chip", { hasText: "live differs" }).first().waitFor({ timeout: 30_000 })
    assert.notStrictEqual(await page.title(), "1")
  })

  it("refuses a plan whose cluster has moved since, writes nothing, and applies the new one", async () => {
    await goTo(page, "/plan")
    await page.locator(".plan tbody", { hasText: "reviews" }).waitFor({ timeout: 60_000 })
    await page.getByRole("button", { name: "Apply…" }).click()
    await take(78)
    const confirm = async () => {
      const dialog = page.getByRole("dialog")
      await dialog.getByLabel(/to confirm/).fill("1 cluster")
      await dialog.getByRole("button", { name: "Apply to 1 cluster" }).click()
    }
    await confirm()
    await page.locator(".result.refused").waitFor({ timeout: 90_000 })
    assert.match(await page.locator(".result").innerText(), /Nothing was written/)
    assert.strictEqual(await errors(), "78")
    await page.getByRole("button", { name: "Make again" }).first().click()
    await page.getByRole("button", { name: "Apply…" }).click()
    await confirm()
    await page.locator(".result.done").waitFor({ timeout: 90_000 })
    assert.strictEqual(await errors(), "5")
  })

  it("leaves alone what is somebody else's, and says so", async () => {
    const theirs = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: cw-out-details--default, namespace: cw-system }
spec: { hosts: [theirs.example], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: DNS }
`
    const made = await west().kubectl(["apply", "-f", "-"], theirs)
    assert.strictEqual(made.code, 0, made.stderr)
    await east().kubectl(["create", "service", "clusterip", "details", "--tcp=9080"])
    await east().kubectl(["label", "service", "details", "coddiwomple.io/export=true"])
    await goTo(page, "/services")
    await facet(/1 error/).waitFor({ timeout: 90_000 })
    await goTo(page, "/plan")
    await page.locator(".plan tbody", { hasText: "Conflict" }).waitFor({ timeout: 60_000 })
    assert.match(await page.locator(".notice").allInnerTexts().then(String), /in conflict/)
    assert.deepEqual(await audit(page), [])
    await west().kubectl(["delete", "serviceentry", "-n", "cw-system", "cw-out-details--default"])
  })

  it("a cluster that dies is one hatched column with its reason; when it is back, so is the column", async () => {
    await west().kill()
    await goTo(page, "/services")
    await page.getByText(/west is not connected/).waitFor({ timeout: 90_000 })
    assert.include(await page.locator(".names").innerText(), "reviews")
    assert.match(await page.locator(".strip .right").innerText(), /1\/2 clusters/)
    await goTo(page, "/clusters/west")
    await page.locator(".pane .banner.error").waitFor()
    await settled(page)
    assert.deepEqual(await audit(page), [])
    await west().restart()
    await goTo(page, "/services")
    await page.getByText(/west is not connected/).waitFor({ state: "detached", timeout: 120_000 })
    assert.match(await page.locator(".strip .right").innerText(), /2\/2 clusters/)
    assert.deepEqual(problems, [])
  })
})
