// npm run mesh: real istiods, Envoys, API servers and CoreDNS, loaded with what cw writes; prints the call matrix.
//   node test/mesh/run.ts                 two and three meshes, each profile
//   node test/mesh/run.ts --short         two meshes, profile mtls
//   node test/mesh/run.ts --mutations     mutated output, which must fail the matrix
import { classicMatrix, failoverMatrix, fullMatrix, remoteMatrix } from "./Suites.ts"
import { apart, three, two } from "./Fleet.ts"
import type { Check } from "./Matrix.ts"
import { mutations, restore, tryMutation } from "./Mutations.ts"
import { parts, startMesh } from "./Mesh.ts"
import { locate } from "../parts/Parts.ts"
import { classic, mtls, plaintext, tls } from "./Profiles.ts"
import { table } from "./Report.ts"

const missing = parts.map((name) => locate(name)).filter((part) => !part.ready)
if (missing.length > 0) {
  for (const part of missing) process.stderr.write(`${part.name} is missing: ${part.reason}\n`)
  process.exit(1)
}

const args = new Set(process.argv.slice(2))

if (args.has("--mutations")) {
  const mesh = await startMesh(two, mtls)
  try {
    let survived = 0
    for (const mutation of mutations) {
      const { by } = await tryMutation(mesh, mutation)
      const right = (by === undefined) === (mutation.harmless ?? false)
      if (!right) survived++
      const what = by === undefined ? "all passed" : `${by.part}: ${by.what}: ${by.seen}`
      const seen = right ? what : `✗ ${what}`
      process.stdout.write(`${mutation.name}\n    expected  ${mutation.effect}\n    seen      ${seen}\n`)
      if (mutation.fatal) break
      await restore(mesh)
    }
    process.stdout.write(`${mutations.length - survived} as expected, ${survived} not\n`)
    process.exitCode = survived === 0 ? 0 : 1
  } finally {
    await mesh[Symbol.asyncDispose]()
  }
  process.exit()
}

const only = process.argv.find((each) => each.startsWith("--profile="))?.slice("--profile=".length)
const plans = args.has("--short")
  ? [[two, mtls, fullMatrix] as const]
  : ([
      [two, mtls, fullMatrix],
      [three, mtls, fullMatrix],
      [apart(two), classic, classicMatrix],
      [apart(three), classic, classicMatrix],
      [apart(two), plaintext, failoverMatrix],
      [apart(three), plaintext, failoverMatrix],
      [apart(two), tls, remoteMatrix],
      [apart(three), tls, remoteMatrix]
    ] as const)

let passed = 0
let failed = 0
for (const [fleet, profile, suite] of plans) {
  if (only !== undefined && profile.name !== only) continue
  const started = Date.now()
  const checks: Array<Check> = []
  try {
    await using mesh = await startMesh(fleet, profile)
    checks.push(...(await suite(mesh)))
    process.stdout.write(table(mesh, checks))
  } catch (error) {
    failed++
    process.stdout.write(`✗ profile ${profile.name}, ${fleet.clusters.length} meshes: ${String(error)}\n`)
  }
  passed += checks.filter((each) => each.ok).length
  failed += checks.filter((each) => !each.ok).length
  process.stdout.write(`${((Date.now() - started) / 1000).toFixed(0)} s\n\n`)
}
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
