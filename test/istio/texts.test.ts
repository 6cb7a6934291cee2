// How the simulator reads texts and objects: as the readers that are made for it, and never with an exception.
import type { KubernetesObject } from "@coddiwomple/core/Artifact"
import { emit } from "@coddiwomple/core/Emit"
import { read } from "@coddiwomple/core/Read"
import { parse, type Path } from "@coddiwomple/istio/simulator/Parsed"
import { lineOf } from "@coddiwomple/istio/simulator/Place"
import { specOf } from "@coddiwomple/istio/simulator/Texts"
import { trace } from "@coddiwomple/istio/simulator/Trace"
import { fromObjects } from "@coddiwomple/istio/simulator/World"
import * as fc from "fast-check"
import { expect, it } from "vitest"
import { isMap, isScalar, LineCounter, parseDocument } from "yaml"
import { facts } from "./Fleets.ts"
import { mutant } from "./Mutants.ts"
import { render } from "./Rendered.ts"

const texts = ["mtls", "classic"].flatMap((profile) => [
  ...new Set(
    fc
      .sample(facts(), { numRuns: 20, seed: 7 })
      .flatMap((list) => render(list, { profile }).artifacts.map((a) => a.text))
  )
])

const paths = (value: unknown, path: Path = []): ReadonlyArray<Path> =>
  typeof value !== "object" || value === null
    ? [path]
    : [
        path,
        ...(Array.isArray(value)
          ? value.flatMap((v, i) => paths(v, [...path, i]))
          : Object.entries(value).flatMap(([k, v]) => paths(v, [...path, k])))
      ]

it("reads the spec of what cw prints, by sections as in whole", () => {
  for (const text of texts) expect(specOf(text)).toEqual((read(text) as { readonly spec: unknown }).spec)
  fc.assert(
    fc.property(fc.constantFrom(...texts).chain(mutant), ({ object }) => {
      const text = emit(object)
      expect(specOf(text)).toEqual((read(text) as { readonly spec: unknown }).spec)
    }),
    { numRuns: 1000 }
  )
})

it("finds the line of every path, as a YAML parser does", () => {
  for (const text of texts.slice(0, 60)) {
    const lines = new LineCounter()
    const document = parseDocument(text, { lineCounter: lines })
    for (const path of paths(document.toJS())) {
      if (path.length === 0) continue
      const parent = document.getIn(path.slice(0, -1), true)
      const last = path.at(-1)!
      const pair = isMap(parent) ? parent.items.find((p) => isScalar(p.key) && p.key.value === last) : undefined
      const node = (pair?.key ?? document.getIn(path, true)) as { readonly range: [number, number, number] }
      const line = lines.linePos(node.range[0]).line
      expect(lineOf(text, path), `${path.join(".")} in\n${text}`).toMatchObject({
        line,
        source: text.split("\n")[line - 1]!.trim()
      })
    }
  }
})

it("takes whatever a live cluster holds", () => {
  const anything = fc.anything({ maxDepth: 4 })
  const hostile = fc.record({
    apiVersion: fc.constant("networking.istio.io/v1"),
    kind: fc.constantFrom("ServiceEntry", "DestinationRule", "Gateway", "VirtualService"),
    metadata: fc.oneof(anything, fc.record({ name: fc.string(), namespace: fc.string() })),
    spec: fc.oneof(
      anything,
      fc.record({
        hosts: fc.oneof(anything, fc.constant(["foo.global"])),
        endpoints: fc.oneof(
          anything,
          fc.array(
            fc.oneof(anything, fc.record({ address: fc.constantFrom("gw-b", "x"), labels: anything, ports: anything }))
          )
        ),
        ports: fc.oneof(anything, fc.constant([{ number: 80, name: "http", protocol: "HTTP" }])),
        host: fc.oneof(anything, fc.constant("foo.global")),
        trafficPolicy: anything,
        servers: fc.oneof(
          anything,
          fc.array(fc.record({ port: fc.oneof(anything, fc.constant({ number: 80 })), hosts: anything, tls: anything }))
        ),
        selector: anything,
        http: anything,
        exportTo: anything,
        location: fc.constantFrom("MESH_INTERNAL", 7)
      })
    )
  })
  fc.assert(
    fc.property(fc.array(hostile), fc.array(hostile), (a, b) => {
      const objects = [a, b] as unknown as ReadonlyArray<ReadonlyArray<KubernetesObject>>
      for (const object of objects.flat()) parse(object)
      const sites = ["a", "b"].map((name, i) => ({ site: { name, addresses: [`gw-${name}`] }, objects: objects[i]! }))
      const found = trace(fromObjects(sites), { from: "a", host: "foo.global", port: 80 })
      expect(["delivered", "partly", "undeliverable"]).toContain(found.outcome)
    }),
    { numRuns: 1000 }
  )
})
