/**
 * `cw trace`: reads the sources of a pipeline, folds them, and renders only the services that a question needs: the one
 * with the host, and those that could take its calls. No sink is built, nothing is written.
 */
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { engineOptions } from "@coddiwomple/config/Build"
import * as Assembly from "@coddiwomple/core/Assembly"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { Engine } from "@coddiwomple/core/Engine"
import { Fold, type FoldOptions } from "@coddiwomple/core/Fold"
import * as Graph from "@coddiwomple/core/Graph"
import type { Model, Service } from "@coddiwomple/core/Model"
import type { Node, TransformNode } from "@coddiwomple/core/Node"
import { fromUnknown } from "@coddiwomple/core/PluginError"
import { Renderer } from "@coddiwomple/core/Render"
import * as Source from "@coddiwomple/core/Source"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Transform from "@coddiwomple/core/Transform"
import { family } from "@coddiwomple/istio/Protocol"
import { type Examined, examine } from "@coddiwomple/istio/simulator/Failover"
import type { Call } from "@coddiwomple/istio/simulator/Route"
import { fromArtifacts } from "@coddiwomple/istio/simulator/World"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { Opened } from "./Opened.ts"
import * as Platform from "./Platform.ts"
import { excerpt } from "./Prescan.ts"

export interface Question {
  readonly host: string
  /** Every port of the host where absent. */
  readonly port: number | undefined
  readonly from: string
  readonly namespace: string | undefined
  readonly down: ReadonlyArray<string>
  readonly backendDown: ReadonlyArray<string>
  readonly gatewayDown: ReadonlyArray<string>
}

/** What is read, and how it is rendered. */
export interface Plant {
  readonly name: string
  readonly directory: string
  /** Services files of json sources, absolute. */
  readonly services: ReadonlyArray<string>
  readonly fold: Partial<FoldOptions>
  /** Istio gives the addresses, and proxies capture DNS. */
  readonly dnsCapture: boolean
  readonly blueprints: ReadonlyArray<Assembly.Blueprint>
}

export type Answer =
  | { readonly _tag: "Usage"; readonly what: string; readonly advice: string }
  | { readonly _tag: "Failed"; readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic> }
  /** The service is held, so nothing can be said of its routes. */
  | { readonly _tag: "Held"; readonly service: string; readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic> }
  | { readonly _tag: "Traced"; readonly service: string; readonly examined: ReadonlyArray<Examined> }

export const fromPipeline = (pipeline: Opened): Plant => ({
  name: pipeline.name,
  directory: pipeline.directory,
  services: pipeline.checked.nodes.flatMap(({ config, kind, uses }) => {
    const { services } = (config ?? {}) as { readonly services?: unknown }
    return kind === "source" && uses === "json" && typeof services === "string"
      ? [resolve(pipeline.directory, services)]
      : []
  }),
  fold: engineOptions(pipeline.checked, pipeline.lock?.pins).fold,
  dnsCapture: pipeline.checked.nodes.some(
    ({ config }) => (config as { readonly autoAllocate?: unknown } | undefined)?.autoAllocate === true
  ),
  blueprints: pipeline.nodes.flatMap((node) =>
    node.kind === "source" || node.kind === "transform" ? [node.pinned] : []
  )
})

/** As `cw gen` reads and renders them. */
export const fromFiles = async (clusters: string, services: string, profile: string): Promise<Plant> => {
  const [json, istio] = await Promise.all([
    import("@coddiwomple/source-json"),
    import("@coddiwomple/transform-istio-global-dns")
  ])
  return {
    name: "trace",
    directory: process.cwd(),
    services: [resolve(services)],
    fold: {},
    dnsCapture: false,
    blueprints: [
      { id: "files", fingerprint: "", layer: Source.layer(json.default, "files", { clusters, services }) as never },
      { id: "istio", fingerprint: "", layer: Transform.layer(istio.default, "istio", { profile } as never) as never }
    ]
  }
}

export const answer = (plant: Plant, question: Question): Effect.Effect<Answer> =>
  Effect.gen(function* () {
    const quick = yield* part(plant, question)
    if (quick === undefined) return yield* look(plant, question, Layer.empty)
    const found = yield* look({ ...plant, fold: { ...plant.fold, pinned: quick.pinned } }, question, quick.files)
    // Whatever else is to be said must come from the whole.
    return found._tag === "Traced" ? found : yield* look(plant, question, Layer.empty)
  })

type Files = Layer.Layer<FileSystem.FileSystem, never, FileSystem.FileSystem> | typeof Layer.empty

