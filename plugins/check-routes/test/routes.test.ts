/** What the check refuses, and how it says it. The same over real fleets: test/istio. */
import type { Artifact } from "@coddiwomple/core/Artifact"
import type { CheckImpl } from "@coddiwomple/core/Check"
import type { Diagnostic } from "@coddiwomple/core/Diagnostic"
import { destinationRule } from "@coddiwomple/istio/DestinationRule"
import { gateway } from "@coddiwomple/istio/Gateway"
import { metadata } from "@coddiwomple/istio/Metadata"
import { serviceEntry } from "@coddiwomple/istio/ServiceEntry"
import { Given } from "@coddiwomple/testing"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Schema from "effect/Schema"
import { expect, it } from "vitest"
import plugin from "../src/index.ts"

const model = Given.model({
  clusters: [
    { name: "a", addresses: ["gw-a.example.net"] },
    { name: "b", addresses: ["gw-b.example.net"] },
    { name: "c", addresses: [] },
    { name: "d", addresses: [], dataplane: "ambient" }
  ],
  services: { reviews: { in: ["a", "b"], ports: { http: [80, 9080] } } }
})
const { fleet } = model
const service = HashMap.getUnsafe(model.services, "reviews")

const takesMtls = { "security.istio.io/tlsMode": "istio" }
const local = { address: "reviews.default.svc.cluster.local", labels: takesMtls, ports: { http: 9080 } }
const remote = (cluster: string) => ({
  address: `gw-${cluster}.example.net`,
  labels: takesMtls,
  ports: { http: 15443 }
})
const common = {
  hosts: ["reviews.global"],
  addresses: ["240.0.0.10"],
  ports: [{ name: "http", number: 80, protocol: "HTTP" }],
  location: "MESH_INTERNAL",
  resolution: "DNS"
} as const

const outgoing = (cluster: string, endpoints: ReadonlyArray<object>, more: object = {}) =>
  Given.object(
    fleet,
    serviceEntry(metadata("cw-out-reviews", "cw-system"), {
      ...common,
      ...more,
      endpoints: endpoints as never
    }) as never,
    {
      in: [cluster],
      service: "reviews"
    }
  )

const incoming = (endpoint: object = local) =>
  Given.object(
    fleet,
    serviceEntry(metadata("cw-in-reviews", "edge"), {
      ...common,
      exportTo: ["."],
      endpoints: [endpoint as never]
    }) as never,
    {
      in: ["a", "b"],
      service: "reviews"
    }
  )

const rule = Given.object(
  fleet,
  destinationRule(metadata("cw-out-reviews", "cw-system"), "reviews.global", {
    tls: { mode: "ISTIO_MUTUAL" }
  }) as never,
  { in: ["a", "b", "c"] }
)
const door = Given.object(
  fleet,
  gateway(metadata("cw-reviews", "edge"), { istio: "eastwestgateway" }, [
    {
      hosts: ["reviews.global"],
      port: { name: "tls", number: 15443, protocol: "TLS" },
      tls: { mode: "AUTO_PASSTHROUGH" }
    }
  ]) as never,
  { in: ["a", "b"] }
)

const whole = [
  door,
  rule,
  incoming(),
  outgoing("a", [local, remote("b")]),
  outgoing("b", [local, remote("a")]),
  outgoing("c", [remote("a"), remote("b")])
]

const check = (artifacts: ReadonlyArray<Artifact>, config: object = {}): ReadonlyArray<Diagnostic> => {
  const impl = Effect.runSync(plugin.make(Schema.decodeUnknownSync(plugin.config)(config)) as Effect.Effect<CheckImpl>)
  if (impl.shape !== "service") throw new Error("not a service check")
  return impl.run(service, artifacts, fleet)
}
const codes = (found: ReadonlyArray<Diagnostic>) => [...new Set(found.map((d) => d.code))].sort()

it("says nothing where every call arrives", () => {
  expect(check(whole)).toEqual([])
})

it("refuses a loop, and names the object and the line", () => {
  const found = check([...whole.filter((a) => !a.id.includes("cw-in-")), incoming(remote("b"))])
  expect(codes(found)).toContain("CW631")
  const loop = found.find((d) => d.code === "CW631")!
  expect(loop).toMatchObject({
    severity: "error",
    service: "reviews",
    object: { kind: "ServiceEntry", namespace: "edge", name: "cw-in-reviews", cluster: "a" }
  })
  expect(loop.field).toMatch(/^spec\.endpoints\[0\]\.address, line \d+: - address: gw-b\.example\.net$/)
  expect(loop.help).toMatch(/ServiceEntry of its own/)
})

it("refuses calls that do not arrive", () => {
  expect(codes(check(whole.filter((a) => a !== door)))).toEqual(["CW630"])
  expect(check(whole.slice(0, 5)).map((d) => d.message)).toEqual([
    "cluster c does not know reviews.global; clusters a, b know it"
  ])
})

it("refuses plaintext between clusters, unless it is permitted", () => {
  const bare = { ...remote("b"), labels: {}, ports: { http: 80 } }
  const open = Given.object(
    fleet,
    gateway(metadata("open", "edge"), { istio: "x" }, [
      { hosts: ["reviews.global"], port: { name: "http", number: 80, protocol: "HTTP" } }
    ]) as never,
    { in: ["b"] }
  )
  const route = Given.object(
    fleet,
    {
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata: { name: "open", namespace: "edge" },
      spec: {
        hosts: ["reviews.global"],
        gateways: ["open"],
        http: [{ route: [{ destination: { host: local.address, port: { number: 9080 } } }] }]
      }
    },
    { in: ["b"] }
  )
  const artifacts = [
    ...whole.slice(2, 5),
    door,
    rule,
    open,
    route,
    outgoing("c", [bare], { location: undefined })
  ].filter((a) => a !== rule)
  expect(codes(check(artifacts))).toEqual(["CW632"])
  expect(check(artifacts, { allowPlaintext: true })).toEqual([])
})

it("refuses a call that ends at something else than the declared backend", () => {
  const other = { ...local, address: "ratings.default.svc.cluster.local" }
  expect(codes(check([door, rule, incoming(other), ...whole.slice(3)]))).toEqual(["CW633"])
})

it("leaves alone what is no route", () => {
  expect(check([Given.configMap(fleet, "names", { a: "b" })])).toEqual([])
})
