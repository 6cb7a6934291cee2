/** Every screen and every state of it is clean under axe, in both themes and on a narrow window. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Browser, BrowserContext, Page } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it, onTestFinished } from "vitest"
import { deno, folder, root } from "../cli/Cw.ts"
import {
  audit,
  available,
  goTo,
  launch,
  matrixReady,
  type Served,
  serve,
  serveForTest,
  settled,
  watched
} from "./Browser.ts"
import { demo } from "./Demo.ts"
import { removeFolder } from "../parts/Processes.ts"

const reviews = "/services/reviews.bookinfo"
const screens: Readonly<Record<string, ReadonlyArray<string>>> = {
  services: ["/services", "/services?closed=prod-euw1,edge", "/services?q=nothing", "/services?q=state:what"],
  route: [`${reviews}?cluster=prod-euw1-02`, `${reviews}?cluster=prod-euw1-05&down=prod-euw1-05`],
  "a service": [
    `${reviews}?tab=resources&clusters=all`,
    `${reviews}?cluster=prod-euw1-02&tab=diff`,
    `${reviews}?cluster=prod-euw1-02&tab=diff&view=page`,
    "/services/checkoutservice.boutique?tab=events",
    "/services/mysqldb.bookinfo",
    "/services/never-heard-of"
  ],
  clusters: ["/clusters", "/clusters/prod-euw1-02"],
  pipeline: [
    "/pipeline?stage=repo",
    "/pipeline?stage=model",
    "/pipeline?as=table&stage=mesh&tab=config",
    "/pipeline?stage=mesh&tab=tap"
  ],
  "events and elsewhere": ["/events", "/events?q=no-such-word", "/no-such-screen", "/plan/0123456789ab"]
}

describe.skipIf(deno || !available())("axe", { timeout: 120_000 }, () => {
  let browser: Browser
  let fleet: Served
  let signedIn: BrowserContext
  let page: Page
  const rich = join(root, "node_modules/.cache/cw-ui-axe", String(process.pid))
  beforeAll(async () => {
    mkdirSync(rich, { recursive: true })
    ;[browser] = await Promise.all([launch(), demo(rich)])
    fleet = await serve(["pipeline.yaml", "--allow", "apply"], { cwd: rich })
    signedIn = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    page = await signedIn.newPage()
    await page.goto(fleet.link)
    await matrixReady(page)
    await page.locator(".facets button").nth(2).waitFor()
  })
  afterAll(async () => {
    await browser?.close()
    await fleet?.stop()
    removeFolder(rich)
  })

  const clean = async (where: Page, name: string): Promise<void> => assert.deepEqual(await audit(where), [], name)

  for (const [name, paths] of Object.entries(screens)) {
    it(name, async () => {
      for (const path of paths) {
        await goTo(page, path)
        await settled(page)
        await clean(page, path)
      }
    })
  }

  it("plan: review, one line, confirmation", async () => {
    await goTo(page, "/plan")
    await page.getByRole("button", { name: "Apply…" }).waitFor()
    await page.locator(".plan tbody tr:not(.group)").first().click()
    await clean(page, "a line")
    await page.getByRole("button", { name: "Apply…" }).click()
    await clean(page, "confirmation")
    await page.getByRole("button", { name: "Cancel" }).click()
  })

  it("commands, keys, settings", async () => {
    await goTo(page, "/services")
    for (const [keys, name] of [
      ["Control+k", "Commands"],
      ["?", "Keys and marks"]
    ] as const) {
      await page.keyboard.press(keys)
      await page.getByRole("dialog", { name }).waitFor()
      await clean(page, name)
      await page.keyboard.press("Escape")
      await page.getByRole("dialog").waitFor({ state: "detached" })
    }
    await page.getByRole("button", { name: "apply allowed" }).click()
    await page.getByRole("dialog", { name: "Settings" }).waitFor()
    await clean(page, "settings")
    await page.keyboard.press("Escape")
  })

  it("a narrow window", async () => {
    await page.setViewportSize({ width: 360, height: 800 })
    onTestFinished(() => page.setViewportSize({ width: 1440, height: 900 }))
    for (const path of ["/services", reviews, "/plan"]) {
      await goTo(page, path)
      await settled(page)
      const wide = await page.evaluate(() => {
        const { body } = (globalThis as unknown as { readonly document: { readonly body: { scrollWidth: number } } })
          .document
        return body.scrollWidth
      })
      assert.isAtMost(wide, 360, path)
      await clean(page, path)
    }
  })

  it("without a token, and before the first word of the server", async () => {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    onTestFinished(() => context.close())
    const locked = await context.newPage()
    await locked.goto(`${fleet.url}/services`)
    await locked.locator(".locked").waitFor()
    await clean(locked, "locked")
    const waiting = await signedIn.newPage()
    onTestFinished(() => waiting.close())
    await waiting.routeWebSocket(/\/rpc/, () => {})
    await waiting.goto(`${fleet.url}/services`)
    await waiting.locator(".skeleton").waitFor()
    assert.deepEqual(await audit(waiting, true), [])
  })

  it("nothing there, nobody reached, and a bundle", async () => {
    const bundle = join(folder(), "bundle.json")
    const bearer = await page.evaluate(() =>
      (globalThis as unknown as { readonly localStorage: { getItem: (key: string) => string } }).localStorage.getItem(
        "cw.bearer"
      )
    )
    const answer = await fetch(`${fleet.url}/api/v1/bundle`, { headers: { authorization: `Bearer ${bearer}` } })
    writeFileSync(bundle, await answer.text())
    const all = await Promise.all([
      serveForTest([], { cwd: folder() }),
      serveForTest(["--cluster-file", join(root, "testdata/seed/clusters.json")]),
      serveForTest(["--from", bundle])
    ])
    const wanted = [
      [all[0], "/services", "No clusters yet"],
      [all[1], "/services", "No services yet"],
      [all[1], "/clusters/a", "never reached"],
      [all[2], "/services", "offline bundle"],
      [all[2], "/plan", "offline bundle"]
    ] as const
    for (const served of all) {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
      onTestFinished(() => context.close())
      const { page: other, problems } = await watched(context, served.url)
      await other.goto(served.link)
      for (const [of, path, text] of wanted) {
        if (of !== served) continue
        await other.locator(".strip").waitFor()
        await goTo(other, path)
        await other.getByText(text).first().waitFor()
        await clean(other, path)
      }
      assert.deepEqual(problems, [])
    }
  })

  it("cut off, and after a restart", async () => {
    const seed = [
      "--cluster-file",
      "testdata/seed/cli/clusters.json",
      "--service-file",
      "testdata/seed/cli/services.json"
    ]
    const served = await serve(seed)
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    onTestFinished(() => context.close())
    const lost = await context.newPage()
    await lost.goto(served.link)
    await lost.getByRole("heading", { name: "3 services" }).waitFor()
    await served.stop()
    await lost.locator(".pill:has-text('reconnecting')").waitFor({ timeout: 15_000 })
    await clean(lost, "reconnecting")
    await serveForTest(seed, { port: Number(new URL(served.url).port) })
    await lost.getByText("cw was restarted.").waitFor({ timeout: 15_000 })
    await clean(lost, "restarted")
  })
})
