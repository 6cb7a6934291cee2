// What breaks real meshes (each row was run on istiod and Envoy) must be found from the objects alone, and the objects
// as they are generated must give no finding at all.
import { family } from "@coddiwomple/istio/Protocol"
import { examine } from "@coddiwomple/istio/simulator/Failover"
import { codes, type Finding, type FindingKind } from "@coddiwomple/istio/simulator/Finding"
import { validate } from "@coddiwomple/istio/Validate"
import type { Given } from "@coddiwomple/testing"
import * as HashMap from "effect/HashMap"
import { describe, expect, it } from "vitest"
import { given, type Objects, objects, profiles, type Rendered, worldOf } from "./Rendered.ts"

const fleet: Given.Terse = {
  clusters: [
    { name: "a", addresses: ["gw-a.example.net"] },
    {
      name: "b",
      addresses: ["gw-b.example.net"],
      gateway: { namespace: "istio-system", selector: { istio: "eastwestgateway" }, port: 15443 }
    },
    { name: "c", addresses: ["192.0.2.3"] }
  ],
  services: {
    db: { in: ["b", "c"], ports: { tcp: 5432 } },
    ledger: { in: ["a", "b"], ports: { tcp: [5432, 6432] } },
    reviews: { in: ["a", "b"], ports: { http: [80, 9080], grpc: 81 }, prefixes: ["reviews", "reviews.shop"] }
  }
}

/** Findings of all calls of all clusters; `declared`: the simulator is told what was meant. */
const findings = (rendered: Rendered, all: Objects, declared: boolean): ReadonlyArray<Finding> => {
  const world = worldOf(rendered, all)
  const found: Array<Finding> = []
  for (const service of HashMap.values(rendered.model.services)) {
    if (rendered.held.has(service.identity)) continue
    for (const from of Object.keys(all)) {
      for (const host of service.hosts) {
        for (const { port } of service.ports) {
          found.push(...examine(world, { from, host, port, ...(declared ? { declared: service } : {}) }).findings)
        }
      }
    }
  }
  return found
}

const kinds = (found: ReadonlyArray<Finding>) => [...new Set(found.map((f) => f.kind))].sort()

const each = (all: Objects, kind: string, name: RegExp, change: (object: any) => void): void => {
  let changed = 0
  for (const list of Object.values(all))
    for (const o of list) if (o.kind === kind && name.test(o.metadata.name)) changed += (change(o), 1)
  expect(changed, "the mutation changed something").toBeGreaterThan(0)
}
const drop = (all: Objects, kind: string, name: RegExp): void => {
  for (const [cluster, list] of Object.entries(all))
    all[cluster] = list.filter((o) => o.kind !== kind || !name.test(o.metadata.name))
}
const unlabel = (o: any): void => {
  for (const endpoint of o.spec.endpoints) delete endpoint.labels["security.istio.io/tlsMode"]
}

interface Row {
  readonly what: string
  readonly mutate: (all: Objects) => void
  /** Found by the simulator, from the objects alone. */
  readonly finds: ReadonlyArray<FindingKind>
  /** Found only where it is known what was meant. */
  readonly declared?: true
}

