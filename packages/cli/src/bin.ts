/**
 * The entry of the bundle, and of `node packages/cli/src/bin.ts`. Small, because every command pays for it:
 * `gen` takes a lean way that loads neither the command line library nor the engine's edges.
 */
import * as Terminal from "./Terminal.ts"

Terminal.endWithReader()
// Node tells about type stripping and the like on stderr; users of cw need not know.
process.removeAllListeners("warning")
// Set by bin/handover.js; Deno, which never needs it, may forbid to touch the environment.
if (!process.versions.deno) delete process.env.CW_HANDED_OVER

// What a plugin throws where nobody waits for it, or a bug of cw: one line, no stack.
process.on("uncaughtException", (error: unknown) => {
  Terminal.sayNow(`cw: unexpected error: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`)
  if (process.env.CW_DEBUG && error instanceof Error) Terminal.sayNow(error.stack ?? "")
  process.exit(1)
})

const args = process.argv.slice(2)
const lean = args[0] === "gen" ? await (await import("./lean.ts")).gen(args.slice(1)) : undefined
const code = lean ?? (await (await import("./main.ts")).main(args))

// What was written must be out before the process ends; what still runs must not keep it alive.
await Promise.all([Terminal.write(""), Terminal.write("", process.stderr)])
process.exit(code)
