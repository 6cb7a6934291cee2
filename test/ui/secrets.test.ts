// Whatever a pipeline says, at every door of the page: nothing that was filled in, and no password of a URL.
import { assert, it } from "vitest"
import { cw, folder } from "../cli/Cw.ts"
import { clusters, services } from "../cli/Target.ts"
import { call, serve, until } from "./Served.ts"

const word = "any-word-of-the-environment"
const token = "t0ken-of-a-variable"
const password = 'pass"w/rd'

/** A plugin of each kind that tells all it knows, wherever it can. */
const plugins = {
  "source.ts": `
import { Schema } from "effect"
import * as Stream from "effect/Stream"
import { Source } from "@coddiwomple/core"
const origin = { label: "telling" }
export default Source.make({
  type: "telling",
  summary: "",
  config: Schema.Struct({ said: Schema.String }),
  make: ({ said }) => ({
    endless: true,
    events: Stream.concat(Stream.make(
      { _tag: "Partitions", names: ["east", "lost"] },
      { _tag: "Snapshot", partition: "east", facts: [] },
      { _tag: "Freshness", partition: "east", state: "stale", since: 0, reason: "east: " + said },
      { _tag: "Freshness", partition: "lost", state: "never-synced", since: 0, reason: "lost: " + said }
    ), Stream.never)
  })
})
`,
  "transform.ts": `
import { Schema } from "effect"
import { Artifact, Diagnostic, Transform } from "@coddiwomple/core"
export default Transform.make({
  type: "telling",
  summary: "",
  config: Schema.Struct({ said: Schema.String, token: Schema.String }),
  make: ({ said, token }) => ({
    shape: "service",
    run: (service, fleet) => {
      const metadata = { name: service.name, namespace: "cw" }
      const one = (kind, more) => Artifact.object(fleet.all, { apiVersion: "v1", kind, metadata, ...more }, { service: service.identity })
      const { identity } = service
      const finding = Diagnostic.warning("CW622", "finding: " + said, { help: said, service: identity })
      return {
        artifacts: [
          one("Secret", { stringData: { token }, data: { token: "${Buffer.from(token).toString("base64")}" } }),
          one("ConfigMap", { data: { note: "a body" } })
        ],
        diagnostics: [identity === "held" ? { ...finding, severity: "error" } : finding]
      }
    }
  })
})
`,
  "sink.ts": `
import { Effect, Schema } from "effect"
import { Diagnostic, Sink } from "@coddiwomple/core"
export default Sink.make({
  type: "telling",
  summary: "",
  config: Schema.Struct({ said: Schema.String, token: Schema.String }),
  make: ({ said, token }) => ({
    plan: () => {
      const item = (op, id, more) => ({ op, target: "east", id, service: "reviews", digest: "1", ...more })
      return Effect.succeed({
        items: [
          item("create", "new", {}),
          item("update", "old", { fields: [{ path: "spec.key", before: { a: ["was " + token] }, after: "is " + token }] }),
          item("held", "left", { intended: "update", reason: "held: " + said }),
          item("conflict", "theirs", { reason: "conflict: " + said + " https://eve:l1teral/pw@host" })
        ],
        unchanged: 0,
        diagnostics: [Diagnostic.warning("CW622", "plan: " + said, { help: said })],
        failed: new Map([["west", Diagnostic.error("CW622", "cannot be read: " + said)]])
      })
    },
    apply: ({ items }) => Effect.succeed({
      items: items.filter(({ op }) => op === "create" || op === "update").map(({ op, target, id }) =>
        ({ op, target, id, outcome: "failed", message: "failed: " + said })),
      diagnostics: [Diagnostic.error("CW622", "apply: " + said)]
    })
  })
})
`,
  "broken.ts": `
import { Effect, Schema } from "effect"
import { PluginError, Sink } from "@coddiwomple/core"
export default Sink.make({
  type: "broken",
  summary: "",
  config: Schema.Struct({ said: Schema.String }),
  make: ({ said }) => ({
    plan: () => Effect.fail(PluginError.permanent("broken: " + said)),
    apply: () => Effect.succeed({ items: [] })
  })
})
`
}

