/**
 * A set of clusters as bits over the fleet's cluster indices: one artifact body serves any number of clusters.
 * Sets are immutable by convention; all sets of one fleet have the same length.
 */
export type ClusterSet = Uint32Array

export const empty = (size: number): ClusterSet => new Uint32Array((size + 31) >>> 5)

export const of = (size: number, indices: Iterable<number>): ClusterSet => {
  const set = empty(size)
  for (const i of indices) set[i >>> 5]! |= 1 << (i & 31)
  return set
}

export const full = (size: number): ClusterSet => {
  const set = empty(size).fill(0xffffffff)
  if (size & 31) set[set.length - 1] = 2 ** (size & 31) - 1
  return set
}

export const has = (set: ClusterSet, index: number): boolean => ((set[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0

export const without = (a: ClusterSet, b: ClusterSet): ClusterSet => a.map((word, i) => word & ~(b[i] ?? 0))

export const intersects = (a: ClusterSet, b: ClusterSet): boolean => a.some((word, i) => (word & (b[i] ?? 0)) !== 0)

export const equals = (a: ClusterSet, b: ClusterSet): boolean =>
  a.length === b.length && a.every((word, i) => word === b[i])

export const isEmpty = (set: ClusterSet): boolean => set.every((word) => word === 0)

export const size = (set: ClusterSet): number => {
  let n = 0
  for (let word of set) for (; word !== 0; word &= word - 1) n++
  return n
}

/** Indices in ascending order. */
export function* indices(set: ClusterSet): Generator<number> {
  for (let w = 0; w < set.length; w++) {
    for (let word = set[w]!; word !== 0; word &= word - 1) yield (w << 5) + 31 - Math.clz32(word & -word)
  }
}
