/**
 * Reads a base from one commit, so that nothing in it can be half of something: whole, or as what differs from another
 * commit that is known.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Entry } from "@coddiwomple/core/Inventory"
import { type PluginError, refused } from "@coddiwomple/core/PluginError"
import * as Effect from "effect/Effect"
import { Base, manifestPath } from "./Base.ts"
import type { Folders, FolderSet } from "./Folders.ts"
import type { Broken, Git } from "./Git.ts"
import { Ledger, union } from "./Ledger.ts"
import * as Manifest from "./Manifest.ts"

export interface Place {
  readonly owner: string
  /** Empty, or ends with a slash. */
  readonly prefix: string
  readonly folders: Folders
  /** How the inventory will list a path that is wanted. */
  readonly expected: (path: string) => Iterable<Entry>
}

type Failure = PluginError | Broken

/** Everything below the prefix. */
export const whole = (git: Git, commit: string, place: Place): Effect.Effect<Base, Failure> =>
  Effect.gen(function* () {
    const { prefix } = place
    const scope = prefix === "" ? [] : ["--", prefix]
    const text = (yield* git.local(["ls-tree", "-r", "-z", "--full-tree", commit, ...scope])).toString("utf8")
    const at = text.indexOf(`\t${prefix}${manifestPath}\0`)
    if (at >= 0 && !/\b100644 blob [0-9a-f]{40}$/.test(text.slice(at - 52, at)))
      return yield* Effect.fail(refused([unreadable(prefix, "it is no plain file")]))
    const base = yield* listed(git, commit, at < 0 ? undefined : text.slice(at - 40, at), place)
    compare(text, base, prefix)
    return base
  })

/** `<mode> SP <type> SP <id> TAB <path> NUL`. */
const compare = (text: string, base: Base, prefix: string): void => {
  const { folders, ledger } = base
  const seen = new Map<string, FolderSet>()
  for (let at = 0; at < text.length; ) {
    const [end, tab] = [text.indexOf("\0", at), text.indexOf("\t", at)]
    const full = text.slice(tab + 1 + prefix.length, end)
    const blob = text.startsWith("100644", at)
      ? text.slice(tab - 40, tab)
      : `${text.slice(at, at + 6)} ${text.slice(tab - 40, tab)}`
    at = end + 1
    if (full === manifestPath) continue
    const slash = full.indexOf("/")
    const folder = slash < 0 ? 0n : folders.known(full.slice(0, slash))
    if (folder !== 0n) {
      const path = full.slice(slash + 1)
      seen.set(path, (seen.get(path) ?? 0n) | folder)
      if (ledger.entry(path, folder)?.digest === blob) continue
    }
    base.see(full, blob)
  }
  for (const path of ledger.paths) {
    const missing = union(ledger.at(path)) & ~(seen.get(path) ?? 0n)
    if (missing !== 0n) for (const folder of folders.list(missing)) base.see(`${folder}/${path}`, undefined)
  }
}

/** A base of which only the inventory is known. */
export const listed = (
  git: Git,
  commit: string,
  manifest: string | undefined,
  { expected, folders, owner, prefix }: Place
): Effect.Effect<Base, Failure> =>
  Effect.gen(function* () {
    if (manifest === undefined) return new Base(folders, new Ledger(), commit, undefined)
    const text = yield* git.local(["cat-file", "blob", manifest])
    const read = Manifest.parse(text.toString("utf8"), folders, expected)
    if ("problem" in read) return yield* Effect.fail(refused([unreadable(prefix, read.problem)]))
    if (read.owner !== owner) return yield* Effect.fail(refused([foreign(prefix, read.owner, owner)]))
    return new Base(folders, read.ledger, commit, manifest)
  })

/** Brings a base to another commit; false where its inventory is another one there: then it is to be read whole. */
export const follow = (git: Git, base: Base, commit: string, { prefix }: Place): Effect.Effect<boolean, Failure> =>
  Effect.gen(function* () {
    const scope = prefix === "" ? [] : ["--", prefix]
    const options = ["--no-renames", "--raw", "-r", "-z", "--no-abbrev"]
    const { code, stdout } = yield* git.run(["diff-tree", ...options, base.commit!, commit, ...scope])
    if (code !== 0) return false
    // `:<mode> <mode> <id> <id> <status> NUL <path> NUL`
    const fields = stdout.toString("utf8").split("\0")
    const changes: Array<readonly [path: string, blob: string | undefined]> = []
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const [, mode, , id, status] = fields[i]!.split(" ")
      const path = fields[i + 1]!.slice(prefix.length)
      if (path === manifestPath) return false
      changes.push([path, status === "D" ? undefined : mode === "100644" ? id : `${mode} ${id}`])
    }
    for (const [path, blob] of changes) base.see(path, blob)
    base.commit = commit
    return true
  })

/** The folders above ours are folders there, or absent. */
export const above = (git: Git, commit: string, { prefix }: Place): Effect.Effect<void, Failure> => {
  if (prefix === "") return Effect.void
  const segments = prefix.split("/").slice(0, -1)
  const folders = segments.map((_, i) => segments.slice(0, i + 1).join("/"))
  return Effect.flatMap(git.local(["ls-tree", "-z", "--full-tree", commit, "--", ...folders]), (out) => {
    const lines = out.toString("utf8").split("\0")
    const wrong = lines.find((line) => line !== "" && !line.startsWith("040000"))
    return wrong === undefined ? Effect.void : Effect.fail(refused([blocked(wrong.slice(wrong.indexOf("\t") + 1))]))
  })
}

const help = "restore it from the history; or remove it and run once with adopt: true"

const unreadable = (prefix: string, why: string) =>
  Diagnostic.error("CW705", `${prefix}${manifestPath} cannot be relied on: ${why}`, { help })

const foreign = (prefix: string, other: string, owner: string) =>
  Diagnostic.error(
    "CW706",
    `the files below ${prefix === "" ? "the repository" : prefix} belong to pipeline ${other}, not to ${owner}`
  )

const blocked = (path: string) =>
  Diagnostic.error("CW702", `${path} in the repository is no folder`, { help: "use another `path`, or move it away" })
