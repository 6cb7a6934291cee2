/**
 * From a model to artifacts: runs transforms and checks, only for what was touched, and gathers for each sink the
 * groups it sees. All or nothing: a transform that throws or a check that refuses leaves the last good state in force,
 * and what was touched meanwhile is rendered again next time. A finding against one service holds that service alone.
 */
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import type { Artifact } from "./Artifact.ts"
import { Claims, type Lost } from "./Claims.ts"
import * as ClusterSet from "./ClusterSet.ts"
import * as Diagnostic from "./Diagnostic.ts"
import { type Changes, Desired, fleetGroup } from "./Desired.ts"
import { Bundle, type Groups } from "./Bundle.ts"
import type { Held, Model, Service } from "./Model.ts"
import type { CheckNode, TransformNode } from "./Node.ts"
import { eventually } from "./PluginError.ts"
import type { Claim, Rendered, ServiceTransform } from "./Transform.ts"

/** Upstream ids of a node: transforms, or empty where it reads the model. */
export type Upstream = ReadonlyMap<string, ReadonlyArray<string>>

export interface RenderGraph {
  /** In topological order. */
  readonly transforms: ReadonlyArray<TransformNode>
  readonly checks: ReadonlyArray<CheckNode>
  /** For transforms, checks and sinks: the transforms they read. */
  readonly upstream: Upstream
}

/** Why a generation is not delivered. */
export interface Refusal {
  readonly node: string
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
}

export interface Rendering {
  readonly model: Model
  readonly held: ReadonlyMap<string, Held>
  /** Warnings of transforms and checks. */
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
  /** What one sink sees. */
  readonly desired: (sink: string) => Desired
  /** What one node produced, for `render --stage` and taps. */
  readonly groups: (node: string) => Groups
  /** Milliseconds per node. */
  readonly timings: ReadonlyMap<string, number>
}

interface Stage {
  groups: Groups
  /** Findings by group. */
  findings: Map<string, ReadonlyArray<Diagnostic.Diagnostic>>
  readonly claims: Claims<Claim>
}

const historyLimit = 1000

export class Renderer {
  private readonly graph: RenderGraph
  private readonly pipeline: string
  private stages = new Map<string, Stage>()
  private checkFindings = new Map<string, Map<string, ReadonlyArray<Diagnostic.Diagnostic>>>()
  private bundles = new Map<string, Bundle>()
  private pending = new Set<string>()
  private pendingAll = true
  private held = new Map<string, Held>()
  private history: Array<{ readonly generation: number; readonly groups: ReadonlySet<string>; readonly all: boolean }> =
    []

  constructor(pipeline: string, graph: RenderGraph) {
    this.pipeline = pipeline
    this.graph = graph
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
      const next = new Map<string, Stage>()
      for (const node of this.graph.transforms) {
        const started = performance.now()
        next.set(node.id, yield* this.transform(node, model, touched, next))
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
      this.commit(model, next, bundles, held, touched, all)
      return this.rendering(model, next, bundles, held, warnings, timings)
    }).pipe(
      // Claims and bundles are updated in place: after a refusal everything is rendered again.
      Effect.tapError(() => Effect.sync(() => this.invalidate()))
    )

  private commit(
    model: Model,
    next: Map<string, Stage>,
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
    this.history.push({ generation: model.generation, groups: touched, all })
    if (this.history.length > historyLimit) this.history.shift()
  }

