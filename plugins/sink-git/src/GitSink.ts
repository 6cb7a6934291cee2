/** The Git sink: compares with a branch, makes one commit a generation, and pushes it until it is there or refused. */
import type { Desired } from "@coddiwomple/core/Desired"
import { outdated } from "@coddiwomple/core/FilesSink"
import type { Layout } from "@coddiwomple/core/Layout"
import { compareItems, type Plan, type Report, type ReportItem } from "@coddiwomple/core/Plan"
import { type PluginError, retryable } from "@coddiwomple/core/PluginError"
import type { SinkImpl } from "@coddiwomple/core/Sink"
import { findings } from "@coddiwomple/core/WriteFailures"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import type * as Semaphore from "effect/Semaphore"
import * as Cache from "./Cache.ts"
import { commit, messageOf } from "./Commit.ts"
import { Compare, type Silent } from "./Compare.ts"
import { compose } from "./Compose.ts"
import type { Config } from "./Config.ts"
import { Broken, Git, type GitOptions } from "./Git.ts"
import type { PullRequests } from "./PullRequest.ts"
import { heads, push } from "./Push.ts"
import { Sync, type Situation } from "./Sync.ts"
import { Wanted } from "./Wanted.ts"

export interface Site {
  readonly fs: FileSystem.FileSystem
  readonly config: Config
  readonly layout: Layout
  /** Folder of all clusters in the repository, with a slash at its end, or empty. */
  readonly prefix: string
  readonly owner: string
  readonly url: string
  /** Where the cache may last. */
  readonly folder: string | undefined
  readonly git: Omit<GitOptions, "directory">
  readonly signingKey: string | undefined
  readonly head: string | undefined
  readonly requests: PullRequests | undefined
  /** SOURCE_DATE_EPOCH. */
  readonly sourceDate: number | undefined
  /** Sinks of this process on one branch push one after the other. */
  readonly turn: Semaphore.Semaphore
}

