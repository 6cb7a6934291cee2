/**
 * Who must stay away from where a held service is live: whatever wants the same host, or the same of what a transform
 * claims. A held service has what facts say of it and what it had when it was last good here; so has one that is gone,
 * as long as sources are in doubt. Nobody wins or loses anything by it: that is decided by facts alone.
 */
import * as HashMap from "effect/HashMap"
import type { Claimed } from "./Claims.ts"
import { inDoubt } from "./Guard.ts"
import { type Fleet, type Held, type Model, type Service, standing } from "./Model.ts"

/** What only one service can have, beside its hosts. May throw where the service is wrong. */
export type Wants = (service: Service, fleet: Fleet) => ReadonlyArray<Claimed>

export interface Rivals {
  /** Services that have something of what this one wants: held ones, and gone ones of which sources are in doubt. */
  readonly of: (service: string) => ReadonlyArray<string>
  /** Good ones that had something of it, and may have it still where something of theirs has to wait. */
  readonly before: (service: string) => ReadonlyArray<string>
  /** Those that have a host by which another stands. Costs a walk of the fleet. */
  readonly contested: () => ReadonlySet<string>
  /** Nobody speaks of it. */
  readonly isGone: (service: string) => boolean
}

type Keys = ReadonlyArray<Claimed>

const noKeys: Keys = []

type Had = HashMap.HashMap<string, Keys>

const keysIn = (had: Had, id: string): Keys => {
  const found = HashMap.get(had, id)
  return found._tag === "Some" ? found.value : noKeys
}

const hostKey = (host: string): string => `host ${host}`

const keysOf = (service: Service | undefined, fleet: Fleet, wants: Wants): Keys => {
  if (service === undefined) return noKeys
  const hosts = service.hosts.map((host) => ({ key: hostKey(host) }))
  try {
    return [...hosts, ...wants(service, fleet)]
  } catch {
    // What is wrong with a held service is told already.
    return hosts
  }
}

const find = (model: Model, id: string): Service | undefined => {
  const found = HashMap.get(model.services, id)
  return found._tag === "Some" ? found.value : undefined
}

/** How many of those that left are remembered where there is no doubt about them, the latest. */
const mostGone = 200

/** What services had that may be live still: the one thing here that the past has a say in. */
export class Past {
  private last: { readonly model: Model; readonly held: ReadonlyMap<string, Held> } | undefined
  /** What they had while they were good, since then something has been in the way of their updates or deletes. */
  private had: Had = HashMap.empty()
  /** Of which nobody speaks any more; whether their deletes were done nobody tells. */
  private readonly gone = new Set<string>()
  /** Good ones that have had something else. */
  private readonly unsettled = new Set<string>()

  /** Takes in an accepted generation. */
  next(model: Model, held: ReadonlyMap<string, Held>, touched: ReadonlySet<string>, wants: Wants): Rivals {
    const good: Array<string> = []
    const { last } = this
    for (const id of last === undefined ? [] : touched) {
      if (!held.has(id) && HashMap.has(model.services, id)) {
        good.push(id)
        continue
      }
      if (!held.has(id) || !last!.held.has(id)) this.keep(id, last!, wants)
      this.unsettled.delete(id)
      this.gone.delete(id)
      if (!held.has(id) && HashMap.has(this.had, id)) this.gone.add(id)
    }
    const now = rivals(model, held, this.had, wants)
    const known = this.had
    const doubtful = inDoubt(model.partitions).length > 0
    const isSettled = (id: string) => !doubtful && (held.size === 0 || now.of(id).length === 0)
    for (const id of good) {
      this.gone.delete(id)
      if (!isSettled(id)) this.keep(id, last!, wants)
      if (HashMap.has(this.had, id)) this.unsettled.add(id)
    }
    for (const id of this.unsettled) if (isSettled(id)) this.forget(id)
    for (const id of this.gone) {
      if (doubtful || this.gone.size <= mostGone) break
      this.forget(id)
    }
    this.last = { model, held }
    return this.had === known ? now : rivals(model, held, this.had, wants)
  }

  private forget(id: string): void {
    this.had = HashMap.remove(this.had, id)
    this.gone.delete(id)
    this.unsettled.delete(id)
  }

  private keep(id: string, { held, model }: NonNullable<Past["last"]>, wants: Wants): void {
    const keys = keysOf(find(model, id) ?? held.get(id)?.claims, model.fleet, wants)
    if (keys.length === 0) return
    const kept = keysIn(this.had, id)
    const isNew = (one: Claimed) => !kept.some(({ key, share }) => key === one.key && share === one.share)
    this.had = HashMap.set(this.had, id, [...kept, ...keys.filter(isNew)])
  }
}

const rivals = (model: Model, held: ReadonlyMap<string, Held>, had: Had, wants: Wants): Rivals => {
  interface Holder {
    readonly id: string
    readonly share: string | undefined
  }
  const isGood = (id: string) => !held.has(id) && HashMap.has(model.services, id)
  let holders: Map<string, Array<Holder>> | undefined
  const index = (): ReadonlyMap<string, ReadonlyArray<Holder>> => {
    if (holders !== undefined) return holders
    holders = new Map()
    for (const id of new Set([...held.keys(), ...HashMap.keys(had)])) {
      const now = isGood(id) ? noKeys : keysOf(held.get(id)?.claims ?? find(model, id), model.fleet, wants)
      for (const { key, share } of [...now, ...keysIn(had, id)]) {
        const list = holders.get(key)
        if (list === undefined) holders.set(key, [{ id, share }])
        else list.push({ id, share })
      }
    }
    return holders
  }
  const known = new Map<string, ReadonlyArray<string>>()
  const all = (service: string): ReadonlyArray<string> => {
    let out = known.get(service)
    if (out !== undefined) return out
    const found = new Set<string>()
    if (!held.has(service) && index().size > 0) {
      for (const { key, share } of keysOf(find(model, service), model.fleet, wants))
        for (const other of index().get(key) ?? [])
          if (other.id !== service && (share === undefined || share !== other.share)) found.add(other.id)
    }
    known.set(service, (out = [...found].sort()))
    return out
  }
  let led: ReadonlySet<string> | undefined
  const contested = (): ReadonlySet<string> => {
    if (led !== undefined) return led
    const found = new Set<string>()
    for (const { hosts, identity } of standing(model))
      for (const host of hosts)
        for (const { id } of index().get(hostKey(host)) ?? []) if (id !== identity && !isGood(id)) found.add(id)
    return (led = found)
  }
  return {
    of: (service) => all(service).filter((id) => !isGood(id)),
    before: (service) => all(service).filter(isGood),
    contested,
    isGone: (service) => !held.has(service) && !HashMap.has(model.services, service)
  }
}
