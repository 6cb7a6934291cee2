/** What real meshes do not deliver, though Istio accepts the objects: refused, or told, before anything is applied. */
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import { Given } from "@coddiwomple/testing"
import { describe, expect, it } from "vitest"
import { type Case, type Result, run } from "./Fixture.ts"

type Config = NonNullable<Case["config"]>

const plaintext: Config = { profile: "plaintext", allowPlaintext: true }
const tls: Config = { profile: "tls", tls: { caConfigMap: "cw-ca" } }
const classic: Config = { profile: "classic" }

const given = (terse: Given.Terse, config: Config = {}): Result =>
  run({ config, facts: Given.facts(terse) as Case["facts"] })

const two = [
  { name: "a", addresses: ["192.0.2.1"] },
  { name: "b", addresses: ["192.0.2.2"] }
]
const held = (result: Result) =>
  [...result.held].map(([id, list]) => [id, list.filter((d) => d.severity === "error").map((d) => d.code)])
const told = ({ warnings }: Result, code: string) => warnings.filter((d) => d.code === code).map((d) => d.message)
const kinds = ({ artifacts, model }: Result, cluster: string) =>
  artifacts
    .filter((a) => ClusterSet.has(a.targets, model.fleet.byName.get(cluster)!.index))
    .map((a) => a.id.split("/")[1])
    .sort()

describe("classic opens nothing that nobody elsewhere may call", () => {
  it.each([
    [{ traffic: "local-only" as const }],
    [{ consumers: [] }],
    [{ consumers: ["a"] }],
    [{ traffic: "local-only" as const, exportTo: ["team"] }]
  ])("%j", (limit) => {
    const result = given({ clusters: two, services: { own: { in: ["a"], ports: { http: 80 }, ...limit } } }, classic)
    expect(kinds(result, "a")).toEqual(["ServiceEntry", "VirtualService"])
    expect(result.artifacts.map((a) => a.text).join("")).not.toContain("-gateway")
    expect(result.artifacts.find((a) => a.id.includes("VirtualService"))!.text).toContain("gateways:\n  - mesh\n")
    expect(kinds(result, "b")).toEqual([])
  })

  it("with a caller elsewhere the gateway has it", () => {
    const result = given(
      { clusters: two, services: { own: { in: ["a"], ports: { http: 80 }, consumers: ["b"] } } },
      classic
    )
    expect(kinds(result, "a")).toEqual(["Gateway", "ServiceEntry", "VirtualService"])
  })
})

describe("one address and port", () => {
  const pair = (ports: object, other: object = ports) => ({
    clusters: two,
    services: {
      one: { in: ["a"], ports, address: "240.9.9.9" },
      two: { in: ["b"], ports: other, address: "240.9.9.9" }
    } as NonNullable<Given.Terse["services"]>
  })

  it.each([
    ["mtls", {}],
    ["plaintext", plaintext],
    ["tls", tls],
    ["classic", classic]
  ] as const)("%s: TLS does not share it, since Istio matches no SNI there; HTTP does", (_profile, config) => {
    expect(held(given(pair({ tls: 8443 }), config))).toEqual([["two", ["CW512"]]])
    expect(held(given(pair({ https: 8443 }, { tls: 8443 }), config))).toEqual([["two", ["CW512"]]])
    expect(held(given(pair({ http: 8443 }), config))).toEqual([])
  })

  it("UDP, which is not carried, claims nothing", () => {
    expect(held(given(pair({ http: 53 }, { http: 80, udp: 53 })))).toEqual([])
  })

  it("without an address TLS shares the port", () => {
    const services = { one: { in: ["a"], ports: { tls: 8443 } }, two: { in: ["b"], ports: { tls: 8443 } } }
    expect(told(given({ clusters: two, services }, classic), "CW512")).toEqual([])
  })
})

describe("a gateway port", () => {
  const services = (one: object, other: object) => ({
    clusters: two,
    services: { one: { in: ["a"], ...one }, two: { in: ["a"], ...other } } as NonNullable<Given.Terse["services"]>
  })

  it.each([
    ["plaintext", plaintext],
    ["classic", classic]
  ] as const)("%s: is claimed by what is opened there alone", (_profile, config) => {
    const http = { ports: { http: 53 } }
    expect(held(given(services(http, { ports: { udp: 53, grpc: 80 } }), config))).toEqual([])
    expect(held(given(services({ ports: { tcp: 53 }, traffic: "local-only" }, http), config))).toEqual([])
    expect(held(given(services({ ports: { tcp: 53 }, consumers: [] }, http), config))).toEqual([])
    expect(held(given(services({ ports: { tcp: 53 } }, http), config))).toEqual([["two", ["CW624"]]])
  })

  it("plaintext: nor at the gateway of a cluster that others cannot reach", () => {
    const clusters = [...two, { name: "c", addresses: [] }]
    const services = { one: { in: ["a", "c"], ports: { tcp: 53 } }, two: { in: ["b", "c"], ports: { http: 53 } } }
    expect(held(given({ clusters, services }, plaintext))).toEqual([])
  })
})

