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

// Plain loops: callbacks on typed arrays cost more than what they do here.
export const without = (a: ClusterSet, b: ClusterSet): ClusterSet => {
  const out = new Uint32Array(a.length)
  for (let i = 0; i < a.length; i++) out[i] = a[i]! & ~(b[i] ?? 0)
  return out
}

export const intersects = (a: ClusterSet, b: ClusterSet): boolean => {
  for (let i = 0; i < a.length; i++) if ((a[i]! & (b[i] ?? 0)) !== 0) return true
  return false
}

export const equals = (a: ClusterSet, b: ClusterSet): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export const isEmpty = (set: ClusterSet): boolean => {
  for (let i = 0; i < set.length; i++) if (set[i] !== 0) return false
  return true
}

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
