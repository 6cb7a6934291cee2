/** The two file formats: what becomes a fact, what is held, and where every finding points. */
import type { ClusterFact, ServiceFact } from "@coddiwomple/core/Fact"
import { describe, expect, it } from "vitest"
import * as fs from "node:fs"
import * as path from "node:path"
import { keys, lines, marked, read, readIn, service } from "./Reading.ts"

const testdata = path.join(import.meta.dirname, "../../../testdata")
const both = { clusters: "clusters.json", services: "services.json", watch: false }
const services = (...list: ReadonlyArray<unknown>) => read({ "services.json": JSON.stringify(list, null, 2) })

describe("the files of the original", () => {
  it("reads the example of its README, with the misspelling as a warning", async () => {
    const { events, snapshots } = await readIn(path.join(testdata, "seed"), both)
    expect(events[0]).toEqual({ _tag: "Partitions", names: ["clusters.json", "services.json"] })
    const clusters = snapshots["clusters.json"]!
    expect(clusters.facts[0]).toMatchObject({
      kind: "cluster",
      name: "a",
      addresses: ["a.com"],
      order: 0,
      connection: { kubeconfigPath: path.join(testdata, "seed/kubeconfig-a"), context: "default" }
    })
    expect(clusters.bad).toEqual([])
    const [first] = clusters.diagnostics!
    expect(lines(clusters.diagnostics!)).toEqual(
      [6, 12, 18].map((l, i) => `CW403 ${l}:5 cluster ${"abc"[i]}: "kubecondig_context" is an old misspelling`)
    )
    expect([first!.severity, marked(first!), first!.help]).toEqual([
      "warning",
      '"kubecondig_context"',
      'write "kubeconfig_context"'
    ])

    const facts = snapshots["services.json"]!.facts
    expect(keys(facts)).toEqual([
      "service/foo",
      "backend/foo/a",
      "service/bar",
      "backend/bar/b",
      "service/car",
      "backend/car/c"
    ])
    expect(facts[4]).toMatchObject({
      prefixes: ["car", "car.default"],
      ports: [{ name: "tcp", protocol: "TCP", port: 81, backendPort: 81 }],
      address: "1.2.3.4"
    })
  })

  it("reads its test data: empty settings are no settings", async () => {
    const { snapshots, found } = await readIn(path.join(testdata, "seed/cli"), both)
    expect(found).toEqual([])
    const facts = snapshots["clusters.json"]!.facts as ReadonlyArray<ClusterFact>
    expect(facts.map((f) => [f.name, f.order, f.connection])).toEqual([
      ["default", 0, undefined],
      ["a", 1, undefined],
      ["b", 2, undefined],
      ["c", 3, undefined]
    ])
  })

  it("accepts a single object for ports, as its text shows, with a warning", async () => {
    const one = { name: "http", protocol: "http2", service_port: 80, backend_port: 8080 }
    const { snapshots, found } = await services(service("foo", { ports: one }))
    expect(lines(found)).toEqual([`CW403 7:5 service foo: "ports" is a single object`])
    const fact = snapshots["services.json"]!.facts[0] as ServiceFact
    expect(fact.ports).toEqual([{ name: "http", protocol: "HTTP2", port: 80, backendPort: 8080 }])
    expect(fact.origin.place?.(["ports", 0, "backend_port"])).toMatchObject({ line: 11, col: 23 })
  })

  it("accepts null where something is optional, and an empty list", async () => {
    const { snapshots, found } = await read({
      "services.json": JSON.stringify([service("foo", { address: null, traffic: null })]),
      "clusters.json": "[]"
    })
    expect(found).toEqual([])
    expect(keys(snapshots["services.json"]!.facts)).toEqual(["service/foo", "backend/foo/a"])
    expect(snapshots["clusters.json"]!.facts).toEqual([])
  })
})

it("the copies of shared inputs in examples/ are copies", () => {
  for (const name of ["clusters.json", "services.json"]) {
    const at = (folder: string): unknown => JSON.parse(fs.readFileSync(path.join(testdata, folder, name), "utf8"))
    expect(at("../examples/01-split-bookinfo")).toEqual(at("split-bookinfo"))
  }
})

