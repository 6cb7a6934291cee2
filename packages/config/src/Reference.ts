/** The reference page of a plugin, as Markdown: generated from its Schema, so that it cannot say what is not so. */
import type { AnyPlugin } from "@coddiwomple/core/Plugin"
import { stringify } from "yaml"
import { explain, type Field } from "./Explain.ts"
import { section } from "./PipelineConfig.ts"

/** One page: summary, fields, examples. Ends with a newline. */
export const referencePage = (plugin: AnyPlugin): string => {
  const told = explain(plugin)
  if ("unknown" in told) return ""
  const { kind, type, summary, stability, fields, examples } = told
  const lines = [`# ${kind} \`${type}\``, "", sentence(summary)]
  if (stability === "experimental") lines.push("", "Experimental: it may change in any release.")
  lines.push("", "## Configuration", "")
  if (fields.length === 0) lines.push("It takes no configuration: leave `with` out.")
  else lines.push("| key | value | default | meaning |", "| --- | --- | --- | --- |", ...fields.map(row))
  if (examples.length > 0) lines.push("", "## Examples")
  for (const example of examples) {
    const node = {
      [section(kind)]: { [nameOf(type)]: { uses: type, ...(isEmpty(example.config) ? {} : { with: example.config }) } }
    }
    lines.push("", sentence(example.summary), "", "```yaml", stringify(node, { lineWidth: 0 }).trimEnd(), "```")
  }
  return `${lines.join("\n")}\n`
}

const row = (field: Field): string => {
  const value = field.required ? "required" : field.default === undefined ? "" : code(JSON.stringify(field.default))
  const examples = field.examples?.map((e) => code(JSON.stringify(e))).join(", ")
  const meaning = [
    field.description === undefined ? undefined : sentence(field.description),
    field.secret ? "Secret: never shown." : undefined,
    examples === undefined ? undefined : `For example ${examples}.`
  ]
  return `| ${[code(field.path), cell(field.type), value, cell(meaning.filter((m) => m !== undefined).join(" "))].join(" | ")} |`
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ").replaceAll("<", "&lt;")

const code = (text: string): string => `\`${text.replaceAll("|", "\\|")}\``

const sentence = (text: string): string => (/[.!?:]$/.test(text) ? text : `${text}.`)

/** `vendor/name` is no name of a node. */
const nameOf = (type: string): string => type.split("/").pop()!

const isEmpty = (config: unknown): boolean =>
  typeof config === "object" && config !== null && Object.keys(config).length === 0
