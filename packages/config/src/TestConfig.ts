/**
 * The shape of a `PipelineTest` document, and its reading: what stands in for each source, and what each node must then
 * make. Pure; every problem has its place.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { decodeOptions } from "@coddiwomple/core/Node"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import * as Schema from "effect/Schema"
import { findings } from "./Findings.ts"
import { fieldText } from "./Interpolation.ts"
import type { PipelineTest } from "./Pipeline.ts"
import { apiVersion, testKind } from "./PipelineConfig.ts"
import type { Path } from "./Tree.ts"

const Data = (what: string) =>
  Schema.Union([Schema.NonEmptyString, Schema.Array(Schema.Record(Schema.String, Schema.Unknown))]).annotate({
    description: `${what}: a list as in the files of the json source, or the path of such a file`
  })

const Given = Schema.Struct({
  clusters: Schema.optionalKey(Data("Clusters")),
  services: Schema.optionalKey(Data("Services")),
  facts: Schema.optionalKey(
    Schema.Array(Schema.Record(Schema.String, Schema.Unknown)).annotate({
      description: "Facts as sources emit them: each with its `kind`, cluster, service or backend"
    })
  ),
  file: Schema.optionalKey(
    Schema.NonEmptyString.annotate({ description: "A YAML or JSON file with `clusters`, `services` and `facts`" })
  )
})
export type Given = typeof Given.Type

const Pattern = Schema.Record(Schema.String, Schema.Unknown)
export type Pattern = typeof Pattern.Type

const Expectation = Schema.Struct({
  count: Schema.optionalKey(
    Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).annotate({
      description: "Number of objects and files, each counted once for every cluster that gets it"
    })
  ),
  contains: Schema.optionalKey(
    Schema.Array(Pattern).annotate({
      description:
        "Parts of objects, each found in at least one; beside the keys of the object, `cluster` names who gets it"
    })
  ),
  absent: Schema.optionalKey(Schema.Array(Pattern).annotate({ description: "Parts of objects that none may have" })),
  golden: Schema.optionalKey(
    Schema.NonEmptyString.annotate({ description: "File with the whole output; `cw test --update` writes it" })
  )
})
export type Expectation = typeof Expectation.Type

const Expected = Schema.Struct({
  code: Schema.optionalKey(Schema.NonEmptyString),
  severity: Schema.optionalKey(Schema.Literals(["error", "warning", "info"])),
  message: Schema.optionalKey(Schema.String.annotate({ description: "A part of the message" })),
  node: Schema.optionalKey(Schema.String),
  service: Schema.optionalKey(Schema.String)
})
export type Expected = typeof Expected.Type

export const TestConfig = Schema.Struct({
  apiVersion: Schema.optionalKey(Schema.Literal(apiVersion)),
  kind: Schema.Literal(testKind),
  metadata: Schema.Struct({ name: Schema.NonEmptyString, description: Schema.optionalKey(Schema.String) }),
  pipeline: Schema.optionalKey(
    Schema.NonEmptyString.annotate({ description: "metadata.name of the pipeline, where the file holds several" })
  ),
  file: Schema.optionalKey(
    Schema.NonEmptyString.annotate({
      description:
        "Pipeline file, relative to this one. Default: this file, else pipeline.yaml or pipeline.ts beside it"
    })
  ),
  given: Schema.Struct({ sources: Schema.Record(Schema.String, Given) }),
  expect: Schema.Struct({
    nodes: Schema.Record(Schema.String, Expectation),
    diagnostics: Schema.optionalKey(
      Schema.Array(Expected).annotate({
        description: "Exactly these findings. Where the key is absent, warnings are welcome and errors are not"
      })
    )
  })
})
export type TestConfig = typeof TestConfig.Type

/** The keys of nodes stand beside `diagnostics` in the document. */
const separated = (value: Readonly<Record<string, unknown>>): unknown => {
  const { expect } = value
  if (typeof expect !== "object" || expect === null || Array.isArray(expect)) return value
  const { diagnostics, ...nodes } = expect as Record<string, unknown>
  return { ...value, expect: { nodes, ...(diagnostics === undefined ? {} : { diagnostics }) } }
}

const written = (path: Path): Path =>
  path[0] === "expect" && path[1] === "nodes" ? ["expect", ...path.slice(2)] : path

export const readTest = (
  test: PipelineTest
): { readonly config: TestConfig } | { readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic> } => {
  const value = separated(test.value)
  const exit = Schema.decodeUnknownExit(TestConfig, decodeOptions)(value)
  if (Exit.isSuccess(exit)) return { config: exit.value }
  const error = Cause.squash(exit.cause)
  if (!Schema.isSchemaError(error)) throw error
  return {
    diagnostics: findings(error.issue, value, "a test").map((f) => {
      const path = written(f.path)
      const place = test.place(path, f.code === "CW102" || f.code === "CW103" ? "key" : "value")
      return Diagnostic.error(f.code, f.message, { place, field: fieldText(path), help: f.help })
    })
  }
}
