/**
 * Puts our server blocks into a Corefile that somebody else wrote, between two marker lines, and finds them again.
 * Every line outside the markers stays as it is (line ends become LF). A zone of ours that is already defined outside is refused:
 * CoreDNS would not start.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { negativePort } from "./Corefile.ts"

const begin = (owner: string) => `# BEGIN cw ${owner}: generated, do not edit`
const end = (owner: string) => `# END cw ${owner}`

export const merge = (
  corefile: string,
  fragment: string,
  owner: string,
  suffix: string,
  file: string,
  ports: ReadonlyArray<number> = [53, negativePort]
): string | ReadonlyArray<Diagnostic.Diagnostic> => {
  const lines = corefile.replace(/\r\n/g, "\n").replace(/\n*$/, "\n").split("\n")
  const from = lines.indexOf(begin(owner))
  const to = lines.indexOf(end(owner))
  if (from >= 0 !== to >= 0 || to < from) {
    const message = `${file} has one of the two marker lines of ${owner}, not both`
    return [
      Diagnostic.error("CW650", message, {
        place: { file, line: Math.max(from, to) + 1, col: 1 },
        help: "restore both, or remove both"
      })
    ]
  }
  const outside = from < 0 ? lines : [...lines.slice(0, from), ...lines.slice(to + 1)]
  const clash = heads(outside).find(({ keys }) => keys.some((key) => ports.some((port) => defines(key, suffix, port))))
  if (clash !== undefined) {
    const source = outside[clash.line]!
    const place = { file, line: lines.indexOf(source) + 1, col: 1, source }
    return [
      Diagnostic.error("CW650", `${file} already defines the zone ${suffix}`, {
        place,
        help: "remove that server block, or use another suffix"
      })
    ]
  }
  const ours = [begin(owner), ...fragment.trimEnd().split("\n"), end(owner)]
  const merged =
    from < 0 ? [...lines.slice(0, -1), ...ours, ""] : [...lines.slice(0, from), ...ours, ...lines.slice(to + 1)]
  return merged.join("\n")
}

interface Head {
  readonly line: number
  readonly keys: ReadonlyArray<string>
}

/** The keys of all server blocks: what stands at the top before a brace, also over several lines. */
const heads = (lines: ReadonlyArray<string>): ReadonlyArray<Head> => {
  const out: Array<Head> = []
  let depth = 0
  let quoted = false
  let pending: Array<string> = []
  for (const [i, line] of lines.entries()) {
    const { open, tokens } = tokenize(line, quoted)
    quoted = open
    const head = depth === 0
    if (head) pending.push(...tokens.flatMap((t) => t.split(",")).filter((t) => t !== "" && t !== "{" && t !== "}"))
    if (tokens[0] === "}") depth = Math.max(0, depth - 1)
    if (tokens.at(-1) === "{") {
      if (head) out.push({ line: i, keys: pending })
      depth++
    }
    // A line that does not end in a comma or a brace is whole: an import.
    if (!line.trimEnd().endsWith(",")) pending = []
  }
  return out
}

/** Words of a line; a quoted text counts as one and may go on in the next line, `#` begins a comment outside of it. */
const tokenize = (
  line: string,
  quoted: boolean
): { readonly tokens: ReadonlyArray<string>; readonly open: boolean } => {
  const tokens: Array<string> = []
  let rest = line
  if (quoted) {
    const end = /(^|[^\\])"/.exec(line)
    if (end === null) return { tokens: [], open: true }
    rest = line.slice(end.index + end[0].length)
  }
  for (;;) {
    rest = rest.trimStart()
    if (rest === "" || rest.startsWith("#")) return { tokens, open: false }
    if (rest.startsWith('"')) {
      const end = /[^\\]"/.exec(rest)
      if (end === null) return { tokens, open: true }
      tokens.push('""')
      rest = rest.slice(end.index + 2)
      continue
    }
    const word = /^[^\s#]+/.exec(rest)![0]
    tokens.push(word)
    rest = rest.slice(word.length)
  }
}

/** `global`, `global:53`, `dns://Global.:53`. */
const defines = (key: string, suffix: string, port: number): boolean => {
  const [, zone, own] = /^(?:dns:\/\/)?(.*?)\.?(?::(\d+))?$/.exec(key)!
  return zone!.toLowerCase() === suffix && Number(own ?? 53) === port
}

/** Without it CoreDNS goes on with what it had when it was started. */
export const reloads = (corefile: string): boolean => corefile.split("\n").some((line) => /^\s*reload(\s|$)/.test(line))
