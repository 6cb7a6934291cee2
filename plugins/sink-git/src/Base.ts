/**
 * What a branch holds below our folder: paths with blob ids, and the inventory. Read from one commit, so that nothing in it
 * can be half of something.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { empty, type Entry, type Inventory } from "@coddiwomple/core/Inventory"
import { refused, type PluginError } from "@coddiwomple/core/PluginError"
import { stateFolder } from "@coddiwomple/core/SafePath"
import * as Effect from "effect/Effect"
import type { Broken, Git } from "./Git.ts"
import * as Manifest from "./Manifest.ts"

export const manifestPath = `${stateFolder}/manifest.json`

export interface Base {
  /** Undefined: there is no such branch yet. */
  readonly commit: string | undefined
  /** Path below the prefix → blob id; what is no plain file carries its mode in front. */
  readonly tree: Map<string, string>
  readonly inventory: Inventory
  /** Where the text of the manifest is, as the commit names it. */
  readonly manifest: string | undefined
}

export const nothing = (owner: string): Base => ({
  commit: undefined,
  tree: new Map(),
  inventory: empty(owner),
  manifest: undefined
})

/** `prefix` is empty or ends with a slash. `known` spares reading a manifest that did not change. */
export const read = (
  git: Git,
  commit: string,
  prefix: string,
  owner: string,
  known: Base | undefined,
  expected: (path: string) => Entry | undefined
): Effect.Effect<Base, PluginError | Broken> =>
  Effect.gen(function* () {
    if (prefix !== "") {
      const folders = prefix
        .split("/")
        .slice(0, -1)
        .map((_, i, all) => all.slice(0, i + 1).join("/"))
      const listed = yield* git.local(["ls-tree", "-z", "--full-tree", commit, "--", ...folders])
      for (const { mode, path } of parse(listed))
        if (mode !== "040000") return yield* Effect.fail(refused([blocked(path)]))
    }
    const listed = yield* git.local([
      "ls-tree",
      "-r",
      "-z",
      "--full-tree",
      commit,
      ...(prefix === "" ? [] : ["--", prefix])
    ])
    const tree = new Map<string, string>()
    for (const { id, mode, path } of parse(listed))
      tree.set(path.slice(prefix.length), mode === "100644" ? id : `${mode} ${id}`)
    const manifest = tree.get(manifestPath)
    if (manifest === undefined) return { commit, tree, inventory: empty(owner), manifest }
    if (manifest === known?.manifest) return { commit, tree, inventory: known.inventory, manifest }
    if (manifest.includes(" ")) return yield* Effect.fail(refused([unreadable(prefix, "it is no plain file")]))
    const text = yield* git.local(["cat-file", "blob", manifest])
    const inventory = Manifest.parse(text.toString("utf8"), expected)
    if ("problem" in inventory) return yield* Effect.fail(refused([unreadable(prefix, inventory.problem)]))
    if (inventory.owner !== owner) return yield* Effect.fail(refused([foreign(prefix, inventory.owner, owner)]))
    return { commit, tree, inventory, manifest }
  })

interface Listed {
  readonly mode: string
  readonly id: string
  readonly path: string
}

/** `<mode> SP <type> SP <id> TAB <path> NUL`. */
function* parse(output: Buffer): Generator<Listed> {
  const text = output.toString("utf8")
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\0", at)
    const tab = text.indexOf("\t", at)
    yield { mode: text.slice(at, at + 6), id: text.slice(tab - 40, tab), path: text.slice(tab + 1, end) }
    at = end + 1
  }
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

/** Who made a commit, and on what. */
export interface Commit {
  readonly tree: string
  readonly parents: ReadonlyArray<string>
  readonly author: string
  readonly committer: string
  /** Seconds since the epoch. */
  readonly date: number
}

export const commitOf = (git: Git, id: string): Effect.Effect<Commit, PluginError | Broken> =>
  Effect.map(git.local(["cat-file", "commit", id]), (raw) => {
    const head = raw.toString("utf8").split("\n\n", 1)[0]!.split("\n")
    const of = (key: string) => head.filter((l) => l.startsWith(`${key} `)).map((l) => l.slice(key.length + 1))
    const person = (key: string) => /^(.*>) (-?\d+) [-+]\d+$/.exec(of(key)[0] ?? "")
    const committer = person("committer")
    return {
      tree: of("tree")[0] ?? "",
      parents: of("parent"),
      author: person("author")?.[1] ?? "",
      committer: committer?.[1] ?? "",
      date: Number(committer?.[2] ?? 0)
    }
  })
