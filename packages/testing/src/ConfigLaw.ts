/** The law of configurations: what an editor accepts by the JSON Schema is what `cw` accepts, key for key. */
import { decodeOptions } from "@coddiwomple/core/Node"
import { Ajv } from "ajv"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as JsonSchema from "effect/JsonSchema"
import * as Schema from "effect/Schema"
import { broken } from "./Judge.ts"
import { clip, LawBroken } from "./Law.ts"
import { configOf } from "./Process.ts"
import type { ConfigSubject } from "./Subject.ts"

/** The JSON Schema (draft-07, closed) of a plugin's configuration. */
export const jsonSchema = (config: Schema.ConstraintCodec<unknown, unknown, never, never>): Record<string, unknown> => {
  const { schema, definitions } = JsonSchema.toDocumentDraft07(
    Schema.toJsonSchemaDocument(config, { onExcessProperty: "error" })
  )
  return { ...schema, definitions }
}

export const C1 = (subject: ConfigSubject): Effect.Effect<void, LawBroken> =>
  Effect.gen(function* () {
    const { examples = [], config: schema } = subject.plugin
    if (examples.length === 0)
      return yield* broken("C1", "the plugin has no examples", ["add `examples: [{ summary, config }]` to the plugin"])
    const validate = yield* Effect.try({
      try: () => new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(jsonSchema(schema)),
      catch: (cause) => new LawBroken("C1", "no JSON Schema can be made of the configuration", [String(cause)])
    })
    const decode = Schema.decodeUnknownEffect(schema as Schema.ConstraintCodec<unknown, unknown>, decodeOptions)

    const verdicts = (value: unknown) =>
      Effect.map(Effect.exit(Effect.suspend(() => decode(value))), (exit) => {
        const accepted = validate(value)
        const problems = (validate.errors ?? []).map(
          (e) => `${e.instancePath === "" ? "the whole" : e.instancePath} ${e.message}`
        )
        return {
          schema: { accepts: accepted, why: problems },
          decoder: { accepts: exit._tag === "Success", why: exit._tag === "Success" ? [] : reason(exit.cause) }
        }
      })

    const mustBe = (what: string, value: unknown, wanted: boolean) =>
      Effect.gen(function* () {
        const { schema, decoder } = yield* verdicts(value)
        for (const [who, { accepts, why }] of [
          ["JSON Schema", schema],
          ["decoder", decoder]
        ] as const) {
          if (accepts === wanted) continue
          return yield* broken("C1", `the ${who} ${wanted ? "refuses" : "accepts"} ${what}`, [show(value), ...why])
        }
      })

    for (const e of examples) yield* mustBe(`the example "${e.summary}"`, e.config, true)
    if (subject.config !== undefined) yield* mustBe("the configuration of the test", subject.config, true)
    for (const value of subject.accepts ?? []) yield* mustBe("a configuration that the test calls good", value, true)
    for (const value of subject.rejects ?? []) yield* mustBe("a configuration that the test calls bad", value, false)

    for (const base of [...examples.map((e) => e.config), configOf(subject)]) {
      for (const { what, value } of mutations(base)) {
        const { schema, decoder } = yield* verdicts(value)
        if (schema.accepts === decoder.accepts) continue
        const [yes, no] = schema.accepts ? ["JSON Schema", "decoder"] : ["decoder", "JSON Schema"]
        return yield* broken("C1", `the ${yes} accepts what the ${no} refuses: ${what}`, [
          show(value),
          ...schema.why,
          ...decoder.why
        ])
      }
    }
  })

const reason = (cause: Cause.Cause<unknown>): ReadonlyArray<string> => {
  const error = Cause.squash(cause)
  return (error instanceof Error ? error.message : String(error)).split("\n").slice(0, 4)
}

const show = (value: unknown): string => `with: ${clip(JSON.stringify(value) ?? "undefined", 400)}`

interface Mutation {
  readonly what: string
  readonly value: unknown
}

const others: ReadonlyArray<readonly [type: string, value: unknown]> = [
  ["null", null],
  ["a number", 42.5],
  ["a boolean", true],
  ["a text", "text"],
  ["a list", []],
  ["an object", {}]
]

/** One change at one place: a key dropped, an unknown key added, a value of another type. */
export function* mutations(value: unknown, path = "with"): Generator<Mutation> {
  const type = typeOf(value)
  for (const [name, other] of others) if (typeOf(other) !== type) yield { what: `${path} is ${name}`, value: other }
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) {
      for (const m of mutations(item, `${path}[${i}]`))
        yield { what: m.what, value: value.map((v, j) => (i === j ? m.value : v)) }
    }
  } else if (typeof value === "object" && value !== null) {
    yield { what: `${path} has the unknown key "notAKey"`, value: { ...value, notAKey: true } }
    for (const [key, item] of Object.entries(value)) {
      const { [key]: _dropped, ...rest } = value as Record<string, unknown>
      yield { what: `${path}.${key} is missing`, value: rest }
      for (const m of mutations(item, `${path}.${key}`)) yield { what: m.what, value: { ...value, [key]: m.value } }
    }
  }
}

const typeOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value)
