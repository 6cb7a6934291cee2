/**
 * What documentation is made from the plugins themselves: a reference page for each, and the two tables of the README.
 * Never edited by hand; a test compares what is committed with a fresh rendering.
 */
import { existsSync, globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { referencePage } from "@coddiwomple/config/Reference"
import { catalogue } from "@coddiwomple/core/Catalogue"
import { type AnyPlugin, kindOf } from "@coddiwomple/core/Plugin"
import { builtins } from "../../packages/cli/src/Builtins.ts"

export const root = join(import.meta.dirname, "..", "..")

interface Listed {
  readonly plugin: AnyPlugin
  /** Folder of its README, relative to the root. */
  readonly folder: string
}

const folders: Readonly<Record<string, string>> = {
  "source-exec": "transform-exec",
  "check-exec": "transform-exec",
  "sink-exec": "transform-exec"
}

/** Every built-in plugin, by kind and type. */
export const plugins = async (): Promise<ReadonlyArray<Listed>> => {
  const out: Array<Listed> = []
  for (const [kind, types] of Object.entries(builtins)) {
    for (const [type, load] of Object.entries(types)) {
      const name = `${kind}-${type}`
      out.push({ plugin: (await load()).default, folder: `plugins/${folders[name] ?? name}` })
    }
  }
  return out
}

/** Text by path, relative to the root. */
export const generated = async (): Promise<ReadonlyMap<string, string>> => {
  const all = await plugins()
  const out = new Map<string, string>()
  for (const { plugin } of all) out.set(`docs/reference/${kindOf(plugin)}-${plugin.type}.md`, referencePage(plugin))
  out.set("docs/reference/codes.md", codesPage())
  const readme = readFileSync(join(root, "README.md"), "utf8")
  out.set("README.md", between(between(readme, "plugins", pluginTable(all)), "examples", exampleTable()))
  return out
}

const codesPage = (): string =>
  [
    "# Codes of diagnostics",
    "",
    "Every message of cw has one of these codes. A code, once released, keeps its meaning.",
    "",
    "| code | what | what to do |",
    "| --- | --- | --- |",
    ...Object.entries(catalogue).map(([code, { cure, title }]) => `| ${code} | ${cell(title)} | ${cell(cure)} |`),
    ""
  ].join("\n")

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;")

const pluginTable = (all: ReadonlyArray<Listed>): string =>
  [
    "| place | `uses` | what it does | keys |",
    "| --- | --- | --- | --- |",
    ...all.map(({ folder, plugin }) => {
      const kind = kindOf(plugin)
      const name = existsSync(join(root, folder, "README.md")) ? `[${plugin.type}](${folder}/README.md)` : plugin.type
      return `| ${kind} | ${name} | ${plugin.summary} | [reference](docs/reference/${kind}-${plugin.type}.md) |`
    })
  ].join("\n")

const exampleTable = (): string =>
  [
    "| example | what it shows |",
    "| --- | --- |",
    ...globSync("examples/*/README.md", { cwd: root })
      .sort()
      .map((file) => {
        const text = readFileSync(join(root, file), "utf8")
        const [number, title] = (/^# (.*)$/m.exec(text)?.[1] ?? "").split(/: (.*)/s)
        return `| [${number}](${dirname(file)}) | ${title} |`
      })
  ].join("\n")

const between = (text: string, mark: string, content: string): string => {
  const [begin, end] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`]
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`README.md lacks the marks ${begin} and ${end}`)
  return `${text.slice(0, from + begin.length)}\n${content}\n${text.slice(to)}`
}
