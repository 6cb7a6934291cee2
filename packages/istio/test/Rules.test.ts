import type { KubernetesObject } from "@coddiwomple/core/Artifact"
import { rules, validate } from "@coddiwomple/istio/Validate"
import { describe, expect, it } from "vitest"
import { cases, entry, http, many, tcp } from "./Cases.ts"

describe("rules", () => {
  it("are V1 to V16, each with its code", () => {
    expect(rules.map((rule) => rule.id)).toEqual(many(16, (i) => `V${i + 1}`))
    expect(rules.map((rule) => rule.code)).toEqual(many(16, (i) => `CW${601 + i}`))
    expect(Object.keys(cases)).toEqual(rules.map((rule) => rule.id))
  })

  for (const rule of rules) {
    const { accepted, refused = [], warned = [] } = cases[rule.id]!
    const show = (o: KubernetesObject) => JSON.stringify(o).slice(0, 400)
    const own = (o: KubernetesObject) => validate(o).filter((d) => d.code === rule.code)

    it(`${rule.id}: ${accepted.length} accepted, ${refused.length} refused, ${warned.length} warned of`, () => {
      expect(refused.length + warned.length).toBeGreaterThan(0)
      for (const o of accepted) expect(own(o), show(o)).toEqual([])
      for (const o of refused)
        expect(
          own(o).map((d) => d.severity),
          show(o)
        ).toContain("error")
      for (const o of warned) expect(new Set(own(o).map((d) => d.severity)), show(o)).toEqual(new Set(["warning"]))
    })
  }

  it("say where: object, cluster and field", () => {
    const [finding] = validate(entry({ ports: [http, { ...http, number: 81 }] }), { name: "east" })
    expect(finding).toEqual({
      code: "CW603",
      severity: "error",
      message: "ServiceEntry x: port name http is used twice",
      object: {
        apiVersion: "networking.istio.io/v1",
        kind: "ServiceEntry",
        namespace: "cw-system",
        name: "x",
        cluster: "east"
      },
      field: "spec.ports[1].name"
    })
  })

  it("V7 is silent where Istio gives addresses, and where the object says that it is meant so", () => {
    expect(validate(entry({ ports: [tcp] }), { autoAllocate: true })).toEqual([])
    expect(
      validate(entry({ ports: [tcp] }, { annotations: { "galley.istio.io/analyze-suppress": "IST0134" } }))
    ).toEqual([])
  })

  it("speak of metadata alone for other kinds", () => {
    expect(validate({ apiVersion: "v1", kind: "Namespace", metadata: { name: "cw" } })).toEqual([])
    expect(validate({ apiVersion: "v1", kind: "Namespace", metadata: { name: "a.b" } }).map((d) => d.code)).toEqual([
      "CW615"
    ])
    expect(validate({ apiVersion: "example.org/v1", kind: "Gateway", metadata: { name: "x" }, spec: {} })).toEqual([])
  })

  it("never throw, whatever an object holds", () => {
    const junk: ReadonlyArray<unknown> = [
      undefined,
      null,
      1,
      "x",
      [],
      {},
      [null],
      [[]],
      { a: null },
      [{ hosts: 1, port: 1, route: 1, match: [1] }]
    ]
    for (const kind of ["ServiceEntry", "Gateway", "VirtualService", "DestinationRule", "Other"]) {
      for (const a of junk) {
        for (const b of junk) {
          const keys =
            "hosts ports endpoints addresses servers http tcp tls subsets trafficPolicy exportTo gateways host resolution".split(
              " "
            )
          const spec = Object.fromEntries(keys.map((key) => [key, b]))
          expect(
            Array.isArray(
              validate({ apiVersion: "networking.istio.io/v1", kind, metadata: a, spec } as KubernetesObject)
            )
          ).toBe(true)
          expect(Array.isArray(validate({ apiVersion: a, kind: b, metadata: b, spec: a } as never))).toBe(true)
        }
      }
    }
  })
})
