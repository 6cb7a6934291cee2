/**
 * The page of `cw ui` with 10 000 services in 100 clusters: from the address line to the first cells, scrolling and
 * filtering while cells change, memory after a minute of a thousand changes per second, and how the server ends.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import type { Browser, CDPSession, Page } from "playwright-core"
import { executable, launch } from "../ui/Browser.ts"
import { write } from "./Fleet.ts"
import { atMost, type Figure, median } from "./Measure.ts"

const root = join(import.meta.dirname, "../..")
const rounds = 5
const soak = Number(process.env.CW_BENCH_SOAK ?? 60)

const started = (child: ChildProcess, wanted: number): Promise<ReadonlyArray<string>> =>
  new Promise((resolve, reject) => {
    let text = ""
    const take = (chunk: Buffer) => {
      text += chunk
      const links = [...text.matchAll(/http:\S+#launch=\S+/g)].map((m) => m[0])
      if (links.length >= wanted) resolve(links)
    }
    child.stdout!.on("data", take)
    child.stderr!.on("data", take)
    child.once("exit", (code) => reject(new Error(`server ended with ${code}: ${text}`)))
  })

const painted = (page: Page) =>
  page.waitForFunction(() => performance.getEntriesByName("cw-painted").length > 0, undefined, { timeout: 60_000 })
const firstCells = async (
  browser: Browser,
  link: string
): Promise<{ readonly page: Page; readonly millis: number }> => {
  const page = await (await browser.newContext({ viewport: { width: 1600, height: 1000 } })).newPage()
  await page.goto(link)
  await painted(page)
  // The second visit is what one waits for: code in the cache, data anew.
  await page.goto(link.replace(/\/#.*/, "/services"))
  await painted(page)
  return { page, millis: await page.evaluate(() => performance.getEntriesByName("cw-painted")[0]!.startTime) }
}

const heap = async (session: CDPSession): Promise<number> => {
  await session.send("HeapProfiler.collectGarbage")
  const { metrics } = await session.send("Performance.getMetrics")
  return metrics.find((m) => m.name === "JSHeapUsedSize")!.value / 2 ** 20
}

/** Frames while something is done on every one of them: milliseconds, 95th percentile. */
const frames = (page: Page, dx: number, dy: number): Promise<number> =>
  page.evaluate(
    async ([x, y]) => {
      const at = (
        globalThis as unknown as {
          readonly document: { querySelector: (s: string) => { scrollBy: (x: number, y: number) => void } }
        }
      ).document.querySelector(".matrix")
      const raf = (globalThis as unknown as { readonly requestAnimationFrame: (f: (t: number) => void) => void })
        .requestAnimationFrame
      const times: Array<number> = []
      let last = 0
      await new Promise<void>((resolve) => {
        const step = (t: number) => {
          if (last > 0) times.push(t - last)
          last = t
          at.scrollBy(x!, y!)
          if (times.length < 180) raf(step)
          else resolve()
        }
        raf(step)
      })
      return times.sort((a, b) => a - b)[Math.floor(times.length * 0.95)]!
    },
    [dx, dy]
  )

const filter = async (page: Page, text: string): Promise<number> => {
  await page.locator("search input").fill("")
  await page.waitForTimeout(300)
  return page.evaluate(async (value) => {
    interface Input {
      value: string
      dispatchEvent: (event: Event) => void
    }
    const world = globalThis as unknown as {
      readonly document: { querySelector: (s: string) => Input }
      readonly requestAnimationFrame: (f: () => void) => void
      readonly HTMLInputElement: { readonly prototype: Input }
    }
    const input = world.document.querySelector("search input")
    const set = Object.getOwnPropertyDescriptor(world.HTMLInputElement.prototype, "value")!.set!
    const from = performance.now()
    performance.clearMarks("cw-filtered")
    set.call(input, value)
    input.dispatchEvent(new Event("input", { bubbles: true }))
    while (performance.getEntriesByName("cw-filtered").length === 0)
      await new Promise<void>((r) => world.requestAnimationFrame(r))
    await new Promise<void>((r) => world.requestAnimationFrame(r))
    return performance.now() - from
  }, text)
}

const rss = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024

