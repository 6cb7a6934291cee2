// Waits for a real program to become ready, and ends early, with its last words, when it died instead.
import { setTimeout as sleep } from "node:timers/promises"
import type { Program } from "./Processes.ts"

/** Asks every 50 ms until the answer is true; an exception counts as "not yet" and is named when time runs out. */
export const until = async (
  what: string,
  ask: () => Promise<boolean>,
  programs: ReadonlyArray<Program> = [],
  seconds = 90
): Promise<void> => {
  const end = Date.now() + seconds * 1000
  let last: unknown = "not yet"
  for (;;) {
    const dead = programs.find((program) => program.ended !== undefined)
    if (dead !== undefined) throw new Error(`${what}: the program ended (${dead.ended}):\n${dead.tail()}`)
    try {
      if (await ask()) return
    } catch (error) {
      last = error
    }
    if (Date.now() > end) {
      const tails = programs.map((program) => program.tail()).join("\n")
      throw new Error(`${what}: not after ${seconds} s (${last})\n${tails}`)
    }
    await sleep(50)
  }
}
