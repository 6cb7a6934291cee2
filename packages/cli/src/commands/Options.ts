/** Flags and arguments that several commands share: one name, one meaning, one description. */
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"

export const Output = GlobalFlag.Setting("output")({
  flag: Flag.Literals("output", ["text", "json"]).pipe(
    Flag.withAlias("o"),
    Flag.withMetavar("FORMAT"),
    Flag.withDescription("How findings and events are written (default: text)"),
    Flag.withDefault("text" as const)
  )
})

export const Color = GlobalFlag.Setting("color")({
  flag: Flag.Literals("color", ["auto", "always", "never"]).pipe(
    Flag.withMetavar("WHEN"),
    Flag.withDescription("Colour; auto looks at the terminal, NO_COLOR and FORCE_COLOR (default: auto)"),
    Flag.withDefault("auto" as const)
  )
})

/** A switch that is off. */
export const toggle = (name: string, description: string) =>
  Flag.Boolean(name).pipe(
    Flag.withoutNegation,
    Flag.withDescription(`${description} (default: off)`),
    Flag.withDefault(false)
  )

export const file = Argument.String("file").pipe(
  Argument.withDescription("Pipeline file, or - for standard input (default: pipeline.yaml, else pipeline.ts)"),
  Argument.optional
)

export const pipeline = Flag.String("pipeline").pipe(
  Flag.withMetavar("NAME"),
  Flag.withDescription("Only the pipeline of this name (default: every pipeline of the file)"),
  Flag.optional
)

export const noPlugins = toggle("no-plugins", "Load no code that the file names, only built-in plugins")

export const strict = toggle(
  "strict",
  "Freeze what transforms and checks see, and call each twice: CW626 for one that changes its input or is not deterministic"
)

export const set = Flag.KeyValuePair("set").pipe(
  Flag.withMetavar("PATH=VALUE"),
  Flag.withDescription(
    "Put a value into the pipeline, as --set sinks.out.with.path=/tmp/x; repeatable (default: none)"
  ),
  Flag.optional
)

export const sinks = Flag.String("sink").pipe(
  Flag.withMetavar("A,B"),
  Flag.withDescription("Only these sinks (default: all)"),
  Flag.optional
)

export const allowDeletes = Flag.String("allow-deletes").pipe(
  Flag.withMetavar("N|all"),
  Flag.withDescription("Permit this many deletes per target in place of the guard's limit (default: the guard)"),
  Flag.filter(
    (text) => text === "all" || /^\d{1,9}$/.test(text),
    () => 'a number or "all"'
  ),
  Flag.map((text): number | "all" => (text === "all" ? "all" : Number(text))),
  Flag.optional
)

/** What every command that opens a pipeline takes. */
export const source = { file, pipeline, noPlugins, set }

export interface Source {
  readonly file: Option.Option<string>
  readonly pipeline: Option.Option<string>
  readonly noPlugins: boolean
  readonly set: Option.Option<Record<string, string>>
}

export const names = (list: Option.Option<string>): ReadonlyArray<string> | undefined =>
  Option.isNone(list)
    ? undefined
    : list.value
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== "")
