/**
 * Brings generations to sinks: a mailbox of one per sink (the newest wins), plan, safety, review, apply, and retries on
 * the sink's own clock. The only place that calls `apply`; a dry run never gets there.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Diagnostic from "./Diagnostic.ts"
import type { EngineOptions } from "./Engine.ts"
import type { EngineEvent, NodeState } from "./Event.ts"
import { defaultLimits, leave, secure } from "./Guard.ts"
import { type PartitionState, uncertain } from "./Model.ts"
import type { SinkNode } from "./Node.ts"
import * as Plan from "./Plan.ts"
import { bounded, eventually, fromUnknown, type PluginError } from "./PluginError.ts"
import type { Rendering } from "./Render.ts"
import * as Returned from "./Returned.ts"
import type { SinkOutcome } from "./Status.ts"

interface Context extends EngineOptions {
  readonly emit: (event: EngineEvent) => void
  readonly setState: (node: string, state: NodeState, reason?: string) => void
  /** Freshness as it is now. */
  readonly partitions: () => ReadonlyArray<PartitionState>
}

interface Lane {
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly mailbox: Queue.Queue<Rendering>
}

interface Progress {
  desiredGeneration?: number
  appliedGeneration?: number
  plan?: Plan.Counts
}

interface Attempt extends SinkOutcome {
  readonly retryable: boolean
}

/** Something stands in the way that may go without another generation: a namespace comes, somebody moves a file. */
const isBlocked = ({ plan, report }: SinkOutcome): boolean =>
  plan !== undefined && report !== undefined && Plan.counts(plan).conflict > 0

const defaultRetry = { initial: Duration.seconds(1), max: Duration.minutes(2), times: 3 }

export const makeDelivery = (context: Context) => {
  const { emit, setState } = context
  const lanes = new Map<string, Lane>()
  const progress = new Map<string, Progress>()

  const note = (sink: string, change: Progress): void => {
    progress.set(sink, { ...progress.get(sink), ...change })
  }

  /** One plan and, unless this is a dry run, one apply. Never fails: the outcome says what happened. */
  const attempt = (sink: SinkNode, rendering: Rendering): Effect.Effect<Attempt> =>
    Effect.gen(function* () {
      const desired = rendering.desired(sink.id)
      const { generation } = desired
      note(sink.id, { desiredGeneration: generation })
      const planned = yield* told(sink, "plan", () => sink.impl.plan(desired))
      if (Exit.isFailure(planned)) return yield* failed(sink, generation, "CW701", planned.cause)
      Returned.plan(planned.value)
      // A sink that cannot compare is spared what cannot have changed.
      const since = desired.changesSince(progress.get(sink.id)?.appliedGeneration ?? 0)
      const same = planned.value.opaque === true && !since.all && since.groups.size === 0
      const secured = secure(same ? { ...planned.value, items: [] } : planned.value, {
        policy: sink.options.policy ?? "upsert-only",
        limits: { ...defaultLimits, ...sink.options.guard },
        ...(context.allowDeletes === undefined ? {} : { allowDeletes: context.allowDeletes }),
        partitions: doubts(desired.model.partitions, context.partitions()),
        held: desired.held,
        uncertain: uncertain(desired.model),
        rivals: rendering.rivals
      })
      const isLeftOut = context.leaveOut
      const plan = isLeftOut === undefined ? secured : leave(secured, (item) => isLeftOut(sink.id, item))
      note(sink.id, { plan: Plan.counts(plan) })
      emit({ type: "planned", node: sink.id, generation, plan })
      const refusals = context.review === undefined ? [] : yield* context.review(sink.id, plan, desired)
      if (refusals.length > 0) return { sink: sink.id, plan, diagnostics: refusals, retryable: false }
      if (context.dryRun) return { sink: sink.id, plan, diagnostics: plan.diagnostics, retryable: false }
      if (Plan.executable(plan).length === 0 && plan.bookkeeping !== true) {
        if ((plan.failed?.size ?? 0) === 0) note(sink.id, { appliedGeneration: generation })
        setState(sink.id, (plan.failed?.size ?? 0) === 0 ? "ready" : "degraded")
        return {
          sink: sink.id,
          plan,
          report: { items: [] },
          diagnostics: plan.diagnostics,
          retryable: (plan.failed?.size ?? 0) > 0
        }
      }
      const applied = yield* told(sink, "apply", () => sink.impl.apply(plan, desired))
      if (Exit.isFailure(applied)) {
        const outcome = yield* failed(sink, generation, "CW803", applied.cause)
        return { ...outcome, plan }
      }
      const report = applied.value
      note(sink.id, { plan: Plan.counts(Plan.left(plan, report)) })
      emit({ type: "applied", node: sink.id, generation, report })
      const silent = unsaid(sink, plan, report)
      const bad =
        report.items.filter((i) => i.outcome !== "applied" && i.outcome !== "skipped").length +
        silent.length +
        (plan.failed?.size ?? 0)
      if (bad === 0) note(sink.id, { appliedGeneration: generation })
      setState(sink.id, bad === 0 ? "ready" : "degraded", bad === 0 ? undefined : `${bad} not applied`)
      return {
        sink: sink.id,
        plan,
        report,
        diagnostics: [...plan.diagnostics, ...(report.diagnostics ?? []), ...silent],
        retryable: bad > 0
      }
    }).pipe(
      // A plan or report that is none: the sink's bug stays with the sink.
      Effect.catchDefect((cause) => failed(sink, rendering.model.generation, "CW701", Cause.die(cause)))
    )

  const failed = (sink: SinkNode, generation: number, code: "CW701" | "CW803", cause: Cause.Cause<unknown>) =>
    Effect.sync(() => {
      const error = fromUnknown(Cause.squash(cause))
      const diagnostics = findings(sink, code, error)
      setState(sink.id, error.retryable ? "degraded" : "failed", error.message)
      emit({ type: "sink-failed", node: sink.id, generation, diagnostics })
      return { sink: sink.id, diagnostics, retryable: error.retryable }
    })

  const pause = (sink: SinkNode, attempts: number): Duration.Duration => {
    const { initial, max } = { ...defaultRetry, ...sink.options.retry }
    return Duration.min(
      Duration.times(Duration.fromInputUnsafe(initial), 2 ** Math.min(attempts, 20)),
      Duration.fromInputUnsafe(max)
    )
  }

  /** For a finite run: tries again while it may help and attempts are left. */
  const once = (sink: SinkNode, rendering: Rendering): Effect.Effect<SinkOutcome> =>
    Effect.gen(function* () {
      const times = sink.options.retry?.times ?? defaultRetry.times
      for (let n = 1; ; n++) {
        const { retryable, ...outcome } = yield* attempt(sink, rendering)
        // A report says per object what failed after the sink's own retries: only whole failures are tried again.
        if (!retryable || outcome.report !== undefined || n >= times || context.dryRun) return outcome
        yield* Effect.sleep(pause(sink, n - 1))
      }
    })

  /** For a watching run: the newest generation, again and again until it is there or a newer one comes. */
  const serve = (sink: SinkNode, mailbox: Queue.Queue<Rendering>): Effect.Effect<never> =>
    Effect.gen(function* () {
      let rendering = yield* Queue.take(mailbox)
      let attempts = 0
      while (true) {
        const outcome = yield* attempt(sink, rendering)
        const newer =
          outcome.retryable || isBlocked(outcome)
            ? yield* Queue.take(mailbox).pipe(Effect.timeoutOption(pause(sink, attempts++)))
            : Option.some(yield* Queue.take(mailbox))
        if (Option.isSome(newer)) {
          rendering = newer.value
          if (!outcome.retryable) attempts = 0
        }
      }
    })

  const offer = (sink: SinkNode, rendering: Rendering) =>
    Effect.gen(function* () {
      let lane = lanes.get(sink.id)
      if (lane === undefined) {
        const mailbox = yield* Queue.sliding<Rendering>(1)
        const fiber = yield* Effect.forkDetach(serve(sink, mailbox))
        lane = { fiber, mailbox }
        lanes.set(sink.id, lane)
      }
      note(sink.id, { desiredGeneration: rendering.model.generation })
      yield* Queue.offer(lane.mailbox, rendering)
    })

  /** Ends a sink's fiber; the object it is at is finished or abandoned by the sink itself. */
  const stop = (sink: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      const lane = lanes.get(sink)
      if (lane === undefined) return Effect.void
      lanes.delete(sink)
      return Effect.andThen(
        Fiber.interrupt(lane.fiber),
        Effect.sync(() => void progress.delete(sink))
      )
    })

  return {
    once,
    offer,
    stop,
    stopAll: Effect.suspend(() => Effect.forEach([...lanes.keys()], stop, { discard: true, concurrency: "unbounded" })),
    progress: (sink: string): Progress => progress.get(sink) ?? {}
  }
}

