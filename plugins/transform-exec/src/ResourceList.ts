/**
 * KRM ResourceList v1, the contract with commands in any language: objects in `items`, what we tell in
 * `functionConfig`, findings in `results`.
 */
import type { Artifact, KubernetesObject } from "@coddiwomple/core/Artifact"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { emit } from "@coddiwomple/core/Emit"
import type { Cluster, Service } from "@coddiwomple/core/Model"
import type { PluginError } from "@coddiwomple/core/PluginError"
import { isMap, parseAllDocuments, parseDocument } from "yaml"
import type { Config } from "./Config.ts"
import { problem } from "./Run.ts"

export interface Answer {
  readonly items: ReadonlyArray<KubernetesObject>
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
}

export const request = (
  config: Config,
  items: ReadonlyArray<unknown>,
  spec: Readonly<Record<string, unknown>>
): string =>
  emit({
    apiVersion: "config.kubernetes.io/v1",
    kind: "ResourceList",
    functionConfig: config.functionConfig ?? {
      apiVersion: "coddiwomple.io/v1alpha1",
      kind: "ExecConfig",
      metadata: { name: "cw" },
      spec: { ...spec, ...(config.config === undefined ? {} : { config: config.config }) }
    },
    items
  })

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

export const objectOf = (artifact: Artifact): unknown => parseDocument(artifact.text, { version: "1.1" }).toJS()

/** Annotations that functions leave on items to find them again; they are not for the cluster. */
const bookkeeping = /^(internal\.)?config\.kubernetes\.io\//

export const answer = (program: string, stdout: string): Answer | PluginError => {
  if (stdout.trim() === "") return problem("CW642", `${program} printed nothing`)
  const documents = parseAllDocuments(stdout, { version: "1.1", logLevel: "silent" })
  const first = Array.isArray(documents) ? documents[0] : undefined
  if (first === undefined || documents.length !== 1 || first.errors.length > 0 || !isMap(first.contents)) {
    return problem(
      "CW643",
      `${program} printed something other than one ResourceList`,
      "print logs to standard error; standard output is one YAML document"
    )
  }
  const list = first.toJS({ maxAliasCount: 100 }) as Record<string, unknown>
  if (list.kind !== "ResourceList")
    return problem("CW643", `${program} printed a ${String(list.kind ?? "document without kind")}, not a ResourceList`)
  const items = list.items ?? []
  if (!Array.isArray(items)) return problem("CW643", `${program}: \`items\` is not a list`)
  const objects: Array<KubernetesObject> = []
  for (const [i, item] of items.entries()) {
    const object = kubernetesObject(item)
    if (object === undefined)
      return problem("CW643", `${program}: items[${i}] has no apiVersion, kind and metadata.name`)
    objects.push(object)
  }
  return { items: objects, diagnostics: findings(program, list.results) }
}

const kubernetesObject = (item: unknown): KubernetesObject | undefined => {
  if (typeof item !== "object" || item === null) return undefined
  const { apiVersion, kind, metadata } = item as Record<string, unknown>
  if (typeof apiVersion !== "string" || typeof kind !== "string" || typeof metadata !== "object" || metadata === null)
    return undefined
  const { name, namespace, annotations, ...rest } = metadata as Record<string, unknown>
  if (typeof name !== "string" || (namespace !== undefined && typeof namespace !== "string")) return undefined
  if (
    [apiVersion.split("/")[0]!, kind, namespace ?? "", name].some(
      (part) => apiVersion.split("/").length > 2 || part.includes("/")
    )
  )
    return undefined
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
  return results.flatMap((r: unknown) => {
    if (typeof r !== "object" || r === null) return []
    const { message, severity, resourceRef, field } = r as Record<string, any>
    const make = severity === "warning" ? Diagnostic.warning : severity === "info" ? Diagnostic.info : Diagnostic.error
    const object =
      typeof resourceRef?.kind === "string" && typeof resourceRef?.name === "string"
        ? {
            kind: resourceRef.kind,
            name: resourceRef.name,
            ...(typeof resourceRef.namespace === "string" ? { namespace: resourceRef.namespace } : {})
          }
        : undefined
    const path = typeof field === "string" ? field : typeof field?.path === "string" ? field.path : undefined
    return [make("CW646", `${program}: ${String(message ?? "no message")}`, { object, field: path })]
  })
}
