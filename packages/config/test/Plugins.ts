/** The plugin set of these tests: small stand-ins with configurations of every form that plugins use. */
import * as Artifact from "@coddiwomple/core/Artifact"
import * as Check from "@coddiwomple/core/Check"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { DurationText } from "@coddiwomple/core/DurationText"
import type { AnyPlugin, Kind } from "@coddiwomple/core/Plugin"
import * as Sink from "@coddiwomple/core/Sink"
import * as Source from "@coddiwomple/core/Source"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Transform from "@coddiwomple/core/Transform"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const fallback = <S extends Schema.Constraint>(value: S["Encoded"]) =>
  Schema.withDecodingDefaultKey<S>(Effect.succeed(value))

export const json = Source.make({
  type: "json",
  summary: "Reads clusters.json and services.json",
  config: Schema.Struct({
    clusters: Schema.NonEmptyString.annotate({ description: "File with the clusters.", examples: ["clusters.json"] }),
    services: Schema.NonEmptyString.annotate({ description: "File with the services." }),
    watch: Schema.Boolean.annotate({ description: "Reads again when a file changes." }).pipe(fallback(true))
  }),
  examples: [{ summary: "Two files", config: { clusters: "clusters.json", services: "services.json" } }],
  make: () => Source.once("files", () => ({ facts: [] }))
})

export const kubernetes = Source.make({
  type: "kubernetes",
  summary: "Watches live clusters",
  config: Schema.Struct({
    contexts: Schema.Array(Schema.NonEmptyString).check(Schema.isMinLength(1)),
    select: Schema.optionalKey(Schema.Struct({ labels: Schema.String })),
    labels: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
  }),
  make: () => Source.once("live", () => ({ facts: [] }))
})

export const mesh = Transform.make({
  type: "istio-global-dns",
  summary: "Istio objects for global names",
  config: Schema.Struct({
    profile: Schema.Literals(["mtls", "classic", "plaintext", "tls"])
      .annotate({ description: "How traffic crosses clusters." })
      .pipe(fallback("mtls" as const)),
    gateway: Schema.Struct({
      namespace: Schema.String.pipe(fallback("istio-system")),
      port: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65535 })).pipe(fallback(15443))
    })
      .annotate({ description: "The gateway between clusters." })
      .pipe(fallback({}))
  }),
  make: () => Transform.service((service, fleet) => [Artifact.file(fleet.all, service.name, service.address)])
})

export const dns = Transform.make({
  type: "coredns",
  summary: "Zone files",
  config: Schema.Struct({
    zone: Schema.String.pipe(fallback("global")),
    ttl: DurationText.annotate({ description: "How long an answer may be kept." }).pipe(fallback("30s"))
  }),
  produces: ["file"],
  make: () => Transform.model(() => [])
})

export const labels = Transform.make({
  type: "labels",
  summary: "Adds labels",
  config: Schema.Struct({ team: Schema.String }),
  make: () => Transform.artifact((a) => [a])
})

const exec = Schema.Struct({ command: Schema.Array(Schema.String).check(Schema.isMinLength(1)) })
export const run = Transform.make({
  type: "exec",
  summary: "Runs a command",
  config: exec,
  make: () => Transform.set(() => [])
})
export const audit = Check.make({
  type: "exec",
  summary: "Runs a command",
  config: exec,
  make: () => Check.set(() => [])
})

const nothing = Sink.write(() => undefined)

export const stdout = Sink.make({
  type: "stdout",
  summary: "Prints",
  config: Schema.Struct({}),
  deletes: false,
  make: () => nothing
})

export const files = Sink.make({
  type: "files",
  summary: "Writes files",
  config: Schema.Struct({ path: Schema.NonEmptyString }),
  exclusive: ({ path }) => [`file:${path}`],
  make: () => nothing
})

