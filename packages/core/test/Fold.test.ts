/** The fold: what several sources say becomes one model, incrementally and yet as if read at once. */
import { assert, describe, it } from "vitest"
import * as fc from "fast-check"
import * as HashMap from "effect/HashMap"
import { parseRange, type Range } from "../src/Addresses.ts"
import type { BackendFact, ClusterFact, Fact, Origin, ServiceFact, SourceEvent } from "../src/Fact.ts"
import * as Diagnostic from "../src/Diagnostic.ts"
import { Fold } from "../src/Fold.ts"
import { type Model, standing, uncertain } from "../src/Model.ts"

const origin: Origin = { label: "test" }
const cluster = (name: string, more: Partial<ClusterFact> = {}): ClusterFact => ({
  kind: "cluster",
  name,
  addresses: ["192.0.2.1"],
  origin,
  ...more
})
const service = (name: string, more: Partial<ServiceFact> = {}): ServiceFact => ({
  kind: "service",
  name,
  prefixes: [name],
  ports: [{ name: "http", protocol: "HTTP", port: 80, backendPort: 8080 }],
  origin,
  ...more
})
const backend = (id: string, where: string, more: Partial<BackendFact> = {}): BackendFact => ({
  kind: "backend",
  service: id,
  cluster: where,
  host: `${id}.default.svc.cluster.local`,
  origin,
  ...more
})
const snapshot = (partition: string, ...facts: ReadonlyArray<Fact>): SourceEvent => ({
  _tag: "Snapshot",
  partition,
  facts
})
const fold = (events: ReadonlyArray<readonly [string, SourceEvent]>, options = {}): Model => {
  const f = new Fold(options)
  for (const [source, event] of events) f.accept(source, event)
  return f.commit()!
}
const names = (model: Model) => [...HashMap.keys(model.services)].sort()
const held = (model: Model) =>
  Object.fromEntries([...HashMap.entries(model.held)].map(([k, v]) => [k, v.diagnostics.map((d) => d.code)]))
const get = (model: Model, id: string) => {
  const found = HashMap.get(model.services, id)
  if (found._tag === "None") throw new Error(`no service ${id}`)
  return found.value
}

