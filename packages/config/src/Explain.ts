/** What a plugin's Schema says about its configuration, as data: `cw explain` prints it, the reference pages show it. */
import { type AnyPlugin, type Kind, kindOf } from "@coddiwomple/core/Plugin"
import * as Suggest from "@coddiwomple/core/Suggest"
import { nodeConfig } from "./PipelineConfig.ts"
import { type Key, type Shape, shapeOf } from "./Shape.ts"
import { words } from "./Words.ts"

export interface Field {
  /** With dots, `[]` for the items of a list and `<name>` for keys of one's own: `gateway.port`, `rules[].match`. */
  readonly path: string
  /** In words: `a whole number`, `"sync" or "upsert-only"`. */
  readonly type: string
  readonly required: boolean
  readonly secret: boolean
  readonly description?: string
  /** As it would be written. Absent where there is none, and for secrets. */
  readonly default?: unknown
  readonly examples?: ReadonlyArray<unknown>
}

export interface Explanation {
  readonly kind: Kind
  readonly type: string
  readonly summary: string
  readonly stability: "stable" | "experimental"
  /** The fields asked for, each before those below it. */
  readonly fields: ReadonlyArray<Field>
  /** Complete configurations. */
  readonly examples: ReadonlyArray<{ readonly summary: string; readonly config: unknown }>
}

/** A path that the plugin does not have, with what may have been meant. */
export interface UnknownField {
  readonly unknown: string
  readonly help: string | undefined
}

/** All fields of a plugin, or one field and what is below it. */
export const explain = (plugin: AnyPlugin, path?: string): Explanation | UnknownField => {
  const all = fieldsOf(shapeOf(plugin.config.ast))
  const fields =
    path === undefined
      ? all
      : all.filter((f) => f.path === path || f.path.startsWith(`${path}.`) || f.path.startsWith(`${path}[`))
  if (path !== undefined && fields.length === 0) {
    return {
      unknown: path,
      help: Suggest.help(
        path,
        all.map((f) => f.path)
      )
    }
  }
  return {
    kind: kindOf(plugin),
    type: plugin.type,
    summary: plugin.summary,
    stability: plugin.stability ?? "stable",
    fields,
    examples: path === undefined ? (plugin.examples ?? []) : []
  }
}

/** The keys beside `with` of a node of a kind: what the framework takes. */
export const frameworkFields = (kind: Kind): ReadonlyArray<Field> => fieldsOf(shapeOf(nodeConfig[kind].ast))

/** The fields of a shape, depth first; a shape that holds itself is entered once. */
export const fieldsOf = (shape: Shape): ReadonlyArray<Field> => below(shape, "", new Set())

const below = (shape: Shape, path: string, entered: ReadonlySet<string>): ReadonlyArray<Field> => {
  switch (shape.type) {
    case "mapping": {
      const prefix = path === "" ? "" : `${path}.`
      const own = shape.keys.flatMap((key) => [
        fieldOf(key, prefix + key.name),
        ...below(key.shape, prefix + key.name, entered)
      ])
      if (shape.rest === undefined) return own
      const rest: Key = { name: "<name>", optional: true, shape: shape.rest.shape }
      return [...own, fieldOf(rest, `${prefix}<name>`), ...below(rest.shape, `${prefix}<name>`, entered)]
    }
    case "list":
      return [...shape.first, ...(shape.items === undefined ? [] : [shape.items])].flatMap((s) =>
        below(s, `${path}[]`, entered)
      )
    case "union":
      return once(shape.members.map((m) => below(m, path, entered)))
    case "again":
      return entered.has(shape.name) ? [] : below(shape.get(), path, new Set([...entered, shape.name]))
    default:
      return []
  }
}

/** Members of a union share paths: their types stand side by side, and only what all of them need is required. */
const once = (members: ReadonlyArray<ReadonlyArray<Field>>): ReadonlyArray<Field> => {
  const merged = new Map<string, Field>()
  for (const field of members.flat()) {
    const known = merged.get(field.path)
    const type = known === undefined || known.type === field.type ? field.type : `${known.type} or ${field.type}`
    const required = members.every((m) => m.some((f) => f.path === field.path && f.required))
    merged.set(field.path, { ...field, ...known, type, required, secret: known?.secret === true || field.secret })
  }
  return [...merged.values()]
}

const fieldOf = ({ shape, optional, fallback }: Key, path: string): Field => ({
  path,
  type: words(shape),
  required: !optional,
  secret: shape.secret,
  ...(shape.description === undefined ? {} : { description: shape.description }),
  ...(fallback === undefined || shape.secret ? {} : { default: fallback.value }),
  ...(shape.examples === undefined || shape.secret ? {} : { examples: shape.examples })
})
