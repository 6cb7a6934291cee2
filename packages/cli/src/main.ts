/**
 * Runs one command line to an exit status. The only place that provides the platform, handles signals and turns whatever
 * went wrong into words: a finding, a usage error of two lines, or, for a bug of cw, a request to report it.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { root } from "./commands/index.ts"
import { sentence } from "./Concealed.ts"
import * as ExitCode from "./ExitCode.ts"
import { Life } from "./Life.ts"
import * as Signals from "./Signals.ts"
import * as Terminal from "./Terminal.ts"
import * as Usage from "./Usage.ts"
import { version } from "./Version.ts"

/** Everything that is logged goes to stderr: stdout carries data only. */
const logger = (json: boolean) =>
  Logger.layer([
    Logger.make<unknown, void>(({ date, logLevel, message }) => {
      const text = sentence((Array.isArray(message) ? message : [message]).map(String).join(" "))
      const level = logLevel.toLowerCase()
      if (json) Terminal.say(JSON.stringify({ type: "log", time: date.toISOString(), level, message: text }))
      else Terminal.say(`cw: ${level}: ${text}`)
    })
  ])

const wantsJson = (args: ReadonlyArray<string>): boolean =>
  args.some((arg, i) => /^(-o|--output)=?json$/.test(arg) || (/^(-o|--output)$/.test(arg) && args[i + 1] === "json"))

export const main = async (args: ReadonlyArray<string>): Promise<number> => {
  Terminal.cleanWith(sentence)
  const lifetime: Signals.Lifetime = { service: false }
  const program = Command.runWith(root, { version })(args).pipe(
    Effect.provideService(Life, { serve: Effect.sync(() => void (lifetime.service = true)) }),
    Effect.provide(
      Layer.mergeAll(
        NodeServices.layer,
        logger(wantsJson(args)),
        Usage.layer,
        CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })
      )
    )
  )
  const fiber = Effect.runFork(program)
  let stoppedBy: Signals.Signal | undefined
  const release = Signals.handle((signal) => {
    stoppedBy = signal
    fiber.interruptUnsafe()
  })
  const exit = await new Promise<Exit.Exit<void, unknown>>((resolve) => fiber.addObserver(resolve))
  release()
  if (stoppedBy !== undefined) return Signals.exitCode(stoppedBy, lifetime)
  return Exit.isSuccess(exit) ? ExitCode.ok : codeOf(exit.cause)
}

const codeOf = (cause: Cause.Cause<unknown>): number => {
  const error = Cause.squash(cause)
  if (error instanceof ExitCode.Leave) return error.code
  if (CliError.isCliError(error)) {
    if (error._tag !== "ShowHelp") Usage.tell([error], ["cw"])
    return error._tag === "ShowHelp" && error.errors.length === 0 && error.commandPath.length > 1
      ? ExitCode.ok
      : ExitCode.usage
  }
  Terminal.say(`cw: internal error: ${sentence(error instanceof Error ? error.message : String(error))}`)
  Terminal.say("    this is a bug of cw, please report it; CW_DEBUG=1 shows where it happened")
  if (process.env.CW_DEBUG) Terminal.say(sentence(Cause.pretty(cause)))
  return ExitCode.failed
}