describe("the model", () => {
  it("merges a declaration with its backends, in fleet order", () => {
    const model = fold([
      ["in", snapshot("services", backend("reviews", "b"), backend("reviews", "a"), service("reviews"))],
      ["in", snapshot("clusters", cluster("b", { order: 1 }), cluster("a", { order: 0 }))]
    ])
    assert.deepEqual(
      model.fleet.clusters.map((c) => c.name),
      ["a", "b"]
    )
    assert.deepEqual(
      get(model, "reviews").backends.map((b) => b.cluster),
      ["a", "b"]
    )
    assert.deepEqual(get(model, "reviews").hosts, ["reviews.global"])
  })

  it("drops only a's backend when a deletes it", () => {
    const f = new Fold()
    f.accept("live", snapshot("a", cluster("a"), service("reviews", { namespace: "x" }), backend("reviews.x", "a")))
    f.accept("live", snapshot("b", cluster("b"), service("reviews", { namespace: "x" }), backend("reviews.x", "b")))
    f.commit()
    f.accept("live", {
      _tag: "Delta",
      partition: "a",
      upserts: [],
      removes: ["service/reviews.x", "backend/reviews.x/a"]
    })
    const model = f.commit()!
    assert.deepEqual(
      get(model, "reviews.x").backends.map((b) => b.cluster),
      ["b"]
    )
    assert.deepEqual([...model.touched], ["reviews.x"])
  })

  it("lets prefer decide, and says with both origins that sources disagree", () => {
    const events = [
      [
        "live",
        snapshot(
          "a",
          cluster("a"),
          service("r", { ports: [{ name: "http", protocol: "HTTP", port: 90, backendPort: 90 }] }),
          backend("r", "a")
        )
      ],
      ["file", snapshot("f", service("r"))]
    ] as const
    for (const order of [events, [...events].reverse()]) {
      const model = fold(order, { prefer: ["live", "file"] })
      assert.equal(get(model, "r").ports[0]!.port, 90)
      assert.deepEqual(
        model.diagnostics.map((d) => d.code),
        ["CW504"]
      )
      assert.match(model.diagnostics[0]!.message, /live\/a and file\/f differ in `ports`/)
      assert.equal(get(fold(order, { prefer: ["file"] }), "r").ports[0]!.port, 80)
    }
  })

  it("holds a bad service alone, with a suggestion", () => {
    const model = fold([
      ["in", snapshot("c", cluster("east"), cluster("west"))],
      [
        "in",
        snapshot(
          "s",
          service("good"),
          backend("good", "east"),
          service("bad"),
          backend("bad", "esat"),
          service("none"),
          backend("orphan", "east")
        )
      ]
    ])
    assert.deepEqual(names(model), ["good"])
    assert.deepEqual(held(model), { bad: ["CW501"], none: ["CW502"], orphan: ["CW511"] })
    const bad = HashMap.get(model.held, "bad")
    assert.equal(bad._tag === "Some" && bad.value.diagnostics[0]!.help, 'did you mean "east"?')
  })

  it("gives a contested host to the first service in name order, whoever came first", () => {
    const f = new Fold()
    f.accept("in", snapshot("c", cluster("a")))
    f.accept("in", snapshot("s", service("zebra", { prefixes: ["shop"] }), backend("zebra", "a")))
    assert.deepEqual(names(f.commit()!), ["zebra"])
    f.accept("in", snapshot("t", service("ant", { prefixes: ["shop"] }), backend("ant", "a")))
    const model = f.commit()!
    assert.deepEqual(names(model), ["ant"])
    assert.deepEqual(held(model), { zebra: ["CW503"] })
    f.accept("in", snapshot("t"))
    assert.deepEqual(names(f.commit()!), ["zebra"])
  })

  it("keeps what is certain of a held service, for what is made of all services", () => {
    const model = fold([
      ["in", snapshot("c", cluster("a"))],
      ["in", snapshot("s", service("typo", { address: "240.9.9.9" }), backend("typo", "b"), backend("orphan", "a"))],
      ["in", snapshot("t", service("ant", { prefixes: ["shop"] }), backend("ant", "a"))],
      ["in", snapshot("u", service("zebra", { prefixes: ["shop", "zoo"] }), backend("zebra", "a"))]
    ])
    assert.deepEqual(held(model), { orphan: ["CW511"], typo: ["CW501"], zebra: ["CW503"] })
    assert.deepEqual(
      standing(model).map((s) => [s.identity, s.hosts]),
      [
        ["ant", ["shop.global"]],
        ["typo", ["typo.global"]],
        ["zebra", ["zoo.global"]]
      ]
    )
    assert.equal(standing(model)[1]!.address, "240.9.9.9")
  })

  it("keeps what a service was when its entry cannot be read any more", () => {
    const f = new Fold()
    f.accept("in", snapshot("c", cluster("a")))
    f.accept("in", snapshot("s", service("reviews"), backend("reviews", "a")))
    f.commit()
    const bad = [
      { key: "reviews", service: "reviews", diagnostics: [{ code: "CW401", severity: "error", message: "" }] }
    ]
    f.accept("in", { _tag: "Snapshot", partition: "s", facts: [], bad } as SourceEvent)
    const model = f.commit()!
    assert.deepEqual(held(model), { reviews: ["CW401"] })
    assert.deepEqual(standing(model)[0]!.hosts, ["reviews.global"])
    f.accept("in", snapshot("s"))
    assert.deepEqual(standing(f.commit()!), [])
  })

  it("puts the partition of a bad cluster in doubt and holds its services", () => {
    const model = fold([
      [
        "in",
        snapshot(
          "c",
          cluster("../x"),
          cluster("a"),
          service("s"),
          backend("s", "../x"),
          service("t"),
          backend("t", "a")
        )
      ]
    ])
    assert.deepEqual(
      model.fleet.clusters.map((c) => c.name),
      ["a"]
    )
    assert.deepEqual(held(model), { s: ["CW513"] })
    const [finding] = HashMap.getUnsafe(model.held, "s").diagnostics
    assert.include(finding!.message, 'cluster "../x" cannot be used: see its finding')
    assert.deepEqual(names(model), ["t"])
    assert.isTrue(model.partitions[0]!.doubt)
    assert.deepEqual(
      model.diagnostics.map((d) => d.code),
      ["CW513"]
    )
  })

  it("tells a cluster whose entry cannot be read from one that is unknown, as long as it stands there", () => {
    const f = new Fold()
    const facts = [cluster("a"), service("s", { consumers: ["b"] }), backend("s", "a"), backend("s", "b")]
    const bad = [{ cluster: "b", diagnostics: [Diagnostic.error("CW401", "nothing can be read")] }]
    f.accept("in", { ...snapshot("c", ...facts), bad } as SourceEvent)
    assert.deepEqual(held(f.commit()!), { s: ["CW513", "CW513"] })
    f.accept("in", snapshot("c", ...facts))
    assert.deepEqual(held(f.commit()!), { s: ["CW501", "CW501"] })
  })

  it.each([
    ["203.0.113.1:15443", 'write 203.0.113.1, and the port as "gateway": {"port": 15443}'],
    ["https://gw.example.com/x", "write gw.example.com: an address has neither scheme nor path"],
    ["https://gw.example.com:8443", "write gw.example.com: an address has neither scheme nor path"],
    ["gw_x!", "write the IP or the DNS name of the gateway, without scheme, port or path"]
  ])("says what to write instead of the address %s", (address, help) => {
    const model = fold([["in", snapshot("c", cluster("a", { addresses: [address] }))]])
    assert.deepEqual(
      model.diagnostics.map((d) => [d.code, d.help]),
      [["CW513", help]]
    )
  })

  it("says what to write instead of a gateway port, a namespace and a weight", () => {
    const gateway = { namespace: "Istio_System", port: 70000 }
    const model = fold([
      ["in", snapshot("c", cluster("a", { gateway }), cluster("b"), service("s"), backend("s", "b", { weight: -1 }))]
    ])
    const helps = model.diagnostics.map((d) => d.help)
    assert.include(helps[0], "15443")
    assert.include(helps[1], ": istio-system")
    const [weight] = HashMap.getUnsafe(model.held, "s").diagnostics
    assert.include(weight!.help, "from 0 to 65535")
  })

  it("keeps the last good facts of a stale partition", () => {
    const f = new Fold()
    f.accept("in", snapshot("c", cluster("a"), service("s"), backend("s", "a")))
    f.commit()
    f.accept("in", { _tag: "Freshness", partition: "c", state: "stale", since: 5, reason: "gone" })
    const model = f.commit()!
    assert.deepEqual(names(model), ["s"])
    assert.deepEqual(model.partitions, [
      { source: "in", name: "c", state: "stale", since: 5, reason: "gone", doubt: false }
    ])
    f.accept("in", snapshot("c", cluster("a"), service("s"), backend("s", "a")))
    assert.equal(f.commit()!.partitions[0]!.state, "synced")
  })

  it("does not touch a service whose place in its file moved", () => {
    const f = new Fold()
    f.accept("in", snapshot("c", cluster("a"), service("s"), backend("s", "a")))
    f.commit()
    f.accept("in", snapshot("c", cluster("a"), service("s", { origin: { label: "elsewhere" } }), backend("s", "a")))
    assert.deepEqual([...(f.commit()?.touched ?? [])], [])
  })

  it("shares what did not change between generations", () => {
    const f = new Fold()
    f.accept("in", snapshot("c", cluster("a"), service("s"), backend("s", "a"), service("t"), backend("t", "a")))
    const first = f.commit()!
    f.accept("in", { _tag: "Delta", partition: "c", upserts: [service("t", { meshed: false })], removes: [] })
    const second = f.commit()!
    assert.strictEqual(get(first, "s"), get(second, "s"))
    assert.strictEqual(first.fleet, second.fleet)
    assert.equal(get(first, "t").meshed, true)
    assert.equal(get(second, "t").meshed, false)
  })
})

