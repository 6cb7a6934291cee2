// npm run mesh: real istiods, Envoys, API servers and CoreDNS, loaded with what cw writes; prints the call matrix.
//   node test/mesh/run.ts                 two and three meshes, each profile, and random fleets
//   node test/mesh/run.ts --short         two meshes, profile mtls
//   node test/mesh/run.ts --random=20     random fleets alone; with --shrink, what fails is made smaller
//   node test/mesh/run.ts --write         the same, and the tables go into README.md
//   node test/mesh/run.ts --mutations     mutated output, which must fail the matrix
// CW_MESH_SEED is the seed of the first random fleet, CW_MESH_SEEDS how many there are (2 when nothing is said).
import * as fc from "fast-check"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { locate } from "../parts/Parts.ts"
import { apart, type Fleet, mixed, three, two, withoutIpv6 } from "./Fleet.ts"
import type { Check } from "./Matrix.ts"
import { parts, startMesh } from "./Mesh.ts"
import { mutations, restore, tryMutation } from "./Mutations.ts"
import { classic, mtls, plaintext, type Profile, tls } from "./Profiles.ts"
import { fleets } from "./Random.ts"
import { type Ran, summary, table } from "./Report.ts"
import {
  classicMatrix,
  failoverMatrix,
  fullMatrix,
  randomMatrix,
  remoteMatrix,
  shortMatrix,
  type Suite
} from "./Suites.ts"

const missing = parts.map((name) => locate(name)).filter((part) => !part.ready)
if (missing.length > 0) {
  for (const part of missing) process.stderr.write(`${part.name} is missing: ${part.reason}\n`)
  process.exit(1)
}

const args = new Set(process.argv.slice(2))
const argument = (name: string): string | undefined =>
  process.argv.find((each) => each.startsWith(`--${name}=`))?.slice(name.length + 3)

if (args.has("--mutations")) {
  const mesh = await startMesh(two, mtls)
  try {
    let survived = 0
    for (const mutation of mutations) {
      const { by, simulated } = await tryMutation(mesh, mutation)
      const found = mutation.harmless === true || mutation.unseen !== undefined || simulated.length > 0
      const right = (by === undefined) === (mutation.harmless ?? false) && found
      if (!right) survived++
      const what = by === undefined ? "all passed" : `${by.part}: ${by.what}: ${by.seen}`
      const seen = right ? what : `✗ ${what}`
      process.stdout.write(
        `${mutation.name}\n    expected  ${mutation.effect}\n    seen      ${seen}\n    simulator ${simulated.join(", ") || (mutation.unseen ?? "✗ finds nothing")}\n`
      )
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

const ran: Array<Ran> = []
let passed = 0
let failed = 0

/** Checks that do not hold. */
const run = async (fleet: Fleet, profile: Profile, suite: Suite): Promise<number> => {
  const started = Date.now()
  const checks: Array<Check> = []
  let broken = 0
  try {
    await using mesh = await startMesh(fleet, profile)
    checks.push(...(await suite(mesh)))
    process.stdout.write(table(mesh, checks))
  } catch (error) {
    broken = 1
    process.stdout.write(`✗ profile ${profile.name}, ${fleet.clusters.length} meshes: ${String(error)}\n`)
  }
  ran.push({ fleet, profile: profile.name, checks })
  const bad = broken + checks.filter((each) => !each.ok).length
  passed += checks.filter((each) => each.ok).length
  failed += bad
  process.stdout.write(`${((Date.now() - started) / 1000).toFixed(0)} s\n\n`)
  return bad
}

const all = [mtls, classic, plaintext, tls]
const only = argument("profile")
const isMeant = (profile: Profile): boolean => only === undefined || profile.name === only

const plans = args.has("--short")
  ? [[two, mtls, shortMatrix] as const]
  : argument("random") !== undefined
    ? []
    : ([
        [two, mtls, fullMatrix],
        [three, mtls, fullMatrix],
        [apart(two), classic, classicMatrix],
        [withoutIpv6(apart(three)), classic, classicMatrix],
        [mixed(two), plaintext, failoverMatrix],
        [withoutIpv6(mixed(three)), plaintext, failoverMatrix],
        [mixed(two), tls, remoteMatrix],
        [mixed(three), tls, remoteMatrix]
      ] as const)
for (const [fleet, profile, suite] of plans) if (isMeant(profile)) await run(fleet, profile, suite)

const count = args.has("--short") ? 0 : Number(argument("random") ?? process.env.CW_MESH_SEEDS ?? 2)
const first = Number(process.env.CW_MESH_SEED ?? Math.floor(Math.random() * 1e6))
for (let seed = first; seed < first + count; seed++) {
  // Every second one with the default profile, the others in turn.
  const profile = only === undefined ? (seed % 2 === 0 ? mtls : all[1 + ((seed >> 1) % 3)]!) : all.find(isMeant)!
  process.stdout.write(`random fleet, seed ${seed}\n`)
  const property = fc.asyncProperty(fleets(profile), async (fleet) => (await run(fleet, profile, randomMatrix)) === 0)
  const found = await fc.check(property, {
    seed,
    numRuns: 1,
    // A smaller fleet costs a minute to try.
    ...(args.has("--shrink") ? { interruptAfterTimeLimit: 20 * 60_000 } : { endOnFailure: true })
  })
  if (found.counterexample !== null)
    process.stdout.write(`✗ seed ${seed}, profile ${profile.name}: ${JSON.stringify(found.counterexample[0])}\n\n`)
}

process.stdout.write(`${passed} passed, ${failed} failed\n`)
if (args.has("--write")) {
  const readme = join(import.meta.dirname, "../../README.md")
  const [before, rest] = readFileSync(readme, "utf8").split("<!-- matrix -->\n")
  const after = rest!.slice(rest!.indexOf("<!-- /matrix -->"))
  writeFileSync(readme, `${before}<!-- matrix -->\n${summary(ran)}\n${passed} passed, ${failed} failed.\n${after}`)
}
process.exitCode = failed === 0 ? 0 : 1
