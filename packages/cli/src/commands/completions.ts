import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Completions from "effect/cli/Completions"
import * as Terminal from "../Terminal.ts"

/** Needs the whole command, which contains this one: given when it is asked for. */
export const completions = (root: () => Command.Command.Any) =>
  Command.make(
    "completions",
    {
      shell: Argument.Literals("shell", ["bash", "zsh", "fish", "powershell"]).pipe(
        Argument.withDescription("The shell that is to complete cw")
      )
    },
    ({ shell }) =>
      Effect.promise(() =>
        Terminal.write(
          `${Completions.generate("cw", shell, Completions.fromCommand(root())).replaceAll("cw --completions", "cw completions")}\n`
        )
      )
  ).pipe(
    Command.withDescription("Print a completion script for a shell"),
    Command.withExamples([{ command: 'eval "$(cw completions bash)"', description: "Complete cw in this shell" }])
  )
