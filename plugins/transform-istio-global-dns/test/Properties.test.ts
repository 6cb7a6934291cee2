/** What holds for every fleet and every set of services, read from the printed objects alone. */
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { KubernetesObject } from "@coddiwomple/core/Artifact"
import { protocols, trafficPolicies } from "@coddiwomple/core/Fact"
import { read } from "@coddiwomple/core/Read"
import type { ServiceTransform } from "@coddiwomple/core/Transform"
import { validate } from "@coddiwomple/istio/Validate"
import * as HashMap from "effect/HashMap"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Case, implOf, type Result, run } from "./Fixture.ts"

const runs = Number(process.env.CW_FUZZ_RUNS ?? 200)

/** Mostly what makes a service work, so that most cases have something to look at. */
const mostly = <A, B>(usual: fc.Arbitrary<A>, rare: fc.Arbitrary<B>) =>
  fc.oneof({ weight: 5, arbitrary: usual }, { weight: 1, arbitrary: rare })
const maybe = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined })
const defined = <A extends object>(map: A): A => JSON.parse(JSON.stringify(map))

const address = fc.constantFrom("203.0.113.1", "203.0.113.2", "2001:db8::1", "gw.example.net", "gw2.example.net")
const cluster = (name: string, order: number) =>
  fc.record({
    kind: fc.constant("cluster" as const),
    name: fc.constant(name),
    order: fc.constant(order),
    addresses: mostly(fc.array(address, { minLength: 1, maxLength: 3 }), fc.constant([])),
    istioVersion: maybe(fc.constantFrom("1.28", "1.29.4", "1.30.0", "v1.31.2", "unknown")),
    region: maybe(fc.constantFrom("eu", "us")),
    gateway: maybe(fc.constantFrom({ namespace: "edge" }, { port: 443 }, { selector: { istio: "x" } })),
    configNamespace: mostly(fc.constantFrom(undefined, "other"), fc.constantFrom("edge", "istio-system")),
    dataplane: mostly(fc.constantFrom(undefined, "sidecar" as const), fc.constant("ambient" as const))
  })
const names = ["a", "b", "c", "d", "e"]
const clusters = fc.integer({ min: 1, max: 5 }).chain((n) => fc.tuple(...names.slice(0, n).map(cluster)))

const service = (i: number, known: ReadonlyArray<string>) => {
  const name = `s${i}`
  const some = fc.subarray([...known], { minLength: 1 })
  const port = (k: number) =>
    fc.record({
      name: fc.constant(`p${k}`),
      protocol: fc.constantFrom(...protocols),
      port: fc.constantFrom(80 + k, 5432 + k),
      backendPort: fc.integer({ min: 1, max: 65535 })
    })
  return fc
    .record({
      prefixes: mostly(fc.constantFrom([name], [name, `${name}.alias`], [`${name}.a.b.c`]), fc.constant([`*.${name}`])),
      ports: fc.integer({ min: 1, max: 3 }).chain((n) => fc.tuple(...Array.from({ length: n }, (_, k) => port(k)))),
      address: maybe(fc.constantFrom("240.0.0.1", "240.0.0.2", "2001:db8:1::1")),
      traffic: maybe(fc.constantFrom(...trafficPolicies)),
      tiers: maybe(fc.tuple(some, some)),
      consumers: maybe(some),
      exportTo: maybe(fc.constantFrom(["."], ["team"], ["edge", "team"], ["*"])),
      meshed: mostly(fc.constant(true), fc.constant(false)),
      where: some,
      host: fc.constantFrom("10.1.2.3", `${name}.default.svc.cluster.local`),
      weight: maybe(fc.integer({ min: 0, max: 100 })),
      own: fc.boolean()
    })
    .map(({ where, host, weight, own, ...rest }) => [
      defined({ kind: "service" as const, name, ...rest }),
      ...where.map((at) =>
        defined({
          kind: "backend" as const,
          service: name,
          cluster: at,
          host,
          weight,
          ports: own ? { p0: 1234 } : undefined
        })
      )
    ])
}

