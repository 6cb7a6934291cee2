/**
 * Keys of what only one sink may write. A key covers everything below it: `file:out` and `file:out/east` clash, as do
 * two spellings of one folder, because a sink is told how to bring its paths into one form.
 */

/** What a sink may know when it says what it writes. */
export interface Site {
  /** Owner id: the pipeline's metadata.name. */
  readonly pipeline: string
  /** One form for all spellings of a local path: relative to the pipeline's folder, links followed as far as that is known. */
  readonly path: (path: string) => string
}

export const overlap = (a: string, b: string): boolean => a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`)

/** The longer of two keys that overlap: what both write. */
export const common = (a: string, b: string): string => (a.length < b.length ? b : a)

/** Without a disk at hand: `./a//b/../c/` is `a/c`. What leads out of the folder keeps its `..`. */
export const lexical = (path: string): string => {
  const out: Array<string> = []
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue
    if (part === ".." && out.length > 0 && out.at(-1) !== "..") out.pop()
    else out.push(part)
  }
  return path.startsWith("/") ? `/${out.join("/")}` : out.join("/") || "."
}