it("reads every optional addition", async () => {
  const { snapshots, found } = await readIn(path.join(testdata, "online-boutique"), both)
  expect(found).toEqual([])
  const [eu, us, ap] = snapshots["clusters.json"]!.facts as ReadonlyArray<ClusterFact>
  expect(eu).toMatchObject({
    addresses: ["203.0.113.10", "203.0.113.11", "2001:db8::10"],
    region: "europe-west3",
    labels: { tier: "prod", owner: "shop" }
  })
  expect(us).toMatchObject({
    gateway: { namespace: "istio-gateways", selector: { istio: "eastwest" }, port: 15443 },
    istioVersion: "1.30.3",
    dns: { platform: "coredns-custom" }
  })
  expect(ap).toMatchObject({
    configNamespace: "global-dns",
    trustDomain: "shop.example.net",
    domain: "cluster.local",
    dataplane: "sidecar"
  })
  expect(eu!.origin.place?.(["addresses", 0])).toMatchObject({ line: 4 })
  expect(eu!.origin.place?.(["addresses", 2])).toMatchObject({ line: 5, col: 35 })

  const byKey = new Map(
    snapshots["services.json"]!.facts.map((f, i) => [keys(snapshots["services.json"]!.facts)[i]!, f])
  )
  expect(byKey.get("service/redis-cart.boutique")).toMatchObject({
    namespace: "boutique",
    consumers: ["eu", "us"],
    meshed: true
  })
  expect(byKey.get("service/checkoutservice.boutique")).toMatchObject({ tiers: [["us"], ["eu"]] })
  expect(byKey.get("service/paymentservice.boutique")).toMatchObject({ exportTo: ["boutique"] })
  expect(byKey.get("service/recommendationservice.boutique")).toMatchObject({ traffic: "weighted" })
  expect(byKey.get("backend/recommendationservice.boutique/ap")).toMatchObject({
    host: "recommendationservice.boutique-canary.svc.cluster.local",
    weight: 20
  })
  expect(byKey.get("backend/frontend.boutique/ap")).toMatchObject({ ports: { http: 8080 } })
})

