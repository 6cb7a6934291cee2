/**
 * One watch connection, from its start to its end: every event is handed over as it arrives, nothing is kept. How it
 * ended is the result; what the server answered instead of events, or as an ERROR event, is the error.
 */
import { setTimeout } from "node:timers"
import * as Effect from "effect/Effect"
import { type ApiError, fromEvent } from "./ApiError.ts"
import type { Client } from "./Client.ts"
import { Lines } from "./Lines.ts"
import type { Raw } from "./List.ts"

export interface WatchRequest {
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly resourceVersion: string
  /** Seconds after which the server ends the watch. */
  readonly timeoutSeconds: number
  /** Milliseconds without a byte after which the connection counts as half open. */
  readonly silence: number
}

export interface Handlers {
  readonly opened: () => void
  readonly changed: (type: "ADDED" | "MODIFIED" | "DELETED", object: Raw) => void
  readonly bookmark: (resourceVersion: string) => void
}

/** `closed` by the server in order, `silent`, or `broken`: cut, reset, or not understood. */
export interface End {
  readonly how: "closed" | "silent" | "broken"
  readonly events: number
  readonly why?: string
}

class Refused extends Error {
  readonly error: ApiError
  constructor(error: ApiError) {
    super(error.message)
    this.error = error
  }
}

class Misunderstood extends Error {}

const event = (line: string): { readonly type: string; readonly object: Raw } => {
  let parsed: { readonly type?: unknown; readonly object?: unknown }
  try {
    parsed = JSON.parse(line)
  } catch {
    throw new Misunderstood("an event is no JSON")
  }
  if (typeof parsed?.type !== "string" || typeof parsed.object !== "object" || parsed.object === null) {
    throw new Misunderstood("an event has no type or no object")
  }
  return parsed as { readonly type: string; readonly object: Raw }
}

export const watch = (client: Client, request: WatchRequest, handlers: Handlers): Effect.Effect<End, ApiError> =>
  Effect.gen(function* () {
    const stream = yield* client.stream({
      method: "GET",
      path: request.path,
      query: {
        ...request.query,
        watch: "1",
        allowWatchBookmarks: "true",
        resourceVersion: request.resourceVersion,
        timeoutSeconds: String(request.timeoutSeconds)
      }
    })
    handlers.opened()
    let events = 0
    const handle = (line: string): void => {
      const { type, object } = event(line)
      switch (type) {
        case "BOOKMARK":
          return handlers.bookmark(object.metadata?.resourceVersion ?? "")
        case "ADDED":
        case "MODIFIED":
        case "DELETED":
          if (typeof object.metadata?.name !== "string") throw new Misunderstood("an object has no name")
          events++
          return handlers.changed(type, object)
        case "ERROR":
          throw new Refused(fromEvent(object))
        default:
          throw new Misunderstood("an event is of an unknown type")
      }
    }
    const read = async (): Promise<End> => {
      let silent = false
      const lines = new Lines()
      const timer = setTimeout(() => {
        silent = true
        stream.abort()
      }, request.silence)
      try {
        for await (const chunk of stream.chunks) {
          timer.refresh()
          lines.push(chunk, handle)
        }
        return lines.pending > 0 ? { how: "broken", events, why: "the last event was cut" } : { how: "closed", events }
      } catch (cause) {
        if (cause instanceof Refused) throw cause
        if (silent) return { how: "silent", events, why: `nothing came for ${Math.round(request.silence / 1000)} s` }
        return { how: "broken", events, why: cause instanceof Error ? cause.message : String(cause) }
      } finally {
        clearTimeout(timer)
        stream.abort()
      }
    }
    return yield* Effect.tryPromise({ try: read, catch: (cause) => (cause as Refused).error })
  }).pipe(Effect.scoped)