export default async (): Promise<ReadonlyArray<Figure>> => {
  const assets = join(root, "packages/cli/dist/ui/assets")
  const initial =
    readdirSync(assets)
      .filter((f) => f.endsWith(".js") && !f.startsWith("merge"))
      .reduce((n, f) => n + gzipSync(readFileSync(join(assets, f)), { level: 9 }).length, 0) / 1000
  const figures: Array<Figure> = [atMost("JavaScript before the first cells, gzip", initial, 200, "KB")]
  if (executable === undefined) return [...figures, { what: "everything else", value: "no browser found" }]
  const browser = await launch()
  const server = (rate: number) =>
    spawn(process.execPath, [join(root, "test/bench/ui-server.ts"), "10000", "100", String(rate)], {
      stdio: ["ignore", "pipe", "pipe"]
    })

  const busy = server(100)
  const links = await started(busy, 20)
  const firsts: Array<number> = []
  const scrolls: Array<number> = []
  const sides: Array<number> = []
  const filters: Array<number> = []
  let memory = 0
  for (let i = 0; i < rounds; i++) {
    const { millis, page } = await firstCells(browser, links[i]!)
    firsts.push(millis)
    scrolls.push(await frames(page, 0, 90))
    sides.push(await frames(page, 26, 0))
    filters.push(await filter(page, "cart"))
    if (i === 0) {
      const session = await page.context().newCDPSession(page)
      await session.send("Performance.enable")
      memory = await heap(session)
    }
    await page.context().close()
  }
  busy.kill()
  figures.push(
    atMost("address line to first cells, 10 000 × 100", median(firsts), 1050, "ms"),
    atMost("scrolling down at 100 changes/s, frame p95", median(scrolls), 33, "ms"),
    atMost("scrolling right at 100 changes/s, frame p95", median(sides), 33, "ms"),
    atMost("filter to paint", median(filters), 100, "ms"),
    atMost("heap of the page after collection", memory, 40, "MiB")
  )

  const storm = server(1000)
  const { page } = await firstCells(browser, (await started(storm, 1))[0]!)
  const session = await page.context().newCDPSession(page)
  await session.send("Performance.enable")
  await page.waitForTimeout(5000)
  const before = await heap(session)
  await page.waitForTimeout(soak * 1000)
  const after = await heap(session)
  figures.push({
    what: `heap over ${soak} s of 1 000 changes/s`,
    value: `${before.toFixed(1)} → ${after.toFixed(1)} MiB`,
    target: "+ ≤ 2 MiB",
    ok: after - before <= 2
  })
  await page.context().close()
  storm.kill()

  const folder = mkdtempSync(join(tmpdir(), "cw-bench-ui-"))
  const { clusters, services } = await write(folder, { services: 10_000, clusters: 100 })
  const real = spawn(
    process.execPath,
    [join(root, "packages/cli/bin/cw.js"), "ui", "--port", "0", "--cluster-file", clusters, "--service-file", services],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, XDG_RUNTIME_DIR: folder } }
  )
  const [link] = await started(real, 1)
  const context = await browser.newContext({ viewport: { width: 1600, height: 1000 } })
  const opened = await context.newPage()
  await opened.goto(link!)
  await opened.getByText("10\u202f000 services").waitFor({ timeout: 120_000 })
  for (let i = 0; i < 7; i++) await (await context.newPage()).goto(link!.replace(/\/#.*/, "/services"))
  let live = 0
  for (const tab of context.pages())
    if (
      await tab.waitForSelector(".pill:has-text('live')", { timeout: 20_000 }).then(
        () => true,
        () => false
      )
    )
      live++
  figures.push({ what: "tabs that are live at once", value: String(live), target: "8", ok: live === 8 })
  figures.push(atMost("server with 10 000 × 100 rendered, resident", rss(real.pid!), 300, "MiB"))
  const from = performance.now()
  real.kill("SIGINT")
  await new Promise((resolve) => real.once("exit", resolve))
  figures.push(atMost("Ctrl-C with eight pages open", performance.now() - from, 1000, "ms"))
  rmSync(folder, { recursive: true, force: true })
  await browser.close()
  return figures
}
