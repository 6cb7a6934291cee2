/**
 * clusters.json as the live plugins need it: which clusters there are, and how to reach each. The format is the json
 * source's; here an address is optional, since a live cluster can be asked. Positions are computed only after a failure.
 */
import { dirname, resolve } from "node:path"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { ClusterFact } from "@coddiwomple/core/Fact"
import { located } from "@coddiwomple/core/Located"
import { isIstioVersion } from "@coddiwomple/core/Names"
import { decodeOptions } from "@coddiwomple/core/Node"
import { type PluginError, refused } from "@coddiwomple/core/PluginError"
import { help } from "@coddiwomple/core/Suggest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type * as Yaml from "yaml"
import { codeOf, readSmallFile } from "./SmallFile.ts"

const Text = Schema.optionalKey(Schema.String)
const Labels = Schema.optionalKey(Schema.Record(Schema.String, Schema.String))

const fields = {
  name: Schema.NonEmptyString,
  address: Text,
  addresses: Schema.optionalKey(Schema.Array(Schema.String)),
  kubeconfig_path: Text,
  kubeconfig_context: Text,
  /** As the example of the original tool spells it. */
  kubecondig_context: Text,
  region: Text,
  labels: Labels,
  istio_version: Schema.optionalKey(
    Schema.String.check(
      Schema.makeFilter((text) => isIstioVersion(text) || "it must be a version of Istio, as 1.26 or 1.26.3")
    )
  ),
  gateway: Schema.optionalKey(
    Schema.Struct({ namespace: Text, selector: Labels, port: Schema.optionalKey(Schema.Int) })
  ),
  config_namespace: Text,
  trust_domain: Text,
  domain: Text,
  dataplane: Schema.optionalKey(Schema.Literals(["sidecar", "ambient"])),
  dns: Schema.optionalKey(Schema.Struct({ platform: Text, clusterIP: Text }))
}
const Entry = Schema.Struct(fields)
type Entry = typeof Entry.Type
const decode = Schema.decodeUnknownResult(Entry, decodeOptions)
const issues = SchemaIssue.makeFormatterStandardSchemaV1()

/** Keys that may be meant, by the key that they stand below. */
const known: Readonly<Record<string, ReadonlyArray<string>>> = {
  "": Object.keys(fields).filter((k) => k !== "kubecondig_context"),
  gateway: ["namespace", "selector", "port"],
  dns: ["platform", "clusterIP"]
}

export interface Clusters {
  readonly facts: ReadonlyArray<ClusterFact>
  /** Findings of entries that could not be read: those clusters may exist. */
  readonly bad: ReadonlyArray<Diagnostic.Diagnostic>
  readonly warnings: ReadonlyArray<Diagnostic.Diagnostic>
}

type Path = ReadonlyArray<string | number>
type Places = (path: Path) => Diagnostic.Place

const places = (yaml: typeof Yaml, file: string, text: string): Places => {
  const lines = new yaml.LineCounter()
  const document = yaml.parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false })
  const source = text.split("\n")
  const spot = (offset: number): Diagnostic.Place => {
    const { line, col } = lines.linePos(offset)
    return { file, line, col, source: source[line - 1] ?? "" }
  }
  return (path) => {
    if (document.errors.length > 0) return spot(document.errors[0]!.pos[0])
    for (let length = path.length; length >= 0; length--) {
      const node = document.getIn(path.slice(0, length), true) as { readonly range?: ReadonlyArray<number> } | undefined
      if (node?.range !== undefined) return spot(node.range[0]!)
    }
    return { file }
  }
}