export const apply = Sink.make({
  type: "kubectl-apply",
  summary: "Applies objects",
  config: Schema.Struct({
    context: Schema.NonEmptyString,
    fieldManager: Schema.String.pipe(fallback("cw")),
    concurrency: Schema.optionalKey(Schema.Int),
    prune: Schema.optionalKey(Schema.Boolean)
  }),
  accepts: ["object"],
  make: () => nothing
})

interface Rule {
  readonly match: string
  readonly also?: ReadonlyArray<Rule>
}
const Rule: Schema.Codec<Rule> = Schema.Struct({
  match: Schema.String,
  also: Schema.optionalKey(Schema.Array(Schema.suspend((): Schema.Codec<Rule> => Rule)))
})

export const webhook = Sink.make({
  type: "webhook",
  summary: "Posts to a URL",
  config: Schema.Struct({
    url: Schema.String.check(
      Schema.isPattern(/^https?:\/\//u, { expected: "a URL that starts with http:// or https://" })
    ).annotate({ description: "Where to post." }),
    token: Schema.optionalKey(Schema.RedactedFromValue(Schema.String).annotate({ description: "Bearer token." })),
    port: Schema.optionalKey(Schema.Finite),
    secure: Schema.optionalKey(Schema.Boolean),
    level: Schema.optionalKey(Schema.Union([Schema.Literals(["low", "high"]), Schema.Finite])),
    auth: Schema.optionalKey(
      Schema.Union([
        Schema.Struct({
          type: Schema.Literal("basic"),
          user: Schema.String,
          password: Schema.RedactedFromValue(Schema.String)
        }),
        Schema.Struct({ type: Schema.Literal("bearer"), token: Schema.RedactedFromValue(Schema.String) })
      ])
    ),
    note: Schema.optional(Schema.String),
    rules: Schema.optionalKey(Schema.Array(Rule)),
    echo: Schema.optionalKey(
      Schema.String.check(
        Schema.makeFilter((text: string) => (text.startsWith("ok") ? undefined : `"${text}" does not start with ok`))
      )
    )
  }),
  deletes: false,
  exclusive: ({ url }) => [`http:${url}`],
  make: () => nothing
})

export const git = Sink.make({
  type: "git",
  summary: "Commits files",
  config: Schema.Struct({
    url: Schema.String,
    branch: Schema.String.pipe(fallback("main")),
    path: Schema.optionalKey(Schema.String)
  }),
  exclusive: ({ url, branch, path }) => [`git:${url}#${branch}/${path ?? ""}`],
  make: () => nothing
})

export const broken = Sink.make({
  type: "broken",
  summary: "Has faults",
  config: Schema.Struct({
    path: Schema.String.check(
      Schema.makeFilter((path: string) => {
        if (path === "boom") throw new Error("the filter itself fails")
        return true
      })
    )
  }),
  exclusive: () => {
    throw new Error("no")
  },
  make: () => nothing
})

export const plugins: ReadonlyArray<{ readonly uses: string; readonly plugin: AnyPlugin }> = [
  json,
  kubernetes,
  mesh,
  dns,
  labels,
  run,
  audit,
  stdout,
  files,
  apply,
  webhook,
  git,
  broken
].map((plugin) => ({ uses: plugin.type, plugin }))

/** Finds a plugin as the CLI's loader does. */
export const resolve = (uses: string, kind: Kind): Effect.Effect<AnyPlugin | Diagnostic.Diagnostic> =>
  Effect.sync(() => {
    const named = plugins.filter((p) => p.uses === uses).map((p) => p.plugin)
    const found = named.find((p) => p["~cw/Plugin/v1"] === kind) ?? named[0]
    if (found !== undefined) return found
    if (uses.startsWith("off:")) return Diagnostic.info("CW207", `plugin \`${uses}\` is not loaded`)
    if (uses.startsWith("./"))
      return Diagnostic.error("CW202", `plugin "${uses}" cannot be loaded: there is no such file`)
    const known = plugins.filter((p) => p.plugin["~cw/Plugin/v1"] === kind).map((p) => p.uses)
    return Diagnostic.error("CW201", `unknown ${kind} "${uses}"`, { help: Suggest.help(uses, known) })
  })
