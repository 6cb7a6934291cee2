/**
 * What is there now in one cluster: the inventory, the namespaces, what carries our label, and whether anything else
 * has the name of what we want. Reads only. Objects that are as they should be leave nothing behind but their UID.
 */
import type { ObjectId } from "@coddiwomple/core/Artifact"
import { canonical, digest } from "@coddiwomple/core/Digest"
import type { ApiError } from "@coddiwomple/kubernetes/ApiError"
import * as Apply from "@coddiwomple/kubernetes/Apply"
import { groupVersion, isPathSegment, path, type Resource } from "@coddiwomple/kubernetes/Discovery"
import type { InventoryProblem, Loaded } from "@coddiwomple/kubernetes/InventoryStore"
import { list, type Raw } from "@coddiwomple/kubernetes/List"
import { type Comparison, compare, same } from "@coddiwomple/kubernetes/ManagedFields"
import { parseId } from "@coddiwomple/core/Artifact"
import * as Effect from "effect/Effect"
import { labelValue, pipelineLabel, type Wanted } from "./Bodies.ts"
import { identity, type Target } from "./Targets.ts"

export interface Seen {
  readonly uid: string
  readonly version: string
  /** What a plan to delete it looked at; where it is not wanted. */
  readonly content?: string
  /** We have applied it: a copy that somebody made says so of nobody. */
  readonly applied: boolean
  /** Value of the pipeline label. */
  readonly owner: string | undefined
  readonly deleting: boolean
  /** Where it is wanted. */
  readonly comparison?: Comparison
  /** A manager whose fields are to be taken over owns some of it. */
  readonly legacy: boolean
  /** Where it differs from what is wanted, or was asked for by name. */
  readonly live?: Raw
}

export interface Survey {
  readonly loaded: Loaded
  /** By kind key; undefined where the server does not know the kind. */
  readonly resources: ReadonlyMap<string, Resource | undefined>
  readonly seen: ReadonlyMap<string, Seen>
  /** Namespaces that are there, with whether they are being deleted; undefined without the right to look. */
  readonly namespaces: ReadonlyMap<string, boolean> | undefined
  /** What no other cluster has, where that is known. */
  readonly identity: string | undefined
}

/** One kind in one version; without a version the server's preferred one. */
export const kindKey = (id: Pick<ObjectId, "group" | "kind">): string => `${id.group}/${id.kind}`

/** Milliseconds for one reading request and its repetitions, and without a byte of its answer. */
const patience = 10_000
const silence = 20_000

const metadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

/** Beyond so many objects of one kind in one namespace their names are listed instead of asked for one by one. */
const few = 16

const idOf = (resource: Resource, { metadata }: Raw): string =>
  `${resource.group}/${resource.kind}/${metadata.namespace ?? ""}/${metadata.name}`

/** Moves with everything that somebody might have meant; values of a Secret cannot be guessed from it. */
export const contentOf = (
  kind: string,
  { metadata, status: _status, apiVersion: _a, kind: _k, ...rest }: Raw
): string => {
  const { annotations, finalizers, labels, resourceVersion, uid } = metadata
  const { ownerReferences } = metadata as { readonly ownerReferences?: unknown }
  return digest(
    canonical(
      kind === "Secret" ? [uid, resourceVersion] : [uid, annotations, finalizers, labels, ownerReferences, rest]
    )
  )
}

const see = (
  kind: string,
  object: Raw,
  wanted: Wanted | undefined,
  keep: boolean,
  migrate: ReadonlyArray<string>
): Seen => {
  const legacy =
    migrate.length > 0 &&
    object.metadata.managedFields?.some((m) => m.operation === "Update" && migrate.includes(m.manager ?? "")) === true
  const comparison = wanted === undefined ? undefined : compare(wanted.body, object, wanted.manager)
  return {
    uid: object.metadata.uid ?? "",
    version: object.metadata.resourceVersion ?? "",
    ...(wanted === undefined ? { content: contentOf(kind, object) } : {}),
    applied:
      object.metadata.managedFields?.some((m) => m.manager === Apply.manager && m.operation === "Apply") === true,
    owner: object.metadata.labels?.[pipelineLabel],
    deleting: object.metadata.deletionTimestamp !== undefined,
    legacy,
    ...(comparison === undefined ? {} : { comparison }),
    ...(keep || legacy || (comparison !== undefined && !same(comparison)) ? { live: object } : {})
  }
}