  private rendering(
    model: Model,
    stages: Map<string, Stage>,
    bundles: Map<string, Bundle>,
    held: Map<string, Held>,
    checkWarnings: ReadonlyArray<Diagnostic.Diagnostic>,
    timings: Map<string, number>
  ): Rendering {
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

  private transform(
    node: TransformNode,
    model: Model,
    touched: Set<string>,
    done: Map<string, Stage>
  ): Effect.Effect<Stage, Refusal> {
    const old = this.stages.get(node.id) ?? {
      groups: HashMap.empty(),
      findings: new Map(),
      claims: new Claims<Claim>()
    }
    const impl = node.impl
    switch (impl.shape) {
      case "service":
        return attempt(node, () => this.renderServices(node, impl, old, model, touched))
      case "artifact":
        return attempt(node, () => {
          const upstream = this.reads(node.id).map((id) => done.get(id)!.groups)
          return rerender(node, old, touched, (group) => {
            const input = upstream.flatMap((groups) => lookup(groups, group))
            return join(input.map((artifact) => impl.run(artifact, model.fleet)))
          })
        })
      case "model":
        return Effect.suspend(() => {
          const services = [...HashMap.values(model.services)].sort((a, b) => (a.identity < b.identity ? -1 : 1))
          return eventually(() => impl.run({ model, services }))
        }).pipe(
          Effect.mapError((cause) => failure(node, cause.message, undefined, cause.diagnostics)),
          Effect.flatMap((rendered) => attempt(node, () => regroup(node, old, rendered, touched)))
        )
      case "set": {
        const inputs = this.reads(node.id).map((id) => done.get(id)!.groups)
        const names = [...new Set(inputs.flatMap((groups) => [...HashMap.keys(groups)]))].sort()
        return Effect.forEach(
          model.fleet.clusters,
          (cluster) => {
            const artifacts = names.flatMap((name) =>
              inputs.flatMap((groups) => lookup(groups, name).filter((a) => ClusterSet.has(a.targets, cluster.index)))
            )
            return eventually(() => impl.run({ cluster, artifacts, model })).pipe(
              Effect.map((rendered) => ({ index: cluster.index, ...parts(rendered) }))
            )
          },
          { concurrency: 4 }
        ).pipe(
          Effect.mapError((cause) => failure(node, cause.message, undefined, cause.diagnostics)),
          Effect.flatMap((results) => attempt(node, () => regroup(node, old, mergeClusters(results, model), touched)))
        )
      }
    }
  }

  private renderServices(
    node: TransformNode,
    impl: ServiceTransform,
    old: Stage,
    model: Model,
    touched: Set<string>
  ): Stage {
    const claims = impl.claims
    if (claims !== undefined) {
      for (const id of [...touched]) {
        const service = HashMap.get(model.services, id)
        const wanted = service._tag === "Some" ? guarded(node, id, () => claims(service.value, model.fleet)) : []
        for (const other of old.claims.set(id, wanted)) touched.add(other)
      }
    }
    return rerender(node, old, touched, (group) => {
      if (group === fleetGroup) return impl.fleet?.(model.fleet) ?? []
      const service = HashMap.get(model.services, group)
      if (service._tag === "None") return undefined
      const lost = old.claims.lost(group)
      return lost.length === 0
        ? impl.run(service.value, model.fleet)
        : { artifacts: [], diagnostics: lost.map((l) => clash(service.value, l)) }
    })
  }

  /** Held by the model, or by an error finding of a transform. */
  private heldServices(model: Model, touched: ReadonlySet<string>, stages: Map<string, Stage>): Map<string, Held> {
    const held = new Map(this.held)
    for (const id of touched) {
      const byModel = HashMap.get(model.held, id)
      if (byModel._tag === "Some") {
        held.set(id, byModel.value)
        continue
      }
      const diagnostics: Array<Diagnostic.Diagnostic> = []
      for (const [node, stage] of stages) {
        for (const d of stage.findings.get(id) ?? [])
          if (Diagnostic.isError(d)) diagnostics.push({ node, service: id, ...d })
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
        const impl = node.impl
        const groups = bundles.get(this.reads(node.id).join(","))?.groups ?? HashMap.empty()
        const found: Array<Diagnostic.Diagnostic> = []
        if (impl.shape === "service") {
          const old = all ? undefined : this.checkFindings.get(node.id)
          const findings = new Map(old)
          yield* attempt(node, () => {
            for (const id of touched) {
              const service = HashMap.get(model.services, id)
              const artifacts = lookup(groups, id)
              const list =
                service._tag === "None" || artifacts.length === 0
                  ? []
                  : guarded(node, id, () => impl.run(service.value, artifacts, model.fleet))
              if (list.length > 0) findings.set(id, list)
              else findings.delete(id)
            }
          })
          this.checkFindings.set(node.id, findings)
          for (const list of findings.values()) found.push(...list)
        } else {
          const names = [...HashMap.keys(groups)].sort()
          const results = yield* Effect.forEach(
            model.fleet.clusters,
            (cluster) =>
              eventually(() =>
                impl.run({
                  cluster,
                  artifacts: names.flatMap((n) =>
                    lookup(groups, n).filter((a) => ClusterSet.has(a.targets, cluster.index))
                  ),
                  model
                })
              ),
            { concurrency: 4 }
          ).pipe(Effect.mapError((cause) => failure(node, cause.message, undefined, cause.diagnostics)))
          found.push(...results.flat())
        }
        timings.set(node.id, performance.now() - started)
        const stamped = found.map((d) => ({ node: node.id, ...d }))
        if (stamped.some(Diagnostic.isError)) {
          this.checkFindings.delete(node.id)
          return yield* Effect.fail<Refusal>({ node: node.id, diagnostics: stamped })
        }
        warnings.push(...stamped)
      }
      return warnings
    })
  }
}

