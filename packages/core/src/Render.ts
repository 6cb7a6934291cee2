/**
 * From a model to artifacts: runs transforms and checks, only for what was touched, and gathers for each sink the
 * groups it sees. All or nothing: a transform that throws or a check that refuses leaves the last good state in force,
 * and what was touched meanwhile is rendered again next time. A finding against one service holds that service alone.
 */
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import { Bundle, type Groups } from "./Bundle.ts"
import { type Changes, Desired, fleetGroup } from "./Desired.ts"
import * as Diagnostic from "./Diagnostic.ts"
import type { Held, Model } from "./Model.ts"
import type { CheckNode, TransformNode } from "./Node.ts"
import type { Refusal } from "./Refusal.ts"
import { type Findings, runCheck } from "./RunCheck.ts"
import { Past, type Rivals } from "./Rivals.ts"
import { runTransform, wantsOf } from "./RunTransform.ts"
import * as Stage from "./Stage.ts"

/** Upstream ids of a node: transforms, or empty where it reads the model. */
export type Upstream = ReadonlyMap<string, ReadonlyArray<string>>

export interface RenderGraph {
  /** In topological order. */
  readonly transforms: ReadonlyArray<TransformNode>
  readonly checks: ReadonlyArray<CheckNode>
  /** For transforms, checks and sinks: the transforms they read. */
  readonly upstream: Upstream
}

export interface Rendering {
  readonly model: Model
  readonly held: ReadonlyMap<string, Held>
  /** Who must stay away from where held services are live. */
  readonly rivals: Rivals
  /** Warnings of transforms and checks. */
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
  /** What one sink sees. */
  readonly desired: (sink: string) => Desired
  /** What one node produced, for `render --stage` and taps. */
  readonly groups: (node: string) => Groups
  /** Milliseconds per node. */
  readonly timings: ReadonlyMap<string, number>
}

const historyLimit = 1000
const none: ReadonlySet<string> = new Set()

export class Renderer {
  private readonly graph: RenderGraph
  private readonly pipeline: string
  readonly past: Past
  private stages = new Map<string, Stage.Stage>()
  private checkFindings = new Map<string, Findings>()
  private bundles = new Map<string, Bundle>()
  private pending = new Set<string>()
  private pendingAll = true
  private held = new Map<string, Held>()
  private history: Array<{ readonly generation: number; readonly groups: ReadonlySet<string>; readonly all: boolean }> =
    []

  /** `past`: of the renderer before, where the graph has changed. */
  constructor(pipeline: string, graph: RenderGraph, past = new Past()) {
    this.pipeline = pipeline
    this.graph = graph
    this.past = past
  }

  /** Marks everything as changed: a node of the graph was replaced. */
  invalidate(): void {
    this.pendingAll = true
  }

  /** Fails with a refusal; then the renderer is as before, apart from what it will render again. */
  readonly render = (model: Model): Effect.Effect<Rendering, Refusal> =>
    Effect.gen({ self: this }, function* () {
      for (const id of model.touched) this.pending.add(id)
      if (model.fleetChanged) this.pendingAll = true
      const all = this.pendingAll
      // The very set: what claims and model transforms add to it must survive a refusal.
      const touched = this.pending
      if (all) {
        touched.add(fleetGroup)
        for (const id of HashMap.keys(model.services)) touched.add(id)
        for (const id of HashMap.keys(model.held)) touched.add(id)
        for (const stage of this.stages.values()) for (const id of HashMap.keys(stage.groups)) touched.add(id)
      }
      const timings = new Map<string, number>()
      const next = new Map<string, Stage.Stage>()
      for (const node of this.graph.transforms) {
        const started = performance.now()
        const upstream = this.reads(node.id).map((id) => next.get(id)!.groups)
        const old = this.stages.get(node.id) ?? Stage.empty()
        next.set(node.id, yield* runTransform(node, upstream, old, model, touched))
        timings.set(node.id, performance.now() - started)
      }
      const held = this.heldServices(model, touched, next)
      const bundles = new Map<string, Bundle>()
      for (const ids of this.combinations()) {
        const key = ids.join(",")
        const sources = ids.map((id) => ({ node: id, groups: next.get(id)!.groups }))
        const result = Bundle.update(all ? undefined : this.bundles.get(key), sources, touched, held)
        if (!(result instanceof Bundle))
          return yield* Effect.fail<Refusal>({ node: ids.join(", "), diagnostics: result })
        bundles.set(key, result)
      }
      const warnings = yield* this.check(model, touched, bundles, timings, all)
      const rivals = this.past.next(model, held, touched, wantsOf(this.graph.transforms))
      this.commit(model, next, bundles, held, touched, all)
      return { ...this.rendering(model, next, bundles, held, warnings, timings), rivals }
    }).pipe(
      // Claims and bundles are updated in place: after a refusal everything is rendered again.
      Effect.tapError(() => Effect.sync(() => this.invalidate()))
    )