const facts = clusters.chain((fleet) => {
  const known = fleet.map((c) => c.name)
  return fc
    .integer({ min: 1, max: 4 })
    .chain((n) => fc.tuple(...Array.from({ length: n }, (_, i) => service(i, known))))
    .map((services) => [...fleet.map(defined), ...services.flat()] as Case["facts"])
})
const config = fc.constantFrom<NonNullable<Case["config"]>>(
  {},
  { createNamespaces: true, exportTo: ["team"] },
  { autoAllocate: true, gateway: { namespace: "edge" } },
  { profile: "classic" },
  { profile: "plaintext", allowPlaintext: true },
  { profile: "plaintext", allowPlaintext: true, createNamespaces: true, gateway: { namespace: "edge" } },
  { profile: "tls", tls: { caCertificates: "/etc/cw/ca.crt" } },
  { profile: "tls", tls: { caConfigMap: "cw-ca", subjectAltNames: ["mesh.example.net"] }, createNamespaces: true },
  { profile: "classic", createNamespaces: true, gateway: { selector: { app: "x" } } }
)

interface Entry extends KubernetesObject {
  readonly spec: {
    readonly hosts: ReadonlyArray<string>
    readonly exportTo?: ReadonlyArray<string>
    readonly resolution: string
    readonly endpoints: ReadonlyArray<{
      address: string
      locality?: string
      labels: Record<string, string>
      ports: Record<string, number>
    }>
  }
}

const inCluster = (result: Result, index: number): ReadonlyArray<KubernetesObject> =>
  result.artifacts.filter((a) => ClusterSet.has(a.targets, index)).map((a) => read(a.text) as KubernetesObject)
const ofKind = <A extends KubernetesObject>(objects: ReadonlyArray<KubernetesObject>, kind: string) =>
  objects.filter((o): o is A => o.kind === kind)

/** What a proxy in the namespace takes for the host: entries exported to it by name first, then public ones. */
const seenBy = (namespace: string, host: string, objects: ReadonlyArray<KubernetesObject>): ReadonlyArray<Entry> => {
  const entries = ofKind<Entry>(objects, "ServiceEntry").filter((e) => e.spec.hosts.includes(host))
  const isPublic = (e: Entry) => e.spec.exportTo === undefined || e.spec.exportTo.includes("*")
  const named = entries.filter(
    (e) =>
      !isPublic(e) &&
      (e.spec.exportTo!.includes(namespace) || (e.spec.exportTo!.includes(".") && e.metadata.namespace === namespace))
  )
  // Public ones of the same namespace are merged with what is exported to it: both count.
  const own = entries.filter((e) => isPublic(e) && e.metadata.namespace === namespace)
  return named.length + own.length > 0 ? [...named, ...own] : entries.filter(isPublic)
}

