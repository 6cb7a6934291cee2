/** Watches the resident memory of a process and of what it started, from /proc; elsewhere it sees nothing and never ends. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"

const interval = "100 millis"

/** Ends when the processes together hold more than `limit` MiB. */
export const watchMemory = (pid: number, limit: number): Effect.Effect<void, never, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const read = (file: string) => fs.readFileString(file).pipe(Effect.orElseSucceed(() => ""))
    const resident = (pid: number): Effect.Effect<number> =>
      Effect.gen(function* () {
        const status = yield* read(`/proc/${pid}/status`)
        const children = (yield* read(`/proc/${pid}/task/${pid}/children`)).split(" ").filter((each) => each !== "")
        const theirs = yield* Effect.forEach(children, (child) => resident(Number(child)))
        return theirs.reduce((sum, each) => sum + each, Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0))
      })
    while (true) {
      yield* Effect.sleep(interval)
      if ((yield* resident(pid)) > limit * 1024) return
    }
  })
