// npm run fuzz [-- RUNS]: every property of generation on many random fleets, Istio's own validation among them, and that
// nothing is done on doubt; 1 000 when nothing is said. A failure prints seed and path, and the case made as small as
// possible. Real meshes on random fleets: npm run fuzz:mesh.
import { spawnSync } from "node:child_process"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")
const runs = process.argv[2] ?? "1000"
if (!/^[1-9]\d*$/.test(runs)) {
  process.stderr.write("usage: npm run fuzz -- [RUNS]\n")
  process.exit(64)
}
const args = ["run", "--testTimeout", "36000000", "test/istio", "plugins/transform-istio-global-dns", "core/test/Doubt"]
const { status } = spawnSync(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), ...args], {
  cwd: root,
  env: { ...process.env, CW_FUZZ_RUNS: runs },
  stdio: "inherit"
})
process.exitCode = status ?? 1
