/**
 * One object in one cluster: server-side apply, dry run, read, delete with a UID precondition, release of fields. Bodies
 * are raw JSON, the field manager is constant. What only the server may set is never sent.
 */
import * as Effect from "effect/Effect"
import { ApiError } from "./ApiError.ts"
import type { Client } from "./Client.ts"
import { apiVersion, isPathSegment, path, type Resource } from "./Discovery.ts"
import type { Raw } from "./List.ts"

/** The field manager of whole objects. No version and no host in it: ownership would split. */
export const manager = "cw"

/** Two pipelines may share an object whose fields they own, so each needs a name there. */
export const fieldsManager = (pipeline: string): string => `cw:${pipeline}`.slice(0, 128)

export type Body = Readonly<Record<string, unknown>>

const serverOwned = [
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "managedFields",
  "selfLink"
]

const withoutNulls = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.filter((v) => v !== null).map(withoutNulls)
  if (typeof value !== "object" || value === null) return value
  const out: Record<string, unknown> = {}
  for (const [k, v] of Object.entries(value)) if (v !== null && v !== undefined) out[k] = withoutNulls(v)
  return out
}

/** What may be sent of an object, with labels added. */
export const prepare = (object: Body, labels: Readonly<Record<string, string>> = {}): Body => {
  const { status: _status, stringData, ...rest } = withoutNulls(object) as Record<string, unknown>
  const metadata = { ...(rest.metadata as Record<string, unknown>) }
  for (const key of serverOwned) delete metadata[key]
  if (Object.keys(labels).length > 0)
    metadata.labels = { ...(metadata.labels as Record<string, string> | undefined), ...labels }
  // Only the server's form of a Secret can be compared.
  const data =
    rest.kind === "Secret" && typeof stringData === "object" && stringData !== null
      ? {
          data: {
            ...(rest.data as object | undefined),
            ...Object.fromEntries(
              Object.entries(stringData).map(([k, v]) => [k, Buffer.from(String(v)).toString("base64")])
            )
          }
        }
      : {}
  return { ...rest, metadata, ...data }
}

export interface Applied {
  readonly object: Raw
  readonly created: boolean
  readonly warnings: ReadonlyArray<string>
  readonly attempts: number
}

export interface ApplyOptions {
  readonly manager?: string
  /** Takes fields that other managers own. */
  readonly force: boolean
  readonly dryRun?: boolean
  readonly budget?: number
}

/** The path of an object, or a refusal: nothing is sent under a name that could mean something else. */
const pathOf = (resource: Resource, namespace: string | undefined, name: string): Effect.Effect<string, ApiError> =>
  isPathSegment(name) && (namespace === undefined || namespace === "" || isPathSegment(namespace))
    ? Effect.succeed(path(resource, namespace, name))
    : Effect.fail(
        new ApiError({
          reason: "Invalid",
          message: `${JSON.stringify(name)} in namespace ${JSON.stringify(namespace ?? "")} cannot be the name of an object`,
          attempts: 0
        })
      )

/** Milliseconds for one attempt: the server ends its own after 34 s, and who has little patience does not wait for that. */
const attempt = (budget: number | undefined): number => Math.min(40_000, Math.max(5000, budget ?? 40_000))

export const apply = (
  client: Client,
  resource: Resource,
  body: Body,
  options: ApplyOptions
): Effect.Effect<Applied, ApiError> => {
  const { name, namespace } = body.metadata as { readonly name: string; readonly namespace?: string }
  return Effect.flatMap(pathOf(resource, namespace, name), (at) =>
    client.request({
      method: "PATCH",
      path: at,
      query: {
        fieldManager: options.manager ?? manager,
        force: String(options.force),
        // Unknown fields are refused by any apply; what strictness adds is a second parse of every body.
        fieldValidation: "Ignore",
        ...(options.dryRun === true ? { dryRun: "All" } : {})
      },
      contentType: "application/apply-patch+yaml",
      body: JSON.stringify(body),
      timeout: attempt(options.budget),
      ...(options.budget === undefined ? {} : { budget: options.budget })
    })
  ).pipe(
    Effect.map(({ status, body: object, warnings, attempts }) => ({
      object: object as Raw,
      created: status === 201,
      warnings,
      attempts
    }))
  )
}

/** The live object, or undefined. */
export const get = (
  client: Client,
  resource: Resource,
  namespace: string | undefined,
  name: string,
  budget?: number
): Effect.Effect<Raw | undefined, ApiError> =>
  pathOf(resource, namespace, name).pipe(
    Effect.flatMap((at) =>
      client.request({
        method: "GET",
        path: at,
        timeout: attempt(budget),
        ...(budget === undefined ? {} : { budget })
      })
    ),
    Effect.map(({ body }) => body as Raw | undefined),
    Effect.catchTag("ApiError", (error) =>
      error.reason === "NotFound" ? Effect.succeed(undefined) : Effect.fail(error)
    )
  )

/**
 * `deleting`: accepted, but finalizers keep it. `replaced`: another object has the name now, or where a version was
 * given, the object has another one; it is left alone.
 */
export type Removed = "deleted" | "deleting" | "replaced"

export const remove = (
  client: Client,
  resource: Resource,
  namespace: string | undefined,
  name: string,
  uid: string,
  budget?: number,
  version?: string
): Effect.Effect<Removed, ApiError> =>
  pathOf(resource, namespace, name).pipe(
    Effect.flatMap((at) =>
      client.request({
        method: "DELETE",
        path: at,
        body: JSON.stringify({
          apiVersion: "v1",
          kind: "DeleteOptions",
          propagationPolicy: "Background",
          preconditions: { uid, ...(version === undefined ? {} : { resourceVersion: version }) }
        }),
        timeout: attempt(budget),
        ...(budget === undefined ? {} : { budget })
      })
    ),
    Effect.map(
      ({ body }): Removed =>
        (body as Raw).metadata?.deletionTimestamp !== undefined && ((body as Raw).metadata.finalizers?.length ?? 0) > 0
          ? "deleting"
          : "deleted"
    ),
    Effect.catchTag("ApiError", (error) => {
      // Gone already, by an earlier attempt or by someone else: what was wanted.
      if (error.reason === "NotFound") return Effect.succeed<Removed>("deleted")
      // After a lost answer this says that ours is deleted and another one was created.
      if (error.reason === "Precondition")
        return Effect.succeed<Removed>(error.doubt === true && version === undefined ? "deleted" : "replaced")
      return Effect.fail(error)
    })
  )

/** Gives up all fields of a manager; fields that nobody else owns go. Never creates and never deletes the object. */
export const release = (
  client: Client,
  resource: Resource,
  live: Raw,
  owner: string
): Effect.Effect<void, ApiError> => {
  const { name, namespace, uid } = live.metadata
  const body = {
    apiVersion: apiVersion(resource),
    kind: resource.kind,
    // With a UID an apply never creates.
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid }
  }
  return Effect.asVoid(apply(client, resource, body, { manager: owner, force: false }))
}

export interface FieldConflict {
  readonly field: string
  readonly manager: string
}

/** Who owns what, from a refused apply. */
export const conflictsOf = (error: ApiError): ReadonlyArray<FieldConflict> =>
  error.reason !== "Conflict"
    ? []
    : (error.causes ?? [])
        .filter((c) => c.reason === "FieldManagerConflict")
        .map((c) => ({
          field: (c.field ?? "").replace(/^\./, ""),
          manager: /conflict with "([^"]+)"/.exec(c.message ?? "")?.[1] ?? "another manager"
        }))
