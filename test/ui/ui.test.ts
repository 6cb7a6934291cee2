/** The page as a person meets it: a real browser, the real command, real files. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Browser, BrowserContext } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it, onTestFinished } from "vitest"
import { deno, root } from "../cli/Cw.ts"
import { available, launch, matrixReady, type Served, serve, serveForTest, watched } from "./Browser.ts"
import { demo } from "./Demo.ts"

const seed = ["--cluster-file", "testdata/seed/cli/clusters.json", "--service-file", "testdata/seed/cli/services.json"]

// One runtime is enough for the browser: what differs between Node and Deno is tested without it.
describe.skipIf(deno || !available())("cw ui in a browser", { timeout: 120_000 }, () => {
  let browser: Browser
  let fleet: Served
  let rich: string
  beforeAll(async () => {
    browser = await launch()
    rich = join(root, "node_modules/.cache/cw-ui-demo", String(process.pid))
    mkdirSync(rich, { recursive: true })
    await demo(rich)
    fleet = await serve(["pipeline.yaml", "--allow", "apply"], { cwd: rich })
    signedIn = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    const { page } = await watched(signedIn, fleet.url)
    await page.goto(fleet.link)
    await matrixReady(page)
    await page.close()
  })
  afterAll(async () => {
    await browser?.close()
    await fleet?.stop()
    const { rmSync } = await import("node:fs")
    if (rich !== undefined) rmSync(rich, { recursive: true, force: true })
  })
  let signedIn: BrowserContext

  const visit = async (path: string, theme: "light" | "dark" = "light") => {
    const { page, problems } = await watched(signedIn, fleet.url)
    onTestFinished(() => page.close())
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" })
    await page.goto(fleet.url + path)
    await page.waitForSelector(".pill:has-text('live')")
    return { page, problems }
  }

  it("opens from the launch link, leaves no token behind, and the link works once", async () => {
    const served = await serveForTest(seed)
    const context = await browser.newContext()
    onTestFinished(() => context.close())
    const { page, problems } = await watched(context, served.url)
    await page.goto(served.link)
    await page.getByRole("heading", { name: "3 services" }).waitFor()
    assert.notInclude(page.url(), "launch")
    assert.deepEqual(problems, [])
    const stranger = await browser.newContext()
    onTestFinished(() => stranger.close())
    const other = await stranger.newPage()
    await other.goto(served.link)
    await other.getByText("needs the link").waitFor()
    assert.include(await other.locator("main").innerText(), "has been used")
    assert.notInclude(await other.content(), "foo")
  })

  it("keeps the original's abilities: services by clusters, and the configuration per cluster on a click", async () => {
    const served = await serveForTest(seed)
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
    onTestFinished(() => context.close())
    const { page, problems } = await watched(context, served.url)
    await page.goto(served.link)
    await page.getByRole("link", { name: /^foo/ }).click()
    await page.getByRole("link", { name: /Resources/ }).click()
    await page.getByText("cw-foo-gateway").first().waitFor()
    await page.getByRole("button", { name: "All clusters" }).click()
    await page
      .getByText("same in all clusters")
      .first()
      .waitFor({ timeout: 3000 })
      .catch(() => undefined)
    assert.include(await page.locator(".pane").innerText(), "ServiceEntry")
    await page.goto(`${served.url}/services/foo?cluster=a`)
    await page.getByText(/Answered/).waitFor()
    assert.deepEqual(problems, [])
  })

  it("is worked by keyboard alone, and every view is a link", async () => {
    const { page } = await visit("/services")
    await page.keyboard.press("/")
    await page.keyboard.type("ns:boutique cart")
    await page.getByRole("heading", { name: /2 services/ }).waitFor()
    assert.include(page.url(), "q=ns%3Aboutique+cart")
    await page.keyboard.press("Enter")
    await page.keyboard.press("j")
    await page.keyboard.press("l")
    await page.keyboard.press("Enter")
    await page.waitForURL(/\/services\/[a-z-]+\.boutique\?.*cluster=/)
    const where = page.url()
    assert.isNotEmpty(await page.locator("#active-cell").innerText())
    await page.reload()
    await page.locator(".pane h2").waitFor()
    assert.strictEqual(page.url(), where)
    await page.keyboard.press("Escape")
    await page.locator(".pane").waitFor({ state: "detached" })
    await page.keyboard.press("g")
    await page.keyboard.press("p")
    await page.waitForURL(/\/pipeline/)
    await page.keyboard.press("Control+k")
    await page.keyboard.type("reviews")
    await page.keyboard.press("Enter")
    await page.waitForURL(/\/services\/reviews\.bookinfo/)
  })

  it("shows a change of the input file without a reload", async () => {
    const { page } = await visit("/services?q=newcomer")
    await page.getByRole("heading", { name: "No service matches" }).waitFor()
    const file = join(rich, "services.json")
    const before = readFileSync(file, "utf8")
    const list = JSON.parse(before) as Array<Record<string, unknown>>
    list.push({
      name: "newcomer",
      namespace: "shop",
      dns_prefixes: ["newcomer.shop"],
      ports: [{ name: "http", protocol: "HTTP", service_port: 80, backend_port: 80 }],
      backends: { "edge-00": "newcomer.shop.svc.cluster.local" }
    })
    writeFileSync(file, JSON.stringify(list))
    await page.getByRole("link", { name: /newcomer/ }).waitFor({ timeout: 30_000 })
    writeFileSync(file, before)
    await page.locator(".facets").waitFor()
  })

  it("plans, asks for the typed words, applies, and shows the result", async () => {
    const { page } = await visit("/plan")
    const tick = page.getByRole("checkbox").last()
    await tick.uncheck()
    assert.match(await page.locator(".pagebar").innerText(), /\d+ left out/)
    await tick.check()
    assert.notInclude(await page.locator(".pagebar").innerText(), "left out")
    await page.getByRole("button", { name: "Apply…" }).click()
    const dialog = page.getByRole("dialog")
    assert.strictEqual(await dialog.getByRole("button", { name: "Cancel" }).evaluate((b) => b.matches(":focus")), true)
    const button = dialog.getByRole("button", { name: /^Apply to/ })
    assert.isTrue(await button.isDisabled())
    const words = (await button.innerText()).replace("Apply to ", "")
    await dialog.getByLabel(/to confirm/).fill("1 target")
    assert.isTrue(await button.isDisabled())
    await dialog.getByLabel(/to confirm/).fill(words)
    await button.click()
    await page.locator(".result.done, .result.failed, .result.refused").waitFor({ timeout: 30_000 })
    assert.match(await page.locator(".result").innerText(), /^\s*Applied/)
    assert.include(
      readFileSync(join(rich, "out/edge-00/cw-system/serviceentry-cw-out-checkoutservice--boutique.yaml"), "utf8"),
      "checkoutservice"
    )
  })

  it("eight tabs are all live", async () => {
    const pages = await Promise.all(Array.from({ length: 8 }, () => visit("/services")))
    for (const { page } of pages) await page.waitForSelector(".pill:has-text('live')")
  })
})
