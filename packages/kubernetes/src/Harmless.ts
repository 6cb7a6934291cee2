/**
 * Text of others (credential plugins, servers, parsers) on its way to a person: one line, bounded, and without anything
 * that looks like a secret. Nothing a plugin prints or a kubeconfig contains reaches an output by another way.
 */
import * as UrlCredentials from "@coddiwomple/core/UrlCredentials"

const secrets: ReadonlyArray<readonly [RegExp, string]> = [
  [/\b(bearer|basic)\s+\S+/gi, "$1 …"],
  [
    /\b(\w*(?:token|pass|password|passwd|secret|credential|key)s?)(["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;"'}]+)/gi,
    "$1$2…"
  ],
  // JSON web tokens, whole or cut.
  [/\beyJ[\w-]{8,}(\.[\w-]*)*/g, "…"],
  // Long opaque runs: hex, base64, and the like. Names of objects have no upper case.
  [/\b(?=[\w+/=-]*[0-9])(?=[\w+/=-]*[A-Z])[\w+/=-]{20,}/g, "…"],
  [/\b[0-9a-f]{24,}\b/g, "…"],
  [/\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g, "…"]
]

/** One line of at most `limit` characters; `known` are values that must not appear, whatever they look like. */
export const harmless = (text: string, known: Iterable<string> = [], limit = 240): string => {
  let out = text
  for (const value of known) if (value.length >= 4) out = out.replaceAll(value, "…")
  out = UrlCredentials.hide(out)
  for (const [pattern, replacement] of secrets) out = out.replace(pattern, replacement)
  return oneLine(out, limit)
}

/** What a YAML parser says, without the piece of the text that it repeats: a token may begin with * or !. */
export const yamlProblem = (message: string): string =>
  harmless(message.replace(/:\s[^]*$|,? so \S[^]*$|(?<=^The )\S+(?= tag)|(?<=escape sequence )\S+/, ""))

/** One line of at most `limit` characters, for texts that hold no secrets. */
export const oneLine = (text: string, limit: number): string => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const out = text.replace(/[\u0000-\u0020\u007f-\u009f\u2028\u2029]+/g, " ").trim()
  return out.length > limit ? `${out.slice(0, limit - 1)}…` : out
}
