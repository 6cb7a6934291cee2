/**
 * Who may have what only one can have: hosts, addresses with ports, gateway ports.
 * The first owner in name order wins a key; the answer depends on the set of claims, never on the order of their arrival.
 * Cost follows the change: a key shared by ten thousand owners is not walked when one of them comes or goes.
 */
export interface Claimed {
  readonly key: string
  /** Owners that name the same share may have the key together. */
  readonly share?: string
}

interface Slot<C> {
  readonly owners: Map<string, C>
  winner: string
}

/** What an owner lost, and to whom. */
export interface Lost<C> {
  readonly claim: C
  readonly winner: string
  readonly theirs: C
}

export class Claims<C extends Claimed> {
  private readonly slots = new Map<string, Slot<C>>()
  private readonly byOwner = new Map<string, ReadonlyArray<C>>()

  /** Replaces all claims of an owner; gives the other owners whose position may have changed. */
  set(owner: string, claims: ReadonlyArray<C>): ReadonlySet<string> {
    const affected = new Set<string>()
    const before = this.byOwner.get(owner) ?? []
    const kept = new Set(claims.map((c) => c.key))
    for (const old of before) if (!kept.has(old.key)) this.release(owner, old.key, affected)
    for (const claim of claims) this.take(owner, claim, affected)
    if (claims.length === 0) this.byOwner.delete(owner)
    else this.byOwner.set(owner, claims)
    affected.delete(owner)
    return affected
  }

  lost(owner: string): ReadonlyArray<Lost<C>> {
    const out: Array<Lost<C>> = []
    for (const claim of this.byOwner.get(owner) ?? []) {
      const slot = this.slots.get(claim.key)
      if (slot === undefined || slot.winner === owner) continue
      const theirs = slot.owners.get(slot.winner)!
      if (claim.share === undefined || claim.share !== theirs.share) out.push({ claim, winner: slot.winner, theirs })
    }
    return out
  }

  private take(owner: string, claim: C, affected: Set<string>): void {
    const slot = this.slots.get(claim.key)
    if (slot === undefined) {
      this.slots.set(claim.key, { owners: new Map([[owner, claim]]), winner: owner })
      return
    }
    const shareBefore = slot.owners.get(slot.winner)!.share
    slot.owners.set(owner, claim)
    if (owner < slot.winner) slot.winner = owner
    this.mark(slot, shareBefore, affected)
  }

  private release(owner: string, key: string, affected: Set<string>): void {
    const slot = this.slots.get(key)
    if (slot === undefined) return
    const shareBefore = slot.owners.get(slot.winner)!.share
    slot.owners.delete(owner)
    if (slot.owners.size === 0) {
      this.slots.delete(key)
      return
    }
    if (slot.winner !== owner) return
    slot.winner = [...slot.owners.keys()].reduce((a, b) => (a < b ? a : b))
    this.mark(slot, shareBefore, affected)
  }

  /** Losing depends on the winner's share alone; where that stays, nobody else moves. */
  private mark(slot: Slot<C>, shareBefore: string | undefined, affected: Set<string>): void {
    const share = slot.owners.get(slot.winner)!.share
    if (share !== undefined && share === shareBefore) return
    for (const other of slot.owners.keys()) affected.add(other)
  }
}
