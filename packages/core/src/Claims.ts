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
  /** What the winner would share. */
  share: string | undefined
}

/** What an owner lost, and to whom. */
export interface Lost<C> {
  readonly claim: C
  readonly winner: string
  readonly theirs: C
}

const nobody: ReadonlySet<string> = new Set()

export class Claims<C extends Claimed> {
  private readonly slots = new Map<string, Slot<C>>()
  private readonly byOwner = new Map<string, ReadonlyArray<C>>()

  /** Replaces all claims of an owner; gives the other owners whose position may have changed. */
  set(owner: string, claims: ReadonlyArray<C>): ReadonlySet<string> {
    const before = this.byOwner.get(owner)
    if (before === undefined && claims.length === 0) return nobody
    const affected = new Set<string>()
    if (before !== undefined) {
      const kept = new Set(claims.map((c) => c.key))
      for (const old of before) if (!kept.has(old.key)) this.release(owner, old.key, affected)
    }
    for (const claim of claims) this.take(owner, claim, affected)
    if (claims.length === 0) this.byOwner.delete(owner)
    else this.byOwner.set(owner, claims)
    affected.delete(owner)
    return affected
  }

  lost(owner: string): ReadonlyArray<Lost<C>> {
    const claims = this.byOwner.get(owner)
    if (claims === undefined) return []
    const out: Array<Lost<C>> = []
    for (const claim of claims) {
      const slot = this.slots.get(claim.key)
      if (slot === undefined || slot.winner === owner) continue
      if (claim.share !== undefined && claim.share === slot.share) continue
      out.push({ claim, winner: slot.winner, theirs: slot.owners.get(slot.winner)! })
    }
    return out
  }

  private take(owner: string, claim: C, affected: Set<string>): void {
    const slot = this.slots.get(claim.key)
    if (slot === undefined) {
      this.slots.set(claim.key, { owners: new Map([[owner, claim]]), winner: owner, share: claim.share })
      return
    }
    slot.owners.set(owner, claim)
    if (owner <= slot.winner) this.crown(slot, owner, affected)
  }

  private release(owner: string, key: string, affected: Set<string>): void {
    const slot = this.slots.get(key)
    if (slot === undefined) return
    slot.owners.delete(owner)
    if (slot.owners.size === 0) this.slots.delete(key)
    else if (slot.winner === owner) {
      this.crown(
        slot,
        [...slot.owners.keys()].reduce((a, b) => (a < b ? a : b)),
        affected
      )
    }
  }

  /** Losing depends on the winner's share alone; where that stays, nobody else moves. */
  private crown(slot: Slot<C>, winner: string, affected: Set<string>): void {
    const { share } = slot
    slot.winner = winner
    slot.share = slot.owners.get(winner)!.share
    if (slot.share !== undefined && slot.share === share) return
    for (const other of slot.owners.keys()) affected.add(other)
  }
}
