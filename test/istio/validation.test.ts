// Our rules against the real thing: Istio's CRD schemas, CEL and webhook validation. What the transform makes must be
// accepted without a warning; of mutated objects both must refuse the same. CW_FUZZ_RUNS=1000 is the long form.
import { isError } from "@coddiwomple/core/Diagnostic"
import { emit } from "@coddiwomple/core/Emit"
import { validate as ours } from "@coddiwomple/istio/Validate"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { validate as istio } from "../parts/IstioValidate.ts"
import { lacking } from "../parts/Parts.ts"
import { facts } from "./Fleets.ts"
import { mutant } from "./Mutants.ts"
import { render } from "./Rendered.ts"

const fleets = Number(process.env.CW_FUZZ_RUNS ?? 100)
const seed = Number(process.env.CW_FUZZ_SEED ?? Date.now() & 0xffff)

const bodies = (profile: string, count: number): ReadonlyArray<string> => {
  const texts = new Set<string>()
  for (const list of fc.sample(facts(), { numRuns: count, seed }))
    for (const { text } of render(list, { profile }).artifacts) texts.add(text)
  return [...texts]
}

/** Istio takes it, and we do not, on purpose. */
const stricter: ReadonlyArray<readonly [RegExp, string]> = [
  [/^CW606 .* is no(t a)? label/, "a label that Kubernetes would refuse on a pod matches nothing"],
  [/^CW611 .* is not the name of a gateway/, "a name that no Gateway can have: the route would apply nowhere"],
  [/^CW611 0 is not a port number/, "no server has port 0"],
  [/^CW612 label .* is named twice/, "only the last would count, silently"],
  [/^CW615 .* is not a namespace/, "an empty namespace means another object"]
]

/** Istio refuses it, and our rules do not look: values that the types of the builders cannot hold. */
const looser: ReadonlyArray<readonly [RegExp, string]> = [
  [/^schema: spec\.location: Unsupported value/, "ServiceEntry.Spec.location"],
  [/^schema: spec\.trafficPolicy\.tls\.mode: Unsupported value/, "TrafficPolicy.tls.mode"],
  [/^schema: spec\.trafficPolicy\.loadBalancer\.simple: Unsupported value/, "TrafficPolicy.loadBalancer.simple"],
  [
    /^schema: spec\.trafficPolicy\.outlierDetection\.\w+: Invalid value: -/,
    "counts of the configuration are not negative"
  ],
  [/^istio: short names \(non FQDN\) are not allowed/, "an IPv6 address as a host; the fold refuses it"]
]

describe.skipIf(lacking("istio-validate"))(`Istio's own validation (seed ${seed})`, { timeout: 240_000 }, () => {
  it.each(["mtls", "classic"])("accepts everything that profile %s makes for random fleets", async (profile) => {
    const texts = bodies(profile, fleets)
    const verdicts = await istio(texts.map((text) => `---\n${text}`).join(""))
    expect(verdicts.length).toBe(texts.length)
    expect(texts.length).toBeGreaterThan(fleets)
    for (const [i, verdict] of verdicts.entries()) {
      expect(verdict, texts[i]).toMatchObject({ checked: true, ok: true, errors: [], warnings: [] })
    }
  })

  it("refuses what our rules refuse, and they refuse what it refuses", async () => {
    const texts = [...bodies("mtls", 30), ...bodies("classic", 30)]
    const mutants = fc.sample(fc.constantFrom(...texts).chain(mutant), { numRuns: Math.max(2000, fleets * 10), seed })
    const verdicts = await istio(mutants.map((m) => `---\n${emit(m.object)}`).join(""))
    expect(verdicts.length).toBe(mutants.length)
    let [refused, passed] = [0, 0]
    const disagreements: Array<string> = []
    verdicts.forEach((verdict, i) => {
      const { object, what } = mutants[i]!
      const found = ours(object)
        .filter(isError)
        .map((d) => `${d.code} ${d.message.slice(d.message.indexOf(": ") + 2)}`)
      if (found.length > 0 && !verdict.ok) refused++
      else if (found.length === 0 && verdict.ok) passed++
      else {
        const [reasons, known] = verdict.ok ? [found, stricter] : [verdict.errors, looser]
        if (!reasons.some((reason) => known.some(([pattern]) => pattern.test(reason))))
          disagreements.push(
            `${verdict.kind} ${what}: Istio ${verdict.ok ? "accepts" : verdict.errors[0]}, we ${found[0] ?? "accept"}`
          )
      }
    })
    expect(disagreements).toEqual([])
    expect(refused).toBeGreaterThan(mutants.length / 4)
    expect(passed).toBeGreaterThan(mutants.length / 4)
  })
})
