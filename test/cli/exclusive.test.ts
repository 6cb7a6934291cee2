// One target of two sinks is refused, however it is spelt.
import { mkdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { open } from "../../packages/cli/src/PipelineFile.ts"
import { folder, write } from "./Cw.ts"

const pipeline = (name: string, sinks: Readonly<Record<string, object>>): string =>
  JSON.stringify({
    apiVersion: "coddiwomple.io/v1alpha1",
    kind: "Pipeline",
    metadata: { name },
    sources: { inventory: { uses: "json", with: { clusters: "clusters.json", services: "services.json" } } },
    transforms: { mesh: { uses: "istio-global-dns" } },
    sinks
  })

const clashes = async (cwd: string, text: string): Promise<ReadonlyArray<string>> => {
  write(cwd, { "p.yaml": text })
  const { diagnostics } = await open({ file: join(cwd, "p.yaml"), plugins: true })
  return diagnostics.map((d) => `${d.code} ${d.message}`)
}
const refuses = async (uses: string, a: object, b: object, cwd = folder()): Promise<boolean> => {
  const found = await clashes(cwd, pipeline("shop", { a: { uses, with: a }, b: { uses, with: b } }))
  assert.isTrue(
    found.length === 0 || (found.length === 1 && found[0]!.startsWith("CW305 sinks `a` and `b` both write"))
  )
  return found.length > 0
}

describe("two sinks on one target", () => {
  it("clusters of one pipeline belong to one kubectl-apply sink", async () => {
    const both = (a: object, b: object) => refuses("kubectl-apply", a, b)
    assert.isTrue(await both({}, {}))
    assert.isTrue(await both({}, { clusters: ["east"] }))
    assert.isTrue(await both({ clusters: ["east", "west"] }, { clusters: ["north", "west"] }))
    assert.isTrue(await both({ inventory: "a" }, { inventory: "b" }))
    assert.isFalse(await both({ clusters: ["east"] }, { clusters: ["east2", "west"] }))
  })

  it("two pipelines may write to one cluster", async () => {
    const sinks = { a: { uses: "kubectl-apply" } }
    assert.deepStrictEqual(await clashes(folder(), `${pipeline("shop", sinks)}\n---\n${pipeline("bank", sinks)}`), [])
  })

  it("folders are compared as the disk knows them", async () => {
    const cwd = folder()
    mkdirSync(join(cwd, "out"))
    symlinkSync("out", join(cwd, "link"))
    const both = (a: string, b: string) => refuses("files", { path: a }, { path: b }, cwd)
    for (const other of ["./out/", "x/../out", join(cwd, "out"), "link", "link/", "out/east", "link/new/deep"])
      assert.isTrue(await both("out", other), other)
    assert.isTrue(await both("not-yet", "./not-yet/"))
    assert.isFalse(await both("out", "out2"))
    const two = `${pipeline("shop", { a: { uses: "files", with: { path: "out" } } })}\n---\n${pipeline("bank", { a: { uses: "files", with: { path: "link/east" } } })}`
    assert.deepStrictEqual(await clashes(cwd, two), [
      "CW305 sink `a` and sink `a` of pipeline `shop` both write file:out/east"
    ])
  })

  it("repositories are compared whatever their URL looks like", async () => {
    const cwd = folder()
    mkdirSync(join(cwd, "r.git"))
    symlinkSync("r.git", join(cwd, "link"))
    const path = "clusters/{cluster}"
    const both = (a: string, b: string) => refuses("git", { url: a, path }, { url: b, path }, cwd)
    const absolute = join(cwd, "r.git")
    for (const other of ["r.git/", absolute, `file://${absolute}`, `file://localhost${absolute}/`, "./r", "link"])
      assert.isTrue(await both("./r.git", other), other)
    for (const other of [
      "https://GitHub.com/acme/fleet",
      "https://github.com:443/acme/fleet.git/",
      "git@github.com:acme/fleet.git",
      "ssh://git@github.com:22/acme/fleet"
    ])
      assert.isTrue(await both("https://github.com/acme/fleet.git", other), other)
    assert.isFalse(await both("https://github.com/acme/fleet.git", "https://github.com/acme/fleet2.git"))
    assert.isFalse(await both("https://github.com/acme/fleet", "https://example.com/acme/fleet"))
    assert.isFalse(await refuses("git", { url: "r", path: "a/{cluster}" }, { url: "r", path: "b/{cluster}" }, cwd))
    assert.isFalse(await refuses("git", { url: "r" }, { url: "r", branch: "other" }, cwd))
  })
})
