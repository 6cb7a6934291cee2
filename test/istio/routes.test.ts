// For every fleet and every set of services: each consumer × host × port is delivered to a declared backend, in the
// right order, through mTLS and without a loop; and with any one provider down it fails over to another.
import type { Service } from "@coddiwomple/core/Model"
import { examine } from "@coddiwomple/istio/simulator/Failover"
import type { Edge, Trace } from "@coddiwomple/istio/simulator/Route"
import { fromArtifacts } from "@coddiwomple/istio/simulator/World"
import * as fc from "fast-check"
import * as HashMap from "effect/HashMap"
import { expect, it } from "vitest"
import { facts } from "./Fleets.ts"
import { profiles, render, type Rendered } from "./Rendered.ts"

const runs = Number(process.env.CW_FUZZ_RUNS ?? 300)

const callers = ({ model }: Rendered, service: Service, profile: string): ReadonlyArray<string> =>
  model.fleet.clusters
    .filter((c) => profile === "classic" || c.dataplane !== "ambient")
    .map((c) => c.name)
    .filter((name) => {
      if (service.backends.some((b) => b.cluster === name)) return true
      return service.traffic !== "local-only" && (service.consumers === undefined || service.consumers.includes(name))
    })

const namespaceOf = (service: Service): string =>
  service.exportTo === undefined || service.exportTo.includes("*") ? "default" : service.exportTo[0]!

const isOld = (version: string | undefined): boolean => version !== undefined && /^1\.2\d/.test(version)

const ends = (trace: Trace) =>
  trace.answers.flatMap(({ leg }) => leg.arrivals.map((a) => `${a.cluster} ${a.host}:${a.port}`))

it("mtls: every call is delivered, nothing loops, nothing is plaintext, and others take over", () => {
  let [calls, failovers] = [0, 0]
  fc.assert(
    fc.property(facts(), (list) => {
      const rendered = render(list)
      const { fleet } = rendered.model
      const world = fromArtifacts(fleet, rendered.artifacts)
      for (const service of HashMap.values(rendered.model.services)) {
        if (rendered.held.has(service.identity)) continue
        for (const from of callers(rendered, service, "mtls")) {
          for (const host of service.hosts) {
            for (const port of service.ports) {
              const call = { from, host, port: port.port, namespace: namespaceOf(service), declared: service }
              const { findings, trace, without } = examine(world, call)
              calls++
              expect(trace.outcome, JSON.stringify(findings.map((f) => f.message))).toBe("delivered")
              expect(findings.filter((f) => f.severity === "error")).toEqual([])
              // What the transform itself warns of: tiers, or preference, that an old Istio cannot express.
              const lost = isOld(fleet.byName.get(from)!.istioVersion) && service.tiers !== undefined
              expect(findings.filter((f) => !(lost && f.kind === "failover-order"))).toEqual([])
              for (const end of ends(trace)) {
                const backends = service.backends.map(
                  (b) => `${b.cluster} ${b.host}:${b.ports?.[port.name] ?? port.backendPort}`
                )
                expect(backends).toContain(end)
              }
              const legs = trace.tiers.flatMap((tier) => tier.legs)
              for (const leg of legs) expect(leg.edge).toBe("mtls")
              const total = trace.answers.reduce((n, a) => n + a.share, 0)
              expect(total).toBeCloseTo(1)
              const local = service.backends.some((b) => b.cluster === from)
              if (local && (service.traffic === "local-first" || service.traffic === "local-only"))
                expect(trace.answers.map((a) => a.leg.cluster)).toEqual([from])
              const clusters = new Set(legs.map((leg) => leg.cluster))
              for (const { cluster, trace: other } of without) {
                if (clusters.size < 2) continue
                failovers++
                expect(other.outcome).toBe("delivered")
                expect(other.answers.map((a) => a.leg.cluster)).not.toContain(cluster)
              }
            }
          }
        }
      }
    }),
    { numRuns: runs }
  )
  expect(calls).toBeGreaterThan(runs)
  expect(failovers).toBeGreaterThan(runs / 4)
})

/** What may be read on the way, by profile; inside a cluster calls are never the simulator's to judge. */
const edges: Readonly<Record<string, ReadonlyArray<Edge>>> = {
  tls: ["tls"],
  plaintext: ["plaintext", "application-tls"],
  classic: ["plaintext", "application-tls"]
}

it.each(["tls", "plaintext", "classic"] as const)("%s: every call is delivered to a declared backend", (profile) => {
  let [calls, remote] = [0, 0]
  fc.assert(
    fc.property(facts(), (list) => {
      const rendered = render(list, profiles[profile])
      const gateway = profile === "classic" ? { gateway: {} } : undefined
      const world = fromArtifacts(rendered.model.fleet, rendered.artifacts, gateway)
      for (const service of HashMap.values(rendered.model.services)) {
        if (rendered.held.has(service.identity)) continue
        for (const from of callers(rendered, service, profile)) {
          for (const host of service.hosts) {
            for (const port of service.ports) {
              const call = { from, host, port: port.port, namespace: namespaceOf(service), declared: service }
              const { trace } = examine(world, call)
              // Without addresses: told before, with the name of one of the two at least.
              const misrouted = trace.findings.find((f) => f.kind === "misrouted")
              if (profile === "classic" && misrouted !== undefined) {
                const named = [...HashMap.values(rendered.model.services)].filter((s) =>
                  s.hosts.some((h) => misrouted.message.includes(`${h}:`) || misrouted.message.includes(`${h} `))
                )
                const told = rendered.warnings.filter((d) => d.code === "CW512").map((d) => d.message)
                expect(named.some((s) => told.some((text) => text.includes(s.identity)))).toBe(true)
                continue
              }
              calls++
              expect(trace.outcome, JSON.stringify(trace.findings.map((f) => f.message))).toBe("delivered")
              const wrong = trace.findings.filter((f) => f.severity === "error" && f.kind !== "plaintext")
              expect(wrong).toEqual([])
              const backends = service.backends.map(
                (b) => `${b.cluster} ${b.host}:${b.ports?.[port.name] ?? port.backendPort}`
              )
              for (const end of ends(trace)) expect(backends).toContain(end)
              for (const leg of trace.tiers.flatMap((tier) => tier.legs).filter((leg) => leg.remote)) {
                remote++
                expect(edges[profile]).toContain(leg.edge)
              }
            }
          }
        }
      }
    }),
    { numRuns: runs }
  )
  expect(calls).toBeGreaterThan(runs / 2)
  expect(remote).toBeGreaterThan(runs / 4)
})