describe("a bad service is held, the others go on", () => {
  it.each<
    [
      title: string,
      entry: object,
      wanted: ReadonlyArray<readonly [code: string, marked: string, message: RegExp, help?: RegExp]>
    ]
  >([
    [
      "an unknown key",
      { dns_prefix: ["x"] },
      [["CW402", '"dns_prefix"', /unknown key "dns_prefix"/, /did you mean "dns_prefixes"\?/]]
    ],
    [
      "an unknown key of a port",
      { ports: [{ name: "http", protocl: "HTTP", service_port: 80, backend_port: 80 }] },
      [["CW402", '"protocl"', /unknown key "protocl"/, /did you mean "protocol"/]]
    ],
    [
      "an unknown key of a backend",
      { backends: { a: { hots: "foo.default.svc.cluster.local" } } },
      [["CW402", '"hots"', /unknown key/, /did you mean "host"/]]
    ],
    [
      "ports of every kind of badness",
      {
        ports: [
          { name: "Http", protocol: "HTP", service_port: "80", backend_port: 0 },
          { name: "grpc", protocol: "GRPC", service_port: 90000, backend_port: 1.5 },
          { name: "grpc", protocol: "TCP", service_port: 90000, backend_port: 90 },
          7
        ]
      },
      [
        ["CW507", '"Http"', /port name "Http" is not a DNS label/, /use "http"/],
        ["CW507", '"HTP"', /protocol "HTP" is not known/, /did you mean "HTTP"/],
        ["CW401", '"80"', /"ports\[0\]\.service_port" must be a number, not a string/, /write 80 without quotes/],
        ["CW507", "0", /0 is not a port number/],
        ["CW507", "90000", /90000 is not a port number/],
        ["CW507", "1.5", /1.5 is not a port number/],
        ["CW507", '"grpc"', /port name "grpc" is used twice/],
        ["CW507", "90000", /90000 is not a port number/],
        ["CW507", "90000", /port 90000 is used twice/],
        ["CW401", "7", /"ports\[3\]" must be a port, not a number/]
      ]
    ],
    ["no ports", { ports: [] }, [["CW507", "[]", /no port/]]],
    ["no backends key", { backends: undefined }, [["CW502", '"foo"', /"backends" is missing/]]],
    [
      "values, once an entry is bad anyway",
      { meshed: "yes", dns_prefixes: ["under_score"], address: "127.0.0.1", backends: { a: "no host" } },
      [
        ["CW401", '"yes"', /"meshed" must be true or false, not a string/],
        ["CW506", '"under_score"', /is not a valid host/],
        ["CW508", '"127.0.0.1"', /loopback/],
        ["CW506", '"no host"', /is not a DNS name/]
      ]
    ],
    [
      "wrong types everywhere",
      {
        dns_prefixes: "foo",
        address: 5,
        traffic: "locl-first",
        consumers: [1],
        export_to: {},
        tiers: ["a"],
        backends: { a: 5, b: { host: "b.x", weight: "5", ports: { http: "x" } } }
      },
      [
        ["CW401", '"foo"', /"dns_prefixes" must be a list of strings, not a string/, /write \["foo"\]/],
        ["CW401", "5", /"address" must be a string/],
        ["CW401", '"locl-first"', /"locl-first" is not a value of "traffic"/, /did you mean "local-first"/],
        ["CW401", "1", /"consumers\[0\]" must be a string/],
        ["CW401", "{}", /"export_to" must be a list of strings/],
        ["CW401", '"a"', /"tiers\[0\]" must be a list of cluster names/],
        ["CW401", "5", /"backends\.a" must be a host name or an object/],
        ["CW401", '"5"', /"backends\.b\.weight" must be a number/],
        ["CW401", '"x"', /"backends\.b\.ports\.http" must be a number/]
      ]
    ]
  ])("%s", async (_title, entry, wanted) => {
    const { snapshots } = await services(service("good"), service("foo", entry), service("better"))
    const { facts, bad } = snapshots["services.json"]!
    expect(keys(facts)).toEqual(["service/good", "backend/good/a", "service/better", "backend/better/a"])
    expect(bad!.map((b) => b.service)).toEqual(["foo"])
    const found = bad![0]!.diagnostics
    expect(found.map((d) => [d.code, marked(d)])).toEqual(wanted.map(([code, mark]) => [code, mark]))
    found.forEach((d, i) => {
      expect(d.message).toMatch(wanted[i]![2])
      expect(d.service).toBe("foo")
      if (wanted[i]![3] !== undefined) expect(d.help).toMatch(wanted[i]![3])
    })
  })

  it("a duplicate name holds both entries and names the first", async () => {
    const { snapshots } = await services(service("foo"), service("bar"), service("foo", { namespace: null }))
    const { facts, bad } = snapshots["services.json"]!
    expect(keys(facts)).toEqual(["service/bar", "backend/bar/a"])
    expect(bad!.map((b) => [b.service, lines(b.diagnostics)])).toEqual([
      ["foo", ["CW404 37:13 service foo stands twice in this file; neither entry counts"]]
    ])
    expect(bad![0]!.diagnostics[0]!.related![0]!.place).toMatchObject({ line: 3, col: 13 })
  })

  it("one name in two namespaces is two services", async () => {
    const { snapshots } = await services(
      service("foo", { namespace: "x" }),
      service("foo", { namespace: "y" }),
      service("foo")
    )
    expect(keys(snapshots["services.json"]!.facts).filter((k) => k.startsWith("service/"))).toEqual([
      "service/foo.x",
      "service/foo.y",
      "service/foo"
    ])
  })

  it("a key that stands twice is not dropped in silence", async () => {
    const text = JSON.stringify([service("foo", { traffic: "spread" })], null, 2).replace(
      '"a":',
      '"a": "first.default.svc.cluster.local",\n "a":'
    )
    const { snapshots } = await read({ "services.json": text })
    expect(snapshots["services.json"]!.facts).toEqual([])
    expect(lines(snapshots["services.json"]!.bad![0]!.diagnostics)).toEqual([
      'CW404 17:2 service foo: key "a" stands twice'
    ])
  })
})

