/**
 * Runs one command with one ResourceList on standard input. A command that cannot run, fails, hangs, grows, prints
 * nothing or prints something else is a failure with a code of its own, never a pass-through.
 */
import { constants } from "node:os"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { Host } from "@coddiwomple/core/Host"
import { type Base, located } from "@coddiwomple/core/Located"
import { NodeName } from "@coddiwomple/core/NodeName"
import { PluginError } from "@coddiwomple/core/PluginError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Redacted from "effect/Redacted"
import type * as PlatformError from "effect/PlatformError"
import * as Stream from "effect/Stream"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type { Config } from "./Config.ts"
import { watchMemory } from "./Memory.ts"
import { look } from "./Program.ts"

/** What ended with a code, and all it printed. What it said on standard error is in the log already. */
export interface Ended {
  /** Of one that a signal ended: 128 and the signal's number, as shells say it. */
  readonly code: number
  readonly signal?: string
  readonly stdout: string
  /** Without the values of `env`. */
  readonly stderr: string
  /** Takes the values of `env` out of a text that is to be shown. */
  readonly hide: (text: string) => string
}

export interface Runner {
  /** The command as messages name it. */
  readonly program: string
  readonly node: string
  readonly run: (stdin: string) => Effect.Effect<Ended, PluginError>
  /** Fails where the program is not there; runs nothing. */
  readonly probe: Effect.Effect<void, PluginError>
}

/** Standard output of a command is held in memory; what is larger than this is not meant for us. */
const maximumOutput = 256 * 2 ** 20
const maximumErrors = 2 ** 20

const inherited = ["PATH", "HOME", "TMPDIR"]

/** A finding as a failure. A network may be back in a minute: then it is worth another try. */
export const problem = (code: Diagnostic.Diagnostic["code"], message: string, help?: string, retryable = false) =>
  new PluginError({ message, retryable, diagnostics: [Diagnostic.error(code, message, { help })] })

/** Bound to the folder of the pipeline file, and to the services of the platform. */
export const runner = (config: Config) =>
  Effect.gen(function* () {
    const base = yield* Host
    const node = yield* NodeName
    const services = yield* Effect.context<ChildProcessSpawner | FileSystem.FileSystem | Path.Path>()
    const runner: Runner = {
      program: config.command[0],
      node,
      run: (stdin) => Effect.provideContext(Effect.scoped(start(config, base, node, stdin)), services),
      probe: Effect.provideContext(probe(config, base), services)
    }
    return runner
  })

const environment = (config: Config): Readonly<Record<string, string | undefined>> => ({
  ...Object.fromEntries(inherited.flatMap((k) => (process.env[k] === undefined ? [] : [[k, process.env[k]]]))),
  ...Object.fromEntries(Object.entries(config.env).map(([key, value]) => [key, Redacted.value(value)]))
})

const probe = (config: Config, base: Base) => {
  const [program] = config.command
  return Effect.flatMap(look(program, base, environment(config).PATH ?? "/usr/bin:/bin"), (standing) =>
    standing === "there" ? Effect.void : Effect.fail(standing === "absent" ? notFound(program) : forbidden(program))
  )
}