const factOf = (
  entry: Entry,
  order: number,
  near: (path: string) => string,
  file: string,
  place: (field?: Path) => Diagnostic.Place
): ClusterFact => {
  const context = entry.kubeconfig_context ?? entry.kubecondig_context
  const connection = {
    ...(entry.kubeconfig_path ? { kubeconfigPath: near(entry.kubeconfig_path) } : {}),
    ...(context ? { context } : {})
  }
  const { namespace, port, selector } = entry.gateway ?? {}
  const optional = {
    connection: Object.keys(connection).length === 0 ? undefined : connection,
    region: entry.region,
    labels: entry.labels,
    istioVersion: entry.istio_version,
    gateway:
      entry.gateway === undefined
        ? undefined
        : {
            ...(namespace === undefined ? {} : { namespace }),
            ...(selector === undefined ? {} : { selector }),
            ...(port === undefined ? {} : { port })
          },
    configNamespace: entry.config_namespace,
    trustDomain: entry.trust_domain,
    domain: entry.domain,
    dataplane: entry.dataplane,
    dns: entry.dns
  }
  return {
    kind: "cluster",
    name: entry.name,
    addresses: [...new Set([entry.address ?? "", ...(entry.addresses ?? [])])].filter((a) => a !== ""),
    order,
    ...(Object.fromEntries(Object.entries(optional).filter(([, v]) => v !== undefined)) as Omit<
      ClusterFact,
      "kind" | "name" | "addresses" | "origin"
    >),
    origin: { label: file, place }
  }
}

/** What the text of a clusters file says. Fails when it is no list at all. */
export const parse = (file: string, shown: string, text: string, home?: string): Effect.Effect<Clusters, PluginError> =>
  Effect.gen(function* () {
    // Kubeconfigs need it anyway.
    const yaml = yield* Effect.promise(() => import("yaml"))
    let placing: Places | undefined
    const at = (path: Path): Diagnostic.Place => {
      placing ??= places(yaml, shown, text)
      return placing(path)
    }
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      return yield* refused([Diagnostic.error("CW002", `${shown} is not valid JSON`, { place: at([]) })])
    }
    const entries = Array.isArray(json) ? json : undefined
    if (entries === undefined) {
      return yield* refused([Diagnostic.error("CW401", `${shown} must be a list of clusters`, { place: at([]) })])
    }
    const decoded = entries.map((entry) => decode(entry))
    const facts: Array<ClusterFact> = []
    const bad: Array<Diagnostic.Diagnostic> = []
    const warnings: Array<Diagnostic.Diagnostic> = []
    const near = (path: string) => located({ resolve }, { directory: dirname(file), home }, path)
    decoded.forEach((result, i) => {
      if (result._tag === "Failure") {
        for (const issue of issues(result.failure.issue).issues) {
          const path = (issue.path ?? []).map((p) => (typeof p === "object" ? String(p.key) : (p as string | number)))
          const last = path.at(-1)
          const unknown = /excess property/i.test(issue.message)
          const field = path.join(".")
          bad.push(
            Diagnostic.error(
              unknown ? "CW402" : "CW401",
              unknown
                ? `unknown key ${JSON.stringify(last)}`
                : `cluster ${i + 1}: ${field === "" ? "" : `${field}: `}${issue.message}`,
              {
                place: at([i, ...path]),
                ...(unknown ? { help: help(String(last), known[path.slice(0, -1).join(".")] ?? []) } : {})
              }
            )
          )
        }
        return
      }
      const entry = result.success
      if (facts.some((f) => f.name === entry.name)) {
        bad.push(Diagnostic.error("CW404", `cluster ${entry.name} is named twice`, { place: at([i, "name"]) }))
        return
      }
      if (entry.kubecondig_context !== undefined) {
        const place = at([i, "kubecondig_context"])
        warnings.push(
          Diagnostic.warning("CW403", '"kubecondig_context" is an old misspelling', {
            place,
            help: 'write "kubeconfig_context"'
          })
        )
      }
      facts.push(factOf(entry, i, near, shown, (field) => at([i, ...(field ?? [])])))
    })
    return { facts, bad, warnings }
  })

/** `home`: where `~/` leads. */
export const read = (file: string, shown: string, home?: string): Effect.Effect<Clusters, PluginError> =>
  Effect.tryPromise({
    try: async (signal) => (await readSmallFile(file, signal)).toString("utf8"),
    catch: (cause) => {
      const code = codeOf(cause)
      const why = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`
      return refused([Diagnostic.error("CW003", `${shown} ${why}`, { place: { file: shown } })])
    }
  }).pipe(Effect.flatMap((text) => parse(file, shown, text.replace(/^\ufeff/, ""), home)))