const lookup = (groups: Groups, name: string): ReadonlyArray<Artifact> => {
  const found = HashMap.get(groups, name)
  return found._tag === "Some" ? found.value : []
}

const parts = (rendered: Rendered) =>
  "artifacts" in rendered ? rendered : { artifacts: rendered, diagnostics: [] as ReadonlyArray<Diagnostic.Diagnostic> }

const join = (all: ReadonlyArray<Rendered>): Rendered => ({
  artifacts: all.flatMap((r) => parts(r).artifacts),
  diagnostics: all.flatMap((r) => parts(r).diagnostics)
})

class Thrown extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super("refused")
    this.refusal = refusal
  }
}

const failure = (
  node: TransformNode | CheckNode,
  message: string,
  service?: string,
  diagnostics?: ReadonlyArray<Diagnostic.Diagnostic>
): Refusal => ({
  node: node.id,
  diagnostics: diagnostics?.map((d) => ({ node: node.id, ...d })) ?? [
    Diagnostic.error(
      node.kind === "check" ? "CW623" : "CW620",
      `${node.kind} ${node.id} (${node.type}) failed${service === undefined || service === fleetGroup ? "" : ` on service ${service}`}: ${message}`,
      { node: node.id, service: service === fleetGroup ? undefined : service }
    )
  ]
})

/** Runs plugin code for one group; what it throws becomes a refusal that names the group. */
const guarded = <A>(node: TransformNode | CheckNode, group: string, run: () => A): A => {
  try {
    return run()
  } catch (cause) {
    throw new Thrown(failure(node, cause instanceof Error ? cause.message : String(cause), group))
  }
}

const attempt = <A>(node: TransformNode | CheckNode, run: () => A): Effect.Effect<A, Refusal> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(run())
    } catch (cause) {
      return Effect.fail(
        cause instanceof Thrown ? cause.refusal : failure(node, cause instanceof Error ? cause.message : String(cause))
      )
    }
  })

/** An error that belongs to no service cannot hold one: it stops the generation. */
const refuseFleet = (node: TransformNode, diagnostics: ReadonlyArray<Diagnostic.Diagnostic>): void => {
  const errors = diagnostics.filter(Diagnostic.isError)
  if (errors.length > 0) throw new Thrown(failure(node, "", undefined, errors))
}

const stamp = (node: string, artifacts: ReadonlyArray<Artifact>): ReadonlyArray<Artifact> =>
  artifacts.map((a) => ({ ...a, node }))

