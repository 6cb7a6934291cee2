/** What `cw list` shows: the built-in plugins, and those a pipeline file names, with where they come from. */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { isPlugin, type Kind, kindOf } from "@coddiwomple/core/Plugin"
import { builtins, kinds } from "./Builtins.ts"
import type { Paint } from "./Terminal.ts"
import { version } from "./Version.ts"

export interface Row {
  readonly kind: Kind
  readonly uses: string
  readonly summary: string
  readonly stability: "stable" | "experimental"
  /** `built-in`, or the file. */
  readonly from: string
  readonly version?: string
}

export interface Catalogue {
  readonly rows: ReadonlyArray<Row>
  /** What is wrong with the file: it may name more plugins. */
  readonly problems: ReadonlyArray<Diagnostic.Diagnostic>
}

export const catalogue = async (only: Kind | undefined, file: string | undefined): Promise<Catalogue> => {
  const rows: Array<Row> = []
  for (const kind of kinds) {
    if (only !== undefined && kind !== only) continue
    for (const [uses, load] of Object.entries(builtins[kind])) {
      const plugin = (await load()).default
      if (isPlugin(plugin))
        rows.push({
          kind,
          uses,
          summary: plugin.summary,
          stability: plugin.stability ?? "stable",
          from: "built-in",
          version
        })
    }
  }
  if (file === undefined) return { rows, problems: [] }
  const { open } = await import("./PipelineFile.ts")
  const { diagnostics, plugins } = await open({ file, pipeline: undefined, plugins: true, set: {} })
  for (const { from, plugin, uses, version: own } of plugins) {
    const kind = kindOf(plugin)
    if (from === "built-in" || (only !== undefined && kind !== only)) continue
    if (rows.some((row) => row.kind === kind && row.uses === uses)) continue
    rows.push({
      kind,
      uses,
      summary: plugin.summary,
      stability: plugin.stability ?? "stable",
      from,
      ...(own === undefined ? {} : { version: own })
    })
  }
  return { rows, problems: diagnostics.filter(Diagnostic.isError) }
}

export const table = (rows: ReadonlyArray<Row>, paint: Paint): string => {
  const width = Math.max(...rows.map((row) => row.uses.length), 0)
  const line = (row: Row): string => {
    const notes = [
      ...(row.stability === "stable" ? [] : [row.stability]),
      ...(row.from === "built-in" ? [] : [row.from, ...(row.version === undefined ? [] : [row.version])])
    ]
    return `  ${row.uses.padEnd(width)}  ${row.summary}${notes.length === 0 ? "" : paint("dim", `  (${notes.join(", ")})`)}`
  }
  return [...Map.groupBy(rows, (row) => row.kind)]
    .map(([kind, of]) => `${paint("bold", `${kind}s`)}\n${of.map(line).join("\n")}\n`)
    .join("")
}
