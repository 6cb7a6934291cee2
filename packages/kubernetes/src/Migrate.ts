/**
 * Takes over what `kubectl apply` (client side) and its like own, so that a field dropped from the configuration goes,
 * and list items do not double. Only on request: it rewrites managedFields, under a resource version precondition.
 */
import * as Effect from "effect/Effect"
import type { ApiError } from "./ApiError.ts"
import { manager as cw } from "./Apply.ts"
import type { Client } from "./Client.ts"
import { path, type Resource } from "./Discovery.ts"
import type { ManagedFields, Raw } from "./List.ts"
import type { Fields } from "./ManagedFields.ts"

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

const union = (a: Fields, b: Fields): Fields => {
  const out: Record<string, unknown> = { ...a }
  for (const [key, node] of Object.entries(b)) out[key] = key in out ? union(out[key] as Fields, node as Fields) : node
  return out
}

/** The new managedFields, or undefined when none of the named managers owns anything by update. */
export const takenOver = (
  live: Raw,
  managers: ReadonlyArray<string>,
  apiVersion: string,
  owner = cw
): ReadonlyArray<ManagedFields> | undefined => {
  const all = live.metadata.managedFields ?? []
  const isOld = (m: ManagedFields) =>
    managers.includes(m.manager ?? "") && m.operation === "Update" && (m.subresource ?? "") === ""
  const old = all.filter(isOld)
  if (old.length === 0) return undefined
  const isOurs = (m: ManagedFields) => m.manager === owner && m.operation === "Apply" && (m.subresource ?? "") === ""
  const ours = all.find(isOurs)
  const fields = [...(ours === undefined ? [] : [ours]), ...old].reduce<Fields>(
    (sum, m) => union(sum, m.fieldsV1 ?? {}),
    {}
  )
  const merged: ManagedFields = {
    manager: owner,
    operation: "Apply",
    apiVersion,
    ...(old[0]!.time === undefined ? {} : { time: old[0]!.time }),
    fieldsV1: fields,
    ...({ fieldsType: "FieldsV1" } as object)
  }
  return [...all.filter((m) => !isOld(m) && !isOurs(m)), merged]
}

/** True when there was something to take over. The next apply then decides about every field. */
export const migrate = (
  client: Client,
  resource: Resource,
  live: Raw,
  managers: ReadonlyArray<string>,
  apiVersion: string
): Effect.Effect<boolean, ApiError> => {
  const next = takenOver(live, managers, apiVersion)
  if (next === undefined) return Effect.succeed(false)
  const patch = [
    { op: "test", path: "/metadata/resourceVersion", value: live.metadata.resourceVersion },
    { op: "replace", path: "/metadata/managedFields", value: next },
    ...(live.metadata.annotations?.[lastApplied] === undefined
      ? []
      : [{ op: "remove", path: `/metadata/annotations/${lastApplied.replace(/~/g, "~0").replace(/\//g, "~1")}` }])
  ]
  return Effect.as(
    client.request({
      method: "PATCH",
      path: path(resource, live.metadata.namespace, live.metadata.name),
      query: { fieldManager: cw },
      contentType: "application/json-patch+json",
      body: JSON.stringify(patch)
    }),
    true
  )
}
