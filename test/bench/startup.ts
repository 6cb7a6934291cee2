/** How long a person waits for nothing much: `--version`, and `gen` on the original's own example. */
import { join } from "node:path"
import { atMost, type Figure, inTurns } from "./Measure.ts"

const root = join(import.meta.dirname, "..", "..")
const cw = join(root, "packages/cli/bin/cw.js")
const seed = join(root, "testdata/seed")

export default async (): Promise<ReadonlyArray<Figure>> => {
  const node = process.execPath
  const runs = await inTurns(
    {
      empty: { command: [node, "-e", "0"] },
      version: { command: [node, cw, "--version"] },
      gen: { command: [node, cw, "gen"], cwd: seed },
      builtin: { command: [node, cw, "validate", "pipeline.yaml"], cwd: join(root, "examples/01-split-bookinfo") },
      loose: { command: [node, cw, "validate", "pipeline.yaml"], cwd: join(root, "examples/04-custom-sink") },
      run: { command: [node, cw, "run", "pipeline.yaml"], cwd: join(root, "examples/01-split-bookinfo") }
    },
    25
  )
  const ratio = (name: string) => runs[name]!.wall / runs.empty!.wall
  return [
    { what: "node -e 0", value: `${(runs.empty!.wall * 1000).toFixed(0)} ms` },
    atMost("cw --version against node -e 0", ratio("version"), 1.5),
    atMost("cw gen on the original's example against node -e 0", ratio("gen"), 3.5),
    atMost("a loose TypeScript plugin adds", (runs.loose!.wall - runs.builtin!.wall) * 1000, 120, "ms"),
    { what: "cw run examples/01-split-bookinfo against node -e 0", value: `${ratio("run").toFixed(2)} ×` }
  ]
}