/** Runs plugin code within its time limit; whatever it throws is a failure like any other. */
const told = <A>(
  sink: SinkNode,
  what: string,
  run: () => Effect.Effect<A, unknown>
): Effect.Effect<Exit.Exit<A, unknown>> => Effect.exit(bounded(what, sink.options.timeout, eventually(run)))

/** What the generation was made from, with the doubts that have come up since: a retry may be late. */
const doubts = (
  then: ReadonlyArray<PartitionState>,
  now: ReadonlyArray<PartitionState>
): ReadonlyArray<PartitionState> => {
  const all = new Map(then.map((p) => [`${p.source}\u0000${p.name}`, p]))
  for (const p of now) if (p.state !== "synced" || p.doubt) all.set(`${p.source}\u0000${p.name}`, p)
  return [...all.values()]
}

/** What became of an item that a report does not speak of nobody knows. */
const unsaid = (sink: SinkNode, plan: Plan.Plan, report: Plan.Report): ReadonlyArray<Diagnostic.Diagnostic> => {
  const due = Plan.executable(plan)
  if (report.items.length >= due.length) return []
  const said = new Set(report.items.map(Plan.keyOf))
  const rest = due.filter((i) => !said.has(Plan.keyOf(i)))
  const [first] = rest
  if (first === undefined) return []
  const message = `sink ${sink.id} does not say what became of ${rest.length} items, the first: ${first.id} in ${first.target}`
  return [Diagnostic.error("CW802", message, { node: sink.id })]
}

const findings = (sink: SinkNode, code: "CW701" | "CW803", error: PluginError): ReadonlyArray<Diagnostic.Diagnostic> =>
  error.diagnostics?.map((d) => ({ node: sink.id, ...d })) ?? [
    Diagnostic.error(code, `sink ${sink.id} (${sink.type}) failed: ${error.message}`, {
      node: sink.id,
      help: error.retryable ? undefined : "see the cause; it is not tried again before something changes"
    })
  ]
