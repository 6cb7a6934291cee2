// Runs the built command as a person would: a process of its own, on Node or, where the suite runs under Deno, on Deno.
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { onTestFinished } from "vitest"

export const root = join(import.meta.dirname, "../..")
export const deno = process.env.CW_TEST_RUNTIME === "deno"

const command: ReadonlyArray<string> = deno
  ? [join(root, "node_modules/.bin/deno"), "run", "-A", join(root, "packages/cli/dist/cw.js")]
  : [process.execPath, join(root, "packages/cli/bin/cw.js")]

export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Options {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly stdin?: string
  /** Instead of the built command. */
  readonly command?: ReadonlyArray<string>
}

// What the machine of the test has set must not show in what cw prints.
const quiet = { NO_COLOR: "1", FORCE_COLOR: undefined, GITHUB_ACTIONS: undefined, CI: undefined, CW_CACHE_DIR: "" }

export interface Running {
  readonly process: ChildProcess
  readonly kill: (signal: NodeJS.Signals) => void
  readonly done: Promise<Outcome>
  /** Resolves when stdout and stderr together contain the text; fails when the process ends without it. */
  readonly said: (text: string) => Promise<void>
}

export const start = (args: ReadonlyArray<string>, options: Options = {}): Running => {
  const [file, ...first] = options.command ?? command
  const child = spawn(file!, [...first, ...args], {
    cwd: options.cwd ?? root,
    env: { ...process.env, ...quiet, ...options.env },
    stdio: ["pipe", "pipe", "pipe"]
  })
  let stdout = ""
  let stderr = ""
  const listeners = new Set<() => void>()
  const heard = (): void => {
    for (const listener of listeners) listener()
  }
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk
    heard()
  })
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk
    heard()
  })
  child.stdin.on("error", () => {})
  child.stdin.end(options.stdin ?? "")
  const done = new Promise<Outcome>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  const said = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const listener = (): void => {
        if (!(stdout + stderr).includes(text)) return
        listeners.delete(listener)
        resolve()
      }
      listeners.add(listener)
      listener()
      void done.then((o) =>
        reject(new Error(`ended with ${o.code} without saying ${JSON.stringify(text)}:\n${o.stdout}${o.stderr}`))
      )
    })
  // Deno's `child.kill` would report the signal as the end, whatever the process made of it.
  const kill = (signal: NodeJS.Signals): void => {
    if (child.exitCode === null && child.signalCode === null) process.kill(child.pid!, signal)
  }
  return { process: child, kill, done, said }
}

export const cw = (args: ReadonlyArray<string>, options: Options = {}): Promise<Outcome> => start(args, options).done

/** A folder with these files; gone when the test is over. */
export const folder = (files: Readonly<Record<string, string>> = {}): string => {
  const path = mkdtempSync(join(tmpdir(), "cw-test-"))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  write(path, files)
  return path
}

export const write = (path: string, files: Readonly<Record<string, string>>): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), text)
  }
}

export const lines = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")

/** JSON lines. */
export const records = (text: string): ReadonlyArray<Record<string, unknown>> =>
  lines(text).map((line) => JSON.parse(line) as Record<string, unknown>)
