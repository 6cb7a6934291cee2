/**
 * Runs git: a closed environment, no configuration of anybody, no prompt, no hook, no helper, and no secret in arguments,
 * URLs or messages. A failure says of what kind it is, so that callers know whether trying again can help.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { PluginError, within } from "@coddiwomple/core/PluginError"
import * as UrlCredentials from "@coddiwomple/core/UrlCredentials"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as PlatformError from "effect/PlatformError"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as ChildProcess from "effect/process/ChildProcess"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { Buffer } from "node:buffer"

/** git 2.34 signs with SSH keys; older ones also lack `--config-env` or partial clones. */
export const oldest = [2, 34] as const

export interface GitOptions {
  readonly spawner: ChildProcessSpawner["Service"]
  /** Bare repository; also the home of git and ssh. */
  readonly directory: string
  /** Beside what is inherited. */
  readonly env: Readonly<Record<string, string | Redacted.Redacted<string>>>
  /** In front of every command, as `-c name=value`. */
  readonly config: ReadonlyArray<string>
  /** Never shown, whoever prints them. */
  readonly secrets: ReadonlyArray<Redacted.Redacted<string>>
  /** The configuration of user and system counts. */
  readonly userConfig: boolean
}

/** Milliseconds a git command may take: what only asks the remote, and everything else. Replaced in tests. */
export const Limits = Context.Reference<{ readonly asking: number; readonly working: number }>("cw/sink-git/Limits", {
  defaultValue: () => ({ asking: 60_000, working: 300_000 })
})

export interface Output {
  readonly code: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** What a proxy, an agent and certificates need; nothing else of the environment reaches git. */
const inherited = [
  "PATH",
  "TMPDIR",
  "TEMP",
  "TMP",
  "SystemRoot",
  "SSH_AUTH_SOCK",
  "SSH_AGENT_PID",
  "GNUPGHOME",
  "GPG_AGENT_INFO",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "all_proxy",
  "no_proxy",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "GIT_SSL_CAINFO",
  "GIT_SSL_CAPATH"
]

const hygiene = [
  "core.hooksPath=/dev/null",
  "gc.auto=0",
  "maintenance.auto=0",
  "protocol.ext.allow=never",
  "core.quotePath=false",
  "advice.detachedHead=false",
  "transfer.fsckObjects=false",
  "http.lowSpeedLimit=1000",
  "http.lowSpeedTime=30",
  "fetch.writeCommitGraph=false",
  "push.gpgSign=false",
  "commit.gpgSign=false",
  "color.ui=false"
]

export class Git {
  readonly options: GitOptions
  private readonly environment: Record<string, string | Redacted.Redacted<string>>
  private readonly globals: ReadonlyArray<string>

