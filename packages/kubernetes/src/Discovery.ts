/**
 * Which kinds a server knows, under which paths: aggregated discovery in two requests, read when first needed and again
 * when a kind is missing. One broken extension API concerns only its own group.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { ApiError } from "./ApiError.ts"
import type { Client } from "./Client.ts"

export interface Resource {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly namespaced: boolean
  readonly verbs: ReadonlyArray<string>
}

export interface Mapper {
  /** The resource of a kind; the preferred version where none is named. Undefined: the server does not know it. */
  readonly find: (group: string, kind: string, version?: string) => Effect.Effect<Resource | undefined, ApiError>
  /** The next `find` asks the server again. */
  readonly forget: () => void
}

/** `networking.istio.io/v1` as group and version; the core group is empty. */
export const groupVersion = (apiVersion: string): readonly [string, string] => {
  const slash = apiVersion.indexOf("/")
  return slash < 0 ? ["", apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)]
}

export const apiVersion = (r: Resource): string => (r.group === "" ? r.version : `${r.group}/${r.version}`)

/** Names come from outside; one with a slash would be the path of something else. */
export const isPathSegment = (name: string): boolean =>
  name !== "" && name !== "." && name !== ".." && !/[/%\u0000-\u001f]/.test(name)

/** Path of an object, of a kind in a namespace, or of a kind everywhere. The names have been through `isPathSegment`. */
export const path = (r: Resource, namespace?: string, name?: string): string =>
  [
    r.group === "" ? `/api/${r.version}` : `/apis/${r.group}/${r.version}`,
    ...(r.namespaced && namespace !== undefined && namespace !== ""
      ? ["namespaces", encodeURIComponent(namespace)]
      : []),
    r.plural,
    ...(name === undefined ? [] : [encodeURIComponent(name)])
  ].join("/")

const aggregated = ["v2", "v2beta1"]
  .map((v) => `application/json;g=apidiscovery.k8s.io;v=${v};as=APIGroupDiscoveryList`)
  .concat("application/json")
  .join(",")

interface GroupDiscoveryList {
  readonly items?: ReadonlyArray<{
    readonly metadata?: { readonly name?: string }
    readonly versions?: ReadonlyArray<{
      readonly version: string
      readonly freshness?: string
      readonly resources?: ReadonlyArray<{
        readonly resource: string
        readonly responseKind?: { readonly kind?: string }
        readonly scope?: string
        readonly verbs?: ReadonlyArray<string>
      }>
    }>
  }>
}

/** What servers before 1.27 answer. */
interface Legacy {
  readonly versions?: ReadonlyArray<string>
  readonly groups?: ReadonlyArray<{
    readonly name: string
    readonly preferredVersion?: { readonly groupVersion: string }
    readonly versions: ReadonlyArray<{ readonly groupVersion: string }>
  }>
}

interface ResourceList {
  readonly resources?: ReadonlyArray<{
    readonly name: string
    readonly kind: string
    readonly namespaced: boolean
    readonly verbs: ReadonlyArray<string>
  }>
}

interface Group {
  /** In order of preference. */
  readonly versions: ReadonlyArray<{
    readonly version: string
    readonly resources: ReadonlyArray<Resource> | undefined
  }>
}

const groupsOf = (list: GroupDiscoveryList): Array<[string, Group]> =>
  (list.items ?? []).map(({ metadata, versions }) => {
    const group = metadata?.name ?? ""
    return [
      group,
      {
        versions: (versions ?? []).map(({ version, resources }) => ({
          version,
          resources: (resources ?? []).map((r) => ({
            group,
            version,
            kind: r.responseKind?.kind ?? "",
            plural: r.resource,
            namespaced: r.scope === "Namespaced",
            verbs: r.verbs ?? []
          }))
        }))
      }
    ]
  })

const legacyGroups = (body: Legacy): Array<[string, Group]> => [
  ...(body.versions === undefined
    ? []
    : [["", { versions: body.versions.map((version) => ({ version, resources: undefined })) }] as [string, Group]]),
  ...(body.groups ?? []).map(({ name, versions, preferredVersion }): [string, Group] => [
    name,
    {
      versions: versions
        .toSorted(
          (a, b) =>
            Number(b.groupVersion === preferredVersion?.groupVersion) -
            Number(a.groupVersion === preferredVersion?.groupVersion)
        )
        .map((v) => ({ version: groupVersion(v.groupVersion)[1], resources: undefined }))
    }
  ])
]

const notApi = new ApiError({ reason: "NotApi", message: "it does not list its API groups" })

/** Least time between two discoveries because of a missing kind. */
const calm = 2000

export const make = (client: Client): Mapper => {
  const mutex = Semaphore.makeUnsafe(1)
  let known: Map<string, Group> | undefined
  let read = Number.NEGATIVE_INFINITY

  const ask = (at: string) =>
    Effect.flatMap(client.request({ method: "GET", path: at, accept: aggregated, budget: 20_000 }), ({ body }) => {
      if (typeof body !== "object" || body === null) return Effect.fail(notApi)
      if ("items" in body) return Effect.succeed(groupsOf(body as GroupDiscoveryList))
      return "versions" in body || "groups" in body ? Effect.succeed(legacyGroups(body as Legacy)) : Effect.fail(notApi)
    }).pipe(Effect.mapError((error) => (error.reason === "NotFound" ? notApi : error)))

  const refresh = Effect.gen(function* () {
    const [core, groups] = yield* Effect.all([ask("/api"), ask("/apis")], { concurrency: 2 })
    known = new Map([...core, ...groups])
    read = yield* Clock.currentTimeMillis
    return known
  })

  const legacyResources = (group: string, version: string) =>
    Effect.map(
      client.request({
        method: "GET",
        path: group === "" ? `/api/${version}` : `/apis/${group}/${version}`,
        budget: 20_000
      }),
      ({ body }) =>
        ((body as ResourceList).resources ?? [])
          .filter((r) => !r.name.includes("/"))
          .map(
            ({ name, kind, namespaced, verbs }): Resource => ({ group, version, kind, plural: name, namespaced, verbs })
          )
    )

  const lookup = (groups: Map<string, Group>, group: string, kind: string, version: string | undefined) =>
    Effect.gen(function* () {
      const entry = groups.get(group)
      for (const served of entry?.versions ?? []) {
        if (version !== undefined && served.version !== version) continue
        const resources = served.resources ?? (yield* legacyResources(group, served.version))
        if (served.resources === undefined) {
          const versions = entry!.versions.map((v) => (v === served ? { version: v.version, resources } : v))
          groups.set(group, { versions })
        }
        const found = resources.find((r) => r.kind === kind)
        if (found !== undefined) return found
      }
      return undefined
    })

  return {
    find: (group, kind, version) =>
      mutex.withPermit(
        Effect.gen(function* () {
          const fresh = known === undefined
          const found = yield* lookup(known ?? (yield* refresh), group, kind, version)
          if (found !== undefined || fresh || (yield* Clock.currentTimeMillis) - read < calm) return found
          return yield* lookup(yield* refresh, group, kind, version)
        })
      ),
    forget: () => {
      known = undefined
    }
  }
}