/** The platform's files, with excerpts in place of large services files. */
const part = ({ fold, services }: Plant, { host }: Question) =>
  Effect.sync(() => {
    const [file, ...more] = services
    if (file === undefined || more.length > 0) return undefined
    try {
      const found = excerpt(readFileSync(file, "utf8"), host, fold)
      if (found === undefined) return undefined
      const bytes = new TextEncoder().encode(found.text)
      const files = Layer.effect(
        FileSystem.FileSystem,
        Effect.map(FileSystem.FileSystem, (fs) => ({
          ...fs,
          readFile: (path: string) => (path === file ? Effect.succeed(bytes) : fs.readFile(path))
        }))
      )
      return { files, pinned: found.pinned }
    } catch {
      return undefined
    }
  })

const look = (plant: Plant, question: Question, files: Files): Effect.Effect<Answer> =>
  Effect.gen(function* () {
    const assembly = yield* Assembly.make
    const built = yield* Effect.result(assembly.set(plant.blueprints))
    if (built._tag === "Failure") return { _tag: "Failed", diagnostics: built.failure } as const
    const nodes = yield* assembly.nodes
    const fold = new Fold(plant.fold)
    const failures = yield* Effect.forEach(
      nodes,
      (node) => (node.kind === "source" ? read(node, fold) : Effect.succeed([])),
      {
        concurrency: "unbounded"
      }
    )
    if (failures.flat().length > 0) return { _tag: "Failed", diagnostics: failures.flat() } as const
    const model = fold.commit() ?? fold.model
    return yield* ask(plant, nodes, model, question)
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        files,
        Platform.host({ directory: plant.directory, pipeline: plant.name, finite: true }),
        // Nodes are built as for a run; nothing runs.
        Layer.succeed(Engine, { swap: () => Effect.void, add: () => Effect.void } as never)
      )
    ),
    Effect.scoped
  ) as Effect.Effect<Answer>

/** All that a source says now; of one that watches, its first word on everything. */
const read = (
  node: Extract<Node, { readonly kind: "source" }>,
  fold: Fold
): Effect.Effect<ReadonlyArray<Diagnostic.Diagnostic>> => {
  const { endless, events } = node.impl
  const taken = Stream.tap(events, (event) => Effect.sync(() => fold.accept(node.id, event, Date.now())))
  const bounded = endless === true ? Stream.takeUntil(taken, () => fold.settled([node.id])) : taken
  return Stream.runDrain(bounded).pipe(
    Effect.exit,
    Effect.map((exit) => {
      if (Exit.isSuccess(exit)) return []
      const failure = fromUnknown(Cause.squash(exit.cause))
      const found = failure.diagnostics ?? [Diagnostic.error("CW405", `source ${node.id} failed: ${failure.message}`)]
      return found.map((d) => ({ node: node.id, ...d }))
    })
  )
}

const ask = (plant: Plant, nodes: ReadonlyArray<Node>, model: Model, question: Question): Effect.Effect<Answer> =>
  Effect.gen(function* () {
    const mistake = unknownCluster(model, question)
    if (mistake !== undefined) return mistake
    const found = find(model, question)
    if ("_tag" in found) return found
    const { host, service } = found
    const ports = question.port === undefined ? service.ports : service.ports.filter((p) => p.port === question.port)
    if (ports.length === 0) {
      const has = service.ports.map((p) => `${host}:${p.port} (${p.protocol})`).join(", ")
      return { _tag: "Usage", what: `${host} has no port ${question.port}`, advice: `known: ${has}` } as const
    }
    const exit = yield* Effect.exit(renderer(plant.name, nodes).render(restricted(model, service)))
    if (Exit.isFailure(exit)) {
      const refusal = Cause.squash(exit.cause) as { readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic> }
      return { _tag: "Failed", diagnostics: refusal.diagnostics } as const
    }
    const held = exit.value.held.get(service.identity)
    if (held !== undefined) return { _tag: "Held", service: service.identity, diagnostics: held.diagnostics } as const
    const world = fromArtifacts(
      model.fleet,
      exit.value.desired(traced).artifacts(),
      plant.dnsCapture ? { dnsCapture: true } : undefined
    )
    const set = (names: ReadonlyArray<string>) => (names.length === 0 ? undefined : new Set(names))
    const examined = ports.map(({ port }) => {
      const call = {
        from: question.from,
        host,
        port,
        namespace: question.namespace,
        down: set(question.down),
        withoutBackend: set(question.backendDown),
        withoutGateway: set(question.gatewayDown),
        declared: service
      }
      return examine(
        world,
        Object.fromEntries(Object.entries(call).filter(([, value]) => value !== undefined)) as unknown as Call
      )
    })
    return { _tag: "Traced", service: service.identity, examined } as const
  })

