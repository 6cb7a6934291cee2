/** The user's home folder, and paths of a configuration as nodes see them too. */
import { homedir } from "node:os"
import { resolve } from "node:path"
import { located } from "@coddiwomple/core/Located"

/** Where `~/` leads; undefined for a user without a home. */
export const home = (): string | undefined => {
  try {
    return homedir() || undefined
  } catch {
    return undefined
  }
}

export const absolute = (path: string, directory: string): string =>
  located({ resolve }, { directory, home: home() }, path)
