/**
 * Puts our server blocks into a Corefile that somebody else wrote, between two marker lines, and finds them again.
 * Everything outside the markers stays byte for byte. A zone of ours that is already defined outside is refused:
 * CoreDNS would not start.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"

const begin = (owner: string) => `# BEGIN cw ${owner}: generated, do not edit`
const end = (owner: string) => `# END cw ${owner}`

export const merge = (
  corefile: string,
  fragment: string,
  owner: string,
  suffix: string,
  file: string
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
  const clash = outside.findIndex((line) => definesZone(line, suffix))
  if (clash >= 0) {
    const place = { file, line: lines.indexOf(outside[clash]!) + 1, col: 1, source: outside[clash]! }
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

/** A server block head at the start of a line: `global:53 {`, `dns://global {`, `a b, global {`. */
const definesZone = (line: string, suffix: string): boolean => {
  const head = line.replace(/#.*$/, "")
  if (/^\s/.test(head) || !head.trimEnd().endsWith("{")) return false
  return head
    .trimEnd()
    .slice(0, -1)
    .split(/[\s,]+/)
    .some(
      (key) =>
        key
          .replace(/^dns:\/\//, "")
          .replace(/:\d+$/, "")
          .replace(/\.$/, "")
          .toLowerCase() === suffix
    )
}
