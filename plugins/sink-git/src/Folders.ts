/**
 * Sets of cluster folders. A body that many clusters share is one thing here, with the set of the folders that have it, so
 * that cost follows bodies and not files. A folder keeps its bit as long as the sink lives.
 */

/** One bit a folder. */
export type FolderSet = bigint

const word = 0xffffffffn

/** Lists that are remembered: most sets come by again. */
const most = 20_000

export class Folders {
  private readonly names: Array<string> = []
  private readonly bits = new Map<string, FolderSet>()
  private readonly lists = new Map<FolderSet, ReadonlyArray<string>>()

  /** The folder alone; it gets a bit when it is new. */
  bit(name: string): FolderSet {
    const known = this.bits.get(name)
    if (known !== undefined) return known
    const bit = 1n << BigInt(this.names.length)
    this.names.push(name)
    this.bits.set(name, bit)
    return bit
  }

  /** The folder alone, or no folder when nobody spoke of it. */
  known(name: string): FolderSet {
    return this.bits.get(name) ?? 0n
  }

  list(set: FolderSet): ReadonlyArray<string> {
    const known = this.lists.get(set)
    if (known !== undefined) return known
    const list: Array<string> = []
    for (let [base, left] = [0, set]; left !== 0n; base += 32, left >>= 32n) {
      for (let rest = Number(left & word); rest !== 0; rest &= rest - 1)
        list.push(this.names[base + 31 - Math.clz32(rest & -rest)]!)
    }
    if (this.lists.size >= most) this.lists.clear()
    this.lists.set(set, list)
    return list
  }

  size(set: FolderSet): number {
    return this.list(set).length
  }
}
