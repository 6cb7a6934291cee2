/**
 * The Git sink against raw git: `git fast-import` of the same tree and a push, to a bare repository on the same disk.
 * 100 000 files in ten clusters; a body is the same in all clusters that get it, as with the files of the mesh.
 */
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { atMost, type Figure, median, time } from "./Measure.ts"

export const clusters = Array.from({ length: 10 }, (_, i) => `c-${i}`)

/** About 1 KiB each; the first `changed` of them differ from those of another number. */
export const bodies = (
  count: number,
  changed: number
): ReadonlyArray<{ readonly name: string; readonly text: string }> =>
  Array.from({ length: count }, (_, i) => {
    const name = `cw-out-svc-${String(i).padStart(6, "0")}`
    const lines = Array.from(
      { length: 18 },
      (_, l) => `  key-${l}: value of ${name} in line ${l} ${i < changed ? "new" : "old"}`
    )
    return {
      name,
      text: `apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata:\n  name: ${name}\nspec:\n${lines.join("\n")}\n`
    }
  })

function* script(count: number, changed: number, from: string | undefined): Generator<string> {
  yield `commit refs/heads/main\ncommitter a <a@b> 1700000000 +0000\ndata 1\nx\n${from === undefined ? "" : `from ${from}\n`}`
  for (const [i, { name, text }] of bodies(count, changed).entries()) {
    if (from !== undefined && i >= changed) break
    for (const cluster of clusters)
      yield `M 100644 inline ${cluster}/cw-system/serviceentry-${name}.yaml\ndata ${text.length}\n${text}\n`
  }
  yield "done\n"
}

const root = join(import.meta.dirname, "..", "..")

const git = (home: string, ...args: ReadonlyArray<string>) =>
  time({ command: ["git", ...args], cwd: home, env: { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" } })

/** Seconds of the two steps of raw git. */
const raw = async (
  home: string,
  files: number,
  changed: number,
  from?: string
): Promise<{ readonly import: number; readonly push: number }> => {
  const stream = join(home, "stream")
  await pipeline(Readable.from(script(files / clusters.length, changed, from)), createWriteStream(stream))
  const imported = await time({
    command: ["sh", "-c", `git --git-dir=raw.git fast-import --quiet --done --force < stream`],
    cwd: home
  })
  const pushed = await git(home, "--git-dir=raw.git", "push", "-q", "--force", join(home, "target.git"), "main")
  return { import: imported.wall, push: pushed.wall }
}

interface Took {
  readonly wall: number
  /** Of our process, without git's. */
  readonly cpu: number
}
interface Generation {
  readonly planned: Took
  readonly applied: Took
  readonly items: number
}

/** MiB. */
const peaks: Array<number> = []

/** One process; a generation for each number of changed bodies. */
const sink = async (home: string, ...steps: ReadonlyArray<number>): Promise<ReadonlyArray<Generation>> => {
  const out = join(home, "out.json")
  const command = [process.execPath, join(root, "test/bench/git-run.ts"), home, String(files), ...steps.map(String)]
  await time({ command, out })
  const { generations, rss } = JSON.parse(readFileSync(out, "utf8")) as {
    readonly generations: ReadonlyArray<Generation>
    readonly rss: number
  }
  peaks.push(rss)
  return generations
}

const files = 100_000
/** Of 10 000 bodies, each in ten clusters: 1 %. */
const changed = 100

interface Round {
  readonly raw: { readonly first: number; readonly push: number }
  readonly first: Generation
  readonly cold: { readonly none: ReadonlyArray<Generation>; readonly some: ReadonlyArray<Generation> }
  readonly warm: { readonly none: Generation; readonly some: Generation }
}

const one = async (home: string): Promise<Round> => {
  for (const name of ["raw", "target", "fleet"]) await git(home, "init", "-q", "--bare", "-b", "main", `${name}.git`)
  await git(home, "--git-dir=fleet.git", "config", "uploadpack.allowFilter", "true")
  const whole = await raw(home, files, 0)
  const [first] = await sink(home, 0)
  const process = async (step: number) => (await sink(home, step))[0]!
  const none = [await process(0), await process(0), await process(0)]
  const { push } = await raw(home, files, changed, "refs/heads/main^0")
  const some = [await process(changed), await process(0), await process(changed)]
  const [, warmNone, warmSome] = await sink(home, changed, changed, 0)
  // What the second generations were about must have happened.
  const items = [first, ...none, ...some, warmNone, warmSome].map((g) => g!.items)
  const due = files / 100
  if (items.join() !== [files + clusters.length, 0, 0, 0, due, due, due, 0, due].join())
    throw new Error(`not as it should be: ${items.join()} items`)
  return {
    raw: { first: whole.import + whole.push, push },
    first: first!,
    cold: { none, some },
    warm: { none: warmNone!, some: warmSome! }
  }
}

export default async (): Promise<ReadonlyArray<Figure>> => {
  const rounds: Array<Round> = []
  for (let round = 0; round < 3; round++) {
    const home = mkdtempSync(join(tmpdir(), "cw-bench-git-"))
    try {
      rounds.push(await one(home))
    } finally {
      rmSync(home, { recursive: true, force: true })
    }
  }
  const of = (pick: (r: Round) => number) => median(rounds.map(pick))
  // Seconds, unlike ratios, grow with whatever else the machine does: the best of several counts.
  const best = (pick: (r: Round) => ReadonlyArray<number>) => Math.min(...rounds.flatMap(pick))
  const wall = (g: Generation) => g.planned.wall + g.applied.wall
  const cpu = (g: Generation) => g.planned.cpu + g.applied.cpu
  const push = best((r) => [r.raw.push])
  const figure = (what: string, seconds: number): Figure => ({ what, value: `${seconds.toFixed(2)} s` })
  return [
    figure(
      "raw fast-import and push, 100 000 files",
      of((r) => r.raw.first)
    ),
    atMost(
      "first commit and push against it",
      of((r) => wall(r.first) / r.raw.first),
      1.3
    ),
    figure("raw push of 1 % changed", push),
    atMost("1 % changed, process that goes on, beyond that push", best((r) => [wall(r.warm.some)]) - push, 1, "s"),
    atMost(
      "1 % changed, new process with its cache, beyond that push",
      best((r) => r.cold.some.map(wall)) - push,
      1,
      "s"
    ),
    figure(
      "processor time of cw itself for it",
      best((r) => r.cold.some.map(cpu))
    ),
    atMost(
      "unchanged, process that goes on",
      best((r) => [wall(r.warm.none)]),
      1,
      "s"
    ),
    atMost(
      "unchanged, new process with its cache",
      best((r) => r.cold.none.map(wall)),
      1,
      "s"
    ),
    figure(
      "processor time of cw itself for it",
      best((r) => r.cold.none.map(cpu))
    ),
    atMost("resident memory, MB", (Math.max(...peaks) * 2 ** 20) / 1e6, 300, "MB")
  ]
}
