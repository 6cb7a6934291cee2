import * as Transform from "@coddiwomple/core/Transform"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { type ConfigSubject, judge } from "../src/index.ts"
import { jsonSchema, mutations } from "../src/ConfigLaw.ts"
import { breaks } from "./breaks.ts"
import oldExample from "./broken/C1-OldExample.ts"
import oneOfTwo from "./broken/C1-OneOfTwo.ts"
import silentPattern from "./broken/C1-SilentPattern.ts"

const Config = Schema.Struct({
  path: Schema.NonEmptyString.annotate({ description: "Where to" }),
  mode: Schema.optionalKey(Schema.Literals(["all", "some"])),
  retries: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(3))),
  labels: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  token: Schema.optionalKey(Schema.RedactedFromValue(Schema.String)),
  zones: Schema.optionalKey(
    Schema.Array(Schema.Struct({ name: Schema.String.pipe(Schema.check(Schema.isPattern(/^[a-z]+$/u))) }))
  )
})
const good = Transform.make({
  type: "test/config",
  summary: "Every kind of key",
  config: Config,
  examples: [
    { summary: "Little", config: { path: "out" } },
    {
      summary: "All",
      config: { path: "out", mode: "all", retries: 1, labels: { a: "b" }, token: "s3cret", zones: [{ name: "global" }] }
    }
  ],
  make: () => Transform.service(() => [])
})

describe("C1", () => {
  it("a good configuration", async () => {
    await Effect.runPromise(
      judge("C1", {
        plugin: good,
        rejects: [{ path: "" }, { path: "out", zones: [{ name: "A" }] }],
        accepts: [{ path: "x", retries: 0 }]
      })
    )
  })

  it.each([
    [
      "pattern",
      { plugin: silentPattern, rejects: [{ zone: "UPPER" }] },
      /the JSON Schema accepts a configuration that the test calls bad[\s\S]*with: {"zone":"UPPER"}/
    ],
    [
      "one of two",
      { plugin: oneOfTwo },
      /the JSON Schema accepts what the decoder refuses: with(\.file is missing| is an object)[\s\S]*give a file or a folder/
    ],
    [
      "example",
      { plugin: oldExample },
      /the JSON Schema refuses the example "The usual port"[\s\S]*\/port must be integer/
    ],
    ["no example", { plugin: { ...good, examples: [] } }, /the plugin has no examples/]
  ] as const)("a broken configuration: %s", async (_what, subject: ConfigSubject, message) => {
    await breaks(judge("C1", subject), "C1", message)
  })

  it("mutations change one thing each, everywhere", () => {
    const all = [...mutations({ a: [{ b: "x" }] })].map((m) => m.what)
    expect(all).toContain("with.a[0].b is missing")
    expect(all).toContain('with.a[0] has the unknown key "notAKey"')
    expect(all).toContain("with.a[0].b is a number")
    expect(new Set(all).size).toBe(all.length)
    expect(jsonSchema(Config)).toMatchObject({ additionalProperties: false, required: ["path"] })
  })
})