export const makeGit = (site: Site): Effect.Effect<SinkImpl<Plan, PluginError>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { config, head, owner, prefix } = site
    const scope = yield* Effect.scope
    const wanted = new Wanted(site.layout, prefix, config.kustomization)
    const { email, name } = config.author
    const sync = new Sync(site.fs, {
      owner,
      prefix,
      branch: config.branch,
      head,
      author: `${name} <${email}>`,
      folders: wanted.folders,
      expected: (path) => wanted.at(path).map((want) => want.file.entry)
    })
    const compare = new Compare(wanted, {
      adopt: config.adopt,
      overwrite: config.overwrite,
      index: config.kustomization
    })
    const pushed = head ?? config.branch
    let planned = -1
    let situation: Situation | undefined
    let silent: ReadonlyArray<Silent> = []

    let temporary: string | undefined
    const folder = Effect.suspend(() =>
      temporary === undefined
        ? Cache.temporary(site.fs).pipe(
            Scope.provide(scope),
            Effect.tap((made) =>
              Effect.sync(() => {
                temporary = made
              })
            )
          )
        : Effect.succeed(temporary)
    )

    /** In the cache; where that is broken, in a new one. */
    const within = <A>(use: (git: Git) => Effect.Effect<A, PluginError | Broken>): Effect.Effect<A, PluginError> =>
      Effect.scoped(
        Effect.gen(function* () {
          const cache = yield* Cache.open(site.fs, site.folder, site.url, folder)
          const forget = Effect.sync(() => {
            sync.forget()
            situation = undefined
          })
          const discard = Effect.andThen(cache.discard, forget)
          if (cache.fresh) yield* forget
          const run = use(new Git({ ...site.git, directory: cache.directory }))
          const broken = (e: PluginError | Broken): e is Broken => e instanceof Broken
          return yield* run.pipe(
            Effect.catchIf(broken, () => Effect.andThen(discard, run)),
            Effect.catchIf(broken, (e) => Effect.fail(retryable(e.message)))
          )
        })
      )

    const plan = (desired: Desired): Effect.Effect<Plan, PluginError> =>
      Effect.gen(function* () {
        planned = -1
        wanted.follow(desired)
        const now = yield* within((git) => sync.situation(git))
        const compared = compare.with(now.live)
        const items = compared.items.sort(compareItems)
        const idle = items.every((i) => i.op === "held" || i.op === "conflict") && compared.silent.length === 0
        // Nothing to write, but the pull request may be missing, or its branch be left over from a merge.
        const bookkeeping =
          compared.silent.length > 0 ||
          (site.requests !== undefined &&
            idle &&
            (now.from === undefined ? leftOver(now) : (yield* site.requests.find) === undefined))
        situation = now
        silent = compared.silent
        planned = desired.generation
        return {
          items,
          unchanged: compared.unchanged,
          owned: compared.owned,
          owns: (target, service) => {
            const folder = wanted.targets.get(target)
            return folder !== undefined && now.live.ledger.owns(service, now.live.folders.known(folder))
          },
          ...(bookkeeping ? { bookkeeping } : {}),
          diagnostics: compared.diagnostics,
          ...(wanted.failed.size === 0 ? {} : { failed: wanted.failed })
        }
      })

    /** Until the branch has what the plan says: each time on top of what is there. */
    const deliver = (git: Git, plan: Plan): Effect.Effect<Report, PluginError | Broken> =>
      Effect.gen(function* () {
        const started = yield* Clock.currentTimeMillis
        for (let n = 0; ; n++) {
          // A base grows with its branch: a probe since the plan may have seen the next commit.
          if (situation?.live.commit !== (situation?.from ?? situation?.parent)) situation = undefined
          situation ??= yield* sync.situation(git)
          const now = situation
          const { changes, draft, manifest, report } = compose(
            wanted,
            plan,
            now.live,
            silent,
            owner,
            config.kustomization
          )
          const failures = findings(report)
          const done = { items: report, ...(failures.length === 0 ? {} : { diagnostics: failures }) }
          if (changes.length === 0) {
            if (site.requests !== undefined)
              yield* now.from === undefined ? withdraw(git, now) : propose(report, manifest)
            return done
          }
          const message = messageOf(owner, report, manifest ?? "", config.trailers)
          const date = config.date === "now" ? Math.floor((yield* Clock.currentTimeMillis) / 1000) : site.sourceDate
          const { parent, from } = now
          const made = yield* commit(git, {
            config,
            prefix,
            parent,
            from,
            changes,
            message,
            date,
            signingKey: site.signingKey
          })
          if (site.requests !== undefined && parent !== undefined && made.same) {
            yield* withdraw(git, now)
            situation = undefined
            return done
          }
          situation = undefined
          const outcome = yield* push(git, pushed, now.expected, made.id)
          if (outcome === "done") {
            now.live.become(draft, made.id, manifest)
            yield* sync.made(git, now.live)
            if (site.requests !== undefined) yield* propose(report, manifest)
            return done
          }
          const elapsed = (yield* Clock.currentTimeMillis) - started
          if (elapsed > Duration.toMillis(config.budget))
            return yield* Effect.fail(
              retryable(`branch ${pushed} was moved by others ${n + 1} times in ${Math.round(elapsed / 1000)} s`)
            )
          // All writers that lost come back at different times.
          yield* Effect.sleep((yield* Random.next) * Math.min(5000, 100 * 2 ** n))
        }
      })

    const propose = (report: ReadonlyArray<ReportItem>, manifest: string | undefined) => {
      const [title, ...rest] = messageOf(owner, report, manifest ?? "", {}).split("\n")
      const { body, title: fixed } = config.pullRequest!
      const counts = rest
        .filter((l) => !l.startsWith("Cw-"))
        .join("\n")
        .trim()
      const text = [body, counts, `Kept up to date by cw, pipeline \`${owner}\`.`]
        .filter((t) => t !== undefined && t !== "")
        .join("\n\n")
      // Without counts nothing changed: an open pull request keeps its words.
      return Effect.flatMap(counts === "" ? site.requests!.find : Effect.succeed(undefined), (found) =>
        found === undefined ? Effect.asVoid(site.requests!.ensure(fixed ?? title!, text)) : Effect.void
      )
    }

    /** Nothing differs from the branch any more: no pull request, no branch. */
    const withdraw = (git: Git, now: Situation): Effect.Effect<void, PluginError> =>
      Effect.gen(function* () {
        yield* site.requests!.close
        if (now.expected === undefined || now.expected === now.parent) return
        // GitHub may have deleted the branch with the pull request.
        const there = (yield* heads(git, [pushed])).get(pushed)
        if (there === now.expected) yield* push(git, pushed, now.expected, undefined)
      })

    return {
      plan,
      apply: (plan, desired) =>
        Effect.suspend((): Effect.Effect<Report, PluginError> => {
          if (desired.generation !== planned) return Effect.fail(outdated())
          return site.turn.withPermits(1)(within((git) => deliver(git, plan)))
        }),
      probe: Effect.asVoid(within((git) => sync.situation(git)))
    }
  })

const leftOver = ({ expected, parent }: Situation): boolean => expected !== undefined && expected !== parent