/** Runs `run` for every touched group; undefined removes the group. */
const rerender = (
  node: TransformNode,
  old: Stage,
  touched: ReadonlySet<string>,
  run: (group: string) => Rendered | undefined
): Stage => {
  let groups = HashMap.beginMutation(old.groups)
  const findings = new Map(old.findings)
  for (const group of touched) {
    const rendered = guarded(node, group, () => run(group))
    const { artifacts, diagnostics } = rendered === undefined ? { artifacts: [], diagnostics: [] } : parts(rendered)
    if (group === fleetGroup) refuseFleet(node, diagnostics)
    groups =
      artifacts.length === 0 ? HashMap.remove(groups, group) : HashMap.set(groups, group, stamp(node.id, artifacts))
    if (diagnostics.length === 0) findings.delete(group)
    else findings.set(group, diagnostics)
  }
  return { groups: HashMap.endMutation(groups), findings, claims: old.claims }
}

/** A whole rendering in groups; groups that are as before stay the same objects, the others are touched. */
const regroup = (node: TransformNode, old: Stage, rendered: Rendered, touched: Set<string>): Stage => {
  const { artifacts, diagnostics } = parts(rendered)
  refuseFleet(node, diagnostics.filter((d) => d.service === undefined))
  const byGroup = new Map<string, Array<Artifact>>()
  for (const artifact of artifacts) {
    const group = artifact.service ?? fleetGroup
    const list = byGroup.get(group)
    if (list === undefined) byGroup.set(group, [artifact])
    else list.push(artifact)
  }
  let groups = HashMap.beginMutation(old.groups)
  for (const name of HashMap.keys(old.groups)) {
    if (byGroup.has(name)) continue
    touched.add(name)
    groups = HashMap.remove(groups, name)
  }
  for (const [name, list] of byGroup) {
    if (equal(lookup(old.groups, name), list)) continue
    touched.add(name)
    groups = HashMap.set(groups, name, stamp(node.id, list))
  }
  const findings = new Map<string, ReadonlyArray<Diagnostic.Diagnostic>>()
  for (const d of diagnostics) {
    const group = d.service ?? fleetGroup
    findings.set(group, [...(findings.get(group) ?? []), d])
    touched.add(group)
  }
  for (const group of old.findings.keys()) touched.add(group)
  return { groups: HashMap.endMutation(groups), findings, claims: old.claims }
}

const equal = (a: ReadonlyArray<Artifact>, b: ReadonlyArray<Artifact>): boolean =>
  a.length === b.length &&
  a.every((x, i) => {
    const y = b[i]!
    return x.id === y.id && x.text === y.text && x.ownership === y.ownership && ClusterSet.equals(x.targets, y.targets)
  })

/** Equal bodies of several clusters become one artifact with the union of their targets. */
const mergeClusters = (
  results: ReadonlyArray<{
    readonly index: number
    readonly artifacts: ReadonlyArray<Artifact>
    readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
  }>,
  model: Model
): Rendered => {
  const merged = new Map<string, { artifact: Artifact; readonly indices: Array<number> }>()
  for (const { index, artifacts } of results) {
    for (const artifact of artifacts) {
      const key = `${artifact.id}\u0000${artifact.text}`
      const known = merged.get(key)
      if (known === undefined) merged.set(key, { artifact, indices: [index] })
      else known.indices.push(index)
    }
  }
  return {
    artifacts: [...merged.values()].map(({ artifact, indices }) => ({
      ...artifact,
      targets: model.fleet.set(indices)
    })),
    diagnostics: results.flatMap((r) => r.diagnostics)
  }
}

const clash = (service: Service, { claim, winner }: Lost<Claim>): Diagnostic.Diagnostic =>
  Diagnostic.error(
    claim.diagnostic ?? "CW624",
    `services ${winner} and ${service.identity} both need ${claim.what}; ${winner} keeps it`,
    {
      service: service.identity,
      place: service.origin.place?.(),
      object: service.origin.object
    }
  )
