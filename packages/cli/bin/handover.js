// Runs cw again on the `node` package installed beside it, where the machine's own Node is too old.
// Plain JavaScript for Node 12 and newer: signals are passed on, and the exit status is the other process's.
import { spawn } from "node:child_process"
import { existsSync, realpathSync } from "node:fs"
import { dirname, join } from "node:path"

const mark = "CW_HANDED_OVER"

const beside = (shim) => {
  const suffix = process.platform === "win32" ? ".exe" : ""
  for (let folder = dirname(shim); ; folder = dirname(folder)) {
    const node = join(folder, "node_modules", "node", "bin", "node" + suffix)
    if (existsSync(node)) return node
    if (dirname(folder) === folder) return undefined
  }
}

/** Calls `giveUp` where there is no newer Node to be found. */
export const run = (giveUp) => {
  const shim = realpathSync(process.argv[1])
  const node = process.env[mark] === undefined ? beside(shim) : undefined
  if (node === undefined) return giveUp()
  const child = spawn(node, [shim, ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, [mark]: process.versions.node }
  })
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"]
  // A terminal sends Ctrl-C to both processes; cw takes the same signal twice within a moment as one.
  for (const signal of signals) process.on(signal, () => child.kill(signal))
  child.on("error", giveUp)
  child.on("exit", (code, signal) => {
    for (const each of signals) process.removeAllListeners(each)
    if (signal === null) process.exitCode = code
    else process.kill(process.pid, signal)
  })
}
