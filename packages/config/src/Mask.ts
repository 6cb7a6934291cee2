/**
 * A line of a file as it may be shown beside a finding: values of fields that look secret, and credentials in URLs, become
 * stars of the same width, so that columns stay true. References as `${env:NAME}` are no secrets.
 */

const words = ["token", "password", "passwd", "passphrase", "secret", "credential", "credentials", "authorization"]
const exactly: ReadonlySet<string> = new Set([...words, "pass", "pwd", "bearer", "apikey"])
/** Such a field names where the secret is. */
const places: ReadonlySet<string> = new Set(["file", "path", "name", "ref"])

/** Also a field that is nearly called so: what is misspelled is what is shown. */
export const looksSecret = (field: string): boolean => {
  const parts = field
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
  const last = parts[parts.length - 1] ?? ""
  if (parts.length > 1 && places.has(last)) return false
  if (parts.length > 1 && /^keys?$/.test(last)) return true
  return parts.some((part) => exactly.has(part) || (part.length > 3 && words.some((word) => nearly(part, word))))
}

/** At most one letter is missing, too many, or another; or two are swapped. */
const nearly = (a: string, b: string): boolean => {
  let start = 0
  while (start < a.length && a[start] === b[start]) start++
  let [i, j] = [a.length, b.length]
  while (i > start && j > start && a[i - 1] === b[j - 1]) [i, j] = [i - 1, j - 1]
  const [x, y] = [a.slice(start, i), b.slice(start, j)]
  return (x.length <= 1 && y.length <= 1) || (x.length === 2 && x === `${y[1]}${y[0]}`)
}

/** Everything but references and quotes. */
export const stars = (text: string): string =>
  text.replace(/\$\{[^}]*\}|[^\s"']/g, (found) => (found.length > 1 ? found : "*"))

const url = /([a-z][a-z0-9+.-]*:\/\/)([^\s/@"']+)@/gi
const field = /(["']?)([A-Za-z][\w.-]*)\1[ \t]*[:=][ \t]*/g
const flowValue = /"(?:[^"\\]|\\.)*"?|'[^']*'?|[^,}\]]*/y

export const maskLine = (source: string): string => {
  let line = source.replace(url, (_all, scheme: string, user: string) => `${scheme}${stars(user)}@`)
  for (const found of line.matchAll(field)) {
    if (!looksSecret(found[2]!)) continue
    const from = found.index + found[0].length
    let to = line.length
    if (/[{[]/.test(line.slice(0, found.index))) {
      flowValue.lastIndex = from
      to = from + (flowValue.exec(line)?.[0].length ?? 0)
    }
    const value = line.slice(from, to)
    if (!/^[|>][-+0-9]*\s*$/.test(value)) line = line.slice(0, from) + stars(value) + line.slice(to)
  }
  return line
}

/** A sentence without credentials in URLs. */
export const maskText = (text: string): string => text.replace(url, "$1…@")
