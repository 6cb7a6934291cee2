// Child processes and temporary folders that never outlive us, however we end: SIGKILL and a crash included.
// One watchdog (a shell of a few lines) holds the read end of a pipe whose write end only we have; when the pipe closes
// it kills every process group and removes every folder it was told of. CW_PARTS_KEEP=1 leaves the folders.
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Writable } from "node:stream"

const watch = `
pids=" "
while read -r what value; do
  case $what in
    start) pids="$pids$value " ;;
    end) pids="\${pids%% "$value" *} \${pids#* "$value" }" ;;
    folder) set -- "$@" "$value" ;;
  esac
done
kill -9 $pids 2>/dev/null
[ $# = 0 ] || rm -rf "$@" || { sleep 1; rm -rf "$@"; }
`

let pipe: Writable | undefined

const tell = (line: string): void => {
  if (pipe === undefined) {
    const watchdog = spawn("sh", ["-c", watch], { detached: true, stdio: ["pipe", "ignore", "ignore"] })
    watchdog.unref()
    pipe = watchdog.stdin
    ;(pipe as Writable & { unref?: () => void }).unref?.()
  }
  pipe.write(`${line}\n`)
}

/** Kills the child's process group when we end. The child must have been started `detached`. */
export const guard = (child: ChildProcess): void => {
  if (child.pid === undefined) return
  const group = `-${child.pid}`
  tell(`start ${group}`)
  child.once("exit", () => tell(`end ${group}`))
}

export const temporaryFolder = (label: string): string => {
  const folder = mkdtempSync(join(tmpdir(), `cw-${label}-`))
  if (!process.env.CW_PARTS_KEEP) tell(`folder ${folder}`)
  return folder
}

export const removeFolder = (folder: string): void => {
  if (!process.env.CW_PARTS_KEEP) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
}

export interface Program {
  readonly pid: number
  /** Set once it has ended. */
  readonly ended: string | undefined
  /** The last lines of what it wrote. */
  readonly tail: (lines?: number) => string
  readonly signal: (signal: NodeJS.Signals) => void
  /** SIGKILL, and wait until it is gone. */
  readonly kill: () => Promise<void>
}

export interface ProgramOptions {
  /** stdout and stderr go there, so that a program never waits for us to read. */
  readonly log: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

export const startProgram = (command: string, args: ReadonlyArray<string>, options: ProgramOptions): Program => {
  const log = openSync(options.log, "a")
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    detached: true,
    stdio: ["ignore", log, log]
  })
  closeSync(log)
  guard(child)
  child.unref()
  let ended: string | undefined
  const gone = new Promise<void>((resolve) => {
    const end = (how: string) => {
      ended = how
      resolve()
    }
    child.once("exit", (code, signal) => end(signal ?? `exit code ${code}`))
    child.once("error", (error) => end(error.message))
  })
  const signal = (name: NodeJS.Signals): void => {
    // Not child.kill: under Deno that sends a second signal (the thaw after a freeze) to nobody.
    if (ended === undefined && child.pid !== undefined) process.kill(child.pid, name)
  }
  return {
    pid: child.pid ?? 0,
    get ended() {
      return ended
    },
    tail: (lines = 20) => readFileSync(options.log, "utf8").trimEnd().split("\n").slice(-lines).join("\n"),
    signal,
    kill: () => {
      // Unreferenced, so that a forgotten server does not keep us alive; but here somebody waits for its end.
      if (ended === undefined) child.ref()
      signal("SIGKILL")
      return gone
    }
  }
}
