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
interface Sink {
  readonly planned: Took
  readonly applied: Took
  /** MiB. */
  readonly rss: number
}

interface Round {
  readonly first: Both
  readonly none: Sink
  readonly some: Both
}
interface Both {
  readonly raw: { readonly import: number; readonly push: number }
  readonly sink: Sink
}

const sink = async (home: string, files: number, changed: number): Promise<Sink> => {
  const out = join(home, "out.json")
  const command = [process.execPath, join(root, "test/bench/git-run.ts"), home, String(files), String(changed)]
  await time({ command, out })
  return JSON.parse(readFileSync(out, "utf8")) as Sink
}

const files = 100_000
const changed = 100

export default async (): Promise<ReadonlyArray<Figure>> => {
  const rounds: Array<Round> = []
  for (let round = 0; round < 3; round++) {
    const home = mkdtempSync(join(tmpdir(), "cw-bench-git-"))
    try {
      for (const name of ["raw", "target", "fleet"])
        await git(home, "init", "-q", "--bare", "-b", "main", `${name}.git`)
      await git(home, "--git-dir=fleet.git", "config", "uploadpack.allowFilter", "true")
      const first = { raw: await raw(home, files, 0), sink: await sink(home, files, 0) }
      const none = await sink(home, files, 0)
      const some = { raw: await raw(home, files, changed, "refs/heads/main^0"), sink: await sink(home, files, changed) }
      rounds.push({ first, none, some })
    } finally {
      rmSync(home, { recursive: true, force: true })
    }
  }
  const of = (pick: (r: (typeof rounds)[number]) => number) => median(rounds.map(pick))
  const total = (s: Sink) => s.planned.wall + s.applied.wall
  return [
    {
      what: "raw fast-import and push, 100 000 files",
      value: `${of((r) => r.first.raw.import + r.first.raw.push).toFixed(1)} s`
    },
    atMost(
      "first commit and push against it",
      of((r) => total(r.first.sink) / (r.first.raw.import + r.first.raw.push)),
      1.3
    ),
    { what: "raw push of 1 % changed", value: `${of((r) => r.some.raw.push).toFixed(2)} s` },
    atMost(
      "1 % changed in a new process, beyond that push",
      of((r) => total(r.some.sink) - r.some.raw.push),
      1,
      "s"
    ),
    atMost(
      "unchanged in a new process",
      of((r) => total(r.none)),
      1,
      "s"
    ),
    { what: "processor time of cw itself, unchanged", value: `${of((r) => r.none.planned.cpu).toFixed(2)} s` },
    atMost(
      "resident memory",
      Math.max(...rounds.flatMap((r) => [r.first.sink.rss, r.some.sink.rss, r.none.rss])),
      300,
      "MiB"
    )
  ]
}
