// The check `routes` on what the real transform makes: never a word on generated fleets, a refusal where they are broken.
import type { Diagnostic } from "@coddiwomple/core/Diagnostic"
import * as Artifact from "@coddiwomple/core/Artifact"
import { read } from "@coddiwomple/core/Read"
import * as fc from "fast-check"
import * as HashMap from "effect/HashMap"
import { expect, it } from "vitest"
import { routes } from "../../plugins/check-routes/src/Routes.ts"
import { facts } from "./Fleets.ts"
import { given, profileNames, profiles, render, type Rendered } from "./Rendered.ts"

const runs = Number(process.env.CW_FUZZ_RUNS ?? 100)

const refusals = ({ artifacts, held, model }: Rendered, allowPlaintext: boolean): ReadonlyArray<Diagnostic> => {
  const groups = Map.groupBy(artifacts, (a) => a.service ?? "")
  return [...HashMap.values(model.services)].flatMap((service) =>
    held.has(service.identity)
      ? []
      : routes(service, groups.get(service.identity) ?? [], model.fleet, { allowPlaintext, namespace: "default" })
  )
}

it.each(profileNames)("refuses nothing that the transform makes with profile %s", (profile) => {
  const open = profile === "plaintext" || profile === "classic"
  fc.assert(
    fc.property(facts({ apart: profile === "classic" }), (list) => {
      expect(refusals(render(list, profiles[profile]), open)).toEqual([])
    }),
    { numRuns: runs }
  )
})

it("classic: refuses plaintext alone, where it is not permitted", () => {
  const rendered = given({ clusters: ["a", "b"], services: { reviews: { in: ["b"] } } }, { profile: "classic" })
  expect(refusals(rendered, true)).toEqual([])
  expect(refusals(rendered, false).map((d) => d.code)).toEqual(["CW632"])
})

it.each<[string, (object: any) => any, string]>([
  ["a transform that drops Gateways", (o) => (o.kind === "Gateway" ? undefined : o), "CW630"],
  [
    "a transform that makes all entries public and drops those of the gateway",
    (o) => (o.metadata.name.startsWith("cw-in-") ? undefined : o),
    "CW631"
  ],
  [
    "a transform that strips labels",
    (o) =>
      o.kind === "ServiceEntry"
        ? { ...o, spec: { ...o.spec, endpoints: o.spec.endpoints.map((e: any) => ({ ...e, labels: {} })) } }
        : o,
    "CW630"
  ],
  [
    "a transform that switches TLS off",
    (o) =>
      o.kind === "DestinationRule" ? { ...o, spec: { ...o.spec, trafficPolicy: { tls: { mode: "DISABLE" } } } } : o,
    "CW632"
  ]
])("refuses what %s leaves", (_what, change, code) => {
  const rendered = given({
    clusters: ["a", "b", "c"],
    services: { reviews: { in: ["a", "b"], ports: { http: 80, tcp: 5432 } } }
  })
  const artifacts = rendered.artifacts.flatMap((a) => {
    const body = change(read(a.text))
    return body === undefined ? [] : [Artifact.object(a.targets, body, { service: a.service! })]
  })
  expect(refusals({ ...rendered, artifacts }, false).map((d) => d.code)).toContain(code)
})
