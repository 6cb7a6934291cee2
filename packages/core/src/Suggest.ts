/** Did-you-mean: the nearest known word, when it is near enough to be meant. */
import leven from "leven"

/** The candidate within an edit distance of 2 (1 for words of up to 3 letters) that has a letter in common, or undefined. */
export const suggest = (word: string, candidates: Iterable<string>): string | undefined => {
  if (word.length > 100) return undefined
  let best: string | undefined
  let distance = (word.length <= 3 ? 1 : 2) + 1
  for (const candidate of candidates) {
    if (candidate === word) continue
    const d = candidate.toLowerCase() === word.toLowerCase() ? 0 : leven(word, candidate, { maxDistance: distance })
    if (d < distance && d < Math.max(word.length, candidate.length)) {
      best = candidate
      distance = d
    }
  }
  return best
}

/** `did you mean "x"?`, or a list of what is known, or undefined when nothing is known. */
export const help = (word: string, candidates: Iterable<string>): string | undefined => {
  const known = [...new Set(candidates)].sort()
  const near = suggest(word, known)
  if (near !== undefined) return `did you mean "${near}"?`
  if (known.length === 0) return undefined
  return `known: ${known.slice(0, 20).join(", ")}${known.length > 20 ? ", …" : ""}`
}
