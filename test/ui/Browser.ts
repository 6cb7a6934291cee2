// Debian's Chromium, driven by playwright-core, and a cw that serves its page to it. Where no browser is found the tests
// are skipped with a line that says so, unless CI is set: then they must run.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core"
import { onTestFinished } from "vitest"
import { type Running, start } from "../cli/Cw.ts"

const places = [
  process.env.CW_CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
]

export const executable = places.find((path) => path !== undefined && existsSync(path))

/** True where browser tests can run; says why not, once. */
export const available = (): boolean => {
  if (executable !== undefined) return true
  if (process.env.CI) return true
  process.stderr.write("test/ui: skipped, no browser found: apt-get install chromium, or set CW_CHROMIUM\n")
  return false
}

export const launch = async (): Promise<Browser> => {
  if (executable === undefined) throw new Error("no browser found: apt-get install chromium, or set CW_CHROMIUM")
  const browser = await chromium.launch({
    executablePath: executable,
    args: [
      "--no-sandbox",
      "--disable-dev-shm-usage",
      "--font-render-hinting=none",
      // A name of somebody else that leads here: what DNS rebinding comes down to.
      "--host-resolver-rules=MAP rebound.example 127.0.0.1"
    ]
  })
  // Chromium ends when its last page is closed; this one never is.
  await (await browser.newContext()).newPage()
  return browser
}

export interface Served {
  readonly running: Running
  readonly link: string
  readonly url: string
  readonly runtime: string
  readonly stop: () => Promise<number | null>
}

/** `cw ui` with these arguments on a free port, in a runtime folder of its own. */
export const serve = async (
  args: ReadonlyArray<string>,
  options: {
    readonly cwd?: string
    readonly port?: number
    readonly runtime?: string
    readonly command?: "ui" | "run"
  } = {}
): Promise<Served> => {
  const runtime = options.runtime ?? mkdtempSync(join(tmpdir(), "cw-ui-"))
  const command = options.command === "run" ? ["run", ...args] : ["ui", "--port", String(options.port ?? 0), ...args]
  const running = start(command, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { XDG_RUNTIME_DIR: runtime }
  })
  let said = ""
  running.process.stderr!.on("data", (text: string) => {
    said += text
  })
  await running.said("launch=")
  const link = /http:\/\/\S+#launch=\S+/.exec(said)![0]
  const stop = async () => {
    running.kill("SIGINT")
    const { code } = await running.done
    if (options.runtime === undefined) rmSync(runtime, { recursive: true, force: true })
    return code
  }
  return { running, link, url: link.replace(/\/#.*/, ""), runtime, stop }
}

/** The same, ended with the test. */
export const serveForTest = async (...input: Parameters<typeof serve>): Promise<Served> => {
  const served = await serve(...input)
  onTestFinished(async () => void (await served.stop()))
  return served
}

export const matrixReady = (page: Page): Promise<void> =>
  page.waitForFunction(() => performance.getEntriesByName("cw-painted").length > 0).then(() => undefined)

/** A page that notes every error and every request that leaves the server. */
export const watched = async (
  context: BrowserContext,
  url: string
): Promise<{ readonly page: Page; readonly problems: ReadonlyArray<string> }> => {
  const page = await context.newPage()
  const problems: Array<string> = []
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`))
  page.on("console", (message) => {
    if (message.type() === "error" || message.text().includes("Content Security Policy"))
      problems.push(`console: ${message.text()}`)
  })
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url())
    if (protocol !== "data:" && protocol !== "blob:" && origin !== url) problems.push(`request: ${request.url()}`)
  })
  return { page, problems }
}

/** Goes to another view of the page without loading it anew, as a link does. */
export const goTo = (page: Page, path: string): Promise<void> =>
  page.evaluate((to) => {
    const world = globalThis as unknown as {
      readonly history: { pushState: (state: null, title: string, url: string) => void }
      readonly dispatchEvent: (event: Event) => void
    }
    world.history.pushState(null, "", to)
    world.dispatchEvent(new Event("popstate"))
  }, path)

/** Drawn; nothing is being read any more, and differences are there where there are any. */
export const settled = async (page: Page): Promise<void> => {
  await page.waitForFunction(
    () =>
      (
        globalThis as unknown as { readonly document: { querySelector: (s: string) => unknown } }
      ).document.querySelector(".skeleton, .merge:not([data-ready])") === null,
    undefined,
    { timeout: 30_000 }
  )
  await page.evaluate(
    () =>
      new Promise((resolve) => {
        const raf = (globalThis as unknown as { readonly requestAnimationFrame: (f: () => void) => void })
          .requestAnimationFrame
        raf(() => raf(() => resolve(undefined)))
      })
  )
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
const levels = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

interface Axe {
  readonly run: (options: unknown) => Promise<{
    readonly violations: ReadonlyArray<{
      readonly id: string
      readonly nodes: ReadonlyArray<{ readonly html: string; readonly failureSummary: string }>
    }>
  }>
}

/**
 * What axe finds wrong with a page as it is, in both themes; the second theme only differs in colours. Injected by the
 * driver: the page's own policy would not let it in.
 */
export const audit = async (page: Page, loading = false): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" })
    if (!loading) await settled(page)
    if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe)
    const violations = await page.evaluate(
      async (only) => {
        const { run } = (globalThis as unknown as { readonly axe: Axe }).axe
        const result = await run({
          runOnly: only.length === 1 ? { type: "rule", values: only } : { type: "tag", values: only },
          resultTypes: ["violations"],
          iframes: false
        })
        return result.violations.flatMap((v) =>
          v.nodes.map((n) => `${v.id}: ${n.html.slice(0, 160)} ${n.failureSummary.slice(0, 200)}`)
        )
      },
      theme === "light" ? levels : ["color-contrast"]
    )
    found.push(...violations.map((text) => `${theme}: ${text}`))
  }
  return found
}
