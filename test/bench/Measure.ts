/**
 * Whole processes, timed from outside: wall seconds and the peak of resident memory. Figures of different runs do not
 * compare on a noisy machine; ratios of one run do, so everything that is compared takes turns.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, openSync, readFileSync, rmSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"

export interface Run {
  /** Seconds. */
  readonly wall: number
  /** MiB; 0 where /proc does not tell. */
  readonly rss: number
}

export interface Job {
  readonly command: ReadonlyArray<string>
  readonly cwd?: string
  /** Standard output goes to this file; nowhere else. */
  readonly out?: string
  readonly env?: Readonly<Record<string, string>>
  /** `out` is there and is written over: its bytes have their pages of memory already, whatever the host does. */
  readonly over?: boolean
  /**
   * Seconds of rest before it starts, after what `out` had is removed. The host of a virtual machine takes memory back
   * that has been free for a second: what writes right after such a file was removed would get its pages for nothing.
   */
  readonly rest?: number
}

export const time = async (job: Job): Promise<Run> => {
  if (job.rest !== undefined) {
    if (job.out !== undefined) rmSync(job.out, { force: true })
    await sleep(job.rest * 1000)
  }
  return started(job)
}

const started = (job: Job): Promise<Run> =>
  new Promise((resolve, reject) => {
    const out = openSync(job.out ?? "/dev/null", job.over === true ? "r+" : "w")
    const [program, ...args] = job.command
    const begin = process.hrtime.bigint()
    const child = spawn(program!, args, {
      cwd: job.cwd,
      stdio: ["ignore", out, "pipe"],
      env: { ...process.env, ...job.env }
    })
    const stderr: Array<Buffer> = []
    child.stderr!.on("data", (chunk: Buffer) => stderr.push(chunk))
    let rss = 0
    const timer = setInterval(() => {
      rss = Math.max(rss, peak(child))
    }, 20)
    child.once("error", reject)
    child.once("exit", () => {
      clearInterval(timer)
    })
    child.once("close", (code) => {
      const wall = Number(process.hrtime.bigint() - begin) / 1e9
      closeSync(out)
      if (code === 0) resolve({ wall, rss })
      else
        reject(
          new Error(`${job.command.join(" ")} ended with ${code}: ${Buffer.concat(stderr).toString().slice(0, 2000)}`)
        )
    })
  })

const peak = (child: ChildProcess): number => {
  try {
    const status = readFileSync(`/proc/${child.pid}/status`, "utf8")
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]!
}

/** The jobs in turns, `rounds` times after one round that does not count; medians by name. */
export const inTurns = async (
  jobs: Readonly<Record<string, Job>>,
  rounds: number
): Promise<Readonly<Record<string, Run & { readonly best: number }>>> => {
  const runs = new Map<string, Array<Run>>(Object.keys(jobs).map((name) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const [name, job] of Object.entries(jobs)) {
      const run = await time(job)
      if (round > 0 || rounds === 0) runs.get(name)!.push(run)
    }
  }
  return Object.fromEntries(
    [...runs].map(([name, all]) => [
      name,
      {
        wall: median(all.map((r) => r.wall)),
        best: Math.min(...all.map((r) => r.wall)),
        rss: Math.max(...all.map((r) => r.rss))
      }
    ])
  )
}

/** One line of a report: what, the figure, what must be reached. */
export interface Figure {
  readonly what: string
  readonly value: string
  readonly target?: string
  readonly ok?: boolean
}

export const atMost = (what: string, value: number, limit: number, unit = "×"): Figure => ({
  what,
  value: `${value.toFixed(2)} ${unit}`,
  target: `≤ ${limit} ${unit}`,
  ok: value <= limit
})

export const atLeast = (what: string, value: number, limit: number, unit = "×"): Figure => ({
  what,
  value: `${Math.round(value).toLocaleString("en")} ${unit}`,
  target: `≥ ${limit.toLocaleString("en")} ${unit}`,
  ok: value >= limit
})