const pair = [cluster("a"), cluster("b", { domain: "corp.example" })]

describe("addresses", () => {
  const range = parseRange("10.9.0.0/24") as Range
  const run = (name: string, address?: string): ReadonlyArray<Fact> => [
    service(name, address === undefined ? {} : { address }),
    backend(name, "a")
  ]
  const address = (model: Model, id: string) => get(model, id).address

  it("have one spelling", () => {
    const model = fold([["in", snapshot("s", ...pair, ...run("six", "FD00:0::1"), ...run("four", "::ffff:10.1.2.3"))]])
    assert.deepEqual([address(model, "six"), address(model, "four")], ["fd00::1", "10.1.2.3"])
    assert.deepEqual(held(fold([["in", snapshot("s", ...pair, ...run("lo", "::ffff:127.0.0.1"))]])), { lo: ["CW508"] })
  })

  it("that a service declares are given to no other, whatever their names and spelling", () => {
    const wanted = address(fold([["in", snapshot("s", ...pair, ...run("ant"))]], { range }), "ant")
    for (const spelled of [wanted, `::FFFF:${wanted}`]) {
      const model = fold([["in", snapshot("s", ...pair, ...run("ant"), ...run("zebra", spelled))]], { range })
      assert.deepEqual(held(model), {})
      assert.equal(address(model, "zebra"), wanted)
      assert.notEqual(address(model, "ant"), wanted)
    }
  })

  it("stay with the service that was given one, whoever declares it later, until it moves", () => {
    const f = new Fold({ range })
    f.accept("in", snapshot("c", ...pair))
    f.accept("in", snapshot("z", ...run("zebra")))
    const given = address(f.commit()!, "zebra")
    f.accept("in", snapshot("a", ...run("ant", given)))
    const model = f.commit()!
    assert.deepEqual(held(model), { ant: ["CW514"] })
    assert.equal(address(model, "zebra"), given)
    // Nobody can say which address it has: a zone file must not send its callers to the other.
    assert.deepEqual(uncertain(model), ["ant"])
    f.accept("in", snapshot("z", ...run("zebra", "10.9.1.1")))
    assert.deepEqual([held(f.commit()!), address(f.model, "ant")], [{}, given])
    f.accept("in", snapshot("z", ...run("zebra")))
    assert.deepEqual([held(f.commit()!), address(f.model, "ant")], [{}, given])
    assert.notEqual(address(f.model, "zebra"), given)
  })

  it("that are no addresses hold the service, its hosts, and what else would not know them, and no more", () => {
    const f = new Fold()
    f.accept("in", snapshot("s", ...pair, ...run("zebra", "240.0.0.1"), ...run("cat")))
    f.commit()
    f.accept("in", snapshot("s", ...pair, ...run("zebra", "240.0.0"), ...run("cat")))
    assert.deepEqual(held(f.commit()!), { zebra: ["CW508"] })
    assert.deepEqual(
      standing(f.model).map((s) => s.address),
      [address(f.model, "cat"), "240.0.0.1"]
    )
    const cold = fold([["in", snapshot("s", ...pair, ...run("ant", "240.0.0"), ...run("cat"))]])
    assert.deepEqual([names(cold), uncertain(cold), standing(cold).length], [["cat"], ["ant"], 1])
    const rival = [service("rival", { prefixes: ["ant"] }), backend("rival", "a")]
    const both = fold([["in", snapshot("s", ...pair, ...run("ant", "240.0.0"), ...rival)]])
    assert.deepEqual(held(both), { ant: ["CW508"], rival: ["CW503"] })
  })

  it("that a lock file pins are kept, for a service that is not there too, and in another spelling", () => {
    const pinned = new Map([["zebra", "::ffff:10.9.0.7"]])
    const events = [["in", snapshot("s", ...pair, ...run("ant", "10.9.0.7"))]] as const
    assert.deepEqual(held(fold(events, { range, pinned })), { ant: ["CW514"] })
    assert.equal(
      address(fold([["in", snapshot("s", ...pair, ...run("zebra"))]], { range, pinned }), "zebra"),
      "10.9.0.7"
    )
  })
})