it("a bad cluster puts the file in doubt, the others go on", async () => {
  const text = JSON.stringify([
    { name: "a", address: "192.0.2.1" },
    { name: "b" },
    { name: "c", address: "192.0.2.3", kubeconfig_contex: "c" },
    { name: "d", address: "192.0.2.4" },
    { name: "d", address: "192.0.2.5" },
    {
      name: "e",
      address: 5,
      addresses: ["192.0.2.6", 6],
      gateway: { port: "x", nmaespace: "y" },
      labels: { a: 1 },
      dataplane: "sidecars",
      dns: []
    },
    { name: "h", address: "192.0.2.9", dns: { clusterIP: 10, plattform: "gardener" } },
    "f",
    { address: "192.0.2.7" },
    { name: "g", address: "192.0.2.8" }
  ])
  const { snapshots } = await read({ "clusters.json": text })
  const { facts, bad } = snapshots["clusters.json"]!
  expect((facts as ReadonlyArray<ClusterFact>).map((f) => [f.name, f.order])).toEqual([
    ["a", 0],
    ["g", 9]
  ])
  expect(bad!.every((b) => b.service === undefined)).toBe(true)
  expect(
    bad!.flatMap((b) =>
      b.diagnostics.map((d) => `${d.code} ${d.message}${d.help?.startsWith("did") ? ` (${d.help})` : ""}`)
    )
  ).toEqual([
    'CW401 cluster b: "address" is missing',
    'CW402 cluster c: unknown key "kubeconfig_contex" (did you mean "kubeconfig_context"?)',
    "CW404 cluster d stands twice in this file; neither entry counts",
    'CW401 cluster e: "address" must be a string, not a number',
    'CW401 cluster e: "addresses[1]" must be a string, not a number',
    'CW401 cluster e: "labels.a" must be a string, not a number',
    'CW402 cluster e: unknown key "nmaespace" (did you mean "namespace"?)',
    'CW401 cluster e: "gateway.port" must be a number, not a string',
    'CW401 cluster e: "sidecars" is not a value of "dataplane" (did you mean "sidecar"?)',
    'CW401 cluster e: "dns" must be an object, not a list',
    'CW402 cluster h: unknown key "plattform" (did you mean "platform"?)',
    'CW401 cluster h: "dns.clusterIP" must be a string, not a number',
    "CW401 entry 8: expected an object, found a string",
    'CW401 entry 9: "name" is missing'
  ])
})

it("istio_version is a version, or the cluster is refused", async () => {
  const list = (versions: ReadonlyArray<string>) =>
    JSON.stringify(versions.map((istio_version, i) => ({ name: `c${i}`, address: "192.0.2.1", istio_version })))
  const bad = ["1,26", "<1.30", "banana", "-5", "", "1", "1.26 "]
  const { snapshots: refused } = await read({ "clusters.json": list(bad) })
  expect(refused["clusters.json"]!.facts).toEqual([])
  expect(refused["clusters.json"]!.bad!.map((b) => [b.cluster, b.diagnostics[0]!.message])).toEqual(
    bad.map((text, i) => [`c${i}`, `cluster c${i}: ${JSON.stringify(text)} is not a version of Istio`])
  )
  expect(refused["clusters.json"]!.bad![0]!.diagnostics[0]).toMatchObject({
    code: "CW401",
    help: 'write it as "1.26" or "1.26.3"; leave it out for the newest'
  })
  const good = ["1.26", "1.26.3", "v1.30.0", "1.30.0-alpha.1", "1.22.1-asm.0", "1.29.x"]
  const { snapshots } = await read({ "clusters.json": list(good) })
  expect((snapshots["clusters.json"]!.facts as ReadonlyArray<ClusterFact>).map((f) => f.istioVersion)).toEqual(good)
})

it("paths in a file are relative to it, and ~ is the home directory", async () => {
  const { snapshots } = await read({
    "clusters.json": JSON.stringify([
      { name: "a", address: "a.com", kubeconfig_path: "../k/a" },
      { name: "b", address: "b.com", kubeconfig_path: "/etc/k" },
      { name: "c", address: "c.com", kubeconfig_path: "~/.kube/config" }
    ])
  })
  const [a, b, c] = (snapshots["clusters.json"]!.facts as ReadonlyArray<ClusterFact>).map(
    (f) => f.connection!.kubeconfigPath!
  )
  expect(a).toMatch(/^\/.*\/k\/a$/)
  expect(a).not.toContain("..")
  expect(b).toBe("/etc/k")
  expect(c).toBe("/home/me/.kube/config")
})

it("an origin finds its fields in the file, and what is not there as near as it can", async () => {
  const { snapshots } = await services(
    service("foo"),
    service("bar", { backends: { a: "x.y", b: { host: "bar.b.svc.cluster.local" } } })
  )
  const facts = snapshots["services.json"]!.facts
  const at = (i: number, field?: ReadonlyArray<string | number>) => {
    const place = facts[i]!.origin.place?.(field)
    return `${place?.line}:${place?.col} ${place?.source?.slice(place.col! - 1, place.endCol! - 1)}`
  }
  expect(at(2)).toBe('20:13 "bar"')
  expect(at(2, ["dns_prefixes", 0])).toBe('22:7 "bar"')
  expect(at(2, ["ports", 0, "service_port"])).toBe("28:25 80")
  expect(at(2, ["address"])).toBe("19:3 {")
  expect(at(3)).toBe('33:7 "a"')
  expect(at(4)).toBe('34:7 "b"')
  expect(at(4, ["host"])).toBe('35:17 "bar.b.svc.cluster.local"')
})
