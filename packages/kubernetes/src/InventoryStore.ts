/**
 * The inventory of one pipeline in one cluster, in ConfigMaps of a namespace: a head that names the current epoch and
 * its number of shards, and the shards. An id always lives in the same shard of an epoch, so that a change writes few of
 * them. Writes are read-modify-write under resource versions: two `cw` at once lose nothing. A missing shard makes the
 * inventory unreadable, never smaller.
 */
import { createHash, randomBytes } from "node:crypto"
import * as Effect from "effect/Effect"
import { type Entry, fromText, type Inventory, toText } from "@coddiwomple/core/Inventory"
import { objectName } from "@coddiwomple/core/Names"
import type { ApiError } from "./ApiError.ts"
import type { Client } from "./Client.ts"
import { list, type Raw } from "./List.ts"

/** Labels of all ConfigMaps of an inventory. */
export const inventoryLabel = "coddiwomple.io/inventory"
const managedBy = { "app.kubernetes.io/managed-by": "cw" }

/** Bytes of a shard at which all are split anew, to half of it each. A ConfigMap may have 1 MiB in all. */
const most = 800_000

/** Left-overs of a killed writer are removed when they are older than this, in milliseconds. */
const abandoned = 3_600_000

export interface Loaded {
  readonly inventory: Inventory
  /** The name of the cluster as it was when the head was written; undefined where none is recorded. */
  readonly cluster: string | undefined
  readonly state: State
}

interface Shard {
  readonly resourceVersion: string
  readonly entries: ReadonlyMap<string, Entry>
}

interface State {
  readonly epoch: string
  readonly shards: ReadonlyArray<Shard>
  readonly cluster: string | undefined
  /** Resource version of the head; undefined: there is none yet. */
  readonly headVersion: string | undefined
  /** Shards of no epoch that is in force, long abandoned. */
  readonly leftovers: ReadonlyArray<string>
}

export class InventoryProblem extends Error {}

export interface InventoryStore {
  readonly pipeline: string
  /** The head, for messages. */
  readonly head: string
  readonly load: Effect.Effect<Loaded, ApiError | InventoryProblem>
  /** Makes the stored inventory what `change` makes of it; called again when someone else wrote meanwhile. Unchanged shards cost nothing. */
  readonly update: (
    loaded: Loaded,
    change: (entries: ReadonlyMap<string, Entry>) => ReadonlyMap<string, Entry>
  ) => Effect.Effect<Loaded, ApiError | InventoryProblem>
}

interface ConfigMap extends Raw {
  readonly data?: Readonly<Record<string, string>>
}

const bucket = (id: string, shards: number): number =>
  shards === 1 ? 0 : createHash("sha1").update(id).digest().readUInt32BE(0) % shards

const split = (entries: ReadonlyMap<string, Entry>, shards: number): Array<Map<string, Entry>> => {
  const out = Array.from({ length: shards }, () => new Map<string, Entry>())
  for (const [id, entry] of entries) out[bucket(id, shards)]!.set(id, entry)
  return out
}

/** Names are ASCII; what else an entry takes is counted generously. */
const size = (entries: ReadonlyMap<string, Entry>): number => {
  let bytes = 100
  for (const e of entries.values()) {
    bytes +=
      90 +
      e.id.length +
      e.digest.length +
      (e.pending?.length ?? 0) +
      (e.uid?.length ?? 0) +
      (e.service?.length ?? 0) +
      (e.artifact?.length ?? 0)
  }
  return bytes
}

const equal = (a: ReadonlyMap<string, Entry>, b: ReadonlyMap<string, Entry>): boolean => {
  if (a.size !== b.size) return false
  for (const [id, e] of a) {
    const o = b.get(id)
    if (o === undefined) return false
    if (
      o !== e &&
      (o.digest !== e.digest ||
        o.pending !== e.pending ||
        o.uid !== e.uid ||
        o.service !== e.service ||
        o.artifact !== e.artifact)
    )
      return false
  }
  return true
}