describe("backends", () => {
  const hosts = (host: string, where = "a", options = {}) =>
    fold(
      [["in", snapshot("s", ...pair, service("x", { namespace: "shop" }), backend("x.shop", where, { host }))]],
      options
    )

  it("have the name that the mesh knows", () => {
    for (const host of ["secure.default.svc.cluster.local.", "Secure.Default.svc.Cluster.local"]) {
      const model = hosts(host)
      assert.deepEqual(model.diagnostics, [])
      assert.equal(get(model, "x.shop").backends[0]!.host, "secure.default.svc.cluster.local")
    }
    assert.equal(get(hosts("FD00::A"), "x.shop").backends[0]!.host, "FD00::A")
  })

  it.each([
    ["secure", "a", "write secure.shop.svc.cluster.local"],
    ["secure.default", "a", "write secure.default.svc.cluster.local"],
    ["secure.default.svc.", "b", "write secure.default.svc.corp.example"]
  ])("are told that %s is no full name", (host, where, help) => {
    const model = hosts(host, where)
    assert.deepEqual(names(model), ["x.shop"])
    assert.deepEqual(
      model.diagnostics.map((d) => [d.code, d.severity, d.help]),
      [["CW515", "warning", help]]
    )
  })

  it.each(["loopy.global", "LOOPY.Global.", "global"])("cannot be a global name: %s", (host) => {
    assert.deepEqual(held(hosts(host)), { "x.shop": ["CW515"] })
  })
})

