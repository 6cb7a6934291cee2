// What `cw` makes of a fleet: the command itself runs, with a files sink, and its output is read as it is.
import { execFile } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const bin = join(import.meta.dirname, "../../packages/cli/src/bin.ts")

/** Of one cluster. */
export interface Output {
  /** A YAML stream. */
  readonly manifest: string
  readonly corefile: string
}

export interface CwOptions {
  readonly dir: string
  readonly clusters: unknown
  readonly services: unknown
  readonly names: ReadonlyArray<string>
  /** Of the transform istio-global-dns. */
  readonly mesh: Readonly<Record<string, unknown>>
}

export const runCw = async (options: CwOptions): Promise<ReadonlyMap<string, Output>> => {
  const { dir, names } = options
  const pipeline = {
    metadata: { name: "mesh-test" },
    sources: { inventory: { uses: "json", with: { clusters: "clusters.json", services: "services.json" } } },
    transforms: { mesh: { uses: "istio-global-dns", with: options.mesh }, dns: { uses: "coredns" } },
    sinks: { out: { uses: "files", with: { path: "out", single: true, kustomization: false } } }
  }
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, "clusters.json"), JSON.stringify(options.clusters, null, 2))
  writeFileSync(join(dir, "services.json"), JSON.stringify(options.services, null, 2))
  writeFileSync(join(dir, "pipeline.yaml"), JSON.stringify(pipeline, null, 2))
  await new Promise<void>((resolve, reject) => {
    execFile(process.execPath, [bin, "run", "pipeline.yaml"], { cwd: dir }, (error, stdout, stderr) =>
      error === null ? resolve() : reject(new Error(`cw failed (${error.code}):\n${stdout}${stderr}`))
    )
  })
  return new Map(
    names.map((name) => [
      name,
      {
        manifest: readFileSync(join(dir, "out", name, "manifest.yaml"), "utf8"),
        corefile: readFileSync(join(dir, "out", name, "dns/global.Corefile"), "utf8")
      }
    ])
  )
}
