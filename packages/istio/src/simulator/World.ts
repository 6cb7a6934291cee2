/**
 * The meshes of a fleet as the simulator sees them: per cluster what its control plane has, and under which addresses
 * its gateway is reached. Order is Istio's: oldest object first, then by name and namespace.
 */
import type { Artifact, KubernetesObject } from "@coddiwomple/core/Artifact"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Fleet } from "@coddiwomple/core/Model"
import { networking } from "../Metadata.ts"
import { type Entry, type Gateway, type LocalService, type Parsed, type Policy, parse, type Routes } from "./Parsed.ts"
import { specOf } from "./Texts.ts"

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

/** Clusters by the addresses of their gateways; made once per list of sites. */
const addressBooks = new WeakMap<ReadonlyArray<Site>, ReadonlyMap<string, ReadonlyArray<number>>>()

const addressBook = (sites: ReadonlyArray<Site>): ReadonlyMap<string, ReadonlyArray<number>> => {
  const known = addressBooks.get(sites)
  if (known !== undefined) return known
  const book = new Map<string, Array<number>>()
  sites.forEach(({ addresses }, i) => {
    for (const address of addresses) {
      const others = book.get(address)
      if (others === undefined) book.set(address, [i])
      else if (!others.includes(i)) others.push(i)
    }
  })
  addressBooks.set(sites, book)
  return book
}

const nobody: ReadonlyArray<Mesh> = []

/** Meshes are made when a call first comes to them: of a thousand clusters a call sees a few. */
export class World {
  readonly sites: ReadonlyArray<Site>
  private readonly book: ReadonlyMap<string, ReadonlyArray<number>>
  private readonly make: (index: number) => ReadonlyArray<Parsed>
  private readonly made = new Map<number, Mesh>()

  constructor(sites: ReadonlyArray<Site>, make: (index: number) => ReadonlyArray<Parsed>) {
    this.sites = sites
    this.book = addressBook(sites)
    this.make = make
  }

  mesh(index: number): Mesh {
    let mesh = this.made.get(index)
    if (mesh === undefined) this.made.set(index, (mesh = new Mesh(this.sites[index]!, this.make(index))))
    return mesh
  }

  get(cluster: string): Mesh | undefined {
    const index = this.sites.findIndex((site) => site.name === cluster)
    return index < 0 ? undefined : this.mesh(index)
  }

  get meshes(): ReadonlyArray<Mesh> {
    return this.sites.map((_, i) => this.mesh(i))
  }

  /** Clusters whose gateway has this address: several where they stand behind one. */
  at(address: string): ReadonlyArray<Mesh> {
    const found = this.book.get(address)
    return found === undefined ? nobody : found.map((index) => this.mesh(index))
  }
}

/** From Kubernetes objects per cluster: read from files or from live clusters. */
export const fromObjects = (
  clusters: ReadonlyArray<{ readonly site: Site; readonly objects: ReadonlyArray<KubernetesObject> }>
): World => {
  const parsed = clusters.map(({ objects }) => objects.flatMap((object) => parse(object) ?? []))
  return new World(
    clusters.map(({ site }) => site),
    (index) => parsed[index]!
  )
}

const group = "networking.istio.io/"

/** From what transforms made. Texts are read once, whatever the number of clusters that have them. */
export const fromArtifacts = (fleet: Fleet, artifacts: Iterable<Artifact>, more?: Partial<Site>): World => {
  const parsed: Array<{ readonly targets: ClusterSet.ClusterSet; readonly parsed: Parsed }> = []
  for (const { form, id, targets, text } of artifacts) {
    if (form !== "object" || !id.startsWith(group)) continue
    const [, kind = "", namespace = "", name = ""] = id.split("/")
    const found = parse({ apiVersion: networking, kind, metadata: { namespace, name }, spec: specOf(text) }, text)
    if (found !== undefined) parsed.push({ targets, parsed: found })
  }
  const sites = more === undefined ? fleet.clusters : fleet.clusters.map((cluster) => ({ ...cluster, ...more }))
  return new World(sites, (index) =>
    parsed.filter((each) => ClusterSet.has(each.targets, index)).map((each) => each.parsed)
  )
}
