/**
 * Usage errors in two lines on stderr: what is wrong, and what to type instead. Help that was asked for is data and
 * goes to stdout; `cw` without a command gets the help on stderr, so that a pipe never receives it.
 */
import { printable } from "@coddiwomple/core/Diagnostic"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Effect from "effect/Effect"
import type * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Terminal from "./Terminal.ts"

type UsageError = Exclude<CliError.CliError, CliError.ShowHelp>

const quoted = (words: ReadonlyArray<string>): string => words.map((word) => JSON.stringify(word)).join(", ")

const sentence = (error: UsageError): string => {
  switch (error._tag) {
    case "UnrecognizedOption":
      return `unknown flag ${JSON.stringify(error.option)}`
    case "UnknownSubcommand":
      return `unknown command ${JSON.stringify(error.subcommand)}`
    case "MissingOption":
      return `flag --${error.option} is missing`
    case "MissingArgument":
      return `<${error.argument}> is missing`
    case "UnexpectedArgument":
      return `unexpected ${quoted(error.arguments)}`
    case "InvalidValue": {
      const expected = /key=value/.test(error.expected) ? "PATH=VALUE" : error.expected.replace(/^Expected:?\s*/i, "")
      const name = error.kind === "flag" ? `--${error.option}` : `<${error.option}>`
      return error.value === ""
        ? `${name} needs a value: ${expected}`
        : `${name} cannot be ${JSON.stringify(error.value)}: expected ${expected}`
    }
    default:
      return error.message.split("\n")[0]!
  }
}

/** Of the words that may stand there, the one that was probably meant. */
const meant = (error: UsageError): string | undefined =>
  error._tag === "InvalidValue"
    ? Suggest.suggest(
        error.value,
        [...error.expected.matchAll(/"([^"]+)"/g)].map((match) => match[1]!)
      )
    : undefined

const hint = (error: UsageError, path: ReadonlyArray<string>): string => {
  const near = "suggestions" in error ? error.suggestions[0] : meant(error)
  return near === undefined
    ? `run \`${path.join(" ")} --help\``
    : `did you mean ${JSON.stringify(near)}? or run \`${path.join(" ")} --help\``
}

/** Only the first error is told: the others are often its consequence. */
export const tell = (errors: ReadonlyArray<UsageError>, path: ReadonlyArray<string>): void => {
  const error = errors[0]
  if (error === undefined) return
  Terminal.say(printable(`${path.join(" ")}: ${sentence(error)}`))
  Terminal.say(printable(hint(error, path)))
}

/** The same two lines for what only a command can find out. */
export const refuse = (command: string, what: string, advice: string): void => {
  Terminal.say(printable(`cw ${command}: ${what}`))
  Terminal.say(printable(advice))
}

const formatter = (): CliOutput.Formatter =>
  CliOutput.defaultFormatter({ colors: Terminal.paint("auto", process.stdout) !== Terminal.plain, globalFlags: "full" })

export const layer = CliOutput.layerPresenter({
  present: (event) =>
    Effect.promise(async () => {
      switch (event._tag) {
        case "Help":
          return Terminal.write(
            `${formatter().formatHelpDoc(event.helpDoc)}\n`,
            event.reason === "Requested" ? process.stdout : process.stderr
          )
        case "Version":
          return Terminal.write(`cw ${event.version}\n`)
        case "InvalidInvocation":
          return tell(event.errors, event.commandPath)
      }
    })
})
