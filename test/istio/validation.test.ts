// Our rules against the real thing: Istio's CRD schemas, CEL and webhook validation. What the transform makes must be
// accepted without a warning, and by the schemas of every minor version since 1.22; of mutated objects both must refuse
// the same. CW_FUZZ_RUNS=1000 is the long form.
import { isError } from "@coddiwomple/core/Diagnostic"
import { emit } from "@coddiwomple/core/Emit"
import { validate as ours } from "@coddiwomple/istio/Validate"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { validate as istio } from "../parts/IstioValidate.ts"
import { files, lacking } from "../parts/Parts.ts"
import { facts, limits } from "./Fleets.ts"
import { mutant } from "./Mutants.ts"
import { type Profile, profileNames, profiles, render } from "./Rendered.ts"

const fleets = Number(process.env.CW_FUZZ_RUNS ?? 100)
// A change is judged by the same fleets as the one before it; new fleets are tried elsewhere.
const seed = Number(process.env.CW_FUZZ_SEED ?? (process.env.CI ? 7643 : Date.now() & 0xffff))

const bodies = (profile: Profile, count: number, kind = facts()): ReadonlyArray<string> => {
  const texts = new Set<string>()
  for (const list of fc.sample(kind, { numRuns: count, seed }))
    for (const { text } of render(list, profiles[profile]).artifacts) texts.add(text)
  return [...texts]
}
const stream = (texts: ReadonlyArray<string>): string => texts.map((text) => `---\n${text}`).join("")

/** Istio takes it, and we do not, on purpose. */
const stricter: ReadonlyArray<readonly [RegExp, string]> = [
  [/^CW606 .* is no(t a)? label/, "a label that Kubernetes would refuse on a pod matches nothing"],
  [/^CW610 `tls` is for the protocols/, "TLS settings that no connection would meet"],
  [/^CW611 .* is not the name of a gateway/, "a name that no Gateway can have: the route would apply nowhere"],
  [/^CW611 0 is not a port number/, "no server has port 0"],
  [/^CW612 label .* is named twice/, "only the last would count, silently"],
  [/^CW612 .* is not a port number/, "settings for a port that no service can have"],
  [/^CW615 .* is not a namespace/, "an empty namespace means another object"]
]

describe.skipIf(lacking("istio-validate"))(
  `Istio's own validation (seed ${seed})`,
  { timeout: 2_400 * Math.max(100, fleets) },
  () => {
    it.each(profileNames)("accepts everything that profile %s makes for random fleets", async (profile) => {
      const texts = bodies(profile, fleets)
      const verdicts = await istio(stream(texts))
      expect(verdicts.length).toBe(texts.length)
      expect(texts.length).toBeGreaterThan(fleets)
      for (const [i, verdict] of verdicts.entries()) {
        expect(verdict, texts[i]).toMatchObject({ checked: true, ok: true, errors: [], warnings: [] })
      }
    })

    it.each(profileNames)("accepts what profile %s makes of fleets at the limits", async (profile) => {
      const texts = bodies(profile, Math.ceil(Math.sqrt(fleets)), limits())
      const verdicts = await istio(stream(texts))
      expect(texts.length).toBeGreaterThan(5)
      expect(Math.max(...texts.map((text) => text.length))).toBeGreaterThan(10_000)
      for (const [i, verdict] of verdicts.entries())
        expect(verdict, texts[i]!.slice(0, 5000)).toMatchObject({ checked: true, ok: true, errors: [] })
    })

    it.skipIf(lacking("istio-crds-before"))("every minor version since 1.22 accepts it", async () => {
      const texts = [...new Set(profileNames.flatMap((profile) => bodies(profile, Math.ceil(fleets / 4))))]
      for (const [minor, crds] of Object.entries(files("istio-crds-before"))) {
        const verdicts = await istio(stream(texts), crds)
        expect(verdicts.length).toBe(texts.length)
        for (const [i, verdict] of verdicts.entries())
          expect(verdict, `Istio ${minor}:\n${texts[i]}`).toMatchObject({ checked: true, errors: [] })
        // It does look: a field of no version is refused.
        const [odd] = await istio(texts[0]!.replace("\nspec:\n", "\nspec:\n  nonsense: 1\n"), crds)
        expect(odd!.errors).toEqual(['schema: unknown field "spec.nonsense"'])
      }
    })

    it("refuses what our rules refuse, and they refuse what it refuses", async () => {
      const texts = profileNames.flatMap((profile) => bodies(profile, 20))
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
          if (!verdict.ok || !found.some((reason) => stricter.some(([pattern]) => pattern.test(reason))))
            disagreements.push(
              `${verdict.kind} ${what}: Istio ${verdict.ok ? "accepts" : verdict.errors[0]}, we ${found[0] ?? "accept"}`
            )
        }
      })
      expect(disagreements).toEqual([])
      expect(refused).toBeGreaterThan(mutants.length / 4)
      expect(passed).toBeGreaterThan(mutants.length / 4)
    })
  }
)
