/** What GitOps tools get: kustomizations that kubectl builds, examples that are what they say, hook and action. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { parse, parseAllDocuments } from "yaml"
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
    const home = mkdtempSync(join(tmpdir(), "cw-action-"))
    try {
      writeFileSync(
        join(home, "cw"),
        '#!/bin/sh\necho "$@" >> "$HOME/calls"\ncase "$*" in *--exit-code*) exit 2;; esac\n',
        { mode: 0o755 }
      )
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
          execFileSync("bash", [join(root, ".github/cw-action.sh")], {
            env: { ...base, ...env },
            cwd: home,
            stdio: "pipe"
          })
        } catch (error) {
          code = (error as { status: number }).status
        }
        return [code, readFileSync(join(home, "output"), "utf8")]
      }
      expect(run({ CW_MODE: "plan" })).toEqual([0, "changed=true\nexit-code=2\n"])
      expect(run({ CW_MODE: "plan", CW_FAIL: "true" })[0]).toBe(2)
      expect(run({ CW_MODE: "run", CW_ARGS: "--allow-deletes 20; id" })).toEqual([0, "changed=true\nexit-code=0\n"])
      expect(readFileSync(join(home, "calls"), "utf8").trim().split("\n").at(-1)).toBe(
        "run --allow-deletes 20; id p.yaml"
      )
      expect(run({ CW_MODE: "$(id)" })[0]).toBe(64)
    } finally {
      rmSync(home, { recursive: true, force: true })
    }
  })
})
