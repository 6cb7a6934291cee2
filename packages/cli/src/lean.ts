/**
 * The lean way into `cw gen`: a bundle of its own, without the command line library. It understands the flags that
 * scripts use; anything else is left to the full command line, which knows how to explain it.
 */
import { type Profile, simpleProfiles } from "@coddiwomple/transform-istio-global-dns/Config"
import * as Effect from "effect/Effect"
import { defaults, type Options, run } from "./Generate.ts"

const names: Readonly<Record<string, keyof Options>> = {
  "--cluster-file": "clusterFile",
  "--service-file": "serviceFile",
  "--cluster": "cluster",
  "--service": "service",
  "--profile": "profile"
}

const parse = (args: ReadonlyArray<string>): Options | undefined => {
  const options: Record<string, string> = {}
  for (let i = 0; i < args.length; i++) {
    const [flag, inline] = args[i]!.split(/=(.*)/s, 2) as [string, string?]
    const key = names[flag]
    const value = inline ?? args[++i]
    if (key === undefined || value === undefined || value === "" || key in options || value.startsWith("-"))
      return undefined
    options[key] = value
  }
  if (options.profile !== undefined && !simpleProfiles.includes(options.profile as Profile)) return undefined
  return { ...defaults, ...options } as Options
}

/** The exit status, or undefined where the full command line must look at the arguments. */
export const gen = async (args: ReadonlyArray<string>): Promise<number | undefined> => {
  const options = parse(args)
  if (options === undefined) return undefined
  return Effect.runPromise(run(options, { command: "gen", output: "text", color: "auto", json: "stderr" }))
}
