/**
 * One fiber per source: its stream goes into the fold, and after a failure the stream begins again, with growing pauses.
 * A source that fails keeps its facts but not its word: its partitions are stale, or were never read.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { EngineEvent, NodeState } from "./Event.ts"
import { checkEvent } from "./EventCheck.ts"
import type { Fold } from "./Fold.ts"
import type { SourceNode } from "./Node.ts"
import { fromUnknown, type PluginError, retryable, within } from "./PluginError.ts"

export interface Surroundings {
  readonly fold: Fold
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly emit: (event: EngineEvent) => void
  readonly setState: (node: string, state: NodeState, reason?: string) => void
  /** Something was said, or ended. */
  readonly wake: () => void
}

interface Running {
  readonly node: SourceNode
  fiber?: Fiber.Fiber<unknown, unknown>
  done: boolean
  /** It has said something, or failed. */
  spoke: boolean
  failure?: PluginError
}

export interface Sources {
  /** `finite`: a failure ends it, where a service would try again. */
  readonly start: (node: SourceNode, home: Scope.Scope, finite: boolean) => Effect.Effect<void>
  readonly stop: (id: string) => Effect.Effect<void>
  /** Every source has come to its end, or has said something of every partition where that is all one can wait for. */
  readonly spoken: (finite: boolean) => boolean
  readonly failures: () => ReadonlyArray<readonly [id: string, failure: PluginError]>
}

export const makeSources = ({ emit, fold, now, setState, wake }: Surroundings): Sources => {
  const sources = new Map<string, Running>()

  const run = (running: Running, finite: boolean): Effect.Effect<void> =>
    Effect.gen(function* () {
      const { node } = running
      let pause = 500
      while (true) {
        setState(node.id, "starting")
        let answered = false
        const exit = yield* node.impl.events.pipe(
          Stream.runForEach((event) =>
            Effect.sync(() => {
              checkEvent(event)
              answered ||= event._tag !== "Partitions"
              running.spoke = true
              fold.accept(node.id, event, now())
              if (event._tag === "Snapshot") {
                const { facts, partition } = event
                emit({ type: "source", node: node.id, partition, state: "synced", facts: facts.length })
                setState(node.id, "ready")
                pause = 500
              }
              if (event._tag === "Freshness") {
                emit({ type: "source", node: node.id, partition: event.partition, state: event.state, facts: 0 })
                if (event.state !== "synced") setState(node.id, "degraded", event.reason)
              }
              wake()
            })
          ),
          answering(node, () => answered),
          Effect.exit
        )
        if (Exit.isSuccess(exit)) {
          running.done = true
          wake()
          return
        }
        if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
        const failure = fromUnknown(Cause.squash(exit.cause))
        const unread = markStale(node.id, failure)
        running.spoke = true
        setState(node.id, finite || !failure.retryable ? "failed" : "degraded", failure.message)
        if (finite) Object.assign(running, { failure, done: true })
        wake()
        if (finite) return
        yield* Effect.sleep(Duration.millis(pause))
        // What was never understood waits for a person, who sits before it: look often.
        pause = Math.min(pause * 2, unread && !failure.retryable ? 2000 : 30_000)
      }
    })

  /** Partitions of a failed source keep their facts but not their word. True when it had said nothing yet. */
  const markStale = (source: string, { diagnostics, message }: PluginError): boolean => {
    const partitions = fold.states().filter((p) => p.source === source)
    partitions.forEach((p, i) => {
      if (p.state === "stale" || (p.state === "never-synced" && p.reason === message)) return
      fold.accept(source, {
        _tag: "Freshness",
        partition: p.name,
        state: p.state === "never-synced" ? "never-synced" : "stale",
        since: now(),
        reason: message,
        // Of all its partitions: told once.
        ...(i > 0 || diagnostics === undefined ? {} : { diagnostics: diagnostics.map((d) => ({ node: source, ...d })) })
      })
    })
    return partitions.every((p) => p.state === "never-synced")
  }

  return {
    start: (node, home, finite) =>
      Effect.gen(function* () {
        fold.expect(node.id, now())
        const running: Running = { node, done: false, spoke: false }
        sources.set(node.id, running)
        running.fiber = yield* Effect.forkIn(run(running, finite), home)
      }),
    stop: (id) =>
      Effect.suspend(() => {
        const fiber = sources.get(id)?.fiber
        sources.delete(id)
        return fiber === undefined ? Effect.void : Fiber.interrupt(fiber)
      }),
    spoken: (finite) =>
      [...sources].every(
        ([id, { done, node, spoke }]) =>
          done || ((!finite || node.impl.endless === true) && spoke && fold.settled([id]))
      ),
    failures: () => [...sources].flatMap(([id, { failure }]) => (failure === undefined ? [] : [[id, failure] as const]))
  }
}

/** Fails when a source has not answered in the time it has. */
const answering =
  (node: SourceNode, answered: () => boolean) =>
  <E>(events: Effect.Effect<void, E>): Effect.Effect<void, E | PluginError> => {
    const limit = node.options.timeout
    if (limit === undefined) return events
    const silent = Effect.fail(retryable(`no answer within ${within(limit)}`))
    const patience = Effect.andThen(
      Effect.sleep(limit),
      Effect.suspend(() => (answered() ? Effect.never : silent))
    )
    return Effect.raceFirst(events, patience)
  }
