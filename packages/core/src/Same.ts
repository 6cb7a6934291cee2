/** Structural equality of plain data that leaves out `origin`: a fact that only moved in its file is the same fact. */
export const same = (a: unknown, b: unknown): boolean => {
  if (a === b) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i]))
  if (Array.isArray(b)) return false
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  let n = 0
  for (const key in left) {
    if (key === "origin") continue
    if (!same(left[key], right[key])) return false
    if (left[key] !== undefined) n++
  }
  for (const key in right) if (key !== "origin" && right[key] !== undefined) n--
  return n === 0
}
