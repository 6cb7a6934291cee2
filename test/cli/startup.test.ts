// What a command costs before it does anything, against an empty Node on the same machine at the same time: the fastest
// of several interleaved runs, so that what else the machine does counts for both.
import { spawnSync } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { deno, folder, root } from "./Cw.ts"
import { clusters, files, pipeline, services } from "./Target.ts"

const cw = join(root, "packages/cli/bin/cw.js")

const fastest = (cwd: string, cases: Readonly<Record<string, ReadonlyArray<string>>>): Record<string, number> => {
  const best: Record<string, number> = {}
  const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "cw-test-compile-cache"), NODE_OPTIONS: "" }
  for (let i = 0; i < 15; i++) {
    for (const [name, args] of Object.entries(cases)) {
      const started = performance.now()
      const { status, stderr } = spawnSync(process.execPath, args, { cwd, env })
      const millis = performance.now() - started
      assert.strictEqual(status, 0, `${name}: ${String(stderr)}`)
      // The first run fills the compile cache.
      if (i > 0) best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, millis)
    }
  }
  return best
}

describe.skipIf(deno)("start-up", () => {
  it("keeps its budgets: --version 1.5 and gen 3.5 times an empty Node", { timeout: 120_000 }, () => {
    const names = Array.from({ length: 6 }, (_, i) => `service-${i}`)
    const cwd = folder({ "clusters.json": clusters, "services.json": services(...names) })
    const { empty, gen, version } = fastest(cwd, { empty: ["-e", "0"], version: [cw, "--version"], gen: [cw, "gen"] })
    assert.isBelow(version! / empty!, 1.5, `--version ${version} ms, empty ${empty} ms`)
    assert.isBelow(gen! / empty!, 3.5, `gen ${gen} ms, empty ${empty} ms`)
  })

  it("loads a loose plugin in 120 ms", { timeout: 120_000 }, () => {
    const cwd = folder({
      ...files(),
      "builtin.yaml": pipeline({ sink: { uses: "stdout", policy: "upsert-only", with: {} } })
    })
    const { loose, without } = fastest(cwd, { without: [cw, "validate", "builtin.yaml"], loose: [cw, "validate"] })
    assert.isBelow(loose! - without!, 120, `${without} ms without, ${loose} ms with a loose plugin`)
  })
})
