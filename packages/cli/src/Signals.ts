/**
 * SIGINT, SIGTERM and SIGHUP end the work in order; the second one ends the process at once.
 * A terminal, `npx` and `timeout` may each deliver the same signal: copies within a moment count as one.
 */
import * as ExitCode from "./ExitCode.ts"
import { sayNow } from "./Terminal.ts"

export type Signal = "SIGINT" | "SIGTERM" | "SIGHUP"

const signals: ReadonlyArray<Signal> = ["SIGINT", "SIGTERM", "SIGHUP"]
const moment = 250

/** What a run is, for the exit status of SIGTERM: 0 for a service that was told to stop, 143 for work cut short. */
export interface Lifetime {
  service: boolean
}

export const exitCode = (signal: Signal, lifetime: Lifetime): number =>
  signal === "SIGINT"
    ? ExitCode.interrupted
    : signal === "SIGHUP"
      ? 129
      : lifetime.service
        ? ExitCode.ok
        : ExitCode.terminated

/** Calls `stop` once, at the first signal. The result takes the handlers away. */
export const handle = (stop: (signal: Signal) => void): (() => void) => {
  let first: number | undefined
  let patience: NodeJS.Timeout | undefined
  const handlers = signals.map((signal) => {
    const handler = (): void => {
      const now = performance.now()
      if (first === undefined) {
        first = now
        patience = setTimeout(() => sayNow("cw: finishing what was begun; a second signal ends it at once"), 1000)
        stop(signal)
      } else if (now - first > moment) {
        sayNow("cw: stopped at once")
        process.exit(signal === "SIGINT" ? ExitCode.interrupted : ExitCode.terminated)
      }
    }
    process.on(signal, handler)
    return [signal, handler] as const
  })
  return () => {
    clearTimeout(patience)
    for (const [signal, handler] of handlers) process.off(signal, handler)
  }
}
