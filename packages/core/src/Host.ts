/** What the program around the engine offers to a node: where relative paths start, who owns the output, where data goes. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { PluginError } from "./PluginError.ts"

export class Host extends Context.Service<
  Host,
  {
    /** Absolute folder of the pipeline file: relative paths of configurations start here. */
    readonly directory: string
    /** The user's home folder: what starts with `~/` lies there. Undefined where there is none. See `located`. */
    readonly home?: string | undefined
    /** Owner id: the pipeline's metadata.name. */
    readonly pipeline: string
    /** True when the run ends by itself: sources should not watch. */
    readonly finite: boolean
    /** Standard output, in order, with back-pressure; when it ends, the bytes may be reused. EPIPE ends the process quietly. */
    readonly stdout: (bytes: Uint8Array) => Effect.Effect<void, PluginError>
    /** Folder for caches that may vanish; undefined where there is none. */
    readonly cacheDirectory: string | undefined
  }
>()("cw/core/Host") {}
