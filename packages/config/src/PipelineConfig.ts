/**
 * The envelope of a pipeline document: header, sections, and the framework keys that stand beside `with`. The keys of a
 * node are exactly the options its layer takes. Decoding, defaults, JSON Schema and `cw explain` all read these schemas.
 */
import { parseRange } from "@coddiwomple/core/Addresses"
import { DurationText } from "@coddiwomple/core/DurationText"
import { defaultLimits } from "@coddiwomple/core/Guard"
import { suffixProblem } from "@coddiwomple/core/Names"
import type { Kind } from "@coddiwomple/core/Plugin"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export const apiVersion = "coddiwomple.io/v1alpha1"
export const kinds: ReadonlyArray<Kind> = ["source", "transform", "check", "sink"]
export const section = (kind: Kind): string => `${kind}s`

/** Pattern of a node's name; `model` is kept for `from`. */
export const nodeNamePattern = "^(?!model$)[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"

const label = Schema.String.check(
  Schema.isPattern(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/u, {
    expected: "lower-case letters, digits and dashes, at most 63, no dash at either end"
  })
)

const suffix = Schema.String.check(
  Schema.isPattern(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/u, {
    expected: "a domain without a dot at either end, as `global`"
  }),
  Schema.makeFilter((text: string) => suffixProblem(text), {
    expected: "a domain beside cluster.local, as `global`",
    toJsonSchema: () => [{ not: { pattern: "^((.+[.])?cluster[.])?local$" } }, true]
  })
)

const range = Schema.String.check(
  Schema.makeFilter(
    (cidr: string) => {
      const parsed = parseRange(cidr)
      return "problem" in parsed ? parsed.problem : undefined
    },
    { expected: "an IPv4 range, as 240.0.0.0/8", toJsonSchema: () => [{ pattern: "^[0-9.]+/[0-9]+$" }, true] }
  )
)

const from = Schema.Array(Schema.String).annotate({
  description:
    "The transforms it reads. Default of a transform: the model; of a sink: every transform that no other reads and whose output it takes; of a check: what the sinks read.",
  examples: [["mesh"]]
})

const common = {
  uses: Schema.NonEmptyString.annotate({
    description: "The plugin: the type of a built-in, a path as `./my-sink.ts`, or an npm package."
  }),
  with: Schema.optionalKey(Schema.Unknown.annotate({ description: "The plugin's own configuration." })),
  enabled: Schema.Boolean.annotate({ description: "False: the node is left out." }).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(true))
  ),
  description: Schema.optionalKey(Schema.String.annotate({ description: "For people; shown by `cw graph`." }))
}

const timeout = (description: string) => Schema.optionalKey(DurationText.annotate({ description }))

const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const Guard = Schema.Struct({
  deletes: count
    .annotate({ description: "Deletes in one target that are always allowed." })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(defaultLimits.deletes))),
  percent: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 100 }))
    .annotate({ description: "Deletes allowed as a part of what is owned in the target." })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(defaultLimits.percent)))
})

const Retry = Schema.Struct({
  initial: Schema.optionalKey(
    DurationText.annotate({ description: "First delay after a failure; it doubles. Default 1s." })
  ),
  max: Schema.optionalKey(DurationText.annotate({ description: "Longest delay. Default 2m." })),
  times: Schema.optionalKey(
    count.annotate({
      description:
        "Attempts of a run that ends by itself, default 3. A watching run never gives up on what may go better."
    })
  )
})

export const SourceConfig = Schema.Struct({
  ...common,
  timeout: timeout("How long it may take until it first answers.")
})
export const TransformConfig = Schema.Struct({
  ...common,
  from: Schema.optionalKey(from),
  timeout: timeout("Bound of one run.")
})
export const CheckConfig = Schema.Struct({
  ...common,
  from: Schema.optionalKey(from),
  timeout: timeout("Bound of one run.")
})
export const SinkConfig = Schema.Struct({
  ...common,
  from: Schema.optionalKey(from),
  policy: Schema.Literals(["upsert-only", "sync"])
    .annotate({ description: "`sync` deletes what it owns and is no longer wanted; `upsert-only` never deletes." })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("upsert-only" as const))),
  guard: Guard.annotate({ description: "More deletes than both limits allow are held." }).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed({}))
  ),
  retry: Schema.optionalKey(Retry.annotate({ description: "How failures are tried again." })),
  timeout: timeout("Bound of one plan or one apply.")
})

export const nodeConfig = {
  source: SourceConfig,
  transform: TransformConfig,
  check: CheckConfig,
  sink: SinkConfig
} as const

const Addresses = Schema.Struct({
  range: range
    .annotate({
      description:
        "Virtual IPs of services that declare none come from here, never from 240.240.0.0/16, which Istio uses."
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("240.0.0.0/8"))),
  lock: Schema.NonEmptyString.annotate({
    description: "File that pins addresses, so that nobody moves when someone is added. Commit it."
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed("cw.lock.json")))
})

export const ModelConfig = Schema.Struct({
  suffix: suffix
    .annotate({
      description:
        "Domain of the global names, as `global`: not that of Kubernetes, `cluster.local`, nor one above or below it."
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("global"))),
  prefer: Schema.Array(Schema.String)
    .annotate({ description: "Sources in the order in which they win where they disagree." })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed([]))),
  addresses: Addresses.annotate({ description: "Virtual IPs." }).pipe(Schema.withDecodingDefaultKey(Effect.succeed({})))
})

export type ModelConfig = typeof ModelConfig.Type

export const TriggerConfig = Schema.Struct({
  debounce: DurationText.annotate({
    description: "How long to wait for more events before a generation is made."
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed("100ms"))),
  firstSync: DurationText.annotate({
    description: "How long a watching run waits for the first word of every source."
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed("30s")))
})

export type TriggerConfig = typeof TriggerConfig.Type

export const MetadataConfig = Schema.Struct({
  name: Schema.optionalKey(
    label.annotate({
      description: "The owner id: it marks what this pipeline owns. Needed by every sink that deletes."
    })
  ),
  description: Schema.optionalKey(Schema.String.annotate({ description: "For people." }))
})

const nodes = (description: string) => Schema.Record(Schema.String, Schema.Unknown).annotate({ description })

/** The document; sections hold nodes, which are checked one by one. */
export const PipelineConfig = Schema.Struct({
  apiVersion: Schema.optionalKey(Schema.Literal(apiVersion).annotate({ description: "Version of this format." })),
  kind: Schema.optionalKey(Schema.Literal("Pipeline")),
  metadata: Schema.optionalKey(Schema.Unknown),
  sources: nodes("Where facts come from. All of them feed the model."),
  model: Schema.optionalKey(Schema.Unknown),
  transforms: Schema.optionalKey(nodes("What turns the model, or artifacts, into artifacts.")),
  checks: Schema.optionalKey(nodes("What may refuse a generation; never changes artifacts.")),
  sinks: nodes("Where artifacts go."),
  trigger: Schema.optionalKey(Schema.Unknown)
})

/** Header of a test document; the rest belongs to `cw test`. */
export const testKind = "PipelineTest"