  private commit(
    model: Model,
    next: Map<string, Stage.Stage>,
    bundles: Map<string, Bundle>,
    held: Map<string, Held>,
    touched: Set<string>,
    all: boolean
  ): void {
    this.stages = next
    this.bundles = bundles
    this.held = held
    this.pending = new Set()
    this.pendingAll = false
    this.history.push({ generation: model.generation, groups: all ? none : touched, all })
    if (this.history.length > historyLimit) this.history.shift()
  }

  private rendering(
    model: Model,
    stages: Map<string, Stage.Stage>,
    bundles: Map<string, Bundle>,
    held: Map<string, Held>,
    checkWarnings: ReadonlyArray<Diagnostic.Diagnostic>,
    timings: Map<string, number>
  ): Omit<Rendering, "rivals"> {
    const diagnostics: Array<Diagnostic.Diagnostic> = []
    for (const [node, stage] of stages) {
      for (const list of stage.findings.values())
        for (const d of list) if (!Diagnostic.isError(d)) diagnostics.push({ node, ...d })
    }
    diagnostics.push(...checkWarnings)
    const history = this.changes(this.history.slice())
    return {
      model,
      held,
      diagnostics,
      timings,
      groups: (node) => stages.get(node)?.groups ?? HashMap.empty(),
      desired: (sink) => {
        const bundle = bundles.get(this.reads(sink).join(","))
        return new Desired({ pipeline: this.pipeline, model, groups: bundle?.groups ?? HashMap.empty(), held, history })
      }
    }
  }

  private changes(history: typeof this.history) {
    return (since: number): Changes => {
      const first = history[0]
      if (first === undefined || since < first.generation - 1 || since === 0) return { all: true, groups: new Set() }
      const groups = new Set<string>()
      for (let i = history.length - 1; i >= 0 && history[i]!.generation > since; i--) {
        const entry = history[i]!
        if (entry.all) return { all: true, groups: new Set() }
        for (const group of entry.groups) groups.add(group)
      }
      return { all: false, groups }
    }
  }

  private reads(id: string): ReadonlyArray<string> {
    return this.graph.upstream.get(id) ?? []
  }

  /** Every set of transforms that some sink or check reads. */
  private combinations(): ReadonlyArray<ReadonlyArray<string>> {
    const transforms = new Set(this.graph.transforms.map((t) => t.id))
    const out = new Map<string, ReadonlyArray<string>>()
    for (const [id, ids] of this.graph.upstream) if (!transforms.has(id)) out.set(ids.join(","), ids)
    return [...out.values()]
  }

  /** Held by the model, or by an error finding of a transform. */
  private heldServices(
    model: Model,
    touched: ReadonlySet<string>,
    stages: Map<string, Stage.Stage>
  ): Map<string, Held> {
    const held = new Map(this.held)
    const none = HashMap.isEmpty(model.held)
    for (const id of touched) {
      const byModel = none ? undefined : HashMap.get(model.held, id)
      if (byModel?._tag === "Some") {
        held.set(id, byModel.value)
        continue
      }
      const diagnostics: Array<Diagnostic.Diagnostic> = []
      for (const [node, stage] of stages) {
        const findings = stage.findings.get(id)
        if (findings === undefined) continue
        for (const d of findings) if (Diagnostic.isError(d)) diagnostics.push({ node, service: id, ...d })
      }
      if (diagnostics.length > 0) held.set(id, { identity: id, diagnostics })
      else held.delete(id)
    }
    return held
  }

  private check(
    model: Model,
    touched: ReadonlySet<string>,
    bundles: Map<string, Bundle>,
    timings: Map<string, number>,
    all: boolean
  ): Effect.Effect<ReadonlyArray<Diagnostic.Diagnostic>, Refusal> {
    return Effect.gen({ self: this }, function* () {
      const warnings: Array<Diagnostic.Diagnostic> = []
      for (const node of this.graph.checks) {
        const started = performance.now()
        const groups = bundles.get(this.reads(node.id).join(","))?.groups ?? HashMap.empty()
        const old = all ? undefined : this.checkFindings.get(node.id)
        const findings = yield* runCheck(node, groups, old, model, touched)
        this.checkFindings.set(node.id, findings)
        timings.set(node.id, performance.now() - started)
        const found = [...findings.values()].flat().map((d) => ({ node: node.id, ...d }))
        if (found.some(Diagnostic.isError)) return yield* Effect.fail<Refusal>({ node: node.id, diagnostics: found })
        warnings.push(...found)
      }
      return warnings
    })
  }
}
