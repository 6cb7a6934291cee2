/** What the engine's nodes get from this program: folders, standard output, and the files and processes of the platform. */
import { homedir } from "node:os"
import { join } from "node:path"
import { Host } from "@coddiwomple/core/Host"
import * as PluginError from "@coddiwomple/core/PluginError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { home } from "./Home.ts"
import * as Terminal from "./Terminal.ts"

const cacheDirectory = (): string | undefined => {
  const { CW_CACHE_DIR, XDG_CACHE_HOME } = process.env
  if (CW_CACHE_DIR !== undefined) return CW_CACHE_DIR === "" ? undefined : CW_CACHE_DIR
  return join(XDG_CACHE_HOME || join(homedir(), ".cache"), "coddiwomple")
}

export interface HostOptions {
  /** Absolute folder from which relative paths of the pipeline start. */
  readonly directory: string
  readonly pipeline: string
  readonly finite: boolean
}

export const host = (options: HostOptions): Layer.Layer<Host> =>
  Layer.succeed(Host, {
    ...options,
    home: home(),
    cacheDirectory: cacheDirectory(),
    stdout: (bytes) =>
      Effect.tryPromise({
        try: () => Terminal.write(bytes),
        catch: (cause) => PluginError.permanent("standard output cannot be written", cause)
      })
  })
