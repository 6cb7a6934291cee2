/** `cw schema`: the JSON Schema for the built-in plugins and those that a pipeline file names, however unfinished it is. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { type Named, pipelineSchema } from "@coddiwomple/config/JsonSchema"
import { type Diagnostic, isError } from "@coddiwomple/core/Diagnostic"
import { isPlugin } from "@coddiwomple/core/Plugin"
import * as Option from "effect/Option"
import { builtins, kinds } from "./Builtins.ts"
import { open } from "./PipelineFile.ts"

export interface Made {
  readonly text: string
  /** Folder of the pipeline file. */
  readonly directory: string
  /** Why the file cannot be read, or which of its plugins cannot be had; that it is unfinished is none. */
  readonly problems: ReadonlyArray<Diagnostic>
}

export const schema = async (file: Option.Option<string>, plugins: boolean): Promise<Made> => {
  const named: Array<Named> = []
  for (const kind of kinds) {
    for (const [uses, load] of Object.entries(builtins[kind])) {
      const plugin = (await load()).default
      if (isPlugin(plugin)) named.push({ uses, plugin })
    }
  }
  const problems: Array<Diagnostic> = []
  const given = Option.getOrUndefined(file)
  if (given !== undefined || existsSync("pipeline.yaml")) {
    const found = await open({ file: given, pipeline: undefined, plugins, set: {} })
    problems.push(...found.diagnostics.filter((d) => isError(d) && /^CW(?:00[1235]|2)/.test(d.code)))
    for (const { from, plugin, uses } of found.plugins) if (from !== "built-in") named.push({ uses, plugin })
  }
  return {
    text: `${JSON.stringify(pipelineSchema(named), null, 2)}\n`,
    directory: given === undefined || given === "-" ? process.cwd() : dirname(resolve(given)),
    problems
  }
}

/** The path, as a person would name it from here. */
export const write = ({ directory, text }: Made): string => {
  const path = join(directory, ".cw", "schema.json")
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return relative(process.cwd(), path)
}