const start = (config: Config, base: Base, node: string, stdin: string) =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const spawner = yield* ChildProcessSpawner
    const [program, ...args] = config.command
    const hide = hiding(Object.values(config.env).map(Redacted.value))
    const file = program.includes("/") ? located(path, base, program) : program
    const handle = yield* spawner
      .spawn(
        ChildProcess.make(file, args, {
          cwd: base.directory,
          env: environment(config),
          extendEnv: false,
          stdin: Stream.make(new TextEncoder().encode(stdin)),
          forceKillAfter: "1 second"
        })
      )
      .pipe(Effect.mapError((cause) => cannotStart(program, cause)))
    const finished = Effect.gen(function* () {
      const out = yield* Effect.forkChild(collect(handle.stdout, maximumOutput))
      const err = yield* Effect.forkChild(collect(handle.stderr, maximumErrors))
      const exit = yield* Effect.catch(Effect.map(handle.exitCode, plain), endedBySignal)
      const stdout = yield* Fiber.join(out)
      const stderr = yield* Fiber.join(err)
      return { ...exit, stdout: stdout.text, stderr: stderr.text, size: stdout.size }
    }).pipe(Effect.mapError((cause) => cannotStart(program, cause)))
    const { size, ...ended } = yield* finished.pipe(
      Effect.raceFirst(
        Effect.flatMap(watchMemory(Number(handle.pid), config.memory), () => Effect.fail(tooLarge(config)))
      ),
      Effect.timeoutOrElse({ duration: config.time, orElse: () => Effect.fail(tooLong(config)) })
    )
    if (size > maximumOutput)
      return yield* Effect.fail(problem("CW644", `${program} printed more than ${maximumOutput >> 20} MiB`))
    const stderr = hide(ended.stderr)
    for (const line of stderr.split("\n")) {
      if (line.trim() !== "") yield* Effect.logInfo(Diagnostic.printable(`${node}: ${line}`))
    }
    return { ...ended, stderr, hide }
  })

/** Takes values out of a text, before anything is cut off it. Short ones are no secrets, but words as `true`. */
const hiding = (values: ReadonlyArray<string>): ((text: string) => string) => {
  const all = values.filter((value) => value.length > 4).sort((a, b) => b.length - a.length)
  return (text) => all.reduce((rest, value) => rest.replaceAll(value, "…"), text)
}

const tooLong = (config: Config): PluginError =>
  problem(
    "CW644",
    `${config.command[0]} took longer than ${Duration.format(config.time)}`,
    "it was ended; raise `time` if it needs longer",
    true
  )

const tooLarge = (config: Config): PluginError =>
  problem(
    "CW644",
    `${config.command[0]} uses more than ${config.memory} MiB`,
    "it was ended; raise `memory` if it needs more"
  )

const plain = (code: number): Exit => ({ code })

type Exit = Pick<Ended, "code" | "signal">

/** The platform tells a signal in the words of a failure alone. */
const endedBySignal = (failure: PlatformError.PlatformError): Effect.Effect<Exit, PlatformError.PlatformError> => {
  const signal = /receipt of signal: '(SIG\w+)'/.exec(String(failure.reason.cause))?.[1]
  if (signal === undefined) return Effect.fail(failure)
  return Effect.succeed({ code: 128 + (constants.signals[signal as NodeJS.Signals] ?? 0), signal })
}

/** The failure of a command that ended with another code than 0. */
export const ended = ({ program }: Runner, { code, signal, stderr }: Ended): PluginError => {
  const said = stderr.trimEnd().split("\n").slice(-5).join("\n").slice(-1000)
  const how = signal === undefined ? `ended with code ${code}` : `was ended by signal ${signal}`
  return problem("CW641", `${program} ${how}`, said === "" ? undefined : `it said: ${said}`, true)
}

const notFound = (program: string): PluginError =>
  problem(
    "CW641",
    `${program} is not found`,
    program.includes("/")
      ? "the path is relative to the pipeline file; where the file is there, the interpreter in its first line is not"
      : "install it, or give a path relative to the pipeline file"
  )

const forbidden = (program: string): PluginError => problem("CW641", `${program} may not be run`, `chmod +x ${program}`)

const cannotStart = (program: string, cause: PlatformError.PlatformError): PluginError => {
  const reason = cause.reason._tag
  if (reason === "NotFound") return notFound(program)
  if (reason === "PermissionDenied") return forbidden(program)
  return problem(
    "CW641",
    `${program} cannot be run: ${cause.message}`,
    "a script needs #! and its interpreter in the first line"
  )
}

const collect = (stream: Stream.Stream<Uint8Array, PlatformError.PlatformError>, most: number) =>
  stream.pipe(
    Stream.runFold(
      () => ({ decoder: new TextDecoder(), text: "", size: 0 }),
      (all, chunk) => {
        all.size += chunk.length
        if (all.size <= most) all.text += all.decoder.decode(chunk, { stream: true })
        return all
      }
    )
  )