describe("for every fleet and every set of services", () => {
  it("all objects pass the rules, and no cluster gets one identity twice", () => {
    fc.assert(
      fc.property(config, facts, (config, facts) => {
        const result = run({ config, facts })
        for (const { index } of result.model.fleet.clusters) {
          const own = result.artifacts.filter((a) => ClusterSet.has(a.targets, index))
          expect(new Set(own.map((a) => a.id)).size).toBe(own.length)
        }
        for (const a of result.artifacts) {
          expect(ClusterSet.isEmpty(a.targets)).toBe(false)
          expect(validate(read(a.text) as KubernetesObject).filter((d) => d.severity === "error")).toEqual([])
        }
      }),
      { numRuns: runs }
    )
  })

  it("the order in which facts arrive changes nothing", () => {
    fc.assert(
      fc.property(
        config,
        facts.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray([...list], { minLength: list.length }))),
        (config, [one, other]) => {
          const text = (facts: Case["facts"]) =>
            run({ config, facts }).artifacts.map((a) => [a.id, [...a.targets], a.text])
          expect(text(other)).toEqual(text(one))
        }
      ),
      { numRuns: Math.ceil(runs / 3) }
    )
  })

  it("mtls: a gateway sees local endpoints alone, and every remote endpoint leads to a gateway that knows the host", () => {
    let gateways = 0
    fc.assert(
      fc.property(facts, (facts) => {
        const result = run({ facts })
        const { clusters } = result.model.fleet
        const byCluster = clusters.map((c) => inCluster(result, c.index))
        const backends = facts.filter((f) => f.kind === "backend")
        clusters.forEach((cluster, i) => {
          for (const gateway of ofKind<KubernetesObject & { spec: { servers: [{ hosts: Array<string> }] } }>(
            byCluster[i]!,
            "Gateway"
          )) {
            for (const host of gateway.spec.servers[0].hosts) {
              gateways++
              expect(host).not.toContain("*")
              const seen = seenBy(gateway.metadata.namespace!, host, byCluster[i]!)
              expect(seen).toHaveLength(1)
              const service = seen[0]!.metadata.labels!["coddiwomple.io/service"]
              const own = backends.filter((b) => b.service === service && b.cluster === cluster.name).map((b) => b.host)
              expect(seen[0]!.spec.endpoints.map((e) => e.address)).toEqual(own)
            }
          }
          for (const entry of ofKind<Entry>(byCluster[i]!, "ServiceEntry")) {
            const service = entry.metadata.labels!["coddiwomple.io/service"]
            // Callers see one entry for a host, and never what is meant for the gateway.
            const seen = seenBy("team", entry.spec.hosts[0]!, byCluster[i]!)
            expect(seen.length).toBeLessThan(2)
            for (const e of seen) expect(e.metadata.name).toMatch(/^cw-out-/)
            for (const endpoint of entry.spec.endpoints) {
              expect(endpoint.labels["security.istio.io/tlsMode"]).toBe("istio")
              const to = endpoint.labels["coddiwomple.io/cluster"]
              if (to === undefined || to === cluster.name) continue
              expect(backends.some((b) => b.service === service && b.cluster === to)).toBe(true)
              const there = byCluster[clusters.findIndex((c) => c.name === to)]!
              const opened = ofKind<
                KubernetesObject & { spec: { servers: [{ hosts: Array<string>; port: { number: number } }] } }
              >(there, "Gateway")
                .filter((g) => g.spec.servers[0].hosts.includes(entry.spec.hosts[0]!))
                .map((g) => g.spec.servers[0].port.number)
              expect(opened).toEqual([Object.values(endpoint.ports)[0]])
            }
          }
        })
      }),
      { numRuns: runs }
    )
    expect(gateways).toBeGreaterThan(30)
  })

  it("tls: every call of another cluster finds its SNI at the gateway, and a route there to the local backend", () => {
    let calls = 0
    fc.assert(
      fc.property(facts, (facts) => {
        const result = run({ config: { profile: "tls", tls: { caConfigMap: "cw-ca" } }, facts })
        const { clusters } = result.model.fleet
        const byCluster = clusters.map((c) => inCluster(result, c.index))
        const backends = facts.filter((f) => f.kind === "backend")
        clusters.forEach((cluster, i) => {
          const rules = ofKind<KubernetesObject & { spec: any }>(byCluster[i]!, "DestinationRule")
          for (const entry of ofKind<Entry>(byCluster[i]!, "ServiceEntry")) {
            const service = entry.metadata.labels!["coddiwomple.io/service"]
            const { trafficPolicy } = rules.find((r) => r.spec.host === entry.spec.hosts[0])!.spec
            for (const endpoint of entry.spec.endpoints) {
              const to = endpoint.labels["coddiwomple.io/cluster"]!
              expect(trafficPolicy.portLevelSettings === undefined).toBe(to === cluster.name)
              const there = byCluster[clusters.findIndex((c) => c.name === to)]!
              for (const { tls } of trafficPolicy.portLevelSettings ?? []) {
                calls++
                const has = (hosts: ReadonlyArray<string>) => hosts.includes(tls.sni)
                const servers = ofKind<KubernetesObject & { spec: any }>(there, "Gateway")
                  .flatMap((g) => g.spec.servers)
                  .filter((s) => has(s.hosts))
                expect(servers.map((s) => s.port.number)).toEqual([Object.values(endpoint.ports)[0]])
                const routes = ofKind<KubernetesObject & { spec: any }>(there, "VirtualService").filter((v) =>
                  has(v.spec.hosts)
                )
                const hosts = backends.filter((b) => b.service === service && b.cluster === to).map((b) => b.host)
                expect(routes.map((v) => v.spec.tcp[0].route[0].destination.host)).toEqual(hosts)
              }
            }
          }
        })
      }),
      { numRuns: runs }
    )
    expect(calls).toBeGreaterThan(30)
  })

  it.each([{ profile: "classic" }, { profile: "plaintext", allowPlaintext: true }] as const)(
    "$profile: a service claims exactly the gateway ports that it opens",
    (config) => {
      let claimed = 0
      fc.assert(
        fc.property(facts, (facts) => {
          const result = run({ config, facts })
          const { fleet, services } = result.model
          const { claims } = implOf(config) as ServiceTransform
          const opened = (service: string) =>
            result.artifacts
              .filter((a) => a.service === service && a.id.includes("/Gateway/"))
              .flatMap((a) => {
                const { spec } = read(a.text) as { spec: { servers: Array<{ port: Record<string, unknown> }> } }
                const names = fleet.clusters.filter((c) => ClusterSet.has(a.targets, c.index)).map((c) => c.name)
                const ports = spec.servers.filter((s) => s.port.protocol !== "UDP").map((s) => s.port.number)
                return names.flatMap((name) => ports.map((port) => `gateway ${name} ${String(port)}`))
              })
          for (const service of HashMap.values(services)) {
            if (result.held.has(service.identity)) continue
            const keys = claims!(service, fleet).filter((c) => c.key.startsWith("gateway "))
            claimed += keys.length
            expect(keys.map((c) => c.key).sort()).toEqual(opened(service.identity).sort())
          }
        }),
        { numRuns: runs }
      )
      expect(claimed).toBeGreaterThan(30)
    }
  )

  it("mtls: every host a cluster may call has outlier detection, and never localities together with failoverPriority", () => {
    let rules = 0
    fc.assert(
      fc.property(facts, (facts) => {
        const result = run({ facts })
        for (const { index } of result.model.fleet.clusters) {
          const objects = inCluster(result, index)
          const out = ofKind<Entry>(objects, "ServiceEntry").filter((e) => e.metadata.name.startsWith("cw-out-"))
          const policies = ofKind<KubernetesObject & { spec: { host: string; trafficPolicy: any } }>(
            objects,
            "DestinationRule"
          )
          expect(policies.map((p) => p.spec.host).sort()).toEqual(out.map((e) => e.spec.hosts[0]).sort())
          for (const { spec } of policies) {
            rules++
            const entry = out.find((e) => e.spec.hosts[0] === spec.host)!
            const { loadBalancer, outlierDetection, tls } = spec.trafficPolicy
            expect(outlierDetection.consecutiveGatewayErrors).toBe(5)
            expect(tls.mode).toBe("ISTIO_MUTUAL")
            expect(loadBalancer.localityLbSetting).toBeDefined()
            const localities = new Set(entry.spec.endpoints.map((e) => e.locality))
            if (loadBalancer.localityLbSetting.failoverPriority !== undefined)
              expect(localities).toEqual(new Set([undefined]))
          }
        }
      }),
      { numRuns: runs }
    )
    expect(rules).toBeGreaterThan(30)
  })
})
