/** What the compiler must refuse in a `pipeline.ts`, and that what it accepts loads like the YAML twin. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { definePipeline, loadDefinitions } from "@coddiwomple/config/define"
import { load } from "@coddiwomple/config/Load"
import { apply, audit, json, labels, mesh, resolve, stdout, webhook } from "./Plugins.ts"

const inputs = { plugins: resolve, env: () => undefined, readFile: () => Effect.fail("no") }

const typed = definePipeline({
  metadata: { name: "books" },
  sources: { in: { uses: json, with: { clusters: "c.json", services: "s.json" } } },
  model: { prefer: ["in"] },
  transforms: {
    mesh: { uses: mesh, with: { profile: "tls", gateway: { port: 15443 } } },
    own: { uses: labels, from: ["mesh"], with: { team: "a" } }
  },
  checks: { policy: { uses: audit, with: { command: ["true"] }, timeout: "5s" } },
  sinks: { all: { uses: apply, policy: "sync", with: { context: "east" }, guard: { deletes: 3 } } }
})

const yaml = `
apiVersion: coddiwomple.io/v1alpha1
metadata: { name: books }
sources: { in: { uses: json, with: { clusters: c.json, services: s.json } } }
model: { prefer: [in] }
transforms:
  mesh: { uses: istio-global-dns, with: { profile: tls, gateway: { port: 15443 } } }
  own: { uses: labels, from: [mesh], with: { team: a } }
checks: { policy: { uses: exec, with: { command: ["true"] }, timeout: 5s } }
sinks: { all: { uses: kubectl-apply, policy: sync, with: { context: east }, guard: { deletes: 3 } } }
`

const plain = (loaded: { readonly pipelines: ReadonlyArray<any> }) =>
  loaded.pipelines.map((p) => ({
    name: p.name,
    model: p.model,
    graph: p.graph,
    nodes: p.nodes.map(({ place: _place, ...node }: any) => node)
  }))

describe("definePipeline", () => {
  it("is the twin of a YAML document", async () => {
    const a = await Effect.runPromise(loadDefinitions([typed], "pipeline.ts", inputs))
    const b = await Effect.runPromise(load(yaml, "pipeline.yaml", inputs))
    expect(a.diagnostics).toEqual([])
    expect(b.diagnostics).toEqual([])
    expect(plain(a)).toEqual(plain(b))
  })

  it("finds at load what the compiler cannot see", async () => {
    const loop = definePipeline({
      sources: { in: { uses: json, with: { clusters: "c", services: "s" } } },
      transforms: {
        a: { uses: labels, from: ["b"], with: { team: "" } },
        b: { uses: labels, from: ["a"], with: { team: "" } }
      },
      sinks: { out: { uses: stdout } }
    })
    const { diagnostics, pipelines } = await Effect.runPromise(loadDefinitions([loop], "pipeline.ts", inputs))
    expect(diagnostics.map((d) => [d.code, d.field, d.place])).toEqual([
      ["CW302", "transforms.a.from[0]", { file: "pipeline.ts" }]
    ])
    expect(pipelines).toEqual([])
  })
})

/** Never called: every line that the compiler would let through fails the type check. */
export const refused = () => {
  const sources = { in: { uses: json, with: { clusters: "c", services: "s" } } }
  const sinks = { out: { uses: stdout } }
  definePipeline({ sources, sinks })
  definePipeline({ sources: { in: { uses: "./my.ts", with: { anything: 1 } } }, sinks })
  // @ts-expect-error a required key of `with` is missing
  definePipeline({ sources: { in: { uses: json, with: { clusters: "c" } } }, sinks })
  // @ts-expect-error `with` itself is missing
  definePipeline({ sources: { in: { uses: json } }, sinks })
  // @ts-expect-error an unknown key of `with`
  definePipeline({ sources, sinks: { out: { uses: webhook, with: { url: "http://x", prot: 1 } } } })
  // @ts-expect-error a value of the wrong type
  definePipeline({ sources, sinks: { out: { uses: webhook, with: { url: 1 } } } })
  // @ts-expect-error a value that is none of the literals
  definePipeline({ sources, transforms: { mesh: { uses: mesh, with: { profile: "mtsl" } } }, sinks })
  // @ts-expect-error a plugin of the wrong kind
  definePipeline({ sources: { in: { uses: stdout } }, sinks })
  // @ts-expect-error an unknown framework key
  definePipeline({ sources, sinks: { out: { uses: stdout, polcy: "sync" } } })
  // @ts-expect-error a wrong framework value
  definePipeline({ sources, sinks: { out: { uses: stdout, policy: "delete" } } })
  // @ts-expect-error sources read from nothing
  definePipeline({ sources: { in: { uses: "json", from: ["x"] } }, sinks })
  // @ts-expect-error a node that does not exist
  definePipeline({ sources, transforms: { mesh: { uses: mesh } }, sinks: { out: { uses: stdout, from: ["mehs"] } } })
  // @ts-expect-error an unknown key of the document
  definePipeline({ sources, sinks, transform: {} })
  // @ts-expect-error a pipeline without sinks
  definePipeline({ sources })
}
