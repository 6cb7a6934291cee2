/**
 * What the bundle offers to plugins: the whole of effect and of core, as cw itself uses them.
 * A chunk of its own, loaded only when a pipeline names a loose plugin or one from npm.
 */
import * as config from "@coddiwomple/config"
import * as core from "@coddiwomple/core"
import * as effect from "effect"
import * as http from "effect/http"
import * as process from "effect/process"
import { coreModules } from "./CoreModules.ts"

type Exports = Readonly<Record<string, unknown>>

/** A barrel and, under `<name>/<Module>`, each of its modules. Helper functions of a barrel are in lower case. */
const barrel = (name: string, exports: Exports): Record<string, Exports> => {
  const modules: Record<string, Exports> = { [name]: exports }
  for (const [key, value] of Object.entries(exports)) {
    if (typeof value === "object" && value !== null && /^[A-Z]/.test(key)) modules[`${name}/${key}`] = value as Exports
  }
  return modules
}

export const shared: Record<string, Exports> = {
  ...barrel("effect", effect),
  ...barrel("effect/process", process),
  ...barrel("effect/http", http),
  "@coddiwomple/core": core,
  ...coreModules,
  "@coddiwomple/config": config
}