const traced = "trace"

const renderer = (pipeline: string, nodes: ReadonlyArray<Node>): Renderer => {
  const { graph } = Graph.wire(nodes.map(Graph.wireOf))
  const transforms = graph.order.flatMap((id) =>
    nodes.filter((n): n is TransformNode => n.kind === "transform" && n.id === id)
  )
  const upstream = new Map(graph.upstream).set(traced, graph.leaves)
  return new Renderer(pipeline, { transforms, checks: [], upstream })
}

/** More than these cannot be looked at in the time of a question. */
const mostRivals = 200

/** The model with this service and those whose calls could be mistaken for its own. */
const restricted = (model: Model, service: Service): Model => {
  const rivals: Array<Service> = []
  for (const other of HashMap.values(model.services))
    if (other !== service && isRival(service, other)) rivals.push(other)
  // Those on its very address first, then by name: the winner of a claim is among them.
  rivals.sort(
    (a, b) =>
      Number(b.address === service.address) - Number(a.address === service.address) ||
      (a.identity < b.identity ? -1 : 1)
  )
  const kept = [service, ...rivals.slice(0, mostRivals)]
  return {
    ...model,
    services: HashMap.fromIterable(kept.map((s) => [s.identity, s] as const)),
    held: HashMap.empty(),
    touched: new Set(kept.map((s) => s.identity)),
    fleetChanged: true
  }
}

/** Another host on a port, which neither Host header nor SNI tell apart. */
const isRival = (a: Service, b: Service): boolean => {
  for (const p of a.ports) {
    for (const q of b.ports) {
      if (p.port !== q.port) continue
      const f = family(p.protocol)
      if (f !== family(q.protocol) || (f !== "http" && f !== "tls")) return true
    }
  }
  return false
}

const unknownCluster = (model: Model, { backendDown, down, from, gatewayDown }: Question): Answer | undefined => {
  const known = model.fleet.byName
  const name = [from, ...down, ...backendDown, ...gatewayDown].find((each) => !known.has(each))
  if (name === undefined) return undefined
  return {
    _tag: "Usage",
    what: `unknown cluster ${JSON.stringify(name)}`,
    advice: Suggest.help(name, known.keys()) ?? "there are no clusters"
  }
}

type Found = { readonly host: string; readonly service: Service }

const find = (model: Model, { host: asked }: Question): Found | Answer => {
  const { suffix } = model.fleet
  const host = asked.toLowerCase().replace(/\.$/, "")
  const whole = host.endsWith(`.${suffix}`) ? host : `${host}.${suffix}`
  const near: Array<Found> = []
  let wild: Found | undefined
  for (const service of HashMap.values(model.services)) {
    for (const own of service.hosts) {
      if (own === whole || own === host) return { host: own, service }
      if (own.startsWith("*.") && host.endsWith(own.slice(1))) wild = { host, service }
      if (own.startsWith(`${host}.`) || service.name === host) near.push({ host: own, service })
    }
  }
  if (wild !== undefined) return wild
  for (const [id, { diagnostics }] of model.held) {
    if (id !== host && `${id}.${suffix}` !== whole) continue
    // What is wrong with the clusters may be the reason.
    return { _tag: "Held", service: id, diagnostics: [...diagnostics, ...model.diagnostics.filter(Diagnostic.isError)] }
  }
  if (near.length === 1) return near[0]!
  const what = `unknown host ${JSON.stringify(asked)}`
  if (near.length > 1) {
    const candidates = near
      .sort((a, b) => (a.host < b.host ? -1 : 1))
      .slice(0, 20)
      .map(
        (n) => `${n.host} (service ${n.service.identity}, in ${n.service.backends.map((b) => b.cluster).join(", ")})`
      )
    return {
      _tag: "Usage",
      what: `host ${JSON.stringify(asked)} is ambiguous`,
      advice: `one of: ${candidates.join("; ")}`
    }
  }
  const hosts: Array<string> = []
  for (const service of HashMap.values(model.services)) hosts.push(...service.hosts)
  const meant = Suggest.suggest(whole, hosts) ?? Suggest.suggest(host, hosts)
  const known =
    hosts.length > 20 ? `${hosts.length} hosts are known` : (Suggest.help(whole, hosts) ?? "there are no hosts")
  return { _tag: "Usage", what, advice: meant === undefined ? known : `did you mean "${meant}"?` }
}
