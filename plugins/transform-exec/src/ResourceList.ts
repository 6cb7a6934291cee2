/**
 * KRM ResourceList v1, the contract with commands in any language: objects in `items`, what we tell in
 * `functionConfig`, findings in `results`.
 */
import type { Artifact, KubernetesObject } from "@coddiwomple/core/Artifact"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { emit } from "@coddiwomple/core/Emit"
import type { Cluster, Service } from "@coddiwomple/core/Model"
import { PluginError } from "@coddiwomple/core/PluginError"
import { type Document, isMap, parseAllDocuments, parseDocument, type ScalarTag, type Tags } from "yaml"
import type { Config } from "./Config.ts"
import { type Ended, ended, problem, type Runner } from "./Run.ts"

export interface Answer {
  readonly items: ReadonlyArray<KubernetesObject>
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
}

export const request = (
  config: Config,
  items: ReadonlyArray<unknown>,
  spec: Readonly<Record<string, unknown>>
): string => {
  const list = {
    apiVersion: "config.kubernetes.io/v1",
    kind: "ResourceList",
    functionConfig: config.functionConfig ?? {
      apiVersion: "coddiwomple.io/v1alpha1",
      kind: "ExecConfig",
      metadata: { name: "cw" },
      spec: { ...spec, ...(config.config === undefined ? {} : { config: config.config }) }
    },
    items
  }
  return config.format === "json" ? `${JSON.stringify(list, undefined, 1)}\n` : emit(list)
}

/** What a command learns of the cluster and its services: plain data, no places, no connections. */
export const told = (cluster: Cluster, services: Iterable<Service>): Readonly<Record<string, unknown>> => {
  const { origin: _o, connection: _c, index: _i, source: _s, ...rest } = cluster
  return {
    cluster: rest,
    services: [...services]
      .sort((a, b) => (a.identity < b.identity ? -1 : 1))
      .map(({ origin: _origin, source: _source, backends, ...service }) => ({
        ...service,
        backends: backends.map(({ cluster, host, weight }) => ({
          cluster,
          host,
          ...(weight === undefined ? {} : { weight })
        }))
      }))
  }
}

/** As Kubernetes reads it: with the booleans of YAML 1.1, but neither dates nor numbers of base 60. */
const reading = {
  version: "1.1",
  logLevel: "silent",
  customTags: (tags: Tags): Tags =>
    tags.filter((t) => typeof t === "string" || (!t.tag.endsWith(":timestamp") && (t as ScalarTag).format !== "TIME"))
} as const

export const objectOf = (artifact: Artifact): unknown => parseDocument(artifact.text, reading).toJS()

/** Annotations that functions leave on items to find them again; they are not for the cluster. */
const bookkeeping = /^(internal\.config\.kubernetes\.io\/|config\.kubernetes\.io\/(index|path)$|config\.k8s\.io\/id$)/

/**
 * What a run said: the items and findings of a ResourceList; a failure where it ended badly or printed something else.
 * Where `items` are what counts, a list without them may be half a list: an empty one must say so.
 */
export const answer = (runner: Runner, run: Ended, items: "needed" | "ignored"): Answer | PluginError => {
  const list = parse(runner.program, run)
  // A function that fails may still say why in `results`.
  const found = list instanceof PluginError ? [] : findings(runner.program, list.results)
  if (run.code !== 0) {
    const failure = ended(runner, run)
    return new PluginError({
      ...failure,
      message: failure.message,
      diagnostics: [...(failure.diagnostics ?? []), ...found]
    })
  }
  if (list instanceof PluginError) return list
  if (items === "ignored") return { items: [], diagnostics: found }
  if (list.items === undefined)
    return problem("CW643", `${runner.program} printed a ResourceList without \`items\``, "print `items: []` for none")
  const objects: Array<KubernetesObject> = []
  for (const [i, item] of list.items.entries()) {
    const object = kubernetesObject(item)
    if (typeof object === "string")
      return problem("CW643", `${runner.program}: items[${i}] ${object}`, "every item is one Kubernetes object")
    objects.push(object)
  }
  return { items: objects, diagnostics: found }
}

interface List {
  readonly items: ReadonlyArray<unknown> | undefined
  readonly results: unknown
}

