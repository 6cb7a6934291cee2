/** One changed service in a large fleet: fold, transform and what differs, in one process, for 10 000 and 100 000 services. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { atMost, type Figure, median } from "./Measure.ts"

const once = (services: number): { readonly p50: number; readonly p99: number; readonly full: number } => {
  const script = join(import.meta.dirname, "incremental-run.ts")
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--expose-gc", "--max-old-space-size=8192", script, String(services)],
    { encoding: "utf8" }
  )
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

/** In turns, three processes each: a pause of the machine in one of them is not the code's. */
const rounds = 3

export default async (): Promise<ReadonlyArray<Figure>> => {
  const runs = Array.from({ length: rounds }, () => ({ small: once(10_000), large: once(100_000) }))
  const of = (size: "small" | "large") => ({
    p50: median(runs.map((r) => r[size].p50)),
    p99: median(runs.map((r) => r[size].p99)),
    full: median(runs.map((r) => r[size].full))
  })
  const small = of("small")
  const large = of("large")
  return [
    { what: "10 000 × 100, model and artifacts from nothing (mtls)", value: `${small.full.toFixed(0)} ms` },
    { what: "one changed service of 10 000, p50", value: `${small.p50.toFixed(3)} ms` },
    atMost("one changed service of 10 000, p99", small.p99, 2, "ms"),
    atMost("one changed service of 100 000 against 10 000, p99", large.p99 / small.p99, 1.5),
    { what: "the same, p50", value: `${(large.p50 / small.p50).toFixed(2)} ×` },
    { what: "one changed service of 100 000, p99", value: `${large.p99.toFixed(3)} ms` }
  ]
}
