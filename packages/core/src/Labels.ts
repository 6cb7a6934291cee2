/**
 * The syntax of names and labels in Kubernetes and Istio, letter by letter: it is asked for several times for every body
 * that is made, where regular expressions would be much of the cost.
 */

const digit = 1
const lower = 2
const upper = 4
const hyphen = 8
const other = 16
const dot = 32
const classes = new Uint8Array(128)
for (const c of "0123456789") classes[c.charCodeAt(0)] = digit
for (const c of "abcdefghijklmnopqrstuvwxyz") classes[c.charCodeAt(0)] = lower
for (const c of "ABCDEFGHIJKLMNOPQRSTUVWXYZ") classes[c.charCodeAt(0)] = upper
for (const c of "-") classes[c.charCodeAt(0)] = hyphen
for (const c of "_.") classes[c.charCodeAt(0)] = other
const alphanumeric = digit | lower | upper

const classAt = (t: string, i: number): number => {
  const c = t.charCodeAt(i)
  return c < 128 ? classes[c]! : 0
}

/** All characters of these classes, letters or digits at both ends, 1 to `longest` characters. */
const isWord = (t: string, allowed: number, longest: number): boolean => {
  const n = t.length
  const ends = allowed & alphanumeric
  if (n === 0 || n > longest || (classAt(t, 0) & ends) === 0 || (classAt(t, n - 1) & ends) === 0) return false
  for (let i = 1; i < n - 1; i++) if ((classAt(t, i) & allowed) === 0) return false
  return true
}

/** RFC 1123 label as Kubernetes wants it: lower case, at most 63. */
export const isDnsLabel = (t: string): boolean => isWord(t, digit | lower | hyphen, 63)

/** A label as Istio's webhook takes it for port and subset names: either case, at most 63. */
export const isIstioLabel = (t: string): boolean => isWord(t, alphanumeric | hyphen, 63)

/** Label values: empty, or at most 63 with letters or digits at both ends. */
export const isLabelValue = (t: string): boolean => t === "" || isWord(t, alphanumeric | hyphen | other, 63)

/** Label and annotation keys: a name of at most 63, after an optional DNS prefix and `/`. */
export const isQualifiedName = (t: string): boolean => {
  const slash = t.indexOf("/")
  if (slash < 0) return isWord(t, alphanumeric | hyphen | other, 63)
  const prefix = t.slice(0, slash)
  return isSubdomain(prefix) && isWord(t.slice(slash + 1), alphanumeric | hyphen | other, 63)
}

/** Names of Kubernetes objects: lower-case labels joined by dots, at most 253. */
export const isSubdomain = (t: string): boolean => {
  const n = t.length
  if (n === 0 || n > 253) return false
  let before = dot
  for (let i = 0; i < n; i++) {
    const c = t.charCodeAt(i)
    const k = c === 46 ? dot : c < 128 ? classes[c]! : 0
    if ((k & (digit | lower | hyphen | dot)) === 0) return false
    // Neither dot nor dash beside a dot, where the ends count as dots.
    if ((k === dot && before >= hyphen) || (k === hyphen && before === dot)) return false
    before = k
  }
  return before < hyphen
}

/**
 * Istio's rule V1: labels of at most 63 in either case, at most 255 in all, the last not all digits; it may end with a
 * dot.
 */
export const isDnsName = (t: string): boolean => isDnsNameFrom(t, 0)

/** The same of what begins somewhere in the text. */
export const isDnsNameFrom = (t: string, from: number): boolean => {
  const n = t.length
  if (from >= n || n > 255) return false
  let start = from
  let seen = 0
  for (let i = from; i <= n; i++) {
    const c = i < n ? t.charCodeAt(i) : 46
    if (c !== 46) {
      const k = c < 128 ? classes[c]! : 0
      if ((k & (alphanumeric | hyphen)) === 0) return false
      seen |= k
      continue
    }
    const length = i - start
    if (length === 0) return i === n && start > from
    if (length > 63 || classAt(t, start) === hyphen || classAt(t, i - 1) === hyphen) return false
    if (i === n) return seen !== digit
    start = i + 1
    seen = 0
  }
  return false
}
