/**
 * The credentials that a URL holds between its scheme and its host, wherever a text has one. The only pattern for them:
 * they end at the last @ before the path, as for every parser of URLs, whatever quotes are in them; and one that no
 * parser takes, as with a slash in the password, is hidden as well. Rather too much is taken than too little.
 */

/** What is longer is no password: keeps a hostile text from being read again and again. */
const found = /(:\/\/|\b(?:https?|wss?|ftp):[\\/]*)([^\s/?#]{1,2048}|[^\s/?#@:]{0,2048}:(?!\d*[/?#])\S{1,2048})@/gi

/** The text with `by(credentials)` in place of the credentials and the @ after them. */
export const replace = (text: string, by: (credentials: string) => string): string =>
  // Most texts hold none.
  text.includes("@")
    ? text.replace(found, (_all, before: string, credentials: string) => before + by(credentials))
    : text

/** As a sentence or an address may show it. */
export const hide = (text: string): string => replace(text, () => "…@")

/** Without any trace of them. */
export const remove = (text: string): string => replace(text, () => "")

/** What must not be said of the URLs in the text: each password, or what stands alone in its place; as written and decoded. */
export const of = (text: string): ReadonlyArray<string> => {
  const out = new Set<string>()
  replace(text, (credentials) => {
    const secret = credentials.slice(credentials.indexOf(":") + 1)
    out.add(secret).add(decoded(secret))
    return ""
  })
  return [...out]
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
