// A saved plan is applied as it was looked at, or not at all: to the same place, with the same content, all pipelines or none.
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "vitest"
import { cw, folder, write } from "./Cw.ts"
import { clusters, files, pipeline, services, sink } from "./Target.ts"

const plan = async (cwd: string, env: Record<string, string> = {}): Promise<void> => {
  const { code, stderr } = await cw(["plan", "--out", "plan.json"], { cwd, env })
  assert.strictEqual(code, 0, stderr)
}

const refused = async (cwd: string, what: RegExp, env: Record<string, string> = {}): Promise<void> => {
  const { code, stderr } = await cw(["apply", "plan.json", "--yes"], { cwd, env })
  assert.strictEqual(code, 4, stderr)
  assert.match(stderr, /error\[CW904\]/)
  assert.match(stderr, what)
}

const kubeconfig = (server: string): string =>
  JSON.stringify({
    "current-context": "c",
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
    clusters: [{ name: "c", cluster: { server } }],
    users: [{ name: "u", user: { token: "t" } }]
  })

it("refuses to write to another place than was planned, though the items are the same", async () => {
  const connected = JSON.stringify(
    (JSON.parse(clusters) as ReadonlyArray<object>).map((cluster) => ({ ...cluster, kubeconfig_path: "kc" }))
  )
  const cwd = folder({ ...files(), "clusters.json": connected, kc: kubeconfig("https://a.example.com") })
  await plan(cwd)
  write(cwd, { "pipeline.yaml": pipeline({ target: { file: "elsewhere.json" } }) })
  await refused(cwd, /where it writes has changed/)
  write(cwd, { "pipeline.yaml": pipeline(), kc: kubeconfig("https://b.example.com") })
  await refused(cwd, /where it writes has changed/)
  assert.isFalse(existsSync(join(cwd, "elsewhere.json")) || existsSync(join(cwd, "state.json")))
  write(cwd, { kc: kubeconfig("https://a.example.com") })
  assert.deepInclude(await cw(["apply", "plan.json", "--yes"], { cwd }), { code: 0 })
})

it("counts what comes from the environment, but neither secret fields nor credentials in a URL", async () => {
  const target = { file: "${env:STATE}.json", token: "${env:TOKEN}" }
  const cwd = folder(files({ target }))
  await plan(cwd, { STATE: "one", TOKEN: "first" })
  await refused(cwd, /where it writes has changed/, { STATE: "two", TOKEN: "first" })
  assert.deepInclude(await cw(["apply", "plan.json", "--yes"], { cwd, env: { STATE: "one", TOKEN: "second" } }), {
    code: 0
  })
})

it("covers what a sink writes that cannot compare", async () => {
  const opaque = `import { writeFileSync } from "node:fs"
import { Schema } from "effect"
import { Sink } from "@coddiwomple/core"
export default Sink.make({
  type: "opaque",
  summary: "Writes all hosts",
  config: Schema.Struct({}),
  make: () => Sink.write((desired) => writeFileSync("hosts", desired.services.map((s) => s.address + " " + s.hosts).join()))
})
`
  const cwd = folder({
    ...files(),
    "pipeline.yaml": pipeline()
      .replace('"./target.ts"', '"./opaque.ts"')
      .replace('"policy":"sync",', "")
      .replace('{"file":"state.json"}', "{}"),
    "opaque.ts": opaque
  })
  await plan(cwd)
  write(cwd, { "services.json": services("reviews", "ratings", "details") })
  await refused(cwd, /what it is given has changed/)
  write(cwd, { "services.json": services("reviews", "ratings"), "opaque.ts": opaque.replace('" "', '"="') })
  await refused(cwd, /where it writes has changed/)
  assert.isFalse(existsSync(join(cwd, "hosts")))
  write(cwd, { "opaque.ts": opaque })
  assert.deepInclude(await cw(["apply", "plan.json", "--yes"], { cwd }), { code: 0 })
  assert.include(readFileSync(join(cwd, "hosts"), "utf8"), "reviews.global")
})

it("refuses all pipelines of the file when one moved, or cannot be planned", async () => {
  const of = (name: string) =>
    pipeline({ name, target: { file: `${name}.json` } }).replace("services.json", `${name}-services.json`)
  const cwd = folder({
    "pipeline.yaml": `${of("one")}\n---\n${of("two")}\n`,
    "clusters.json": clusters,
    "one-services.json": services("reviews"),
    "two-services.json": services("details"),
    "target.ts": sink
  })
  await plan(cwd)
  write(cwd, { "one-services.json": services("reviews", "ratings") })
  await refused(cwd, /nothing is written, for pipeline one of the same plan has moved/)
  write(cwd, { "one-services.json": "[" })
  const { code, stderr } = await cw(["apply", "plan.json", "--yes"], { cwd })
  assert.notStrictEqual(code, 0)
  assert.match(stderr, /nothing is written, for pipeline one of the same plan has moved/)
  assert.isFalse(existsSync(join(cwd, "one.json")) || existsSync(join(cwd, "two.json")))
  write(cwd, { "one-services.json": services("reviews") })
  assert.deepInclude(await cw(["apply", "plan.json", "--yes"], { cwd }), { code: 0 })
})

it("says of a plan of an older cw that it must be made again, and replaces it", async () => {
  const cwd = folder(files())
  await plan(cwd)
  const { pipelines, ...rest } = JSON.parse(readFileSync(join(cwd, "plan.json"), "utf8")) as {
    pipelines: Record<string, Record<string, { where?: string; what?: string }>>
  }
  for (const sinks of Object.values(pipelines))
    for (const one of Object.values(sinks)) {
      delete one.where
      delete one.what
    }
  writeFileSync(join(cwd, "plan.json"), JSON.stringify({ ...rest, version: 1, pipelines }))
  await refused(cwd, /made by an older cw.*\n(.*\n)*.*plan again/)
  await plan(cwd)
})
