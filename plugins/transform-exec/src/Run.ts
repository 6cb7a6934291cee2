/**
 * Runs one command with one ResourceList on standard input. A command that cannot run, fails, hangs, grows, prints
 * nothing or prints something else is a failure with a code of its own, never a pass-through.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { type PluginError, refused } from "@coddiwomple/core/PluginError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Fiber from "effect/Fiber"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Stream from "effect/Stream"
import type { Config } from "./Config.ts"

export interface Output {
  readonly stdout: string
  /** For the log: what the command said about itself. */
  readonly stderr: string
}

/** Standard output of a command is held in memory; what is larger than this is not meant for us. */
const maximumOutput = 256 * 2 ** 20

const tail = (text: string): string => {
  const lines = text.trimEnd().split("\n")
  return lines.slice(-5).join("\n").slice(-1000)
}

const inherited = ["PATH", "HOME", "TMPDIR"]

export const run = (
  config: Config,
  directory: string,
  stdin: string
): Effect.Effect<Output, PluginError, ChildProcessSpawner | FileSystem.FileSystem | Path.Path> =>
  Effect.scoped(
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
      const collect = (stream: Stream.Stream<Uint8Array, PlatformError.PlatformError>) =>
        Effect.forkChild(
          stream.pipe(
            Stream.runFold(
              () => ({ chunks: [] as Array<Uint8Array>, size: 0 }),
              (all, chunk) => {
                if (all.size + chunk.length <= maximumOutput) all.chunks.push(chunk)
                return { chunks: all.chunks, size: all.size + chunk.length }
              }
            )
          )
        )
      const out = yield* collect(handle.stdout)
      const err = yield* collect(handle.stderr)
      const finished = Effect.gen(function* () {
        const code = yield* handle.exitCode
        const stdout = yield* Fiber.join(out)
        const stderr = yield* Fiber.join(err)
        return { code: Number(code), stdout: text(stdout.chunks), stderr: text(stderr.chunks), size: stdout.size }
      }).pipe(Effect.mapError((cause) => cannotStart(program, cause)))
      const result = yield* finished.pipe(
        Effect.raceFirst(tooLarge(config, program, Number(handle.pid))),
        Effect.timeoutOrElse({
          duration: config.time,
          orElse: () => Effect.fail(problem("CW644", `${program} took longer than ${Duration.format(config.time)}`))
        })
      )
      if (result.size > maximumOutput)
        return yield* Effect.fail(problem("CW644", `${program} printed more than ${maximumOutput >> 20} MiB`))
      if (result.code !== 0) {
        const said = tail(result.stderr)
        return yield* Effect.fail(
          problem("CW641", `${program} ended with code ${result.code}`, said === "" ? undefined : `it said: ${said}`)
        )
      }
      return { stdout: result.stdout, stderr: result.stderr }
    })
  )

export const problem = (code: Diagnostic.Diagnostic["code"], message: string, help?: string): PluginError =>
  refused([Diagnostic.error(code, message, { help })])

const cannotStart = (program: string, cause: PlatformError.PlatformError): PluginError => {
  const reason = cause.reason._tag
  if (reason === "NotFound")
    return problem("CW641", `${program} is not found`, "give a path relative to the pipeline file, or install it")
  if (reason === "PermissionDenied") return problem("CW641", `${program} may not be run`, `chmod +x ${program}`)
  return problem("CW641", `${program} cannot be run: ${cause.message}`)
}

const text = (chunks: ReadonlyArray<Uint8Array>): string => {
  const decoder = new TextDecoder()
  return chunks.map((c) => decoder.decode(c, { stream: true })).join("") + decoder.decode()
}

/** Fails when the resident memory passes the limit; where /proc does not tell, it never does. */
const tooLarge = (
  config: Config,
  program: string,
  pid: number
): Effect.Effect<never, PluginError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    while (true) {
      yield* Effect.sleep("100 millis")
      const status = yield* fs.readFileString(`/proc/${pid}/status`).pipe(Effect.orElseSucceed(() => ""))
      const resident = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0)
      if (resident > config.memory * 1024) {
        return yield* Effect.fail(problem("CW644", `${program} uses more than ${config.memory} MiB`))
      }
    }
  })
