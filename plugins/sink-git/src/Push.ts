/**
 * Moves a branch of the remote from one commit to the next, and finds out what happened: done, moved by somebody else,
 * refused with the server's own words, or unknown, which is resolved by asking the remote.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { type PluginError, refused, retryable } from "@coddiwomple/core/PluginError"
import * as Effect from "effect/Effect"
import { failure, type Git, kindOf, said } from "./Git.ts"

/** `moved`: make the commit again on what is there now. */
export type Outcome = "done" | "moved"

/** Branches of the remote by name. */
export const heads = (
  git: Git,
  branches: ReadonlyArray<string>
): Effect.Effect<ReadonlyMap<string, string>, PluginError> =>
  Effect.flatMap(
    git.run(["ls-remote", "--", "origin", ...branches.map((b) => `refs/heads/${b}`)]),
    ({ code, stderr, stdout }) => {
      if (code !== 0) {
        const kind = kindOf(stderr)
        return Effect.fail(failure(kind, stderr))
      }
      const found = new Map<string, string>()
      for (const line of stdout.toString("utf8").split("\n")) {
        const [id, ref] = line.split("\t")
        if (ref?.startsWith("refs/heads/")) found.set(ref.slice("refs/heads/".length), id!)
      }
      return Effect.succeed(found)
    }
  )

// `cannot lock ref` and the like: two pushes met at the server.
const races =
  /stale info|fetch first|non-fast-forward|needs force|already exists|cannot lock ref|failed to update ref|incorrect old value|remote ref updated/i

/** `to` undefined deletes the branch. `expected` is what the branch must be; undefined: it must not exist. */
export const push = (
  git: Git,
  branch: string,
  expected: string | undefined,
  to: string | undefined
): Effect.Effect<Outcome, PluginError> =>
  Effect.gen(function* () {
    const ref = `refs/heads/${branch}`
    const result = yield* git.run([
      "push",
      "--porcelain",
      "--no-verify",
      `--force-with-lease=${ref}:${expected ?? ""}`,
      "origin",
      `${to ?? ""}:${ref}`
    ])
    const status = result.stdout
      .toString("utf8")
      .split("\n")
      .find((l) => /^[ +\-*=!]\t/.test(l))
    if (result.code === 0 && status !== undefined && !status.startsWith("!")) return "done"
    if (status?.startsWith("!") === true) {
      const reason = /\(([^)]*)\)\s*$/.exec(status)?.[1] ?? status
      if (races.test(reason)) return "moved"
      if (/\[(remote )?rejected\]/.test(status)) return yield* Effect.fail(declined(branch, reason, result.stderr))
    }
    const kind = kindOf(result.stderr)
    if (kind === "auth" || kind === "absent") return yield* Effect.fail(failure(kind, result.stderr))
    // The connection went: before or after the branch moved?
    const now = yield* Effect.map(heads(git, [branch]), (found) => found.get(branch)).pipe(
      Effect.mapError((error) =>
        retryable(`nobody knows whether the push to ${branch} arrived: ${error.message}`, error)
      )
    )
    if (now === to) return "done"
    if (now !== expected) return "moved"
    return yield* Effect.fail(
      kind === "network"
        ? failure("network", result.stderr)
        : retryable(`the push to ${branch} did not arrive: ${said(result.stderr)}`)
    )
  })

/** A hook or a rule of the server said no: that is told once, with its own words, and not tried again. */
const declined = (branch: string, reason: string, stderr: string): PluginError => {
  const words = stderr
    .split("\n")
    .filter((l) => l.startsWith("remote:"))
    .map((l) => l.slice("remote:".length).trim())
    .filter((l) => l !== "")
  const message = `the remote refused the push to ${branch}: ${reason}`
  return refused([
    Diagnostic.error("CW805", message, {
      help:
        words.length === 0 ? "ask who runs the repository" : `it said: ${words.slice(0, 20).join("\n").slice(0, 2000)}`
    })
  ])
}
