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

/** Who has a key. Nearly all keys have one owner, who needs no map. */
interface Slot<C> {
  winner: string
  /** What the winner claimed. */
  claim: C
  /** All owners, the winner among them, where there are several. */
  owners: Map<string, C> | undefined
}

interface Position<C> {
  readonly claim: C
  readonly slot: Slot<C>
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
  private readonly byOwner = new Map<string, ReadonlyArray<Position<C>>>()

  /** Replaces all claims of an owner; gives the other owners whose position may have changed. */
  set(owner: string, claims: ReadonlyArray<C>): ReadonlySet<string> {
    const before = this.byOwner.get(owner)
    if (before === undefined && claims.length === 0) return nobody
    const affected = new Set<string>()
    if (before !== undefined) {
      const kept = new Set(claims.map((c) => c.key))
      for (const { claim, slot } of before) if (!kept.has(claim.key)) this.release(owner, claim.key, slot, affected)
    }
    const positions = claims.map((claim) => ({ claim, slot: this.take(owner, claim, affected) }))
    if (claims.length === 0) this.byOwner.delete(owner)
    else this.byOwner.set(owner, positions)
    affected.delete(owner)
    return affected
  }

  lost(owner: string): ReadonlyArray<Lost<C>> {
    const positions = this.byOwner.get(owner)
    if (positions === undefined) return []
    const out: Array<Lost<C>> = []
    for (const { claim, slot } of positions) {
      if (slot.winner === owner) continue
      if (claim.share !== undefined && claim.share === slot.claim.share) continue
      out.push({ claim, winner: slot.winner, theirs: slot.claim })
    }
    return out
  }

  private take(owner: string, claim: C, affected: Set<string>): Slot<C> {
    const slot = this.slots.get(claim.key)
    if (slot === undefined) {
      const lone = { winner: owner, claim, owners: undefined }
      this.slots.set(claim.key, lone)
      return lone
    }
    if (slot.winner !== owner) slot.owners ??= new Map([[slot.winner, slot.claim]])
    slot.owners?.set(owner, claim)
    if (owner <= slot.winner) crown(slot, owner, claim, affected)
    return slot
  }

  private release(owner: string, key: string, slot: Slot<C>, affected: Set<string>): void {
    const { owners } = slot
    owners?.delete(owner)
    if (owners === undefined || owners.size === 0) this.slots.delete(key)
    else if (slot.winner === owner) {
      const next = [...owners.keys()].reduce((a, b) => (a < b ? a : b))
      crown(slot, next, owners.get(next)!, affected)
    }
  }
}

/** Losing depends on the winner's share alone; where that stays, nobody else moves. */
const crown = <C extends Claimed>(slot: Slot<C>, winner: string, claim: C, affected: Set<string>): void => {
  const { share } = slot.claim
  slot.winner = winner
  slot.claim = claim
  if (claim.share !== undefined && claim.share === share) return
  if (slot.owners === undefined) affected.add(winner)
  else for (const other of slot.owners.keys()) affected.add(other)
}