const parse = (program: string, { hide, stdout }: Ended): List | PluginError => {
  if (stdout.trim() === "") return problem("CW642", `${program} printed nothing`)
  const documents = parseAllDocuments(stdout, reading)
  const first = Array.isArray(documents) ? documents[0] : undefined
  const help = "print logs to standard error; standard output is one YAML or JSON document"
  if (first === undefined || documents.length !== 1 || first.errors.length > 0 || !isMap(first.contents)) {
    const begin = Diagnostic.printable(JSON.stringify(hide(stdout.trimStart()).split("\n")[0]!.slice(0, 60)))
    return problem("CW643", `${program} printed something other than one ResourceList: it begins with ${begin}`, help)
  }
  const list = values(first)
  if (list === undefined) return problem("CW643", `${program} printed YAML with too many aliases`)
  if (list.kind !== "ResourceList") {
    const kind = typeof list.kind === "string" ? list.kind : "document without kind"
    return problem("CW643", `${program} printed a ${kind}, not a ResourceList`, help)
  }
  const { items } = list
  return items === undefined || Array.isArray(items)
    ? { items, results: list.results }
    : problem("CW643", `${program}: \`items\` is not a list`, "`items` is a list of Kubernetes objects")
}

const values = (document: Document): Record<string, unknown> | undefined => {
  try {
    return document.toJS({ maxAliasCount: 100 }) as Record<string, unknown>
  } catch {
    return undefined
  }
}

/** The object without the functions' bookkeeping, or what is wrong with it. */
const kubernetesObject = (item: unknown): KubernetesObject | string => {
  if (typeof item !== "object" || item === null || Array.isArray(item)) return "is not an object"
  const { apiVersion, kind, metadata } = item as Record<string, unknown>
  if (typeof apiVersion !== "string" || typeof kind !== "string") return "has no apiVersion and kind"
  if (typeof metadata !== "object" || metadata === null) return "has no metadata"
  const { name, namespace, annotations, ...rest } = metadata as Record<string, unknown>
  if (typeof name !== "string") return "has no metadata.name"
  if (namespace !== undefined && typeof namespace !== "string") return "has a metadata.namespace that is no text"
  const [group, version, ...more] = apiVersion.split("/")
  if (
    more.length > 0 ||
    group === "" ||
    version === "" ||
    [kind, namespace ?? "", name].some((part) => part.includes("/"))
  )
    return "has a name that Kubernetes refuses"
  for (const key of ["labels", "annotations"] as const) {
    const strings = (metadata as Record<string, unknown>)[key] ?? {}
    if (typeof strings !== "object" || Object.values(strings).some((value) => typeof value !== "string"))
      return `has metadata.${key} that are not texts`
  }
  const kept = Object.entries((annotations ?? {}) as Record<string, string>).filter(([k]) => !bookkeeping.test(k))
  return {
    ...item,
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) }),
      ...rest
    }
  }
}

/** KRM results, one to one. */
const findings = (program: string, results: unknown): ReadonlyArray<Diagnostic.Diagnostic> => {
  if (!Array.isArray(results)) return []
  return results.flatMap((result: unknown) => {
    if (typeof result !== "object" || result === null) return []
    const { field, file, message, resourceRef, severity } = result as Record<string, unknown>
    const make = severity === "warning" ? Diagnostic.warning : severity === "info" ? Diagnostic.info : Diagnostic.error
    const said = Diagnostic.printable(typeof message === "string" ? message : "no message")
    const path = typeof field === "string" ? field : text(field, "path")
    const name = text(file, "path")
    return [
      make("CW646", `${program}: ${said}`, {
        object: reference(resourceRef),
        field: path,
        place: name === undefined ? undefined : { file: name }
      })
    ]
  })
}

const text = (of: unknown, key: string): string | undefined => {
  const value = typeof of === "object" && of !== null ? (of as Record<string, unknown>)[key] : undefined
  return typeof value === "string" ? value : undefined
}

const reference = (ref: unknown): Diagnostic.ObjectRef | undefined => {
  const [kind, name, namespace] = [text(ref, "kind"), text(ref, "name"), text(ref, "namespace")]
  return kind === undefined || name === undefined
    ? undefined
    : { kind, name, ...(namespace === undefined ? {} : { namespace }) }
}