const filled = { said: "${env:WORD}, ${env:TOKEN}, https://bob:${env:PASSWORD}@host" }

const pipeline = JSON.stringify({
  metadata: { name: "demo" },
  sources: {
    files: { uses: "json", with: { clusters: "clusters.json", services: "services.json" } },
    told: { uses: "./source.ts", with: filled }
  },
  transforms: { mesh: { uses: "./transform.ts", with: { ...filled, token: "${env:TOKEN}" } } },
  sinks: {
    out: { uses: "./sink.ts", with: { ...filled, token: "${env:TOKEN}" } },
    broken: { uses: "./broken.ts", with: filled }
  }
})

const silent = (text: string, door: string): void => {
  assert.notInclude(text, "l1teral", door)
  for (const [what, value] of Object.entries({ word, token, password }))
    for (const form of [value, JSON.stringify(value).slice(1, -1), Buffer.from(value).toString("base64")])
      assert.notInclude(text, form, `${door}: ${what}`)
}

it("says nothing that was filled in, at no door of the page", async () => {
  const cwd = folder({
    ...plugins,
    "pipeline.yaml": pipeline,
    "clusters.json": clusters,
    "services.json": services("reviews", "held")
  })
  const env = { WORD: word, TOKEN: token, PASSWORD: password }
  const served = await serve(["ui", "pipeline.yaml", "--port", "0", "--allow", "apply"], cwd, env)
  const plan = await until(
    () => served.get<{ readonly id?: string; readonly confirm: string }>("/plan"),
    ({ id }) => id !== undefined
  )
  const ask = async (path: string) => JSON.stringify(await served.get(path))
  const doors: Record<string, string> = { plan: JSON.stringify(plan) }
  for (const path of ["/status", "/clusters", "/services", "/services/reviews", "/services/held", `/plans/${plan.id}`])
    doors[path] = await ask(path)
  const yaml = await fetch(`${served.url}/api/v1/services/reviews/yaml`, {
    headers: { authorization: `Bearer ${served.bearer}` }
  })
  doors.yaml = await yaml.text()
  doors.Apply = JSON.stringify(await call(served, "Apply", { plan: plan.id, confirm: plan.confirm }))
  const watched = await call(served, "Watch", { coalesce: 20 }, (all) => all.some(({ _tag }) => _tag === "Status"))
  doors.Watch = JSON.stringify(watched)
  doors.Events = JSON.stringify(await call(served, "Events", { after: 0 }, (all) => all.length > 0))
  doors.Service = JSON.stringify(await call(served, "Service", { id: "reviews" }))
  doors.MakePlan = JSON.stringify(await call(served, "MakePlan", { sinks: [] }))
  doors.bundle = await ask("/bundle")
  const status = await cw(["status"], { cwd, env: { XDG_RUNTIME_DIR: served.runtime } })
  doors.status = status.stdout + status.stderr
  for (const [door, text] of Object.entries(doors)) silent(text, door)
  // It was all there to be told.
  for (const [door, words] of [
    ["/clusters", ["east: …", "cannot be read: …"]],
    ["/services", ["finding: …"]],
    ["/services/reviews", ["finding: …", "held: …", "conflict: …", "was …", "is …", "a body", "(hidden)"]],
    ["/services/held", ["finding: …"]],
    ["/status", ["finding: …", "lost: …", "broken: …"]],
    ["plan", ["cannot be read: …", "held: …", "conflict: …", "was …"]],
    ["yaml", ["a body", "(hidden)"]],
    ["Apply", ["apply: …"]],
    ["Events", ["broken: …", "cannot be read: …"]],
    ["Watch", ["finding: …"]],
    ["bundle", ["finding: …", "cannot be read: …"]],
    ["status", ["broken: …"]]
  ] as const)
    for (const text of words) assert.include(doors[door], text, door)
})
