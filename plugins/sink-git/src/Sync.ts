/**
 * Where the remote stands: what is compared with, what a commit is made on, and what the pushed branch must be for the push
 * to be right. Fetches what the cache lacks: one commit, trees without files.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { type PluginError, refused, retryable } from "@coddiwomple/core/PluginError"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import { type Base, nothing } from "./Base.ts"
import { Broken, failure, type Git, kindOf, oldest, said, unusable } from "./Git.ts"
import { type Commit, commitOf } from "./History.ts"
import { Known } from "./Known.ts"
import { heads } from "./Push.ts"
import * as Read from "./Read.ts"

export interface Names extends Read.Place {
  /** What people read from. */
  readonly branch: string
  /** What is pushed to, where that is another one. */
  readonly head: string | undefined
  /** `name <email>` of our commits. */
  readonly author: string
}

export interface Situation {
  readonly live: Base
  /** Tip of `branch`. */
  readonly parent: string | undefined
  /** What the pushed branch is now. */
  readonly expected: string | undefined
  /** Our commit on top of `parent`, whose tree goes on. */
  readonly from: string | undefined
}

export class Sync {
  private readonly names: Names
  /** Commits that the cache has whole. */
  private have: Set<string> | undefined
  /** Of the commit that was looked at last; grows with the branch. */
  private base: Base | undefined
  private readonly known: Known
  private partial = true
  private checked = false

  constructor(fs: FileSystem.FileSystem, names: Names) {
    this.names = names
    this.known = new Known(fs, names)
  }

  /** After the cache was thrown away. */
  forget(): void {
    this.have = undefined
    // What differs from a commit that is not here would be asked of the remote, object by object.
    this.base = undefined
    this.known.forget()
  }

  /** A commit of ours is there now. */
  made(git: Git, base: Base): Effect.Effect<void> {
    this.base = base
    if (base.commit !== undefined) this.have?.add(base.commit)
    return this.known.save(git, base)
  }

  situation(git: Git): Effect.Effect<Situation, PluginError | Broken> {
    return Effect.gen({ self: this }, function* () {
      if (!this.checked) yield* version(git)
      this.checked = true
      const { branch, head } = this.names
      for (let n = 0; n < 5; n++) {
        const found = yield* heads(git, head === undefined ? [branch] : [branch, head])
        const [parent, own] = [found.get(branch), head === undefined ? undefined : found.get(head)]
        const lacking = [
          ...(parent === undefined || (yield* this.has(git, parent)) ? [] : [`+refs/heads/${branch}:refs/cw/base`]),
          ...(own === undefined || own === parent || (yield* this.has(git, own))
            ? []
            : [`+refs/heads/${head}:refs/cw/head`])
        ]
        // A branch may vanish or move between the two calls: then it is looked at again.
        if (lacking.length > 0) {
          yield* this.fetch(git, lacking)
          continue
        }
        return yield* head === undefined ? this.direct(git, parent) : this.proposed(git, head, parent, own)
      }
      return yield* Effect.fail(retryable(`branch ${branch} moves too fast to be read`))
    })
  }

  private direct(git: Git, parent: string | undefined): Effect.Effect<Situation, PluginError | Broken> {
    return Effect.map(this.read(git, parent), (live) => ({ live, parent, expected: parent, from: undefined }))
  }

  private proposed(
    git: Git,
    head: string,
    parent: string | undefined,
    own: string | undefined
  ): Effect.Effect<Situation, PluginError | Broken> {
    return Effect.gen({ self: this }, function* () {
      const { author, branch } = this.names
      if (parent === undefined)
        return yield* Effect.fail(
          unusable(`branch ${branch} is missing`, "a pull request needs a branch to merge into")
        )
      if (own !== undefined && own !== parent) {
        const commit = yield* commitOf(git, own)
        if (commit.author !== author || commit.committer !== author)
          return yield* Effect.fail(refused([taken(head, own, commit)]))
        if (commit.parents.length === 1 && commit.parents[0] === parent)
          return { live: yield* this.read(git, own), parent, expected: own, from: own }
      }
      return { live: yield* this.read(git, parent), parent, expected: own, from: undefined }
    })
  }

  private read(git: Git, commit: string | undefined): Effect.Effect<Base, PluginError | Broken> {
    return Effect.gen({ self: this }, function* () {
      if (commit === undefined) return nothing(this.names.folders)
      if (this.base?.commit === commit) return this.base
      yield* Read.above(git, commit, this.names)
      const before = this.base?.commit === undefined ? yield* this.known.load(git) : this.base
      // Until it came through, nothing is known.
      this.base = undefined
      const there =
        before?.commit === commit || (before !== undefined && (yield* Read.follow(git, before, commit, this.names)))
      this.base = there ? before! : yield* Read.whole(git, commit, this.names)
      yield* this.known.save(git, this.base)
      return this.base
    })
  }

  private has(git: Git, commit: string): Effect.Effect<boolean, PluginError | Broken> {
    return Effect.gen({ self: this }, function* () {
      if (this.have === undefined) {
        const refs = yield* git.local(["for-each-ref", "--format=%(objectname)", "refs/cw"])
        this.have = new Set(refs.toString("latin1").split("\n"))
      }
      return this.have.has(commit)
    })
  }

  private fetch(git: Git, refs: ReadonlyArray<string>): Effect.Effect<void, PluginError | Broken> {
    return Effect.gen({ self: this }, function* () {
      const lean = this.partial ? ["--depth=1", "--filter=blob:none"] : []
      const { code, stderr } = yield* git.run([
        "fetch",
        ...lean,
        "--no-tags",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--force",
        "--quiet",
        "origin",
        ...refs
      ])
      this.have = undefined
      if (code === 0 || /couldn't find remote ref/i.test(stderr)) return
      const kind = kindOf(stderr)
      if (this.partial && kind !== "auth" && kind !== "absent" && /filter|shallow|depth|dumb http/i.test(stderr)) {
        this.partial = false
        return
      }
      return yield* Effect.fail(kind === "local" ? new Broken(`git fetch: ${said(stderr)}`) : failure(kind, stderr))
    })
  }
}

const version = (git: Git): Effect.Effect<void, PluginError> =>
  Effect.flatMap(git.run(["--version"]), ({ stdout }) => {
    const [, major, minor] = /(\d+)\.(\d+)/.exec(stdout.toString("latin1")) ?? []
    const fit = Number(major) > oldest[0] || (Number(major) === oldest[0] && Number(minor) >= oldest[1])
    return fit
      ? Effect.void
      : Effect.fail(unusable(`git ${major}.${minor} is too old`, `install git ${oldest.join(".")} or newer`))
  })

const taken = (head: string, id: string, { author, committer }: Commit) =>
  Diagnostic.error(
    "CW711",
    `branch ${head} has a commit of ${author === committer ? author : `${author}, committed by ${committer}`} (${id.slice(0, 12)})`,
    {
      help: "merge the branch, or delete it; cw never overwrites what somebody else committed"
    }
  )
