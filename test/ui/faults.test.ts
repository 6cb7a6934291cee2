/** What the page must survive: a server that ends, a silent line, a frozen tab, hostile names, and strangers at the door. */
import { writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import type { Browser, BrowserContext } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it, onTestFinished } from "vitest"
import { deno, folder } from "../cli/Cw.ts"
import { startFaultProxy } from "../parts/FaultProxy.ts"
import { available, goTo, launch, type Served, serve, serveForTest, settled, watched } from "./Browser.ts"
import { inputs, service } from "./Inputs.ts"

const seed = ["--cluster-file", "testdata/seed/cli/clusters.json", "--service-file", "testdata/seed/cli/services.json"]
const files = inputs(["east"])

describe.skipIf(deno || !available())("what cw ui survives", { timeout: 120_000 }, () => {
  let browser: Browser
  let served: Served
  let signedIn: BrowserContext
  beforeAll(async () => {
    browser = await launch()
    served = await serve(seed)
    signedIn = await browser.newContext()
    const page = await signedIn.newPage()
    await page.goto(served.link)
    await page.getByRole("heading", { name: "3 services" }).waitFor()
  })
  afterAll(async () => {
    await browser?.close()
    await served?.stop()
  })

  it("survives the server's end, and after a restart says so once instead of knocking, in every tab", async () => {
    const served = await serve(seed)
    const { port } = new URL(served.url)
    const context = await browser.newContext()
    onTestFinished(() => context.close())
    const page = await context.newPage()
    await page.goto(served.link)
    await page.getByRole("heading", { name: "3 services" }).waitFor()
    const other = await context.newPage()
    await other.goto(`${served.url}/clusters`)
    await other.getByRole("heading", { name: "4 clusters" }).waitFor()
    const started = performance.now()
    await served.stop()
    assert.isBelow(performance.now() - started, 3000)
    await page.locator(".pill:has-text('reconnecting')").waitFor({ timeout: 15_000 })
    assert.include(await page.locator(".names").innerText(), "foo")
    const again = await serveForTest(seed, { port: Number(port) })
    for (const tab of [page, other]) await tab.getByText("cw was restarted.").waitFor({ timeout: 15_000 })
    // The refused bearer is not tried again: neither as a socket nor as a request.
    let knocks = 0
    for (const tab of [page, other]) {
      tab.on("websocket", () => knocks++)
      tab.on("request", () => knocks++)
    }
    await page.waitForTimeout(2500)
    assert.isAtMost(knocks, 1)
    await page.getByLabel("Link").fill(again.link)
    await page.getByRole("button", { name: "Open" }).click()
    await page.locator(".pill:has-text('live')").waitFor({ timeout: 30_000 })
  })

  it("notices a line that has gone silent, as after a sleep, and goes on by itself", async () => {
    const path = folder(files)
    const served = await serveForTest(["pipeline.yaml"], { cwd: path })
    await using proxy = await startFaultProxy({ port: Number(new URL(served.url).port) })
    const context = await browser.newContext()
    onTestFinished(() => context.close())
    const page = await context.newPage()
    await page.goto(served.link.replace(/:\d+\//, `:${proxy.port}/`))
    await page.getByRole("heading", { name: "1 service" }).waitFor()
    proxy.set({ kind: "blackhole" })
    await page.locator(".pill:has-text('reconnecting')").waitFor({ timeout: 40_000 })
    assert.match(await page.locator(".pill").innerText(), /as of \d\d:\d\d/)
    assert.include(await page.locator(".names").innerText(), "web")
    writeFileSync(join(path, "services.json"), JSON.stringify([service("web"), service("newcomer")]))
    proxy.set({ kind: "reset" })
    proxy.set({ kind: "none" })
    await page.locator(".pill:has-text('live')").waitFor({ timeout: 40_000 })
    await page.getByRole("link", { name: /newcomer/ }).waitFor({ timeout: 30_000 })
  })

  it("a tab that was frozen shows the newest state when it wakes, and holds nobody else up", async () => {
    const path = folder(files)
    const served = await serveForTest(["pipeline.yaml"], { cwd: path })
    const context = await browser.newContext()
    onTestFinished(() => context.close())
    const page = await context.newPage()
    await page.goto(served.link)
    await page.getByRole("heading", { name: "1 service" }).waitFor()
    const awake = await context.newPage()
    await awake.goto(`${served.url}/services`)
    await awake.getByRole("heading", { name: "1 service" }).waitFor()
    const session = await context.newCDPSession(page)
    await session.send("Page.setWebLifecycleState", { state: "frozen" })
    for (let n = 2; n < 12; n++) {
      writeFileSync(
        join(path, "services.json"),
        JSON.stringify(Array.from({ length: n }, (_, i) => service(i === 0 ? "web" : `more-${i}`)))
      )
      await awake.waitForTimeout(100)
    }
    await awake.getByRole("link", { name: /more-10/ }).waitFor({ timeout: 30_000 })
    await session.send("Page.setWebLifecycleState", { state: "active" })
    await page.bringToFront()
    await page.getByRole("link", { name: /more-10/ }).waitFor({ timeout: 30_000 })
  })

  it("shows names and texts full of HTML as text", async () => {
    const evil = '<img src=x onerror="document.title=1">'
    const path = folder({
      "clusters.json": JSON.stringify([{ name: "a", address: "a.example" }]),
      "services.json": JSON.stringify([
        {
          name: "web",
          dns_prefixes: ["web"],
          ports: [{ name: "http", protocol: "HTTP", service_port: 80, backend_port: 80 }],
          backends: { [evil]: "web.default.svc.cluster.local" }
        },
        {
          name: `${evil}<script>document.title=2</script>`,
          dns_prefixes: ["other"],
          ports: [{ name: "http", protocol: "HTTP", service_port: 80, backend_port: 80 }],
          backends: { a: "other.default.svc.cluster.local" }
        }
      ])
    })
    const served = await serveForTest([
      "--cluster-file",
      join(path, "clusters.json"),
      "--service-file",
      join(path, "services.json")
    ])
    const context = await browser.newContext()
    onTestFinished(() => context.close())
    const { page, problems } = await watched(context, served.url)
    await page.goto(served.link)
    await page.goto(`${served.url}/services/web`)
    await page.locator(".pane .banner").first().waitFor()
    assert.include(await page.locator(".pane").innerText(), "onerror")
    for (const screen of [
      "/services",
      "/clusters/a",
      "/pipeline?stage=model",
      "/events",
      `/services/${encodeURIComponent(evil)}`
    ]) {
      await goTo(page, screen)
      await settled(page)
      assert.notMatch(await page.title(), /^[12]/)
      assert.strictEqual(await page.locator("img, main script").count(), 0)
    }
    assert.deepEqual(problems, [])
  })

  it("answers to no other name (DNS rebinding)", async () => {
    const { page } = await watched(signedIn, served.url)
    onTestFinished(() => page.close())
    const answer = await page.goto(`${served.url.replace("127.0.0.1", "rebound.example")}/services`)
    assert.strictEqual(answer?.status(), 421)
    assert.notInclude(await page.content(), "foo")
  })

  it("lets no other page in: fetch, socket, frame and form from another port fail", async () => {
    const stranger = createServer((_request, response) =>
      response.setHeader("content-type", "text/html").end("<!doctype html><title>other</title>")
    )
    await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve))
    onTestFinished(() => void stranger.close())
    const address = stranger.address()
    const { page } = await watched(signedIn, served.url)
    onTestFinished(() => page.close())
    await page.goto(`http://127.0.0.1:${typeof address === "object" ? address!.port : 0}/`)
    const result = await page.evaluate(async (url) => {
      const read = await fetch(`${url}/api/v1/status`).then(
        (r) => r.text(),
        () => "blocked"
      )
      const socket = await new Promise<string>((resolve) => {
        const ws = new WebSocket(`${url.replace("http", "ws")}/rpc`)
        ws.onopen = () => resolve("open")
        ws.onerror = () => resolve("blocked")
      })
      const tree = (
        globalThis as unknown as {
          readonly document: {
            createElement: (name: string) => Record<string, unknown>
            body: { append: (node: unknown) => void }
          }
        }
      ).document
      const frame = tree.createElement("iframe")
      frame.src = url
      tree.body.append(frame)
      await new Promise((resolve) => {
        frame.onload = resolve
        setTimeout(resolve, 1500)
      })
      const inside = (frame.contentDocument as { readonly title: string } | null)?.title ?? "blocked"
      return { read, socket, inside }
    }, served.url)
    assert.deepEqual(result, { read: "blocked", socket: "blocked", inside: "blocked" })
    const refused = page.waitForResponse((response) => response.url().endsWith("/auth/exchange"))
    await page.evaluate((url) => {
      const { document: tree } = globalThis as unknown as {
        readonly document: {
          createElement: (name: string) => Record<string, unknown> & { submit: () => void }
          readonly body: { append: (node: unknown) => void }
        }
      }
      const form = tree.createElement("form")
      Object.assign(form, { action: `${url}/auth/exchange`, method: "post", enctype: "text/plain" })
      tree.body.append(form)
      form.submit()
    }, served.url)
    assert.strictEqual((await refused).status(), 403)
  })
})