const rows: ReadonlyArray<Row> = [
  {
    what: "one ServiceEntry, no SE-in: gateways balance to each other",
    mutate: (all) => drop(all, "ServiceEntry", /^cw-in-/),
    finds: ["loop"]
  },
  {
    what: "SE-out in the gateway's namespace",
    mutate: (all) => each(all, "ServiceEntry", /^cw-out-/, (o) => (o.metadata.namespace = "istio-system")),
    finds: ["loop"]
  },
  {
    what: "SE-out exported to the gateway's namespace by name",
    mutate: (all) => {
      drop(all, "ServiceEntry", /^cw-in-reviews/)
      each(all, "ServiceEntry", /^cw-out-reviews/, (o) => (o.spec.exportTo = ["istio-system", "default"]))
    },
    finds: ["loop"]
  },
  {
    what: "SE-in endpoint without tlsMode: all calls between clusters fail",
    mutate: (all) => each(all, "ServiceEntry", /^cw-in-/, unlabel),
    finds: ["no-tls-mode"]
  },
  {
    what: "neither label nor DestinationRule tls",
    mutate: (all) => {
      each(all, "ServiceEntry", /./, unlabel)
      each(all, "DestinationRule", /./, (o) => delete o.spec.trafficPolicy.tls)
    },
    finds: ["plaintext", "undeliverable", "no-tls-mode"]
  },
  {
    what: "no outlierDetection: neither failover nor local preference",
    mutate: (all) => each(all, "DestinationRule", /./, (o) => delete o.spec.trafficPolicy.outlierDetection),
    finds: ["no-outlier-detection"]
  },
  {
    what: "outlierDetection that never ejects",
    mutate: (all) =>
      each(
        all,
        "DestinationRule",
        /./,
        (o) => (o.spec.trafficPolicy.outlierDetection = { consecutive5xxErrors: 0, consecutiveGatewayErrors: 0 })
      ),
    finds: ["no-outlier-detection"]
  },
  {
    what: "two TLS hosts on one port and one address: SNI does not count there",
    mutate: (all) =>
      each(all, "ServiceEntry", /db|ledger/, (o) => {
        o.spec.addresses = ["240.0.0.1"]
        for (const port of o.spec.ports) port.protocol = "TLS"
      }),
    finds: ["misrouted"]
  },
  {
    what: "localityLbSetting.enabled: false beside failoverPriority",
    mutate: (all) =>
      each(all, "DestinationRule", /./, (o) => (o.spec.trafficPolicy.loadBalancer.localityLbSetting.enabled = false)),
    finds: ["failover-order"]
  },
  {
    what: "localityLbSetting.enabled: false alone, where local-first was meant",
    mutate: (all) =>
      each(
        all,
        "DestinationRule",
        /./,
        (o) => (o.spec.trafficPolicy.loadBalancer.localityLbSetting = { enabled: false })
      ),
    finds: ["failover-order"],
    declared: true
  },
  {
    what: "localities together with failoverPriority: istiod crashes",
    mutate: (all) =>
      each(all, "ServiceEntry", /^cw-out-/, (o) =>
        o.spec.endpoints.forEach((e: any, i: number) => (e.locality = `region-${i}`))
      ),
    finds: ["istiod-crash"]
  },
  {
    what: "two TCP hosts on one port without addresses: silent misrouting",
    mutate: (all) => each(all, "ServiceEntry", /./, (o) => delete o.spec.addresses),
    finds: ["misrouted"]
  },
  {
    what: "two TCP hosts on one port and one address",
    mutate: (all) => each(all, "ServiceEntry", /./, (o) => (o.spec.addresses = ["240.0.0.1"])),
    finds: ["misrouted"]
  },
  {
    what: "a gateway with a wildcard and a stale backend: a relay",
    mutate: (all) => {
      each(all, "Gateway", /./, (o) => (o.spec.servers[0].hosts = ["*.global"]))
      all.b = all.b!.filter((o) => !o.metadata.name.startsWith("cw-in-"))
    },
    finds: ["loop"]
  },
  { what: "no Gateway", mutate: (all) => drop(all, "Gateway", /./), finds: ["no-gateway-server"] },
  {
    what: "a Gateway on another port",
    mutate: (all) => each(all, "Gateway", /./, (o) => (o.spec.servers[0].port.number = 15444)),
    finds: ["no-gateway-server"]
  },
  {
    what: "a Gateway without one of the hosts",
    mutate: (all) => each(all, "Gateway", /reviews/, (o) => (o.spec.servers[0].hosts = ["reviews.global"])),
    finds: ["no-gateway-server"]
  },
  {
    what: "a Gateway for other pods",
    mutate: (all) => each(all, "Gateway", /./, (o) => (o.spec.selector = { istio: "other" })),
    finds: ["no-gateway-server"]
  },
  {
    what: "SE-in without one of the ports",
    mutate: (all) => each(all, "ServiceEntry", /^cw-in-reviews/, (o) => o.spec.ports.pop()),
    finds: ["port-mismatch"]
  },
  {
    what: "SE-in hidden from the gateway",
    mutate: (all) => {
      each(all, "ServiceEntry", /^cw-in-/, (o) => (o.spec.exportTo = ["elsewhere"]))
      each(all, "ServiceEntry", /^cw-out-/, (o) => (o.spec.exportTo = ["default"]))
    },
    finds: ["undeliverable"]
  },
  {
    what: "SE-in that is MESH_EXTERNAL",
    mutate: (all) => each(all, "ServiceEntry", /^cw-in-/, (o) => delete o.spec.location),
    finds: ["undeliverable"]
  },
  {
    what: "a gateway address that no cluster has",
    mutate: (all) =>
      each(all, "ServiceEntry", /^cw-out-/, (o) =>
        o.spec.endpoints.forEach((e: any) => (e.address = e.address.replace("gw-b", "gw-old")))
      ),
    finds: ["undeliverable"]
  },
  {
    what: "one host claimed by two ServiceEntries",
    mutate: (all) => {
      for (const list of Object.values(all)) {
        const other = structuredClone(
          list.find((o) => o.kind === "ServiceEntry" && o.metadata.name === "cw-out-reviews")
        )
        if (other !== undefined)
          list.push({ ...other, metadata: { ...other.metadata, name: "zz-other", namespace: "zz" } })
      }
    },
    finds: ["shadowed-host"]
  },
  {
    what: "DestinationRule tls DISABLE",
    mutate: (all) => each(all, "DestinationRule", /./, (o) => (o.spec.trafficPolicy.tls.mode = "DISABLE")),
    finds: ["plaintext", "undeliverable"]
  },
  {
    what: "DestinationRule tls SIMPLE with a credentialName: sidecars send plaintext",
    mutate: (all) =>
      each(all, "DestinationRule", /./, (o) => (o.spec.trafficPolicy.tls = { mode: "SIMPLE", credentialName: "cw" })),
    finds: ["plaintext"]
  },
  {
    what: "the local backend last",
    mutate: (all) =>
      each(all, "DestinationRule", /./, (o) => {
        const setting = o.spec.trafficPolicy.loadBalancer.localityLbSetting
        if (setting.failoverPriority)
          setting.failoverPriority = setting.failoverPriority.map((p: string) => p.replace(/=.*/, "=b"))
      }),
    finds: ["failover-order"]
  },
  {
    what: "no DestinationRule at all",
    mutate: (all) => drop(all, "DestinationRule", /./),
    finds: ["no-failover"]
  },
  {
    what: "only the local endpoint",
    mutate: (all) => each(all, "ServiceEntry", /^cw-out-/, (o) => (o.spec.endpoints = o.spec.endpoints.slice(0, 1))),
    finds: ["no-failover"],
    declared: true
  },
  {
    what: "the backend of another service",
    mutate: (all) =>
      each(
        all,
        "ServiceEntry",
        /^cw-in-reviews/,
        (o) => (o.spec.endpoints[0].address = "ratings.default.svc.cluster.local")
      ),
    finds: ["wrong-backend"],
    declared: true
  },
  {
    what: "another port of the backend",
    mutate: (all) =>
      each(all, "ServiceEntry", /^cw-in-reviews/, (o) => (o.spec.endpoints[0].ports = { http: 1, grpc: 2 })),
    finds: ["port-mismatch"],
    declared: true
  },
  {
    what: "a Service that lacks the port, where the cluster's Services are known",
    mutate: (all) => {
      for (const list of Object.values(all))
        for (const name of ["reviews", "ledger", "db"])
          list.push({
            apiVersion: "v1",
            kind: "Service",
            metadata: { name, namespace: "default" },
            spec: { ports: [{ port: 5432 }, { port: 6432 }] }
          })
    },
    finds: ["port-mismatch"]
  },
  {
    what: "a host that one cluster does not know",
    mutate: (all) => {
      all.c = all.c!.filter((o) => !o.metadata.name.startsWith("cw-out-reviews"))
    },
    finds: ["undeliverable"]
  }
]