  constructor(options: GitOptions) {
    this.options = options
    const { userConfig } = options
    const own = Object.fromEntries(
      [...inherited, ...(userConfig ? ["HOME", "XDG_CONFIG_HOME", "USER"] : [])].flatMap((k) =>
        process.env[k] === undefined ? [] : [[k, process.env[k]]]
      )
    ) as Record<string, string>
    this.environment = {
      ...own,
      LC_ALL: "C",
      GIT_TERMINAL_PROMPT: "0",
      GIT_ASKPASS: "/bin/false",
      SSH_ASKPASS: "/bin/false",
      GIT_OPTIONAL_LOCKS: "0",
      GIT_ALLOW_PROTOCOL: "file:http:https:ssh",
      ...(userConfig ? {} : { GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null", HOME: options.directory }),
      ...options.env
    }
    const quiet = userConfig ? hygiene : [...hygiene, "credential.helper="]
    this.globals = [
      "--no-pager",
      ...[...quiet, ...options.config].flatMap((c) => (c.startsWith("--") ? [c] : ["-c", c]))
    ]
  }

  /**
   * Runs a command in the repository; an exit code other than 0 is no failure here. One that takes too long is ended and
   * counts as a network that timed out: a hook that never returns, a repository on a disk that is gone.
   */
  run(
    args: ReadonlyArray<string>,
    stdin?: Stream.Stream<Uint8Array, PlatformError.PlatformError>,
    env: Readonly<Record<string, string>> = {}
  ): Effect.Effect<Output, PluginError> {
    const { directory, spawner } = this.options
    const command = Effect.scoped(
      Effect.gen({ self: this }, function* () {
        const handle = yield* spawner.spawn(
          ChildProcess.make("git", [`--git-dir=${directory}`, ...this.globals, ...args], {
            cwd: directory,
            env: { ...this.environment, ...env },
            extendEnv: false,
            stdin: stdin ?? "ignore",
            forceKillAfter: "2 seconds"
          })
        )
        const out = yield* Effect.forkChild(collect(handle.stdout))
        const err = yield* Effect.forkChild(collect(handle.stderr))
        // A process that dies of a signal has no exit code; what it said counts all the same.
        const code = yield* handle.exitCode.pipe(
          Effect.map(Number),
          Effect.orElseSucceed(() => 128)
        )
        const stderr = (yield* Fiber.join(err)).toString("utf8")
        return { code, stdout: yield* Fiber.join(out), stderr: this.clean(stderr) }
      })
    ).pipe(
      Effect.mapError((cause) =>
        cause.reason._tag === "NotFound"
          ? unusable("git is not found", "install git, 2.34 or newer")
          : new PluginError({ message: `git cannot be run: ${this.clean(cause.message)}`, retryable: true })
      )
    )
    return Effect.flatMap(Limits, ({ asking, working }) => {
      const name = args.find((arg, i) => arg !== "-c" && args[i - 1] !== "-c")
      const limit = name === "ls-remote" ? asking : working
      const stderr = `git ${name} timed out: it did not end within ${within(limit)}`
      return Effect.timeoutOrElse(command, {
        duration: limit,
        orElse: () => Effect.succeed({ code: 124, stdout: Buffer.alloc(0), stderr })
      })
    })
  }

  /** Standard output of a command that must succeed on the local repository. */
  local(
    args: ReadonlyArray<string>,
    stdin?: Stream.Stream<Uint8Array, PlatformError.PlatformError>,
    env: Readonly<Record<string, string>> = {}
  ): Effect.Effect<Buffer, PluginError | Broken> {
    return Effect.flatMap(
      this.run(args, stdin, env),
      ({ code, stderr, stdout }): Effect.Effect<Buffer, PluginError | Broken> => {
        if (code === 0) return Effect.succeed(stdout)
        // Reading an object may need the network: a blobless clone fetches what it lacks.
        const kind = kindOf(stderr)
        return kind === "local"
          ? Effect.fail(new Broken(`git ${args[0]}: ${said(stderr)}`))
          : Effect.fail(failure(kind, stderr))
      }
    )
  }

  /** Without secrets, in whatever form git might print them. */
  clean(text: string): string {
    let out = text
    for (const secret of this.options.secrets) {
      const value = Redacted.value(secret)
      for (const form of [value, encodeURIComponent(value)]) out = out.replaceAll(form, "***")
    }
    return UrlCredentials.replace(out, (found) => `${found.includes(":") ? "***" : found}@`)
  }
}

/** The cache cannot be relied on: it is thrown away and made again. */
export class Broken {
  readonly _tag = "Broken"
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

const collect = (stream: Stream.Stream<Uint8Array, PlatformError.PlatformError>) =>
  stream.pipe(
    Stream.runFold(
      () => [] as Array<Uint8Array>,
      (all, chunk) => {
        all.push(chunk)
        return all
      }
    ),
    Effect.map((chunks) => Buffer.concat(chunks))
  )

export const unusable = (message: string, help?: string): PluginError =>
  new PluginError({ message, retryable: false, diagnostics: [Diagnostic.error("CW712", message, { help })] })

export type Kind = "auth" | "absent" | "network" | "local"

const patterns: ReadonlyArray<readonly [Kind, RegExp]> = [
  [
    "auth",
    /authentication failed|could not read (username|password)|terminal prompts disabled|permission denied \(|returned error: 40[13]|host key verification failed|dubious ownership/i
  ],
  [
    "absent",
    /repository ['"].*['"] not found|returned error: 404|does not appear to be a git repository|repository not found|no such repository/i
  ],
  [
    "network",
    /could not resolve|connection (refused|reset|closed|timed out)|timed out|unable to access|early eof|hung up|rpc failed|returned error: (429|5\d\d)|kex_exchange|unexpected disconnect|network is unreachable|no route to host|broken pipe|could not fetch .* from promisor remote|premature|expected flush/i
  ]
]

/** What kind of failure git speaks of. */
export const kindOf = (stderr: string): Kind => patterns.find(([, pattern]) => pattern.test(stderr))?.[0] ?? "local"

/** What git said, without its habits: at most a few lines. */
export const said = (stderr: string): string =>
  stderr
    .split("\n")
    .map((l) => l.replace(/^(fatal|error): /, "").trimEnd())
    .filter((l) => l !== "" && !/^(warning: |hint: |Please make sure you have|and the repository exists)/.test(l))
    .slice(0, 6)
    .join("; ")
    .slice(0, 800)

const help: Readonly<Record<Kind, string>> = {
  auth: "check `token`, `username` or `ssh`, and that they may write to the repository",
  absent: "check `url`; a private repository also looks absent to whoever may not see it",
  network: "check the address, the network and the proxy",
  local: "see what git said"
}

export const failure = (kind: Kind, stderr: string): PluginError => {
  const message = `the Git remote cannot be used: ${said(stderr)}`
  return new PluginError({
    message,
    retryable: kind === "network",
    diagnostics: [Diagnostic.error("CW712", message, { help: help[kind] })]
  })
}
