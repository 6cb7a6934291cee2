/**
 * The working parts behind `Engine`: one loop that turns events into generations, one fiber per source, one per sink.
 * State lives in plain variables, touched only between yields of the one thread.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Latch from "effect/Latch"
import * as PubSub from "effect/PubSub"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { makeDelivery } from "./Delivery.ts"
import * as Diagnostic from "./Diagnostic.ts"
import type { Engine, EngineOptions } from "./Engine.ts"
import type { EngineEvent, NodeState, Stamped } from "./Event.ts"
import { Fold } from "./Fold.ts"
import * as Graph from "./Graph.ts"
import type { Node, SinkNode, SourceNode } from "./Node.ts"
import type { PluginError } from "./PluginError.ts"
import type { Refusal } from "./Refusal.ts"
import { Renderer, type Rendering } from "./Render.ts"
import { makeSources } from "./Sources.ts"
import type { EngineStatus, RunResult, SinkOutcome } from "./Status.ts"

export const makeRuntime = Effect.fnUntraced(function* (options: EngineOptions): Effect.fn.Return<Engine["Service"]> {
  const fold = new Fold(options.fold)
  const hub = yield* PubSub.sliding<Stamped>(4096)
  const wake = yield* Latch.make(false)
  const crashed = yield* Deferred.make<never>()
  /** Nodes are exchanged, or a generation is handed out: never both at once. */
  const exchange = yield* Semaphore.make(1)
  const nodes = new Map<string, Node>()
  const states = new Map<string, { readonly state: NodeState; readonly reason?: string }>()
  const clock = yield* Clock.Clock
  let renderer = new Renderer(options.pipeline, { transforms: [], checks: [], upstream: new Map() })
  let rendering: Rendering | undefined
  let refusal: Refusal | undefined
  let misWired: ReadonlyArray<Diagnostic.Diagnostic> = []
  let started = false
  /** Sources have come that may not have spoken yet. */
  let fresh = true
  let finite = false
  let home: Scope.Scope | undefined

  const emit = (event: EngineEvent): void => {
    PubSub.publishUnsafe(hub, { ...event, time: clock.currentTimeMillisUnsafe(), pipeline: options.pipeline })
  }
  const setState = (node: string, state: NodeState, reason?: string): void => {
    states.set(node, reason === undefined ? { state } : { state, reason })
    emit(reason === undefined ? { type: "node-state", node, state } : { type: "node-state", node, state, reason })
  }
  const sources = makeSources({
    fold,
    emit,
    setState,
    now: () => clock.currentTimeMillisUnsafe(),
    wake: () => wake.openUnsafe()
  })
  const delivery = makeDelivery({ ...options, emit, setState, partitions: () => fold.states() })

  const regraph = (): void => {
    const wired = Graph.wire([...nodes.values()].map(Graph.wireOf), { owner: options.pipeline })
    misWired = wired.problems.map((p) => p.diagnostic)
    const { order, upstream } = wired.graph
    const transforms = order.map((id) => nodes.get(id)).filter((n) => n?.kind === "transform")
    const checks = [...nodes.values()].filter((n) => n.kind === "check")
    renderer = new Renderer(options.pipeline, { transforms, checks, upstream }, renderer.past)
  }

  const startSource = (node: SourceNode) => sources.start(node, home!, finite)

  const stopNode = (id: string) => Effect.andThen(sources.stop(id), delivery.stop(id))

  const spoken = (): boolean => sources.spoken(finite)

  const endless = (id: string): boolean => {
    const node = nodes.get(id)
    return node?.kind === "source" && node.impl.endless === true
  }

  /** The newest rendering; undefined where it is refused, or where the graph has changed under it. */
  const generation: Effect.Effect<Rendering | undefined> = Effect.suspend(() => {
    const model = fold.commit()
    const used = renderer
    if (model === undefined) return Effect.succeed(rendering)
    emit({
      type: "generation-started",
      generation: model.generation,
      touched: model.touched.size,
      services: HashMap.size(model.services)
    })
    const rendered =
      misWired.length > 0
        ? Effect.fail<Refusal>({ node: misWired[0]!.node ?? "graph", diagnostics: misWired })
        : used.render(model)
    return rendered.pipe(
      Effect.map((next): Rendering | undefined => {
        if (used !== renderer) return undefined
        rendering = next
        refusal = undefined
        emit({
          type: "generation-rendered",
          generation: model.generation,
          held: next.held.size,
          timings: Object.fromEntries(next.timings)
        })
        return next
      }),
      Effect.catch((refused: Refusal) => {
        if (used !== renderer) return Effect.succeed(undefined)
        refusal = refused
        emit({
          type: "generation-refused",
          generation: model.generation,
          node: refused.node,
          diagnostics: refused.diagnostics
        })
        return Effect.succeed(undefined)
      })
    )
  })

  const sinks = (): ReadonlyArray<SinkNode> => [...nodes.values()].filter((n) => n.kind === "sink")

  const loop = Effect.gen(function* () {
    let offered: Rendering | undefined
    let refusals = 0
    while (true) {
      if (fresh) {
        fresh = false
        yield* waitUntil(spoken).pipe(Effect.timeoutOption(options.firstSync))
      }
      const used = renderer
      const next = yield* generation
      if (refusal === undefined) refusals = 0
      if (next !== undefined && next !== offered) {
        offered = next
        yield* exchange.withPermit(Effect.suspend(() => (used === renderer ? offer(next) : Effect.void)))
      }
      if (refusal?.retryable === true) {
        // What could not run may run now, though no source says anything.
        const news = yield* Effect.timeoutOption(wake.await, again(refusals++))
        if (news._tag === "None") fold.touch()
      } else yield* wake.await
      yield* Effect.sleep(options.debounce)
      yield* wake.close
    }
  })

  const offer = (next: Rendering) => Effect.forEach(sinks(), (sink) => delivery.offer(sink, next), { discard: true })

  const lookAgain = Effect.suspend(() => (rendering === undefined || finite ? Effect.void : offer(rendering)))

  const waitUntil = (condition: () => boolean): Effect.Effect<void> =>
    Effect.gen(function* () {
      while (!condition()) {
        yield* wake.close
        if (condition()) return
        yield* wake.await
      }
    })

  const begin = Effect.fnUntraced(function* (isFinite: boolean) {
    home = yield* Effect.scope
    yield* Scope.addFinalizer(home, delivery.stopAll)
    finite = isFinite
    started = true
    regraph()
    for (const node of nodes.values()) {
      if (node.kind !== "source") setState(node.id, "ready")
    }
    for (const node of nodes.values()) if (node.kind === "source") yield* startSource(node)
  })

  const run = Effect.gen(function* () {
    yield* begin(true)
    yield* waitUntil(spoken)
    const sourceFailures = sources.failures().flatMap(([id, failure]) => sourceFindings(id, failure))
    const next = sourceFailures.length > 0 && fatal(sourceFailures) ? undefined : yield* generation
    const outcomes =
      next === undefined
        ? []
        : yield* Effect.forEach(sinks(), (sink) => delivery.once(sink, next), { concurrency: "unbounded" })
    return result(sourceFailures, outcomes)
  })

  const result = (
    sourceFailures: ReadonlyArray<Diagnostic.Diagnostic>,
    outcomes: ReadonlyArray<SinkOutcome>
  ): RunResult => ({
    generation: fold.model.generation,
    services: HashMap.size(fold.model.services),
    clusters: fold.model.fleet.clusters.length,
    held: new Map([...(rendering?.held ?? heldByModel())].map(([id, held]) => [id, held.diagnostics])),
    ...(refusal === undefined ? {} : { refusal }),
    sourceFailures,
    partitions: fold.model.partitions,
    diagnostics: [...fold.model.diagnostics, ...(rendering?.diagnostics ?? [])],
    sinks: outcomes
  })

  const heldByModel = () => new Map(HashMap.entries(fold.model.held))

  const status = Effect.sync(
    (): EngineStatus => ({
      pipeline: options.pipeline,
      generation: rendering?.model.generation ?? 0,
      services: HashMap.size(fold.model.services),
      clusters: fold.model.fleet.clusters.length,
      held: [...(rendering?.held.keys() ?? [])],
      nodes: [...nodes.values()].map((node) => ({
        id: node.id,
        kind: node.kind,
        type: node.type,
        ...(states.get(node.id) ?? { state: "starting" as const }),
        ...(node.kind === "source" ? { partitions: fold.model.partitions.filter((p) => p.source === node.id) } : {}),
        ...(node.kind === "sink" ? delivery.progress(node.id) : {})
      })),
      ...(refusal === undefined ? {} : { lastRefusal: refusal })
    })
  )

  const swap = (add: ReadonlyArray<Node>, remove: ReadonlyArray<string>): Effect.Effect<void> =>
    Effect.gen(function* () {
      for (const id of [...remove, ...add.map((n) => n.id)]) yield* stopNode(id)
      for (const id of remove) {
        if (nodes.get(id)?.kind === "source" && !add.some((n) => n.id === id)) fold.forget(id)
        nodes.delete(id)
        states.delete(id)
      }
      for (const node of add) nodes.set(node.id, node)
      if (!started) return
      regraph()
      fold.touch()
      fresh ||= add.some((node) => node.kind === "source")
      for (const node of add) {
        if (node.kind === "source") yield* startSource(node)
        else setState(node.id, "ready")
      }
      emit({ type: "reloaded", changed: add.map((n) => n.id), removed: remove })
      yield* wake.open
    }).pipe(exchange.withPermit)

  return {
    add: (node) =>
      Effect.acquireRelease(
        Effect.suspend(() => (started ? swap([node], []) : Effect.sync(() => void nodes.set(node.id, node)))),
        () =>
          Effect.suspend(() =>
            nodes.get(node.id) !== node
              ? Effect.void
              : started
                ? swap([], [node.id])
                : Effect.sync(() => nodes.delete(node.id))
          )
      ).pipe(Effect.asVoid),
    run,
    start: Effect.gen(function* () {
      yield* begin(false)
      yield* Effect.forkIn(loop.pipe(Effect.catchCause((cause) => Deferred.failCause(crashed, cause))), home!)
    }),
    crashed: Deferred.await(crashed),
    endless: Effect.sync(() => [...nodes.keys()].some(endless)),
    swap,
    events: Stream.fromPubSub(hub),
    status,
    again: lookAgain,
    rendering: Effect.sync(() => rendering)
  }
})

/** Pauses of a refused generation: one second, doubled up to two minutes. */
const again = (refusals: number): Duration.Duration => Duration.seconds(Math.min(2 ** Math.min(refusals, 7), 120))

const sourceFindings = (id: string, failure: PluginError): ReadonlyArray<Diagnostic.Diagnostic> =>
  failure.diagnostics?.map((d) => ({ node: id, ...d })) ?? [
    Diagnostic.error("CW405", `source ${id} failed: ${failure.message}`, { node: id })
  ]

/** Input files that cannot be understood stop a run; a source that is merely out of reach does not. */
const fatal = (findings: ReadonlyArray<Diagnostic.Diagnostic>): boolean => findings.some((d) => d.code !== "CW405")
