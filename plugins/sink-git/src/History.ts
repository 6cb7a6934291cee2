/** Who made a commit, when, and on what. */
import type { PluginError } from "@coddiwomple/core/PluginError"
import * as Effect from "effect/Effect"
import type { Broken, Git } from "./Git.ts"

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
