/**
 * Large fleets to a file, beside what people use: `cat` of the same bytes as the floor, a Node script with `yaml`, and a
 * Node script that prints JSON lines. Also how work grows with services and with clusters.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { write } from "./Fleet.ts"
import { atMost, type Figure, inTurns, type Job, time } from "./Measure.ts"

const root = join(import.meta.dirname, "..", "..")
const cw = join(root, "packages/cli/bin/cw.js")
const node = process.execPath

const pipeline = (profile: string) => `
metadata: { name: bench }
sources: { fleet: { uses: json, with: { clusters: clusters.json, services: services.json } } }
transforms: { mesh: { uses: istio-global-dns, with: { profile: ${profile} } } }
sinks: { out: { uses: stdout } }
`

/** Documents in a stream, counted in a second pass over the file. */
const count = (file: string): number => {
  const marker = Buffer.from("\n---\n")
  const bytes = readFileSync(file)
  let n = bytes.subarray(0, 4).equals(Buffer.from("---\n")) ? 1 : 0
  for (let at = bytes.indexOf(marker); at >= 0; at = bytes.indexOf(marker, at + 4)) n++
  return n
}

const newline = 0x0a

/**
 * What a million documents a second is beside the script with JSON lines: where that was set, the script took 0.43 s for
 * 200 000. Machines differ in how long that takes, not much in this.
 */
const million = 2.15

export default async (): Promise<ReadonlyArray<Figure>> => {
  const home = mkdtempSync(join(tmpdir(), "cw-bench-"))
  try {
    const figures: Array<Figure> = []
    const fleet = async (services: number, clusters: number): Promise<string> => {
      const folder = join(home, `${services}x${clusters}`)
      await write(folder, { services, clusters })
      for (const profile of ["classic", "mtls"]) writeFileSync(join(folder, `${profile}.yaml`), pipeline(profile))
      return folder
    }
    const job = (folder: string, profile: string): Job => ({
      command: [node, cw, "run", `${profile}.yaml`],
      cwd: folder,
      out: join(home, "out")
    })

    const large = await fleet(10_000, 100)
    const rates = new Map<string, number>()
    for (const [profile, limit] of [
      ["classic", 250],
      ["mtls", 450]
    ] as const) {
      await time(job(large, profile))
      const documents = count(join(home, "out"))
      const size = statSync(join(home, "out")).size
      const [made, out, copy] = [join(home, "made"), join(home, "out"), join(home, "copy")]
      copyFileSync(out, made)
      const cat: Job = { command: ["cat", made], out: copy }
      const over = await inTurns({ cw: { ...job(large, profile), over: true }, cat }, 5)
      const rate = documents / over.cw!.wall
      rates.set(profile, rate)
      // Both write a file that was not there, into memory that nobody has just given back.
      const fresh = await inTurns({ cw: { ...job(large, profile), rest: 2 }, cat: { ...cat, rest: 2 } }, 5)
      for (const file of [made, out, copy]) rmSync(file)
      const against = fresh.cw!.wall / fresh.cat!.wall
      figures.push(
        {
          what: `${profile}: documents, bytes`,
          value: `${documents.toLocaleString("en")}, ${(size / 2 ** 20).toFixed(0)} MiB`
        },
        {
          what: `${profile}: over a file of that size: cw; cat`,
          value: `${over.cw!.wall.toFixed(2)} s; ${over.cat!.wall.toFixed(2)} s`
        },
        { what: `${profile}: documents a second`, value: `${Math.round(rate).toLocaleString("en")}` },
        {
          what: `${profile}: to a new file: cw; cat`,
          value: `${fresh.cw!.wall.toFixed(2)} s; ${fresh.cat!.wall.toFixed(2)} s`
        },
        {
          ...atMost(`${profile}: against cat to a new file, or 1,000,000 documents a second`, against, 3),
          ok: rate >= 1_000_000 || against <= 3
        },
        atMost(`${profile}: peak memory`, Math.max(over.cw!.rss, fresh.cw!.rss), limit, "MiB")
      )
    }
    const base = await fleet(1_000, 100)
    const wide = await fleet(1_000, 1_000)
    const empty = await time({ command: [node, cw, "--version"] })
    const grown = await inTurns(
      { base: job(base, "mtls"), services: job(large, "mtls"), clusters: job(wide, "mtls") },
      3
    )
    const work = (name: string) => grown[name]!.wall - empty.wall
    figures.push(
      atMost("mtls: ten times the services, work", work("services") / work("base"), 11),
      atMost("mtls: ten times the clusters, work", work("clusters") / work("base"), 11)
    )
    const compared = await fleet(1_000, 200)
    const out = join(home, "out")
    const peer = (name: string): Job => ({ command: [node, join(import.meta.dirname, "peers", name), compared], out })
    const scripts = await inTurns({ cw: job(compared, "classic"), lines: peer("json-lines.mjs") }, 3)
    await time(peer("json-lines.mjs"))
    const documents = readFileSync(out).reduce((n, byte) => (byte === newline ? n + 1 : n), 0)
    const yaml = await time(peer("with-yaml.mjs"))
    const [cwWall, lines] = [scripts.cw!.wall, scripts.lines!.wall]
    const factor = (rate: number) => rate / (documents / lines)
    figures.push(
      { what: "some 200 000 documents: cw", value: `${cwWall.toFixed(2)} s` },
      { what: "some 200 000 documents: a Node script with JSON lines", value: `${lines.toFixed(2)} s` },
      { what: "some 200 000 documents: a Node script with `yaml`", value: `${yaml.wall.toFixed(2)} s` },
      atMost("some 200 000 documents: cw against the one with JSON lines", cwWall / lines, 1),
      ...[...rates].map(([profile, rate]): Figure => {
        const what = `${profile}: documents a second against those of the script with JSON lines`
        return { what, value: `${factor(rate).toFixed(2)} ×`, target: `≥ ${million} ×`, ok: factor(rate) >= million }
      })
    )
    return figures
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}
