/**
 * What a reflector knows, and what of it its consumer has not seen yet: the newest state per key, never a queue of
 * events. A slow consumer costs memory by the number of objects, not by the number of events.
 */
export interface Entry<A> {
  /** Resource version, as `compact` makes it; opaque, compared for equality only. */
  readonly version: string | number
  readonly value: A
}

/** As a small number where it is one: many are kept. */
export const compact = (version: string): string | number =>
  /^[1-9]\d{0,8}$/.test(version) ? Number(version) : version

export type Data<A> =
  | { readonly _tag: "Snapshot"; readonly items: ReadonlyMap<string, A> }
  | {
      readonly _tag: "Delta"
      readonly upserts: ReadonlyMap<string, A>
      /** Those of the upserts that were not there before. */
      readonly added: ReadonlySet<string>
      readonly removes: ReadonlyArray<string>
    }

export class Store<A> {
  private items = new Map<string, Entry<A>>()
  /** What changed since the last `take`, and whether the consumer knew the key then. */
  private readonly changed = new Map<string, boolean>()
  private whole = false
  private filled = false

  /** True once a complete list was taken over. */
  get synced(): boolean {
    return this.filled
  }

  get size(): number {
    return this.items.size
  }

  get(key: string): Entry<A> | undefined {
    return this.items.get(key)
  }

  /** Takes over a complete list. After the first one only what differs is news. */
  replace(next: Map<string, Entry<A>>): void {
    if (this.filled) {
      for (const [key, entry] of next) if (this.items.get(key)?.version !== entry.version) this.touch(key)
      for (const key of this.items.keys()) if (!next.has(key)) this.touch(key)
    } else this.whole = true
    this.filled = true
    this.items = next
  }

  set(key: string, entry: Entry<A>): void {
    this.touch(key)
    this.items.set(key, entry)
  }

  delete(key: string): void {
    if (!this.items.has(key)) return
    this.touch(key)
    this.items.delete(key)
  }

  /** What is new since the last call. */
  take(): Data<A> | undefined {
    if (this.whole) {
      this.whole = false
      this.changed.clear()
      return { _tag: "Snapshot", items: new Map(this.pairs()) }
    }
    const upserts = new Map<string, A>()
    const added = new Set<string>()
    const removes: Array<string> = []
    for (const [key, known] of this.changed) {
      const entry = this.items.get(key)
      if (entry !== undefined) {
        upserts.set(key, entry.value)
        if (!known) added.add(key)
      } else if (known) removes.push(key)
    }
    this.changed.clear()
    return upserts.size + removes.length === 0 ? undefined : { _tag: "Delta", upserts, added, removes }
  }

  private touch(key: string): void {
    if (!this.changed.has(key)) this.changed.set(key, this.items.has(key))
  }

  *values(): Generator<A> {
    for (const { value } of this.items.values()) yield value
  }

  private *pairs(): Generator<[string, A]> {
    for (const [key, { value }] of this.items) yield [key, value]
  }
}