describe("names that are too long for TLS", () => {
  /** A host of so many characters, with the suffix. */
  const prefix = (length: number) =>
    ["x".repeat(63), "y".repeat(63), "z".repeat(63), "o".repeat(length - 3 * 64 - ".global".length)].join(".")
  const long = (length: number, more: object = {}) => ({
    clusters: two,
    services: { far: { in: ["a"], ports: { http: 9080 }, prefixes: [prefix(length)], ...more } } as any
  })

  it("mtls: a host whose SNI is over 255 bytes connects to nothing, wherever it runs", () => {
    // outbound_.9080_._. are 18 bytes.
    expect(held(given(long(237)))).toEqual([])
    const result = given(long(238))
    expect(held(result)).toEqual([["far", ["CW625"]]])
    const [found] = result.held.get("far")!
    expect(found!.message).toMatch(/256 bytes its SNI outbound_\.9080_\._\.<host> is over 255/)
    expect(found!.help).toBe("use a host of at most 237 characters")
    expect(held(given(long(238, { traffic: "local-only" })))).toEqual([["far", ["CW625"]]])
  })

  it("plaintext: so does the local backend, where it has a sidecar", () => {
    expect(held(given(long(238), plaintext))).toEqual([["far", ["CW625"]]])
    expect(held(given(long(238, { meshed: false }), plaintext))).toEqual([])
    expect(held(given(long(238), classic))).toEqual([])
  })
})

it.each([
  ["mtls", {}],
  ["plaintext", plaintext],
  ["classic", classic]
] as const)("%s: HTTP has no listener on the ports of the proxies themselves", (_profile, config) => {
  for (const port of [15001, 15006, 15021, 15090]) {
    const result = given({ clusters: two, services: { odd: { in: ["a"], ports: { http: port } } } }, config)
    expect(held(result)).toEqual([["odd", ["CW625"]]])
    expect(result.held.get("odd")![0]!.message).toContain(`port http is HTTP on ${port}`)
  }
  const tcp = { in: ["a"], ports: { tcp: 15001 }, address: "240.9.9.9" }
  expect(held(given({ clusters: two, services: { db: tcp } }, config))).toEqual([])
})

describe("clusters that do not fit together", () => {
  const services = { one: { in: ["a"] }, two: { in: ["b"] }, three: { in: ["a", "b"] } }
  const clusters = (...more: ReadonlyArray<object>) => two.map((c, i) => ({ ...c, ...more[i] }))

  it("mtls: different trust domains are told once", () => {
    const odd = clusters({ trustDomain: "a.test" }, { trustDomain: "b.test" })
    expect(told(given({ clusters: odd, services }), "CW629")).toEqual([
      "clusters have different trust domains: a.test (a), b.test (b); calls between them fail unless each mesh knows the others'"
    ])
    expect(given({ clusters: odd, services }).warnings.find((d) => d.code === "CW629")!.help).toContain(
      "meshConfig.trustDomainAliases"
    )
    expect(told(given({ clusters: clusters({ trustDomain: "a.test" }), services }), "CW629")).toHaveLength(1)
    expect(told(given({ clusters: clusters({ trustDomain: "cluster.local" }), services }), "CW629")).toEqual([])
    expect(told(given({ clusters: odd, services }, tls), "CW629")).toEqual([])
    const many = Array.from({ length: 7 }, (_, i) => ({
      name: "abcdefg"[i]!,
      addresses: [],
      trustDomain: `t${i}.test`
    }))
    expect(told(given({ clusters: many, services }), "CW629")[0]).toContain("t4.test (e) and 2 more; calls")
    const ambient = clusters({ trustDomain: "a.test" }, { dataplane: "ambient" })
    expect(told(given({ clusters: ambient, services }), "CW629")).toEqual([])
  })

  it("one gateway address and port is told once per pair", () => {
    const shared = clusters({}, { addresses: ["192.0.2.9", "192.0.2.1"] })
    for (const config of [{}, tls])
      expect(told(given({ clusters: shared, services }, config), "CW629")).toEqual([
        "clusters a and b have one gateway, 192.0.2.1 port 15443: calls for one of them may end in the other"
      ])
    const apart = clusters({}, { addresses: ["192.0.2.1"], gateway: { port: 15444 } })
    expect(told(given({ clusters: apart, services }), "CW629")).toEqual([])
    const many = ["a", "b", "c"].map((name) => ({ name, addresses: ["192.0.2.1", "192.0.2.2"] }))
    expect(told(given({ clusters: many, services }), "CW629")).toHaveLength(2)
  })

  it.each([
    ["plaintext", plaintext],
    ["classic", classic]
  ] as const)(
    "%s: one gateway address is told where a port of it leads to clusters that differ",
    (_profile, config) => {
      const shared = [...clusters({}, { addresses: ["192.0.2.1"] }), { name: "c", addresses: ["192.0.2.3"] }]
      const twins = (services: NonNullable<Given.Terse["services"]>) =>
        told(given({ clusters: shared, services }, config), "CW629")
      const http = { http: 80 }
      expect(twins({ one: { in: ["a"], ports: http }, two: { in: ["b"], ports: http } })).toEqual([
        "services one and two both have port 80 of 192.0.2.1, the gateway of clusters a, b alike, and run in different ones: calls of one may go to the other"
      ])
      expect(twins({ one: { in: ["a", "b"], ports: http }, two: { in: ["b", "c"], ports: http } })).toHaveLength(1)
      // One address is right for both where each port leads to one of them, or to the same in both.
      expect(twins({ one: { in: ["a"], ports: http }, two: { in: ["a"], ports: http } })).toEqual([])
      expect(twins({ one: { in: ["a"], ports: http }, two: { in: ["b"], ports: { http: 81 } } })).toEqual([])
      expect(twins({ one: { in: ["a", "b"], ports: http }, two: { in: ["a", "b", "c"], ports: http } })).toEqual([])
      expect(twins({ one: { in: ["a"], ports: http }, two: { in: ["c"], ports: http } })).toEqual([])
      expect(twins({ one: { in: ["a"], ports: http }, two: { in: ["b"], ports: http, consumers: [] } })).toEqual([])
    }
  )
})
