/** `cw explain`: the keys of a plugin, or of the pipeline file itself, from the same schemas that check them. */
import { explain as explainPlugin, type Field, fieldsOf } from "@coddiwomple/config/Explain"
import * as Config from "@coddiwomple/config/PipelineConfig"
import { shapeOf } from "@coddiwomple/config/Shape"
import { emit } from "@coddiwomple/core/Emit"
import type { Kind } from "@coddiwomple/core/Plugin"
import * as Suggest from "@coddiwomple/core/Suggest"
import type * as SchemaAST from "effect/SchemaAST"
import { builtins, kinds, kindsOf } from "./Builtins.ts"
import * as Loader from "./Loader.ts"
import type { Paint } from "./Terminal.ts"

export interface Explanation {
  readonly title: string
  readonly kind?: Kind
  readonly summary: string
  readonly stability?: "stable" | "experimental"
  readonly fields: ReadonlyArray<Field>
  readonly examples: ReadonlyArray<{ readonly summary: string; readonly config: unknown }>
}

export type Answer =
  | { readonly explanations: ReadonlyArray<Explanation> }
  | { readonly problem: string; readonly help: string }

const parts: Readonly<Record<string, readonly [summary: string, ast: SchemaAST.AST]>> = {
  pipeline: ["The keys of a pipeline file", Config.PipelineConfig.ast],
  metadata: ["The keys of `metadata`", Config.MetadataConfig.ast],
  model: ["The keys of `model`", Config.ModelConfig.ast],
  trigger: ["The keys of `trigger`", Config.TriggerConfig.ast],
  source: ["The keys of a source, beside `with`", Config.SourceConfig.ast],
  transform: ["The keys of a transform, beside `with`", Config.TransformConfig.ast],
  check: ["The keys of a check, beside `with`", Config.CheckConfig.ast],
  sink: ["The keys of a sink, beside `with`", Config.SinkConfig.ast]
}

const isPath = (what: string): boolean => /^(\.{0,2}[/\\]|npm:|@)/.test(what)

/** `sink/exec.command` → kind, uses and field. */
const split = (what: string, field: string | undefined) => {
  if (isPath(what)) return { uses: what, field }
  const [, kind, rest] = /^(?:(source|transform|check|sink)\/)?(.*)$/s.exec(what)!
  const dot = rest!.indexOf(".")
  return {
    ...(kind === undefined ? {} : { kind: kind as Kind }),
    uses: dot < 0 ? rest! : rest!.slice(0, dot),
    field: [dot < 0 ? "" : rest!.slice(dot + 1), field ?? ""].filter((part) => part !== "").join(".") || undefined
  }
}

export const explain = async (what: string, within: string | undefined): Promise<Answer> => {
  const { field, kind, uses } = split(what, within)
  const part = kind === undefined && Object.hasOwn(parts, uses) ? parts[uses] : undefined
  if (part !== undefined) return explainPart(uses, part, field)
  const named = kind === undefined ? (isPath(uses) ? kinds : kindsOf(uses)) : [kind]
  if (named.length === 0) {
    const known = [...Object.keys(parts), ...kinds.flatMap((k) => Object.keys(builtins[k]))]
    return { problem: `unknown plugin ${JSON.stringify(uses)}`, help: Suggest.help(uses, known) ?? "run `cw list`" }
  }
  const explanations: Array<Explanation> = []
  for (const each of named) {
    const found = await Loader.load(uses, each, { directory: process.cwd(), plugins: true })
    // A loose plugin is asked for under every kind; it has one.
    if (!("plugin" in found) && found.code === "CW205" && named.length > 1) continue
    if (!("plugin" in found)) return { problem: found.message, help: found.help ?? "run `cw list`" }
    const told = explainPlugin(found.plugin, field)
    if ("unknown" in told)
      return {
        problem: `${uses} has no key ${JSON.stringify(told.unknown)}`,
        help: told.help ?? `run \`cw explain ${uses}\``
      }
    explanations.push({ ...told, title: uses })
  }
  return { explanations }
}

const explainPart = (
  title: string,
  [summary, ast]: readonly [string, SchemaAST.AST],
  field: string | undefined
): Answer => {
  const all = fieldsOf(shapeOf(ast))
  const fields =
    field === undefined
      ? all
      : all.filter((f) => f.path === field || f.path.startsWith(`${field}.`) || f.path.startsWith(`${field}[`))
  if (fields.length > 0) return { explanations: [{ title, summary, fields, examples: [] }] }
  // `sink files` is read as a key of a sink; the plugin was meant.
  if (field !== undefined && (kindsOf(field) as ReadonlyArray<string>).includes(title))
    return { problem: `${title} has no key ${JSON.stringify(field)}`, help: `run \`cw explain ${title}/${field}\`` }
  return {
    problem: `${title} has no key ${JSON.stringify(field)}`,
    help:
      Suggest.help(
        field ?? "",
        all.map((f) => f.path)
      ) ?? `run \`cw explain ${title}\``
  }
}

const indent = (text: string, by: string): string => text.trimEnd().replace(/^/gm, by)

const fieldText = (field: Field, paint: Paint): string => {
  const notes = [
    field.type,
    field.required
      ? "required"
      : field.default === undefined
        ? "optional"
        : `default: ${JSON.stringify(field.default)}`,
    ...(field.secret ? ["secret, never shown"] : [])
  ]
  const lines = [`  ${paint("bold", field.path)}  ${paint("dim", notes.join(", "))}`]
  if (field.description !== undefined) lines.push(`      ${field.description}`)
  if (field.examples !== undefined)
    lines.push(`      ${paint("dim", `e.g. ${field.examples.map((e) => JSON.stringify(e)).join(", ")}`)}`)
  return lines.join("\n")
}

export const text = (explanations: ReadonlyArray<Explanation>, paint: Paint): string =>
  explanations
    .map((each) => {
      const head = `${paint("bold", each.kind === undefined ? each.title : `${each.kind} ${each.title}`)}: ${each.summary}`
      const fields =
        each.fields.length === 0 ? ["  takes no configuration"] : each.fields.map((field) => fieldText(field, paint))
      const examples = each.examples.map(
        (example) => `\n  ${paint("dim", `# ${example.summary}`)}\n${indent(emit({ with: example.config }), "  ")}`
      )
      return [
        head,
        each.stability === "experimental" ? "  (experimental: it may change in any release)" : undefined,
        "",
        ...fields,
        ...examples,
        ""
      ]
        .filter((line) => line !== undefined)
        .join("\n")
    })
    .join("\n")
