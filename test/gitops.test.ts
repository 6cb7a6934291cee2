/** What GitOps tools get: kustomizations that kubectl builds, examples that are what they say, hook and action. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { parse, parseAllDocuments } from "yaml"
import * as Target from "./cli/Target.ts"
import { files, lacking } from "./parts/Parts.ts"

const root = join(import.meta.dirname, "..")
const read = (file: string) => readFileSync(join(root, file), "utf8")

describe.skipIf(lacking("kube"))("kubectl kustomize", () => {
  const trees = [
    "examples/06-git/expected/tree/fleet/clusters",
    "examples/07-coredns/expected/tree/out",
    "examples/09-gitops/expected/tree/clusters"
  ]
  for (const tree of trees)
    for (const cluster of readdirSync(join(root, tree)))
      it(`${tree}/${cluster}`, () => {
        const folder = join(root, tree, cluster)
        const all = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
          (f) => f.endsWith(".yaml") && f !== "kustomization.yaml"
        )
        // A cluster with files alone has nothing to build.
        if (all.length === 0) return
        const out = execFileSync(files("kube").kubectl, ["kustomize", folder], { encoding: "utf8" })
        const documents = parseAllDocuments(out)
        expect(Array.isArray(documents) ? documents.length : 0).toBe(all.length)
      })
})

describe("examples of GitOps tools", () => {
  it("are YAML of the kinds they say, and name what the pipeline writes", () => {
    const of = (file: string) => parse(read(`examples/09-gitops/${file}`)) as { kind: string; spec: any }
    const set = of("argocd/applicationset.yaml")
    expect(set.kind).toBe("ApplicationSet")
    expect(set.spec.generators[0].git.directories).toEqual([{ path: "clusters/*" }])
    expect(of("argocd/plugin.yaml").spec.generate.args[0]).toContain("cw render --no-plugins --stage mesh --cluster")
    expect(of("argocd/application.yaml").spec.source.plugin.name).toBe("cw-v1")
    const flux = parseAllDocuments(read("examples/09-gitops/flux/east.yaml"))
    expect((Array.isArray(flux) ? flux : []).map((d) => d.get("kind"))).toEqual(["GitRepository", "Kustomization"])
  })
})

describe("in CI", () => {
  it("the hook runs a command that cw has", () => {
    const [hook] = parse(read(".pre-commit-hooks.yaml")) as [{ id: string; entry: string; pass_filenames: boolean }]
    expect(hook).toMatchObject({ id: "cw-check", entry: "cw plan --exit-code", pass_filenames: false })
  })

  it("the action says what came out, without failing on changes unless told, and takes no code from inputs", () => {
    const action = parse(read("action.yml")) as {
      inputs: object
      runs: { steps: ReadonlyArray<{ env: Record<string, string>; run: string }> }
    }
    const [step] = action.runs.steps
    expect(step!.run).not.toContain("${{")
    const { calls, run } = act(
      'case "$*" in plan*) echo "Changes: 3 to create, 0 to update, 0 to delete, 0 unchanged."; exit 2;; run*) echo "p: 1 service in 1 cluster, 3 applied.";; esac'
    )
    expect(run({ CW_MODE: "plan" })).toEqual([0, "changed=true\nexit-code=2\n"])
    expect(run({ CW_MODE: "plan", CW_FAIL: "true" })[0]).toBe(2)
    expect(run({ CW_MODE: "run", CW_ARGS: "--allow-deletes 20; id" })).toEqual([0, "changed=true\nexit-code=0\n"])
    expect(calls().at(-1)).toBe("run --allow-deletes 20; id p.yaml")
    expect(run({ CW_MODE: "$(id)" })[0]).toBe(64)
  })

  it("the action gives every line of its flags to every mode", () => {
    const { calls, run } = act("")
    const CW_ARGS = "--no-plugins\n--set sinks.out.with.path=x\n"
    for (const CW_MODE of ["validate", "plan", "run"]) expect(run({ CW_MODE, CW_ARGS })[0]).toBe(0)
    const flags = "--no-plugins --set sinks.out.with.path=x p.yaml"
    const wanted = [`validate ${flags}`, `plan --exit-code ${flags}`, `plan --exit-code ${flags}`, `run ${flags}`]
    expect(calls()).toEqual(wanted)
    expect(run({ CW_MODE: "validate" })).toEqual([0, "changed=false\nexit-code=0\n"])
    expect(calls().at(-1)).toBe("validate p.yaml")
  })

  it("the action says that there are changes, whatever the exit code is", () => {
    const { home, run } = act(`exec ${process.execPath} ${join(root, "packages/cli/bin/cw.js")} "$@"`)
    const given = (options: Parameters<typeof Target.pipeline>[0]) => {
      rmSync(join(home, "state.json"), { force: true })
      for (const [name, text] of Object.entries({ ...Target.files(options), "p.yaml": Target.pipeline(options) }))
        writeFileSync(join(home, name), text)
    }
    const said = (changed: boolean, code: number) => [code === 2 ? 0 : code, `changed=${changed}\nexit-code=${code}\n`]
    // Some of it belongs to somebody else: 4, and changes beside it.
    const foreign = { target: { foreign: ["cw-reviews"] } }
    for (const CW_ARGS of ["", "-o json"]) {
      given(foreign)
      expect(run({ CW_MODE: "plan", CW_ARGS })).toEqual(said(true, 4))
      expect(run({ CW_MODE: "run", CW_ARGS })).toEqual(said(true, 4))
      expect(run({ CW_MODE: "plan", CW_ARGS })).toEqual(said(false, 4))
    }
    // One cluster cannot be written: 3; all: there are changes, but none was made.
    given({ target: { fail: ["east"] } })
    expect(run({ CW_MODE: "run" })).toEqual(said(true, 3))
    given({ target: { fail: ["east", "west"] } })
    expect(run({ CW_MODE: "run" })).toEqual(said(false, 1))
  }, 60_000)
})

/** The script of the action with this body as `cw`: [exit code, outputs] of a run, and what `cw` was called with. */
const act = (body: string) => {
  const home = mkdtempSync(join(tmpdir(), "cw-action-"))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  writeFileSync(join(home, "cw"), `#!/bin/sh\necho "$@" >> "$HOME/calls"\n${body}\n`, { mode: 0o755 })
  const run = (env: Record<string, string>) => {
    const base = {
      PATH: `${home}:${process.env["PATH"]}`,
      HOME: home,
      CW_CONFIG: "p.yaml",
      CW_ARGS: "",
      CW_FAIL: "false",
      CW_VERSION: "x",
      GITHUB_OUTPUT: join(home, "output")
    }
    writeFileSync(join(home, "output"), "")
    let code = 0
    try {
      execFileSync("bash", [join(root, ".github/cw-action.sh")], { env: { ...base, ...env }, cwd: home, stdio: "pipe" })
    } catch (error) {
      code = (error as { status: number }).status
    }
    return [code, readFileSync(join(home, "output"), "utf8")]
  }
  return { home, run, calls: () => readFileSync(join(home, "calls"), "utf8").trim().split("\n") }
}
