/**
 * Runs one command with one ResourceList on standard input. A command that cannot run, fails, hangs, grows, prints
 * nothing or prints something else is a failure with a code of its own, never a pass-through.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { Host } from "@coddiwomple/core/Host"
import { NodeName } from "@coddiwomple/core/NodeName"
import { PluginError } from "@coddiwomple/core/PluginError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Stream from "effect/Stream"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type { Config } from "./Config.ts"
import { watchMemory } from "./Memory.ts"

/** What ended with a code, and all it printed. What it said on standard error is in the log already. */
export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Runner {
  /** The command as messages name it. */
  readonly program: string
  readonly node: string
  readonly run: (stdin: string) => Effect.Effect<Ended, PluginError>
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
    const { directory } = yield* Host
    const node = yield* NodeName
    const services = yield* Effect.context<ChildProcessSpawner | FileSystem.FileSystem | Path.Path>()
    const runner: Runner = {
      program: config.command[0],
      node,
      run: (stdin) => Effect.provideContext(Effect.scoped(start(config, directory, node, stdin)), services)
    }
    return runner
  })

const start = (config: Config, directory: string, node: string, stdin: string) =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const spawner = yield* ChildProcessSpawner
    const [program, ...args] = config.command
    const file = program.includes("/") ? path.resolve(directory, program) : program
    const environment = Object.fromEntries(
      inherited.flatMap((k) => (process.env[k] === undefined ? [] : [[k, process.env[k]]]))
    )
    const handle = yield* spawner
      .spawn(
        ChildProcess.make(file, args, {
          cwd: directory,
          env: { ...environment, ...config.env },
          extendEnv: false,
          stdin: Stream.make(new TextEncoder().encode(stdin)),
          forceKillAfter: "1 second"
        })
      )
      .pipe(Effect.mapError((cause) => cannotStart(program, cause)))
    const finished = Effect.gen(function* () {
      const out = yield* Effect.forkChild(collect(handle.stdout, maximumOutput))
      const err = yield* Effect.forkChild(collect(handle.stderr, maximumErrors))
      const code = yield* handle.exitCode
      const stdout = yield* Fiber.join(out)
      const stderr = yield* Fiber.join(err)
      return { code, stdout: stdout.text, stderr: stderr.text, size: stdout.size }
    }).pipe(Effect.mapError((cause) => cannotStart(program, cause)))
    const { size, ...ended } = yield* finished.pipe(
      Effect.raceFirst(
        Effect.flatMap(watchMemory(Number(handle.pid), config.memory), () => Effect.fail(tooLarge(config)))
      ),
      Effect.timeoutOrElse({ duration: config.time, orElse: () => Effect.fail(tooLong(config)) })
    )
    if (size > maximumOutput)
      return yield* Effect.fail(problem("CW644", `${program} printed more than ${maximumOutput >> 20} MiB`))
    for (const line of ended.stderr.split("\n")) {
      if (line.trim() !== "") yield* Effect.logInfo(Diagnostic.printable(`${node}: ${line}`))
    }
    return ended
  })

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

/** The failure of a command that ended with another code than 0. */
export const ended = ({ program }: Runner, { code, stderr }: Ended): PluginError => {
  const said = stderr.trimEnd().split("\n").slice(-5).join("\n").slice(-1000)
  return problem("CW641", `${program} ended with code ${code}`, said === "" ? undefined : `it said: ${said}`, true)
}

const cannotStart = (program: string, cause: PlatformError.PlatformError): PluginError => {
  const reason = cause.reason._tag
  if (reason === "NotFound") {
    const help = program.includes("/")
      ? "the path is relative to the pipeline file; where the file is there, the interpreter in its first line is not"
      : "install it, or give a path relative to the pipeline file"
    return problem("CW641", `${program} is not found`, help)
  }
  if (reason === "PermissionDenied") return problem("CW641", `${program} may not be run`, `chmod +x ${program}`)
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
