/** `uses: git`: one commit a generation for all clusters, pushed to a branch or proposed in a pull request. */
import { Host } from "@coddiwomple/core/Host"
import { digest } from "@coddiwomple/core/Digest"
import { parse } from "@coddiwomple/core/Layout"
import { located } from "@coddiwomple/core/Located"
import { permanent } from "@coddiwomple/core/PluginError"
import * as Sink from "@coddiwomple/core/Sink"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Redacted from "effect/Redacted"
import * as Semaphore from "effect/Semaphore"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { Buffer } from "node:buffer"
import { Config } from "./Config.ts"
import { type GitOptions, unusable } from "./Git.ts"
import { makeGit } from "./GitSink.ts"
import { PullRequests } from "./PullRequest.ts"
import { identityOf, type Remote, remoteOf } from "./Remote.ts"

/** By branch of a repository: whoever pushes there. */
const turns = new Map<string, Semaphore.Semaphore>()
const turnOf = (key: string): Semaphore.Semaphore => {
  const known = turns.get(key) ?? Semaphore.makeUnsafe(1)
  turns.set(key, known)
  return known
}

export default Sink.make({
  type: "git",
  summary: "Commits one folder per cluster to a Git branch and pushes it, or keeps a pull request",
  config: Config,
  examples: [
    {
      summary: "Push to main",
      config: { url: "https://github.com/acme/fleet.git", token: "${env:GITHUB_TOKEN}", path: "clusters/{cluster}" }
    },
    { summary: "A repository on this machine", config: { url: "../fleet.git" } },
    {
      summary: "A pull request, with signed commits",
      config: {
        url: "https://github.com/acme/fleet.git",
        path: "clusters/{cluster}",
        token: "${env:GITHUB_TOKEN}",
        sign: { key: "/run/secrets/signing-key" },
        pullRequest: { title: "Mesh configuration" }
      }
    }
  ],
  exclusive: ({ branch, path, pullRequest, url }, site) => {
    const head = pullRequest === undefined ? branch : (pullRequest.branch ?? `cw/${site.pipeline}`)
    const folders = path.split("{cluster}")[0]!.replace(/^(\.\/+)+|\/+$/g, "")
    return [`git:${identityOf(url, site.path)}#${head}:${folders}`]
  },
  make: (config) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const spawner = yield* ChildProcessSpawner
      const host = yield* Host
      const template = `${config.path}/${config.layout}`
      const layout = parse(template)
      if ("problem" in layout) return yield* Effect.fail(permanent(`path: ${layout.problem}`))
      const absolute = (to: string) => located(path, host, to)
      const remote = remoteOf(config.url, absolute)
      const head = config.pullRequest === undefined ? undefined : (config.pullRequest.branch ?? `cw/${host.pipeline}`)
      if (head === config.branch)
        return yield* Effect.fail(unusable(`the branch of the pull request is ${head} itself`))
      const token = config.token === undefined ? undefined : Redacted.make(Redacted.value(config.token).trim())
      const repository = config.pullRequest?.repository ?? remote.repository
      if (config.pullRequest !== undefined && repository === undefined)
        return yield* Effect.fail(unusable("no owner/name in `url`", "set pullRequest.repository"))
      const epoch = process.env["SOURCE_DATE_EPOCH"]
      return yield* makeGit({
        fs,
        config,
        layout,
        prefix: template.slice(0, template.indexOf("{cluster}")),
        owner: host.pipeline,
        url: remote.url,
        folder:
          host.cacheDirectory === undefined
            ? undefined
            : path.join(host.cacheDirectory, "git", digest(remote.url).slice(0, 16)),
        git: { spawner, userConfig: config.userConfig, ...access(config, remote, token, absolute) },
        signingKey:
          config.sign === undefined
            ? undefined
            : config.sign.format === "ssh"
              ? absolute(config.sign.key)
              : config.sign.key,
        head,
        requests:
          config.pullRequest === undefined || token === undefined
            ? undefined
            : new PullRequests({
                api: (config.pullRequest.api ?? apiOf(remote)).replace(/\/+$/, ""),
                repository: repository!,
                token,
                head: head!,
                base: config.branch,
                budget: Duration.toMillis(config.budget)
              }),
        sourceDate: epoch !== undefined && /^\d{1,12}$/.test(epoch) ? Number(epoch) : undefined,
        turn: turnOf(`${remote.url}#${head ?? config.branch}`)
      })
    })
})

const apiOf = ({ host }: Remote): string =>
  host === undefined || host === "github.com" ? "https://api.github.com" : `https://${host}/api/v3`

/** How git proves who we are: a header that only the remote's own origin sees, or ssh without questions. */
const access = (
  { ssh, username }: Config,
  { origin, transport }: Remote,
  token: Redacted.Redacted<string> | undefined,
  absolute: (path: string) => string
): Pick<GitOptions, "env" | "config" | "secrets"> => {
  if (transport === "ssh") {
    const words = [
      "ssh",
      "-o BatchMode=yes",
      "-o StrictHostKeyChecking=yes",
      "-o ConnectTimeout=15",
      "-o ServerAliveInterval=15"
    ]
    if (ssh?.key !== undefined) words.push("-o IdentitiesOnly=yes", `-i ${shell(absolute(ssh.key))}`)
    if (ssh?.knownHosts !== undefined) words.push(`-o UserKnownHostsFile=${shell(absolute(ssh.knownHosts))}`)
    return { env: { GIT_SSH_COMMAND: words.join(" ") }, config: [], secrets: token === undefined ? [] : [token] }
  }
  if (token === undefined) return { env: {}, config: [], secrets: [] }
  if (origin === undefined) return { env: {}, config: [], secrets: [token] }
  const basic = Redacted.make(Buffer.from(`${username}:${Redacted.value(token)}`).toString("base64"))
  return {
    env: { CW_GIT_AUTHORIZATION: Redacted.make(`Authorization: Basic ${Redacted.value(basic)}`) },
    config: [`--config-env=http.${origin}.extraHeader=CW_GIT_AUTHORIZATION`, "http.followRedirects=false"],
    secrets: [token, basic]
  }
}

const shell = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