const joined = (shards: ReadonlyArray<Shard>): Map<string, Entry> => {
  const all = new Map<string, Entry>()
  for (const shard of shards) for (const [id, entry] of shard.entries) all.set(id, entry)
  return all
}

export const make = (client: Client, pipeline: string, namespace: string): InventoryStore => {
  const name = objectName(pipeline, "cw-inventory-")
  const at = `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps`
  const shardName = (epoch: string, index: number) => `${name}.${epoch}.${index}`
  const labels = { ...managedBy, [inventoryLabel]: name }

  const problem = (message: string) =>
    new InventoryProblem(`${message} (ConfigMaps ${name}* in namespace ${namespace})`)

  const shardOf = (map: ConfigMap): Shard | InventoryProblem => {
    const parsed = fromText(map.data?.entries ?? "")
    if ("problem" in parsed) return problem(`shard ${map.metadata.name} cannot be read: ${parsed.problem}`)
    if (parsed.owner !== pipeline) return problem(`shard ${map.metadata.name} belongs to pipeline ${parsed.owner}`)
    return { resourceVersion: map.metadata.resourceVersion ?? "", entries: parsed.entries }
  }

  const stateOf = (maps: ReadonlyMap<string, ConfigMap>): State | InventoryProblem => {
    const head = maps.get(name)
    const before = Date.now() - abandoned
    const leftovers = (epoch: string) =>
      [...maps.values()]
        .filter((m) => m.metadata.name.startsWith(`${name}.`) && !m.metadata.name.startsWith(`${name}.${epoch}.`))
        .filter((m) => Date.parse(m.metadata.creationTimestamp ?? "") < before)
        .map((m) => m.metadata.name)
    // Shards without a head come from a first write that was killed, before anything was applied.
    if (head === undefined)
      return { epoch: "", shards: [], cluster: undefined, headVersion: undefined, leftovers: leftovers("") }
    const { epoch = "", shards: number = "", pipeline: owner = "", cluster } = head.data ?? {}
    if (owner !== pipeline) return problem(`the inventory belongs to pipeline ${owner}`)
    const count = Number(number)
    if (epoch === "" || !Number.isInteger(count) || count < 1) return problem("its head cannot be read")
    const shards: Array<Shard> = []
    for (let i = 0; i < count; i++) {
      const map = maps.get(shardName(epoch, i))
      const shard = map === undefined ? problem(`shard ${i + 1} of ${count} is missing`) : shardOf(map)
      if (shard instanceof InventoryProblem) return shard
      shards.push(shard)
    }
    return { epoch, shards, cluster, headVersion: head.metadata.resourceVersion ?? "", leftovers: leftovers(epoch) }
  }

  const loadedOf = (state: State): Loaded => ({
    inventory: { owner: pipeline, entries: joined(state.shards) },
    cluster: state.cluster,
    state
  })

  const query = { labelSelector: `${inventoryLabel}=${name}` }

  const load: InventoryStore["load"] = Effect.gen(function* () {
    const listed = yield* list(client, { path: at, query, limit: 5, budget: 20_000 }, (o) => o as ConfigMap)
    const state = stateOf(new Map(listed.items.map((m) => [m.metadata.name, m])))
    return state instanceof InventoryProblem ? yield* Effect.fail(state) : loadedOf(state)
  })

  const write = (mapName: string, data: Readonly<Record<string, string>>, resourceVersion: string | undefined) =>
    client
      .request({
        method: resourceVersion === undefined ? "POST" : "PUT",
        path: resourceVersion === undefined ? at : `${at}/${mapName}`,
        query: { fieldManager: "cw-inventory" },
        body: JSON.stringify({
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: mapName, namespace, labels, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
          data
        }),
        timeout: 40_000
      })
      .pipe(Effect.map(({ body }) => (body as Raw).metadata.resourceVersion ?? ""))

  const writeHead = (epoch: string, shards: number, resourceVersion: string | undefined) =>
    write(name, { pipeline, cluster: client.cluster, epoch, shards: String(shards) }, resourceVersion)

  const writeShard = (
    epoch: string,
    index: number,
    entries: ReadonlyMap<string, Entry>,
    resourceVersion: string | undefined
  ) =>
    Effect.map(
      write(shardName(epoch, index), { entries: toText({ owner: pipeline, entries }) }, resourceVersion),
      (version): Shard => ({ resourceVersion: version, entries })
    )

  const removeMap = (mapName: string) =>
    client
      .request({ method: "DELETE", path: `${at}/${mapName}` })
      .pipe(Effect.catchTag("ApiError", (e) => (e.reason === "NotFound" ? Effect.void : Effect.fail(e))))

  /** Another number of shards: a new epoch beside the old one, then the head, then what is no longer in force goes. */
  const reshard = (state: State, entries: ReadonlyMap<string, Entry>, count: number) =>
    Effect.gen(function* () {
      const epoch = randomBytes(4).toString("hex")
      const remove = (of: string, n: number) =>
        Effect.forEach(Array(n).keys(), (i) => removeMap(shardName(of, i)), { concurrency: 4, discard: true })
      const written = Effect.gen(function* () {
        const shards = yield* Effect.forEach(
          split(entries, count),
          (part, i) => writeShard(epoch, i, part, undefined),
          { concurrency: 4 }
        )
        const headVersion = yield* writeHead(epoch, count, state.headVersion)
        return { epoch, shards, cluster: client.cluster, headVersion, leftovers: [] }
      })
      // Where the head may have been written after all, its shards stay: an unused one is removed later, a missing one never comes back.
      const next = yield* Effect.tapError(written, (error) =>
        error.doubt === true ? Effect.void : Effect.ignore(remove(epoch, count))
      )
      yield* remove(state.epoch, state.shards.length)
      yield* Effect.forEach(state.leftovers, removeMap, { concurrency: 4, discard: true })
      return next
    })

  const store = (state: State, wanted: ReadonlyMap<string, Entry>): Effect.Effect<State, ApiError> =>
    Effect.gen(function* () {
      const count = state.shards.length
      const parts = count === 0 ? [] : split(wanted, count)
      if (count === 0 || parts.some((part) => size(part) > most)) {
        return yield* reshard(state, wanted, Math.max(count + 1, Math.ceil(size(wanted) / (most / 2))))
      }
      const shards = yield* Effect.forEach(
        parts,
        (part, i) => {
          const before = state.shards[i]!
          return equal(part, before.entries)
            ? Effect.succeed(before)
            : writeShard(state.epoch, i, part, before.resourceVersion)
        },
        { concurrency: 4 }
      )
      if (state.cluster === client.cluster) return { ...state, shards }
      // From an older cw, or the cluster has a new name.
      const headVersion = yield* writeHead(state.epoch, count, state.headVersion)
      return { ...state, shards, cluster: client.cluster, headVersion }
    })

  const update: InventoryStore["update"] = (loaded, change) =>
    Effect.gen(function* () {
      let now = loaded
      for (let attempt = 1; ; attempt++) {
        const wanted = change(now.inventory.entries)
        if (now.state.headVersion !== undefined ? equal(wanted, now.inventory.entries) : wanted.size === 0) return now
        const outcome = yield* Effect.result(store(now.state, wanted))
        if (outcome._tag === "Success") return loadedOf(outcome.success)
        const moved =
          outcome.failure.reason === "Modified" ||
          outcome.failure.reason === "Exists" ||
          outcome.failure.reason === "NotFound"
        if (!moved || attempt >= 8) return yield* outcome.failure
        yield* Effect.sleep(Math.random() * 50 * 2 ** attempt)
        now = yield* load
      }
    })

  return { pipeline, head: `ConfigMap ${namespace}/${name}`, load, update }
}
