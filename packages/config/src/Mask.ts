/**
 * A line of a file as it may be shown beside a finding: values of fields that look secret, and credentials in URLs, become
 * stars of the same width, so that columns stay true. References as `${env:NAME}` are no secrets.
 */
import * as UrlCredentials from "@coddiwomple/core/UrlCredentials"

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

/** Of the environment: PWD is the folder where one is. */
export const isSecretVariable = (name: string): boolean =>
  !/^(OLD)?PWD$|_(DIR|SOCK|USER|ID)$/.test(name) && looksSecret(name)

/** At most one letter is missing, too many, or another; or two are swapped. */
const nearly = (a: string, b: string): boolean => {
  let start = 0
  while (start < a.length && a[start] === b[start]) start++
  let [i, j] = [a.length, b.length]
  while (i > start && j > start && a[i - 1] === b[j - 1]) [i, j] = [i - 1, j - 1]
  const [x, y] = [a.slice(start, i), b.slice(start, j)]
  return (x.length <= 1 && y.length <= 1) || (x.length === 2 && x === `${y[1]}${y[0]}`)
}

const letter = /\$\{[^}]*?(?=:-)|\$\{[^}]*\}|[^\s"']/g
/** In a URL quotes are letters of the password. */
const letterOfUrl = /\$\{[^}]*?(?=:-)|\$\{[^}]*\}|\S/g

const starred = (found: string): string => (found.startsWith("${") ? found : "*")

/** Everything but quotes and references; the default of a reference is none. */
export const stars = (text: string): string => text.replace(letter, starred)

/** Whose value is not shown: also `env`, by which commands get what nobody is to see. */
export const holdsSecret = (field: string): boolean => field === "env" || looksSecret(field)

const flag = /(--([A-Za-z][\w-]*)["']?[ \t]*,?[ \t]+["']?)([^\s"',\]}-][^\s"',\]}]*)/g
const field = /(?<!\$\{)(?<!\w)(["']?)([A-Za-z][\w.-]*)\1[ \t]*[:=][ \t]*/g
const token = /"(?:[^"\\]|\\.)*"?|'[^']*'?|[^"']/g

/** Where a value ends that begins here, on a line that holds a collection. */
const flowEnd = (line: string, from: number): number => {
  let depth = 0
  for (const { 0: part, index } of line.slice(from).matchAll(token)) {
    if (depth === 0 && /^[,}\]]$/.test(part)) return from + index
    if (/^[[{]$/.test(part)) depth++
    else if (/^[\]}]$/.test(part)) depth--
  }
  return line.length
}

export const maskLine = (source: string): string => {
  let line = UrlCredentials.replace(source, (found) => `${found.replace(letterOfUrl, starred)}@`).replace(
    flag,
    (all, before: string, name: string, value: string) => (looksSecret(name) ? before + stars(value) : all)
  )
  for (const found of line.matchAll(field)) {
    if (!holdsSecret(found[2]!)) continue
    const from = found.index + found[0].length
    const to = /[{[]/.test(line.slice(0, found.index)) ? flowEnd(line, from) : line.length
    const value = line.slice(from, to)
    if (!/^[|>][-+0-9]*\s*$/.test(value)) line = line.slice(0, from) + stars(value) + line.slice(to)
  }
  return line
}

/** A tab indents nothing, but what it stands before belongs to what is above. */
const indent = (line: string): number => (/^\s*\t/.test(line) ? Number.POSITIVE_INFINITY : line.search(/\S/))

const key = /^((?:\s|-\s)*)(["']?)([\w.-]+)\2[ \t]*:(?=\s|$)/

/** A line that begins neither key nor item is a piece of a value, wherever it stands. */
const isPiece = (line: string): boolean => !/^\s*(?:$|-(?:\s|$)|#|---|\.\.\.|[{}[\]])/.test(line) && !key.test(line)

/** A line below these, nearest first: of what stands under a field that looks secret nothing is left. */
export const maskBelow = (above: Iterable<string>, line: string): string => {
  let column = isPiece(line) ? Number.POSITIVE_INFINITY : indent(line)
  for (const each of above) {
    if (column <= 0) break
    const [, before, , name] = key.exec(each) ?? []
    if (before === undefined || before.length >= column) continue
    column = before.length
    if (holdsSecret(name!)) return stars(line)
  }
  return maskLine(line)
}

/** A message about a line without the pieces of it that are masked. */
export const withoutMasked = (message: string, line: string, masked: string): string => {
  let out = message
  for (const { 0: piece, index } of line.matchAll(/[\w.+/=-]{3,}/g))
    if (/^\*+$/.test(masked.slice(index, index + piece.length))) out = out.replaceAll(piece, "…")
  return out
}
