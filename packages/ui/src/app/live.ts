/** What the server keeps telling: the matrix in typed arrays, the rest as coarse values. */
import type { Cluster, EventLine, Info, Status } from "../Contract.ts"
import { Matrix } from "../Matrix.ts"
import { follow } from "./session.ts"
import { store } from "./store.ts"

export const matrix = new Matrix()
export const info = store<Info | undefined>(undefined)
export const clusters = store<ReadonlyArray<Cluster>>([])
export const status = store<Status | undefined>(undefined)
/** Grows with every message about rows: for those who only want to know that something changed. */
export const version = store(0)
/** Another fleet than before: all row numbers are new. */
export const epoch = store(0)
/** Milliseconds between the server's word and ours, and when it was. */
export const heard = store<{ readonly at: number; readonly lag: number }>({ at: 0, lag: 0 })
export const events = store<ReadonlyArray<EventLine>>([])

const kept = 2000

export const begin = (coalesce: number): (() => void) => {
  let painted = false
  const bump = (): void => {
    // Coarse listeners hear at most once per frame; hidden tabs once they are seen again.
    if (painted) return
    painted = true
    const later = document.hidden ? (f: () => void) => setTimeout(f, 1000) : requestAnimationFrame
    later(() => {
      painted = false
      version.set((n) => n + 1)
    })
  }
  const stopWatch = follow(
    (client) => client.Watch({ coalesce }),
    (message) => {
      switch (message._tag) {
        case "Snapshot":
          info.set(message.info)
          clusters.set(message.clusters)
          matrix.snapshot(message)
          epoch.set((n) => n + 1)
          heard.set({ at: message.time, lag: Math.max(0, Date.now() - message.time) })
          performance.mark("cw-snapshot")
          return bump()
        case "Delta":
          matrix.delta(message)
          if (Date.now() - heard.get().at > 500)
            heard.set({ at: message.time, lag: Math.max(0, Date.now() - message.time) })
          return bump()
        case "Clusters":
          return clusters.set(message.clusters)
        case "Status":
          return status.set(message)
      }
    }
  )
  let last = 0
  const stopEvents = follow(
    (client) => client.Events({ after: last }),
    (lines) => {
      if (lines.length === 0) return
      last = lines.at(-1)!.seq
      events.set((before) => [...before, ...lines].slice(-kept))
    }
  )
  return () => {
    stopWatch()
    stopEvents()
  }
}
