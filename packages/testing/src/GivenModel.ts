/**
 * Fleets, services, models and artifacts from terse words. Models come from the real fold, so that hosts and addresses
 * are what users get; a service that the fold holds is an error here.
 */
import * as Artifact from "@coddiwomple/core/Artifact"
import type { ClusterSet } from "@coddiwomple/core/ClusterSet"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import {
  type BackendFact,
  type ClusterFact,
  type Fact,
  identity,
  type Protocol,
  protocols,
  type ServiceFact
} from "@coddiwomple/core/Fact"
import { Fold, type FoldOptions } from "@coddiwomple/core/Fold"
import type { Fleet, Model, Service } from "@coddiwomple/core/Model"
import * as HashMap from "effect/HashMap"

/** A name, or a name with whatever else the test is about. */
export type ClusterTerse = string | (Partial<ClusterFact> & { readonly name: string })

/** A number, the pair of service port and backend port, or all of it. The protocol follows the name. */
export type PortTerse =
  | number
  | readonly [port: number, backendPort: number]
  | { readonly port: number; readonly backendPort?: number; readonly protocol?: Protocol }

export type BackendTerse =
  | string
  | (Partial<Omit<BackendFact, "kind" | "service" | "cluster">> & { readonly host: string })

export interface ServiceTerse extends Partial<Omit<ServiceFact, "kind" | "name" | "ports" | "origin">> {
  /** Clusters that run it, with their hosts where that matters; cluster `a` where nothing is said. */
  readonly in?: ReadonlyArray<string> | Readonly<Record<string, BackendTerse>>
  /** `{ http: 80 }` where nothing is said. */
  readonly ports?: Readonly<Record<string, PortTerse>>
}

export interface Terse {
  readonly clusters?: ReadonlyArray<ClusterTerse>
  /** By identity: `reviews`, or `reviews.shop` for a namespace. */
  readonly services?: Readonly<Record<string, ServiceTerse>>
}

const origin = { label: "given" }

export const clusterFacts = (clusters: ReadonlyArray<ClusterTerse>): ReadonlyArray<ClusterFact> =>
  clusters.map((terse, i) => ({
    kind: "cluster",
    addresses: [`10.${i >>> 8}.${i & 255}.1`],
    order: i,
    origin,
    ...(typeof terse === "string" ? { name: terse } : terse)
  }))

export const serviceFacts = (id: string, terse: ServiceTerse = {}): ReadonlyArray<ServiceFact | BackendFact> => {
  const dot = id.indexOf(".")
  const name = dot < 0 ? id : id.slice(0, dot)
  const namespace = terse.namespace ?? (dot < 0 ? undefined : id.slice(dot + 1))
  const { in: where, ports, ...rest } = terse
  const service: ServiceFact = {
    kind: "service",
    prefixes: [identity(name, namespace)],
    origin,
    ...rest,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ports: Object.entries(ports ?? { http: 80 }).map(([portName, p]) => {
      const all = typeof p === "number" ? { port: p } : "port" in p ? p : { port: p[0], backendPort: p[1] }
      return { name: portName, protocol: protocolOf(portName), backendPort: all.port, ...all }
    })
  }
  const host = `${name}.${namespace ?? "default"}.svc.cluster.local`
  const backends = !isList(where)
    ? Object.entries(where!)
    : (where ?? ["a"]).map((cluster): [string, BackendTerse] => [cluster, host])
  return [
    service,
    ...backends.map(
      ([cluster, b]): BackendFact => ({
        kind: "backend",
        service: identity(name, namespace),
        cluster,
        origin,
        ...(typeof b === "string" ? { host: b } : b)
      })
    )
  ]
}

const isList = (where: ServiceTerse["in"]): where is ReadonlyArray<string> | undefined =>
  where === undefined || Array.isArray(where)

const protocolOf = (portName: string): Protocol => {
  const guess = portName.split("-")[0]!.toUpperCase()
  return (protocols as ReadonlyArray<string>).includes(guess) ? (guess as Protocol) : "TCP"
}

/** Facts of a whole world; clusters that only services name are added. */
export const facts = ({ clusters = [], services = {} }: Terse): ReadonlyArray<Fact> => {
  const named = new Set(clusters.map((c) => (typeof c === "string" ? c : c.name)))
  const spoken = Object.entries(services).flatMap(([id, terse]) => serviceFacts(id, terse))
  const more = new Set(spoken.flatMap((f) => (f.kind === "backend" && !named.has(f.cluster) ? [f.cluster] : [])))
  return [...clusterFacts([...clusters, ...more]), ...spoken]
}

/** The model of these facts, all from one source and one partition. */
export const model = (given: Terse | ReadonlyArray<Fact>, options: Partial<FoldOptions> = {}): Model => {
  const fold = new Fold(options)
  fold.accept("given", { _tag: "Snapshot", partition: "given", facts: isFacts(given) ? given : facts(given) })
  const made = fold.commit()!
  const problems = [...HashMap.values(made.held)].flatMap((held) => held.diagnostics)
  if (problems.length > 0)
    throw new Error(`not a usable model:\n${problems.map((d) => Diagnostic.toText(d)).join("\n")}`)
  return made
}

export const isFacts = (given: unknown): given is ReadonlyArray<Fact> => Array.isArray(given)

export const fleet = (...clusters: ReadonlyArray<ClusterTerse>): Fleet => model({ clusters }).fleet

/** One service. Without a fleet, the clusters are those that it names. */
export const service = (id: string, terse: ServiceTerse = {}, clusters: ReadonlyArray<ClusterTerse> = []): Service =>
  HashMap.getUnsafe(model({ clusters, services: { [id]: terse } }).services, id)

export interface ArtifactTerse {
  /** Names of clusters; all where nothing is said. */
  readonly in?: ReadonlyArray<string>
  readonly service?: string
  readonly namespace?: string
  readonly ownership?: Artifact.Ownership
}

const targets = (of: Fleet, terse: ArtifactTerse): ClusterSet => (terse.in === undefined ? of.all : of.named(terse.in))

const options = ({ service: name, ownership }: ArtifactTerse): Artifact.Options => ({
  ...(name === undefined ? {} : { service: name }),
  ...(ownership === undefined ? {} : { ownership })
})

/** Any object: its kind and name, and what else is in it. */
export const object = (of: Fleet, body: Artifact.KubernetesObject, terse: ArtifactTerse = {}): Artifact.Artifact =>
  Artifact.object(targets(of, terse), body, options(terse))

/** The simplest object that every Kubernetes cluster takes. */
export const configMap = (
  of: Fleet,
  name: string,
  data: Readonly<Record<string, string>>,
  terse: ArtifactTerse = {}
): Artifact.Artifact =>
  object(
    of,
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: terse.namespace ?? "default" }, data },
    terse
  )

export const file = (of: Fleet, path: string, text: string, terse: ArtifactTerse = {}): Artifact.Artifact =>
  Artifact.file(targets(of, terse), path, text, options(terse))
