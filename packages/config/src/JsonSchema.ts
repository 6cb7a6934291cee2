/**
 * A draft-07 JSON Schema of pipeline files for an exact set of plugins, made from the same shapes that decoding reports
 * on: an editor completes and refuses what the loader does. What only the wiring knows is left to the loader.
 */
import { type AnyPlugin, type Kind, kindOf } from "@coddiwomple/core/Plugin"
import * as Config from "./PipelineConfig.ts"
import { type Rules, type Shape, shapeOf } from "./Shape.ts"

export type JsonSchema = Readonly<Record<string, unknown>>

/** A plugin and the word by which a file names it. */
export interface Named {
  readonly uses: string
  readonly plugin: AnyPlugin
}

type Definitions = Record<string, JsonSchema>

const variable = {
  type: "string",
  pattern: "\\$\\{(env|file):",
  description:
    "Filled in from a variable or a file: ${env:NAME}, ${env:NAME:-default}, ${env:NAME:?message}, ${file:path}."
}

/** The schema for files that use these plugins. */
export const pipelineSchema = (plugins: ReadonlyArray<Named>): JsonSchema => {
  const definitions: Definitions = { variable }
  for (const kind of Config.kinds) {
    definitions[kind] = nodeSchema(
      kind,
      plugins.filter((p) => kindOf(p.plugin) === kind),
      definitions
    )
  }
  const { properties, ...envelope } = schemaOf(shapeOf(Config.PipelineConfig.ast), definitions)
  const known = properties as Record<string, JsonSchema>
  const part = (key: string, schema: JsonSchema) => ({ ...known[key], ...schema })
  const optional = (schema: JsonSchema) => ({ anyOf: [schema, { type: "null" }] })
  const nodes = (kind: Kind): JsonSchema => ({
    type: "object",
    additionalProperties: { $ref: `#/definitions/${kind}` },
    propertyNames: { pattern: Config.nodeNamePattern }
  })
  const pipeline = {
    ...envelope,
    properties: {
      ...known,
      metadata: optional(schemaOf(shapeOf(Config.MetadataConfig.ast), definitions)),
      model: optional(schemaOf(shapeOf(Config.ModelConfig.ast), definitions)),
      trigger: optional(schemaOf(shapeOf(Config.TriggerConfig.ast), definitions)),
      sources: part("sources", { ...nodes("source"), minProperties: 1 }),
      transforms: { description: known.transforms?.description, ...optional(nodes("transform")) },
      checks: { description: known.checks?.description, ...optional(nodes("check")) },
      sinks: part("sinks", { ...nodes("sink"), minProperties: 1 })
    },
    patternProperties: { "^x-": {} }
  }
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "A pipeline of cw",
    if: { properties: { kind: { const: Config.testKind } }, required: ["kind"] },
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: { type: "object" },
    else: pipeline,
    definitions
  }
}

/** The schema of one plugin's `with`. */
export const pluginSchema = (plugin: AnyPlugin): JsonSchema => {
  const definitions: Definitions = { variable }
  const schema = schemaOf(shapeOf(plugin.config.ast), definitions)
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: plugin.type,
    ...schema,
    description: plugin.summary,
    definitions
  }
}

const nodeSchema = (kind: Kind, plugins: ReadonlyArray<Named>, definitions: Definitions): JsonSchema => {
  const { properties, ...node } = schemaOf(shapeOf(Config.nodeConfig[kind].ast), definitions)
  const { uses, ...framework } = properties as Record<string, JsonSchema>
  return {
    ...node,
    properties: {
      uses: {
        description: uses?.description,
        enum: plugins.map((p) => p.uses),
        enumDescriptions: plugins.map((p) => p.plugin.summary)
      },
      ...framework
    },
    allOf: plugins.map(({ uses, plugin }) => {
      const own: JsonSchema = { ...schemaOf(shapeOf(plugin.config.ast), definitions), description: plugin.summary }
      const needed = Array.isArray(own.required)
      return {
        // The configuration of a node that is switched off is not looked at.
        if: { properties: { uses: { const: uses }, enabled: { not: { const: false } } }, required: ["uses"] },
        // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
        then: needed
          ? { properties: { with: own }, required: ["with"] }
          : { properties: { with: { anyOf: [own, { type: "null" }] } } }
      }
    })
  }
}

/** A shape as JSON Schema. Where a type or rule would refuse `${…}`, that is an alternative. */
const schemaOf = (shape: Shape, definitions: Definitions): JsonSchema => {
  const said = {
    ...(shape.description === undefined ? {} : { description: shape.description }),
    ...(shape.examples === undefined ? {} : { examples: shape.examples })
  }
  return { ...said, ...bare(shape, definitions) }
}

const orVariable = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { $ref: "#/definitions/variable" }] })

const bare = (shape: Shape, definitions: Definitions): JsonSchema => {
  switch (shape.type) {
    case "mapping":
      return mapping(shape, definitions)
    case "list":
      return {
        ...shape.rules,
        type: "array",
        ...(shape.first.length > 0
          ? {
              items: shape.first.map((s) => schemaOf(s, definitions)),
              additionalItems: shape.items === undefined ? false : schemaOf(shape.items, definitions)
            }
          : shape.items === undefined
            ? { maxItems: 0 }
            : { items: schemaOf(shape.items, definitions) })
      }
    case "union":
      return { anyOf: alternatives(shape.members.map((m) => schemaOf(m, definitions))) }
    case "literal":
      return orVariable({ enum: shape.values })
    case "text":
      return strict(shape.rules) ? orVariable({ type: "string", ...shape.rules }) : { type: "string", ...shape.rules }
    case "number":
    case "boolean":
      return orVariable({ type: shape.type, ...shape.rules })
    case "null":
      return { type: "null" }
    case "nothing":
      return { not: {} }
    case "again":
      if (definitions[shape.name] === undefined) {
        definitions[shape.name] = {}
        definitions[shape.name] = schemaOf(shape.get(), definitions)
      }
      return { $ref: `#/definitions/${shape.name}` }
    case "anything":
      return {}
  }
}

/** Rules that `${env:X}` may break. */
const strict = (rules: Rules): boolean =>
  Object.keys(rules).some((k) => k !== "minLength" || (rules.minLength as number) > 8)

/** Alternatives side by side, the one for variables once and last. */
const alternatives = (members: ReadonlyArray<JsonSchema>): ReadonlyArray<JsonSchema> => {
  const flat = members.flatMap((m) =>
    Object.keys(m).length === 1 && Array.isArray(m.anyOf) ? (m.anyOf as ReadonlyArray<JsonSchema>) : [m]
  )
  const isVariable = (m: JsonSchema) => m.$ref === "#/definitions/variable"
  return [...flat.filter((m) => !isVariable(m)), ...flat.filter(isVariable).slice(0, 1)]
}

const mapping = (shape: Shape & { readonly type: "mapping" }, definitions: Definitions): JsonSchema => {
  const required = shape.keys.filter((k) => !k.optional).map((k) => k.name)
  const { rest } = shape
  return {
    type: "object",
    properties: Object.fromEntries(
      shape.keys.map((k) => [
        k.name,
        {
          ...schemaOf(k.shape, definitions),
          ...(k.fallback === undefined || k.shape.secret ? {} : { default: k.fallback.value })
        }
      ])
    ),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: rest === undefined ? false : schemaOf(rest.shape, definitions),
    ...(rest === undefined || Object.keys(rest.names).length === 0
      ? {}
      : {
          propertyNames:
            shape.keys.length === 0 ? rest.names : { anyOf: [rest.names, { enum: shape.keys.map((k) => k.name) }] }
        })
  }
}
