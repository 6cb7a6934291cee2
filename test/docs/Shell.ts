/** Runs a document's commands in a copy of its folder, with `cw` meaning the built CLI of this checkout. */
import { spawn } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, delimiter, join } from "node:path"
import type { Command } from "./Document.ts"

export const root = join(import.meta.dirname, "..", "..")

export interface Result {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Workspace extends Disposable {
  readonly directory: string
  readonly run: (command: Command) => Promise<Result>
}

/** A copy of `folders` of the repository; commands start in `directory` of it. */
export const workspace = (folders: ReadonlyArray<string>, directory = "."): Workspace => {
  const home = mkdtempSync(join(tmpdir(), "cw-docs-"))
  const skip = new Set(["node_modules", "dist", ".git"])
  for (const folder of folders) {
    cpSync(join(root, folder), join(home, folder), { recursive: true, filter: (source) => !skip.has(basename(source)) })
  }
  const bin = join(home, ".bin")
  mkdirSync(bin)
  const node = process.execPath.includes("deno") ? "node" : process.execPath
  const cw = `#!/bin/sh\nexec "${node}" "${join(root, "packages/cli/bin/cw.js")}" "$@"\n`
  writeFileSync(join(bin, "cw"), cw, { mode: 0o755 })
  writeFileSync(
    join(bin, "npx"),
    '#!/bin/sh\n[ "$1" = deno ] && exec "$@"\n[ "$1" = cw ] || exit 127\nshift\nexec cw "$@"\n',
    { mode: 0o755 }
  )
  const cwd = join(home, directory)
  return {
    directory: cwd,
    run: (command) =>
      execute(command, cwd, `${bin}${delimiter}${join(root, "node_modules/.bin")}${delimiter}${process.env.PATH}`),
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true })
  }
}

const quietAfter = 1500

const execute = (command: Command, cwd: string, PATH: string): Promise<Result> =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, PATH, NO_COLOR: "1", GITHUB_ACTIONS: "" }
    const child = spawn("sh", ["-c", command.mark === "watch" ? `exec ${command.text}` : command.text], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"]
    })
    let stdout = ""
    let stderr = ""
    let timer: NodeJS.Timeout | undefined
    const watched = () => {
      if (command.mark !== "watch") return
      clearTimeout(timer)
      timer = setTimeout(() => child.kill("SIGTERM"), quietAfter)
    }
    watched()
    child.stdout.on("data", (chunk) => {
      stdout += chunk
      watched()
    })
    child.stderr.on("data", (chunk) => {
      stderr += chunk
      watched()
    })
    child.once("error", reject)
    child.once("close", (code) => {
      clearTimeout(timer)
      resolve({ code, stdout: stdout.replaceAll(cwd, "/here"), stderr })
    })
  })
