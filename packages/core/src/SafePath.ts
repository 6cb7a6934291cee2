/**
 * The one checked door from names to relative paths. Whatever the names say, a path that passed it stays below its root,
 * means the same on every operating system, and cannot touch Git's or cw's own files.
 */
import { digest } from "./Digest.ts"

/** A relative path with `/` that passed `check`. */
export type SafePath = string & { readonly "~cw/SafePath": true }

/** Folder of cw's own records; nobody else may have a file of that name. */
export const stateFolder = ".cw"

/** Bytes of one segment that every file system takes, and of a whole path. */
const maximumSegment = 255
const maximumPath = 2048

const encoder = new TextEncoder()

/** Length in UTF-8. */
export const byteLength = (text: string): number => encoder.encode(text).length

// Devices of Windows, with or without an extension; the superscript digits count as digits there.
const device = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\.|$)/i

const hex = (n: number, width: number): string => n.toString(16).toUpperCase().padStart(width, "0")

const percent = (character: string): string => {
  const unit = character.charCodeAt(0)
  // Half of a surrogate pair has no UTF-8; `u` is no hex digit, so that this cannot meet the escape of another character.
  if (character.length === 1 && unit >= 0xd800 && unit <= 0xdfff) return `%u${hex(unit, 4)}`
  return [...encoder.encode(character)].map((byte) => `%${hex(byte, 2)}`).join("")
}

/**
 * Any name as a piece of a segment, as `%3A` for `:`; different names give different pieces. Kubernetes names stay as
 * they are. What may not stand at the beginning or the end of a segment is escaped there, wherever the piece will stand.
 */
export const escape = (name: string): string => {
  if (name === "") return "%empty"
  let out = name.replace(/[^A-Za-z0-9._-]/gu, percent)
  if (!/^[A-Za-z0-9%]/.test(out) || device.test(out)) out = percent(out[0]!) + out.slice(1)
  return out.endsWith(".") ? `${out.slice(0, -1)}%2E` : out
}

/** A segment that is too long is cut and carries a hash of the whole; its last extension stays. Others stay as they are. */
export const shorten = (segment: string): string => {
  if (segment.length * 3 <= maximumSegment || byteLength(segment) <= maximumSegment) return segment
  const extension = /\.[A-Za-z0-9]{1,15}$/.exec(segment)?.[0] ?? ""
  const tail = `-${digest(segment).slice(0, 16)}${extension}`
  let head = segment.slice(0, maximumSegment - tail.length)
  while (byteLength(head) > maximumSegment - tail.length) head = head.slice(0, -1)
  return head.replace(/[\ud800-\udbff]$|%[^%]?$/, "") + tail
}

/** Why a relative path is refused, or undefined when it is safe. */
export const problem = (path: string): string | undefined => {
  if (path === "") return "it is empty"
  if (path.startsWith("/") || /^[A-Za-z]:/.test(path)) return "it is not relative"
  if (path.length > maximumPath || byteLength(path) > maximumPath) return `it is longer than ${maximumPath} bytes`
  for (const segment of path.split("/")) {
    const why = segmentProblem(segment)
    if (why !== undefined) return why
  }
  return undefined
}

// What nearly every segment looks like; the tests below are for the others.
const plain = /^[A-Za-z0-9_%][A-Za-z0-9_%-]*(\.[A-Za-z0-9_%-]+)*$/

const segmentProblem = (segment: string): string | undefined => {
  if (!plain.test(segment)) {
    if (segment === "") return "it has an empty segment"
    if (segment === "." || segment === "..") return `it has the segment "${segment}"`
    // oxlint-disable-next-line no-control-regex
    if (/[<>:"|?*\\\u0000-\u001f]/.test(segment)) return "it has a character that some systems forbid"
    // Invisible and unassigned characters hide what a name is; some file systems drop them, so that `.g\u200cit` is `.git`.
    if (/[\p{C}\p{Zl}\p{Zp}]/u.test(segment)) return "it has an invisible or unassigned character"
    if (/[. ]$/.test(segment)) return "a segment ends with a dot or a space"
    const folded = foldSegment(segment)
    if (folded.startsWith(".git")) return "it touches Git's own files"
    if (folded === stateFolder || folded.startsWith(`${stateFolder}-`)) return "it touches cw's own files"
  }
  if (/^git~[0-9]+$/i.test(segment)) return "it touches Git's own files"
  if (device.test(segment)) return `"${segment}" is a device on Windows`
  if (segment.length * 3 > maximumSegment && byteLength(segment) > maximumSegment)
    return "a segment is longer than 255 bytes"
  return undefined
}

/** The path, checked, or why it is refused. */
export const check = (path: string): SafePath | { readonly problem: string } => {
  const why = problem(path)
  return why === undefined ? (path as SafePath) : { problem: why }
}

const foldSegment = (text: string): string =>
  /^[\u0020-\u007e]*$/.test(text)
    ? text.toLowerCase()
    : text.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC")

/** Equal for paths that some file system takes for one: letter case and composition of characters do not count. */
export const fold = (path: string): string => foldSegment(path)

/**
 * Paths that can live in one tree. A path collides with another spelling of itself, and a file with a folder of its name.
 * A path may be added several times, and is there until it is taken out as often.
 */
export class PathSet {
  private readonly files = new Map<string, { readonly path: string; count: number }>()
  private readonly folders = new Map<string, { readonly path: string; count: number }>()

  /** Adds the path, or returns a path that it collides with. */
  add(path: string): string | undefined {
    const key = fold(path)
    const file = this.files.get(key)
    if (file !== undefined && file.path !== path) return file.path
    const folder = this.folders.get(key)
    if (folder !== undefined) return folder.path
    const above = ancestors(key)
    for (const parent of above) {
      const blocking = this.files.get(parent)
      if (blocking !== undefined) return blocking.path
    }
    if (file !== undefined) {
      file.count++
      return undefined
    }
    this.files.set(key, { path, count: 1 })
    for (const parent of above) {
      const known = this.folders.get(parent)
      if (known === undefined) this.folders.set(parent, { path, count: 1 })
      else known.count++
    }
    return undefined
  }

  remove(path: string): void {
    const key = fold(path)
    const file = this.files.get(key)
    if (file === undefined || file.path !== path || --file.count > 0) return
    this.files.delete(key)
    for (const parent of ancestors(key)) {
      const known = this.folders.get(parent)!
      if (--known.count === 0) this.folders.delete(parent)
    }
  }
}

/** The folders above a path, outermost first. */
export const ancestors = (path: string): ReadonlyArray<string> => {
  const out: Array<string> = []
  for (let i = path.indexOf("/"); i >= 0; i = path.indexOf("/", i + 1)) out.push(path.slice(0, i))
  return out
}

/** The folder of a path; empty at the root. */
export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")))

/** Paths that collide, each with one that it collides with, both ways round. */
export const collisions = (paths: Iterable<string>): ReadonlyMap<string, string> => {
  const set = new PathSet()
  const seen = new Set<string>()
  const out = new Map<string, string>()
  for (const path of paths) {
    if (seen.has(path)) {
      out.set(path, path)
      continue
    }
    seen.add(path)
    const other = set.add(path)
    if (other === undefined) continue
    out.set(path, other)
    if (!out.has(other)) out.set(other, path)
  }
  return out
}
