/** The generated fleets that benchmarks and tests build on. */
import { createHash } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import * as Fleet from "./Fleet.ts"

const folder = mkdtempSync(join(tmpdir(), "cw-fleet-"))
afterAll(() => rmSync(folder, { recursive: true }))

it("a larger fleet begins with the smaller one, and another seed is another fleet", () => {
  const of = (services: number, seed?: number) => [
    ...Fleet.services({ services, clusters: 10, ...(seed === undefined ? {} : { seed }) })
  ]
  expect(of(500).slice(0, 100)).toEqual(of(100))
  expect(of(100, 2)).not.toEqual(of(100))
})

it.each([
  [1, 3, 1],
  [2, 3, 2],
  [10, 3, 3],
  [12, 12, 12],
  [100, 5, 5]
])("with %i clusters and %i backends wanted, every service runs in %i", (clusters, backends, wanted) => {
  const names = new Set(Fleet.clusters({ services: 0, clusters }).map((c) => c.name))
  for (const service of Fleet.services({ services: 300, clusters, backends })) {
    const chosen = Object.keys(service.backends)
    expect(chosen).toHaveLength(wanted)
    expect(chosen.every((c) => names.has(c))).toBe(true)
  }
})

it("the share of TCP services is kept, and each has its own port", () => {
  const ports = [...Fleet.services({ services: 10_000, clusters: 3, tcpShare: 0.3 })].map((s) => s.ports[0]!)
  const tcp = ports.filter((p) => p.protocol === "TCP")
  expect(tcp.length / ports.length).toBeCloseTo(0.3, 1)
  expect(new Set(tcp.map((p) => p.service_port)).size).toBe(tcp.length)
})

it("what is written is the same every time, and is what is generated", async () => {
  const options = { services: 2000, clusters: 7 }
  const digests: Array<string> = []
  for (const name of ["one", "two"]) {
    const paths = await Fleet.write(join(folder, name), options)
    digests.push(
      createHash("sha256").update(readFileSync(paths.clusters)).update(readFileSync(paths.services)).digest("hex")
    )
    expect(JSON.parse(readFileSync(paths.services, "utf8"))).toEqual([...Fleet.services(options)])
    expect(JSON.parse(readFileSync(paths.clusters, "utf8"))).toEqual(Fleet.clusters(options))
  }
  expect(digests[0]).toBe(digests[1])
})