describe("profile mtls", () => {
  const rendered = given(fleet)

  it("as generated, every call of every cluster is without a finding", () => {
    expect(rendered.held.size).toBe(0)
    expect(findings(rendered, objects(rendered), true)).toEqual([])
    expect(findings(rendered, objects(rendered), false)).toEqual([])
  })

  it.each([
    [
      "auto-mTLS: no tls in the DestinationRule",
      (all: Objects) => each(all, "DestinationRule", /./, (o) => delete o.spec.trafficPolicy.tls)
    ],
    [
      "ServiceEntries older or newer than each other",
      (all: Objects) =>
        each(all, "ServiceEntry", /^cw-out-/, (o) => (o.metadata.creationTimestamp = "2020-01-01T00:00:00Z"))
    ],
    [
      "one Gateway with all hosts",
      (all: Objects) => {
        for (const list of Object.values(all)) {
          const gateways = list.filter((o) => o.kind === "Gateway")
          for (const g of gateways.slice(1)) list.splice(list.indexOf(g), 1)
          if (gateways[0]) gateways[0].spec.servers[0].hosts = gateways.flatMap((g) => g.spec.servers[0].hosts)
        }
      }
    ]
  ])("what works on real meshes gives no finding: %s", (_what, mutate) => {
    const all = objects(rendered)
    mutate(all)
    expect(findings(rendered, all, true)).toEqual([])
  })

  it.each(rows)("$what → $finds", ({ mutate, finds, declared }) => {
    const all = objects(rendered)
    mutate(all)
    const found = findings(rendered, all, declared === true)
    expect(kinds(found)).toEqual(expect.arrayContaining([...finds]))
    for (const f of found) {
      expect(f.message).not.toMatch(/undefined|\[object/)
      expect(f.help).not.toBe("")
    }
    if (declared === true) expect(findings(rendered, all, false)).toEqual([])
  })
})

describe("profile classic", () => {
  const classic: Given.Terse = {
    ...fleet,
    services: {
      reviews: { in: ["a", "b"], ports: { http: [80, 9080] } },
      mail: { in: ["b"], ports: { tcp: [25, 2525] } },
      vault: { in: ["b"], ports: { tls: 443 } }
    }
  }
  const rendered = given(classic, { profile: "classic" })
  const broken = (all: Objects) =>
    findings(rendered, all, false).filter((f) => f.severity === "error" && f.kind !== "plaintext")

  it("as generated, every call is delivered; between clusters in plaintext and without failover", () => {
    expect(rendered.held.size).toBe(0)
    const found = findings(rendered, objects(rendered), true)
    expect(kinds(found)).toEqual(["no-failover", "plaintext"])
    expect(found.filter((f) => f.kind === "plaintext").every((f) => !f.message.includes("vault"))).toBe(true)
    expect(family("TLS")).toBe("tls")
  })

  it.each<[string, (all: Objects) => void, FindingKind]>([
    [
      "no VirtualService at the gateway",
      (all) => each(all, "VirtualService", /./, (o) => (o.spec.gateways = ["mesh"])),
      "undeliverable"
    ],
    ["no Gateway", (all) => drop(all, "Gateway", /./), "no-gateway-server"],
    [
      "VirtualService for another port",
      (all) => each(all, "VirtualService", /reviews/, (o) => (o.spec.http[0].match[0].port = 1)),
      "undeliverable"
    ],
    [
      "an HTTP server on a TCP service's port",
      (all) => each(all, "Gateway", /mail/, (o) => (o.spec.servers[0].port.number = 80)),
      "no-gateway-server"
    ],
    [
      "HTTPS at the gateway, plaintext at the caller",
      (all) => each(all, "Gateway", /reviews/, (o) => Object.assign(o.spec.servers[0], { tls: { mode: "SIMPLE" } })),
      "undeliverable"
    ]
  ])("%s → %s", (_what, mutate, kind) => {
    const all = objects(rendered)
    mutate(all)
    expect(kinds(broken(all))).toContain(kind)
  })
})

describe("profile tls", () => {
  const rendered = given(fleet, profiles.tls)

  it("as generated, every call is delivered, between clusters in TLS", () => {
    expect(rendered.held.size).toBe(0)
    // Who runs a service calls its own backend alone, which the transform says.
    expect(kinds(findings(rendered, objects(rendered), false))).toEqual([])
    expect(kinds(findings(rendered, objects(rendered), true))).toEqual(["no-failover"])
  })

  it.each<[string, (all: Objects) => void, FindingKind]>([
    [
      "a gateway that does not list the SNI",
      (all) => each(all, "Gateway", /db/, (o) => (o.spec.servers[0].hosts = ["p1.db.global"])),
      "no-gateway-server"
    ],
    [
      "another SNI at the caller",
      (all) =>
        each(all, "DestinationRule", /db/, (o) => {
          for (const level of o.spec.trafficPolicy.portLevelSettings ?? []) level.tls.sni = "db.global"
        }),
      "no-gateway-server"
    ],
    ["no routes at the gateway", (all) => drop(all, "VirtualService", /./), "undeliverable"],
    [
      "routes that the gateway does not see",
      (all) => each(all, "VirtualService", /./, (o) => (o.spec.exportTo = ["elsewhere"])),
      "undeliverable"
    ],
    [
      "a DestinationRule without its ports",
      (all) => each(all, "DestinationRule", /db/, (o) => delete o.spec.trafficPolicy.portLevelSettings),
      "plaintext"
    ]
  ])("%s → %s", (_what, mutate, kind) => {
    const all = objects(rendered)
    mutate(all)
    expect(kinds(findings(rendered, all, false))).toContain(kind)
  })

  it.each<[string, (all: Objects) => void, FindingKind]>([
    [
      "a route to the other port",
      (all) => each(all, "VirtualService", /ledger-5432/, (o) => (o.spec.tcp[0].route[0].destination.port.number = 1)),
      "port-mismatch"
    ],
    [
      "two routes for one server: the oldest takes all calls",
      (all) => {
        for (const list of Object.values(all)) {
          const other = list.find((o) => o.kind === "VirtualService" && /db/.test(o.metadata.name))
          if (other === undefined) continue
          const older = structuredClone(other)
          older.metadata.name = "a-first"
          older.spec.tcp[0].route[0].destination.host = "ratings.default.svc.cluster.local"
          list.push(older)
        }
      },
      "wrong-backend"
    ]
  ])("where it is known what was meant: %s → %s", (_what, mutate, kind) => {
    const all = objects(rendered)
    mutate(all)
    expect(kinds(findings(rendered, all, true))).toContain(kind)
  })
})

it("every kind of finding appears above", () => {
  expect([...new Set(rows.flatMap((row) => row.finds))].sort()).toEqual(Object.keys(codes).sort())
})

it("V7 warns of what the simulator calls misrouting", () => {
  const all = objects(given(fleet))
  each(all, "ServiceEntry", /./, (o) => delete o.spec.addresses)
  expect(
    validate(all.a!.find((o) => o.kind === "ServiceEntry" && o.metadata.name === "cw-out-db")).map((d) => d.code)
  ).toContain("CW607")
})

describe("what no configuration cures", () => {
  const one = (ports: object, prefixes: ReadonlyArray<string>, more: object = {}) =>
    given({ clusters: fleet.clusters!, services: { one: { in: ["b"], ports, prefixes, ...more } as never } })
  /** The transform refuses these services; here are the objects all the same. */
  const renamed = (rendered: Rendered, from: string, to: string): Objects =>
    JSON.parse(JSON.stringify(objects(rendered)).replaceAll(from, to))

  it("a host whose SNI is over 255 bytes is not delivered, not even to the local backend", () => {
    const rendered = one({ http: 9080 }, ["host"])
    const long = (length: number) =>
      `${"x".repeat(63)}.${"y".repeat(63)}.${"z".repeat(63)}.${"o".repeat(length - 199)}.global`
    for (const [length, outcome] of [
      [237, "delivered"],
      [238, "undeliverable"]
    ] as const) {
      const world = worldOf(rendered, renamed(rendered, "host.global", long(length)))
      for (const from of ["a", "b"]) {
        const { findings, trace } = examine(world, { from, host: long(length), port: 9080 })
        expect(trace.outcome).toBe(outcome)
        expect(kinds(findings)).toEqual(outcome === "delivered" ? [] : ["undeliverable"])
      }
    }
  })

  it("HTTP on a port of the proxies themselves is not delivered; TCP is", () => {
    for (const [ports, outcome] of [
      [{ http: 9080 }, "undeliverable"],
      [{ tcp: 9080 }, "delivered"]
    ] as const) {
      const rendered = one(ports, ["one"])
      const world = worldOf(rendered, JSON.parse(JSON.stringify(objects(rendered)).replaceAll("9080", "15006")))
      expect(examine(world, { from: "a", host: "one.global", port: 15006 }).trace.outcome).toBe(outcome)
    }
  })
})

describe("outlier detection that is switched off", () => {
  it("keeps the tiers, as Istio does, and leaves nobody out", () => {
    const rendered = given(fleet)
    const all = objects(rendered)
    each(all, "DestinationRule", /./, (o) => {
      o.spec.trafficPolicy.outlierDetection = { consecutive5xxErrors: 0, consecutiveGatewayErrors: 0 }
    })
    const { findings, trace } = examine(worldOf(rendered, all), { from: "a", host: "reviews.global", port: 80 })
    expect(trace.tiers.map((tier) => tier.legs.map((leg) => leg.cluster))).toEqual([["a"], ["b"]])
    expect(trace.answers.map(({ leg }) => leg.cluster)).toEqual(["a"])
    expect(findings.map((f) => f.message)).toEqual([
      "outlierDetection of reviews.global in cluster a is switched off: no failover, dead endpoints keep their calls"
    ])
    const down = examine(worldOf(rendered, all), {
      from: "a",
      host: "reviews.global",
      port: 80,
      withoutBackend: new Set(["a"])
    })
    expect(down.trace.outcome).toBe("undeliverable")
  })
})

describe("two clusters behind one gateway address", () => {
  const behind = (port: number, runs: ReadonlyArray<string>) =>
    given({
      clusters: [
        { name: "a", addresses: ["gw-a.example.net"] },
        { name: "b", addresses: ["192.0.2.1"] },
        { name: "c", addresses: ["192.0.2.1"], gateway: { port } }
      ],
      services: { one: { in: ["b"], ports: { http: 80 } }, two: { in: runs, ports: { http: 80 } } } as never
    })
  const call = (rendered: Rendered, host: string) =>
    examine(worldOf(rendered, objects(rendered)), { from: "a", host, port: 80 })

  it("with one port too: no label tells where a call ends, and the worst counts", () => {
    const { findings, trace } = call(behind(15443, ["c"]), "one.global")
    expect(trace.outcome).toBe("undeliverable")
    expect(kinds(findings)).toEqual(["misrouted", "no-gateway-server"])
    expect(findings.find((f) => f.kind === "misrouted")!.message).toBe(
      "192.0.2.1:15443 is the gateway of clusters b, c alike: calls of one.global from cluster a may end in any of them"
    )
  })

  it("where both run it a call arrives all the same, though nobody knows where", () => {
    const { findings, trace } = call(behind(15443, ["b", "c"]), "two.global")
    expect(trace.outcome).toBe("delivered")
    expect(kinds(findings)).toEqual(["misrouted", "no-failover"])
  })

  it("ports of their own tell them apart", () => {
    const { findings, trace } = call(behind(15444, ["c"]), "one.global")
    expect(trace.outcome).toBe("delivered")
    expect(findings).toEqual([])
  })
})
