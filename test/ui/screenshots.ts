// Saves pictures of every screen in both themes: `node test/ui/screenshots.ts [FOLDER] [name …]`. Starts cw on the seed's
// clusters file, on a fleet that shows every state, on nothing at all, and on a bundle.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Page } from "playwright-core"
import { root } from "../cli/Cw.ts"
import { launch, type Served, serve, settled } from "./Browser.ts"
import { demo } from "./Demo.ts"

const [folder = join(tmpdir(), "cw-screenshots"), ...only] = process.argv.slice(2)
mkdirSync(folder, { recursive: true })
const work = mkdtempSync(join(tmpdir(), "cw-shots-"))

type Shot = readonly [name: string, path: string, act?: (page: Page) => Promise<void>]

const fleet: ReadonlyArray<Shot> = [
  ["services", "/services"],
  ["route", "/services/reviews.bookinfo?cluster=prod-euw1-02"],
  ["whatif", "/services/reviews.bookinfo?cluster=prod-euw1-02&down=prod-euw1-02"],
  ["resources", "/services/reviews.bookinfo?cluster=prod-euw1-02&tab=resources"],
  ["diff", "/services/reviews.bookinfo?cluster=prod-euw1-02&tab=diff"],
  ["diff-page", "/services/reviews.bookinfo?cluster=prod-euw1-02&tab=diff&view=page"],
  ["service-events", "/services/checkoutservice.boutique?tab=events"],
  ["held", "/services/mysqldb.bookinfo"],
  ["filtered", "/services?q=ns:boutique cluster:prod-u*&sort=name"],
  ["no-match", "/services?q=nothing state:ok"],
  ["collapsed", "/services?closed=prod-euw1,edge"],
  ["clusters", "/clusters/prod-euw1-02"],
  ["pipeline", "/pipeline?stage=repo"],
  ["pipeline-table", "/pipeline?as=table&stage=mesh&tab=config"],
  ["plan", "/plan", async (page) => void (await page.locator(".plan tbody tr:not(.group)").nth(3).click())],
  [
    "plan-confirm",
    "/plan",
    async (page) => {
      await page.getByRole("button", { name: "Apply…" }).click()
      await page.getByLabel(/to confirm/).fill("40 tar")
    }
  ],
  ["events", "/events"],
  [
    "palette",
    "/services",
    async (page) => {
      await page.keyboard.press("Control+k")
      await page.keyboard.type("rev")
    }
  ],
  ["help", "/services", async (page) => page.keyboard.press("?")],
  ["settings", "/services", async (page) => page.getByRole("button", { name: "apply allowed" }).click()],
  [
    "narrow",
    "/services/reviews.bookinfo?cluster=prod-euw1-02",
    async (page) => page.setViewportSize({ width: 420, height: 860 })
  ]
]
const seed: ReadonlyArray<Shot> = [
  ["seed", "/services/foo?cluster=a&tab=resources"],
  ["seed-clusters", "/clusters"],
  ["seed-plan", "/plan"]
]

const browser = await launch()
const shoot = async (served: Served, shots: ReadonlyArray<Shot>, token = true): Promise<void> => {
  const wanted = shots.filter(([name]) => only.length === 0 || only.includes(name))
  if (wanted.length === 0) return
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const first = await context.newPage()
  if (token) {
    await first.goto(served.link)
    await first.waitForSelector(".strip")
    await first.waitForTimeout(1200)
  }
  for (const [name, path, act] of wanted) {
    for (const theme of ["light", "dark"] as const) {
      const page = await context.newPage()
      await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" })
      await page.goto(`${served.url}${path}`)
      await page.waitForSelector(token ? ".strip" : ".locked")
      await settled(page)
      await page.waitForTimeout(300)
      await act?.(page)
      await settled(page)
      await page.waitForTimeout(300)
      await page.screenshot({ path: join(folder, `${name}-${theme}.png`) })
      await page.close()
    }
    process.stdout.write(`${name}\n`)
  }
  await context.close()
}

const rich = join(work, "fleet")
await demo(rich)
const servers: Array<Served> = []
const up = async (...input: Parameters<typeof serve>) => {
  const served = await serve(...input)
  servers.push(served)
  return served
}
const one = await up(["pipeline.yaml", "--allow", "apply"], { cwd: rich })
await shoot(one, fleet)
await shoot(one, [["locked", "/services"]], false)
await shoot(
  await up(["--cluster-file", "testdata/seed/cli/clusters.json", "--service-file", "testdata/seed/cli/services.json"], {
    cwd: root
  }),
  seed
)
const bare = join(work, "bare")
mkdirSync(bare)
await shoot(await up([], { cwd: bare }), [["empty", "/services"]])
await shoot(await up(["--cluster-file", join(root, "testdata/seed/clusters.json")]), [
  ["down", "/services"],
  ["down-clusters", "/clusters/a"]
])
await browser.close()
await Promise.all(servers.map((each) => each.stop()))
rmSync(work, { recursive: true, force: true })