describe("the suffix", () => {
  it.each([
    ["corp.example", ["a"], ["CW513"]],
    ["example", ["a"], ["CW513"]],
    ["x.corp.example", ["a"], ["CW513"]],
    ["svc.cluster.local", ["b"], ["CW513"]],
    ["xcorp.example", ["a", "b"], []]
  ])("%s leaves the names of a cluster's own Services alone", (suffix, clusters, codes) => {
    const model = fold([["in", snapshot("c", ...pair)]], { suffix })
    assert.deepEqual(
      model.fleet.clusters.map((c) => c.name),
      clusters
    )
    assert.deepEqual(
      model.diagnostics.map((d) => d.code),
      codes
    )
  })
})

describe("property: incremental equals at once", () => {
  const id = fc.constantFrom("a", "b", "c", "d", "e")
  const where = fc.constantFrom("east", "west", "north")
  const fact: fc.Arbitrary<Fact> = fc.oneof(
    where.map((name) => cluster(name)),
    fc
      .tuple(id, fc.array(fc.constantFrom("one", "two", "three"), { minLength: 1, maxLength: 2 }), fc.boolean())
      .map(([name, prefixes, meshed]) => service(name, { prefixes, meshed })),
    fc.tuple(id, where).map(([name, c]) => backend(name, c))
  )
  const source = fc.constantFrom("x", "y")
  const partition = fc.constantFrom("p", "q")
  const event: fc.Arbitrary<readonly [string, SourceEvent]> = fc.tuple(
    source,
    fc.oneof(
      fc
        .tuple(partition, fc.array(fact, { maxLength: 12 }))
        .map(([p, facts]): SourceEvent => ({ _tag: "Snapshot", partition: p, facts })),
      fc.tuple(partition, fc.array(fact, { maxLength: 3 }), fc.array(id, { maxLength: 2 })).map(
        ([p, upserts, gone]): SourceEvent => ({
          _tag: "Delta",
          partition: p,
          upserts,
          removes: gone.map((g) => `service/${g}`)
        })
      ),
      fc.array(partition, { maxLength: 2 }).map((all): SourceEvent => ({ _tag: "Partitions", names: all }))
    )
  )
  const plain = (model: Model) => ({
    clusters: model.fleet.clusters.map((c) => ({ ...c, origin: undefined })),
    services: [...HashMap.values(model.services)]
      .map((s) => ({ ...s, address: undefined }))
      .sort((a, b) => (a.identity < b.identity ? -1 : 1)),
    held: held(model)
  })

  it("holds for any sequence of events, with commits anywhere", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(event, fc.boolean()), { maxLength: 12 }), (steps) => {
        const incremental = new Fold({ prefer: ["y"] })
        const atOnce = new Fold({ prefer: ["y"] })
        for (const [[source, e], commit] of steps) {
          incremental.accept(source, e)
          atOnce.accept(source, e)
          if (commit) incremental.commit()
        }
        incremental.commit()
        atOnce.commit()
        assert.deepEqual(plain(incremental.model), plain(atOnce.model))
        const addresses = [...HashMap.values(incremental.model.services)].map((s) => s.address)
        assert.equal(new Set(addresses).size, addresses.length)
      }),
      { numRuns: 300 }
    )
  })

  it("names every service that differs in `touched`", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 10 }), (events) => {
        const f = new Fold()
        let before = f.model
        for (const [source, e] of events) {
          f.accept(source, e)
          const after = f.commit() ?? before
          const all = new Set([
            ...names(before),
            ...names(after),
            ...Object.keys(held(before)),
            ...Object.keys(held(after))
          ])
          for (const name of all) {
            const [a, b] = [HashMap.get(before.services, name), HashMap.get(after.services, name)]
            const moved = a._tag !== b._tag || (a._tag === "Some" && b._tag === "Some" && a.value !== b.value)
            if (moved) assert.isTrue(after.touched.has(name), name)
          }
          before = after
        }
      }),
      { numRuns: 200 }
    )
  })
})