type Namespaces = Pick<Survey, "namespaces" | "identity">

/** The list says which cluster this is, too: only who may not list has to ask for that. */
const namespaces = (target: Target): Effect.Effect<Namespaces, ApiError> =>
  list(
    target.client,
    { path: "/api/v1/namespaces", accept: metadataList, budget: patience, silence },
    ({ metadata: { name, uid, deletionTimestamp } }) => ({ name, uid, deleting: deletionTimestamp !== undefined })
  ).pipe(
    Effect.map(
      ({ items }): Namespaces => ({
        namespaces: new Map(items.map(({ name, deleting }) => [name, deleting])),
        identity: items.find(({ name }) => name === "kube-system")?.uid
      })
    ),
    Effect.catchTag("ApiError", (error) =>
      error.reason === "Forbidden"
        ? Effect.map(identity(target), (uid): Namespaces => ({ namespaces: undefined, identity: uid }))
        : Effect.fail(error)
    )
  )

/** Everything of a kind that carries our label; where only single namespaces may be listed, in those. */
const labelled = (
  target: Target,
  resource: Resource,
  pipeline: string,
  wanted: ReadonlyMap<string, Wanted>,
  places: ReadonlySet<string>,
  migrate: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<readonly [string, Seen]>, ApiError> => {
  const query = { labelSelector: `${pipelineLabel}=${labelValue(pipeline)}` }
  const project = (object: Raw): readonly [string, Seen] => {
    const id = idOf(resource, object)
    const want = wanted.get(id)
    return [id, see(resource.kind, object, want?.manager === Apply.manager ? want : undefined, false, migrate)]
  }
  const within = (namespace: string | undefined) =>
    Effect.map(
      list(target.client, { path: path(resource, namespace), query, budget: patience, silence }, project),
      (l) => l.items
    )
  return within(undefined).pipe(
    Effect.catchTag("ApiError", (error) =>
      error.reason === "Forbidden" && resource.namespaced && places.size > 0
        ? Effect.map(Effect.forEach(places, within, { concurrency: 4 }), (all) => all.flat())
        : error.reason === "NotFound"
          ? Effect.succeed([])
          : Effect.fail(error)
    )
  )
}

/** Objects asked for by name: those that are there. */
const named = (
  target: Target,
  resource: Resource,
  ids: ReadonlyArray<ObjectId & { readonly id: string }>,
  wanted: ReadonlyMap<string, Wanted>,
  migrate: ReadonlyArray<string>
) =>
  Effect.gen(function* () {
    let asked = ids
    const namespace = ids[0]!.namespace
    if (ids.length > few) {
      const request = { path: path(resource, namespace), accept: metadataList, budget: patience, silence }
      const names = yield* Effect.result(list(target.client, request, (o) => o.metadata.name))
      if (names._tag === "Success") {
        const there = new Set(names.success.items)
        asked = ids.filter((i) => there.has(i.name))
      } else if (names.failure.reason !== "Forbidden") return yield* names.failure
    }
    const found = yield* Effect.forEach(
      asked,
      ({ id, name }) =>
        Effect.map(
          Apply.get(target.client, resource, namespace === "" ? undefined : namespace, name, patience),
          (object) =>
            object === undefined ? [] : [[id, see(resource.kind, object, wanted.get(id), true, migrate)] as const]
        ),
      { concurrency: 16 }
    )
    return found.flat()
  })

const byPlace = (ids: Iterable<string>): ReadonlyArray<ReadonlyArray<ObjectId & { readonly id: string }>> => {
  const places = new Map<string, Array<ObjectId & { readonly id: string }>>()
  for (const id of ids) {
    const parsed = parseId(id)
    if (parsed === undefined || !isPathSegment(parsed.name)) continue
    const key = `${kindKey(parsed)}/${parsed.namespace}`
    const list = places.get(key)
    if (list === undefined) places.set(key, [{ ...parsed, id }])
    else list.push({ ...parsed, id })
  }
  return [...places.values()]
}

/** From memory: only these things are looked at. */
export interface Known {
  readonly loaded: Loaded
  readonly namespaces: ReadonlyMap<string, boolean> | undefined
  /** Of the cluster. */
  readonly identity: string | undefined
  /** What is to be looked at besides what is wanted. */
  readonly ids: ReadonlyArray<string>
}

interface Places {
  /** Versions that are wanted, and namespaces, by kind. */
  readonly versions: ReadonlyMap<string, string>
  readonly namespaces: ReadonlyMap<string, ReadonlySet<string>>
}

const placesOf = (wanted: Iterable<Wanted>): Places => {
  const versions = new Map<string, string>()
  const found = new Map<string, Set<string>>()
  for (const want of wanted) {
    const key = kindKey(want.id)
    versions.set(key, groupVersion(String(want.body.apiVersion))[1])
    const set = found.get(key)
    if (set === undefined) found.set(key, new Set([want.id.namespace]))
    else set.add(want.id.namespace)
  }
  return { versions, namespaces: found }
}

const kindsOf = (ids: Iterable<string>): ReadonlySet<string> => {
  const kinds = new Set<string>()
  for (const id of ids) {
    const parsed = parseId(id)
    if (parsed !== undefined) kinds.add(kindKey(parsed))
  }
  return kinds
}

export const survey = (
  target: Target,
  pipeline: string,
  wanted: ReadonlyMap<string, Wanted>,
  migrate: ReadonlyArray<string>,
  known?: Known
): Effect.Effect<Survey, ApiError | InventoryProblem> =>
  Effect.gen(function* () {
    const resources = new Map<string, Resource | undefined>()
    const places = placesOf(wanted.values())
    const find = (key: string) => {
      const [group, kind] = key.split("/") as [string, string]
      return Effect.tap(target.mapper.find(group, kind, places.versions.get(key)), (resource) =>
        Effect.sync(() => resources.set(key, resource))
      )
    }
    const look = (key: string) =>
      Effect.flatMap(find(key), (resource) =>
        resource === undefined
          ? Effect.succeed([])
          : labelled(target, resource, pipeline, wanted, places.namespaces.get(key) ?? new Set(), migrate)
      )
    const byName = (ids: Iterable<string>) =>
      Effect.map(
        Effect.forEach(
          byPlace(ids),
          (group) => {
            const resource = resources.get(kindKey(group[0]!))
            return resource === undefined ? Effect.succeed([]) : named(target, resource, group, wanted, migrate)
          },
          { concurrency: 8 }
        ),
        (found) => found.flat()
      )

    if (known !== undefined) {
      const ids = new Set([...wanted.keys(), ...known.ids])
      yield* Effect.forEach(kindsOf(ids), find, { discard: true })
      const strange = [...places.namespaces.values()].some((set) =>
        [...set].some((n) => n !== "" && known.namespaces?.get(n) !== false)
      )
      const there: Namespaces = known.namespaces !== undefined && strange ? yield* namespaces(target) : known
      return {
        loaded: known.loaded,
        resources,
        seen: new Map(yield* byName(ids)),
        namespaces: there.namespaces,
        identity: there.identity
      }
    }
    const [loaded, there, first] = yield* Effect.all(
      [target.store.load, namespaces(target), Effect.forEach(places.versions.keys(), look, { concurrency: 8 })],
      { concurrency: "unbounded" }
    )
    const owned = loaded.inventory.entries
    const only = [...kindsOf(owned.keys())].filter((key) => !places.versions.has(key))
    const second = yield* Effect.forEach(only, look, { concurrency: 8 })
    const seen = new Map([...first.flat(), ...second.flat()])
    const open = [...wanted.keys(), ...owned.keys()].filter((id) => !seen.has(id))
    for (const [id, one] of yield* byName(new Set(open))) seen.set(id, one)
    return { loaded, resources, seen, ...there }
  })
