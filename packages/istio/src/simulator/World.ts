/**
 * The meshes of a fleet as the simulator sees them: per cluster what its control plane has, and under which addresses
 * its gateway is reached. Order is Istio's: oldest object first, then by name and namespace.
 */
import type { Artifact, KubernetesObject } from "@coddiwomple/core/Artifact"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Fleet } from "@coddiwomple/core/Model"
import { read } from "@coddiwomple/core/Read"
import { type Entry, type Gateway, type LocalService, type Parsed, type Policy, parse, type Routes } from "./Parsed.ts"

/** What is known of a cluster beside its objects. A cluster of the model fits. */
export interface Site {
  readonly name: string
  /** IPs or names under which other clusters reach its gateway. */
  readonly addresses: ReadonlyArray<string>
  readonly region?: string
  /** Cluster domain of Kubernetes; `cluster.local` where nothing is said. */
  readonly domain?: string
  readonly istioVersion?: string
  readonly gateway?: { readonly namespace?: string; readonly selector?: Readonly<Record<string, string>> }
  readonly dataplane?: "sidecar" | "ambient"
  /** Proxies capture DNS, and Istio gives addresses to hosts without any. */
  readonly dnsCapture?: boolean
}

/** Istio's default; a mesh configuration is not known. */
export const rootNamespace = "istio-system"

const order = (a: Parsed, b: Parsed): number =>
  compare(a.item.created, b.item.created) ||
  compare(a.item.name, b.item.name) ||
  compare(a.item.namespace, b.item.namespace)
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export class Mesh {
  readonly site: Site
  readonly entries: Array<Entry> = []
  readonly policies: Array<Policy> = []
  readonly gateways: Array<Gateway> = []
  readonly routes: Array<Routes> = []
  /** By full name; empty where the cluster's own Services are not known. */
  readonly services = new Map<string, LocalService>()
  /** What full names of its Services end with. */
  readonly localSuffix: string

  constructor(site: Site, parsed: ReadonlyArray<Parsed>) {
    this.site = site
    this.localSuffix = `.svc.${site.domain ?? "cluster.local"}`
    for (const each of [...parsed].sort(order)) {
      if (each.type === "entry") this.entries.push(each)
      else if (each.type === "policy") this.policies.push(each)
      else if (each.type === "gateway") this.gateways.push(each)
      else if (each.type === "routes") this.routes.push(each)
      else this.services.set(`${each.item.name}.${each.item.namespace}${this.localSuffix}`, each)
    }
  }

  get name(): string {
    return this.site.name
  }
}

export class World {
  readonly meshes: ReadonlyMap<string, Mesh>
  private readonly byAddress = new Map<string, Array<Mesh>>()

  constructor(meshes: ReadonlyArray<Mesh>) {
    this.meshes = new Map(meshes.map((mesh) => [mesh.name, mesh]))
    for (const mesh of meshes) {
      for (const address of mesh.site.addresses) {
        const known = this.byAddress.get(address)
        if (known === undefined) this.byAddress.set(address, [mesh])
        else known.push(mesh)
      }
    }
  }

  /** Clusters whose gateway has this address: several where they stand behind one. */
  at(address: string): ReadonlyArray<Mesh> {
    return this.byAddress.get(address) ?? []
  }
}

/** From Kubernetes objects per cluster: read from files or from live clusters. */
export const fromObjects = (
  clusters: ReadonlyArray<{ readonly site: Site; readonly objects: ReadonlyArray<KubernetesObject> }>
): World =>
  new World(clusters.map(({ site, objects }) => new Mesh(site, objects.flatMap((object) => parse(object) ?? []))))

/** From what transforms made. Texts are read once, whatever the number of clusters that have them. */
export const fromArtifacts = (fleet: Fleet, artifacts: Iterable<Artifact>, more: Partial<Site> = {}): World => {
  const perCluster = fleet.clusters.map((): Array<Parsed> => [])
  for (const artifact of artifacts) {
    if (artifact.form !== "object") continue
    const parsed = parse(read(artifact.text) as KubernetesObject, artifact.text)
    if (parsed === undefined) continue
    for (const index of ClusterSet.indices(artifact.targets)) perCluster[index]!.push(parsed)
  }
  return new World(fleet.clusters.map((cluster, i) => new Mesh({ ...cluster, ...more }, perCluster[i]!)))
}
