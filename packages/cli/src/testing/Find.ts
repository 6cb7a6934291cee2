/** Finds what `cw test` runs: `*.test.yaml` and pipeline files with tests in them, and tests of plugins. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { basename, join, relative } from "node:path"

export interface Found {
  /** As messages name it. */
  readonly file: string
  readonly kind: "documents" | "code"
}

const isDocument = (name: string): boolean => /\.test\.ya?ml$/.test(name)
const isCode = (name: string): boolean => /\.test\.[cm]?[jt]s$/.test(name)
const pipelines = new Set(["pipeline.yaml", "pipeline.yml"])

/** Other test runners have tests of the same names: only those that speak of cw's laws and import no other runner. */
const isOurs = (file: string): boolean => {
  const text = readFileSync(file, "utf8")
  return /["']@coddiwomple\/testing["']/.test(text) && /["']node:test["']/.test(text)
}

const walk = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name !== "node_modules" && !entry.name.startsWith("."))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) =>
      entry.isDirectory() ? walk(join(folder, entry.name)) : entry.isFile() ? [join(folder, entry.name)] : []
    )

/** Files of a folder and below; a file that is named is taken as it is. A path that is not there comes back as such. */
export const find = (
  paths: ReadonlyArray<string>
): { readonly found: ReadonlyArray<Found>; readonly gone: ReadonlyArray<string> } => {
  const gone = paths.filter((path) => !existsSync(path))
  const found = paths
    .filter((path) => existsSync(path))
    .flatMap((path): ReadonlyArray<Found> => {
      if (statSync(path).isFile()) return [{ file: path, kind: /\.[cm]?[jt]s$/.test(path) ? "code" : "documents" }]
      return walk(path).flatMap((file): ReadonlyArray<Found> => {
        const name = basename(file)
        const shown = relative(".", file)
        if (isDocument(name)) return [{ file: shown, kind: "documents" }]
        if (isCode(name) && isOurs(file)) return [{ file: shown, kind: "code" }]
        return pipelines.has(name) && /^kind:\s*["']?PipelineTest/m.test(readFileSync(file, "utf8"))
          ? [{ file: shown, kind: "documents" }]
          : []
      })
    })
  return { found: [...new Map(found.map((f) => [f.file, f])).values()], gone }
}
