/**
 * The entry of the bundle, and of `node packages/cli/src/bin.ts`. Small, because every command pays for it:
 * `gen` takes a lean way that loads neither the command line library nor the engine's edges.
 */
import * as Terminal from "./Terminal.ts"

let decided = false
const leave = (code: number): never => {
  decided = true
  process.exit(code)
}

// Plugin code that never answers lets the event loop run dry, and it may end the process itself: neither is a success.
process.on("exit", (code) => {
  if (decided || (code !== 0 && code !== 13)) return
  Terminal.sayNow("cw: ended before it was done: a plugin never answered, or ended the process itself")
  Terminal.sayNow("    a `timeout` on its node says which")
  process.exitCode = 1
})

Terminal.endWithReader(leave)
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

const run = async (args: ReadonlyArray<string>): Promise<never> => {
  const lean = args[0] === "gen" ? await (await import("./lean.ts")).gen(args.slice(1)) : undefined
  const code = lean ?? (await (await import("./main.ts")).main(args))
  // What was written must be out before the process ends; what still runs must not keep it alive.
  await Promise.all([Terminal.flushed(process.stdout), Terminal.flushed(process.stderr)])
  return leave(code)
}

// Not awaited here: Node has words of its own for a module that never settles.
void run(process.argv.slice(2))
