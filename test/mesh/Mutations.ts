// Output of profile mtls with one thing spoilt, as a bug of the generator would: Istio accepts each, and the matrix must
// fail, and the simulator must find it. A mutation that passes means that the matrix, or what is believed about Istio, is
// wrong.
import { examine } from "@coddiwomple/istio/simulator/Failover"
import type { FindingKind } from "@coddiwomple/istio/simulator/Finding"
import { worldOf } from "./Agreement.ts"
import { documents } from "./Cluster.ts"
import { cells, type Check, delivery, failover, noLoop, recovered } from "./Matrix.ts"
import type { Mesh } from "./Mesh.ts"

/** A Kubernetes object as JSON; mutations reach deep into it. */
// biome-ignore lint/suspicious/noExplicitAny: mutations write what no type allows
type Doc = any

export interface Mutation {
  readonly name: string
  /** What real software makes of it; printed beside what was seen. */
  readonly effect: string
  readonly mutate: (docs: ReadonlyArray<Doc>, cluster: string, mesh: Mesh) => ReadonlyArray<Doc>
  /** It kills istiod: nothing can follow. */
  readonly fatal?: boolean
  /** In place of the matrix. */
  readonly check?: (mesh: Mesh) => Promise<ReadonlyArray<Check>>
  /** The counterpart of a mutation: this must pass. */
  readonly harmless?: boolean
  /** Why the route simulator cannot find it. */
  readonly unseen?: string
}

const isIn = (doc: Doc): boolean => doc.kind === "ServiceEntry" && doc.metadata.name.startsWith("cw-in-")
const isOut = (doc: Doc): boolean => doc.kind === "ServiceEntry" && doc.metadata.name.startsWith("cw-out-")
const isRule = (doc: Doc): boolean => doc.kind === "DestinationRule"
const isGateway = (doc: Doc): boolean => doc.kind === "Gateway"
const on = (matches: (doc: Doc) => boolean, change: (doc: Doc) => void) => (docs: ReadonlyArray<Doc>) => {
  for (const doc of docs) if (matches(doc)) change(doc)
  return docs
}

/** Cluster b has heard that ratings moved to a, cluster a that it runs in b: each sends on to the other. */
const stale = (docs: ReadonlyArray<Doc>, cluster: string, mesh: Mesh): ReadonlyArray<Doc> => {
  const isRatings = (doc: Doc) => doc.metadata.name.includes("ratings")
  if (cluster !== "b") return docs
  return on(
    (doc) => isOut(doc) && isRatings(doc),
    (doc) => {
      const [endpoint] = doc.spec.endpoints
      const { gateway } = mesh.cluster("a").addresses
      const ports = Object.fromEntries(Object.keys(endpoint.ports).map((name) => [name, 15_443]))
      doc.spec.endpoints = [{ ...endpoint, address: gateway, ports }]
    }
  )(docs.filter((doc) => !(isIn(doc) && isRatings(doc))))
}

const ratingsNoLoop = (mesh: Mesh): Promise<ReadonlyArray<Check>> => noLoop(mesh, ["ratings"], 1)

const tlsMode = "security.istio.io/tlsMode"
const gatewayNamespace = (mesh: Mesh, cluster: string): string =>
  mesh.fleet.clusters.find((each) => each.name === cluster)!.gateway

export const mutations: ReadonlyArray<Mutation> = [
  {
    name: "no SE-in",
    effect: "gateways hand calls to each other's gateways",
    mutate: (docs) => docs.filter((doc) => !isIn(doc))
  },
  {
    name: "SE-out in the gateway's namespace, no SE-in",
    effect: "the same",
    mutate: (docs, cluster, mesh) =>
      on(
        (doc) => isOut(doc) || isRule(doc),
        (doc) => (doc.metadata.namespace = gatewayNamespace(mesh, cluster))
      )(docs.filter((doc) => !isIn(doc)))
  },
  {
    name: "SE-in without tlsMode",
    effect: "all calls from other clusters fail",
    mutate: on(isIn, (doc) => {
      for (const endpoint of doc.spec.endpoints) delete endpoint.labels
    })
  },
  {
    name: "SE-out without tlsMode, DR without tls",
    effect: "plaintext: refused under STRICT",
    mutate: (docs) => {
      on(isRule, (doc) => delete doc.spec.trafficPolicy.tls)(docs)
      return on(isOut, (doc) => {
        for (const endpoint of doc.spec.endpoints) delete endpoint.labels[tlsMode]
      })(docs)
    }
  },
  {
    name: "DR without outlierDetection",
    effect: "no failover, and no local preference",
    mutate: on(isRule, (doc) => delete doc.spec.trafficPolicy.outlierDetection)
  },
  {
    name: "localityLbSetting.enabled: false",
    unseen: "an even spread may be meant; test/istio finds it where local-first is declared",
    effect: "even spread",
    mutate: on(isRule, (doc) => (doc.spec.trafficPolicy.loadBalancer.localityLbSetting = { enabled: false }))
  },
  {
    name: "TCP hosts without addresses",
    effect: "silent misrouting: the first by name gets the calls",
    mutate: on(isOut, (doc) => delete doc.spec.addresses)
  },
  {
    name: "Gateway without the host",
    effect: "the gateway resets the connection",
    mutate: on(isGateway, (doc) => (doc.spec.servers[0].hosts = ["nobody.global"]))
  },
  {
    name: "SE-in with another port number than SE-out",
    effect: "no chain for the SNI: reset",
    mutate: on(isIn, (doc) => {
      for (const port of doc.spec.ports) port.number += 1
    })
  },
  {
    name: "endpoint with the wrong gateway port",
    effect: "connection refused",
    mutate: on(isOut, (doc) => {
      for (const { ports } of doc.spec.endpoints)
        for (const name of Object.keys(ports)) if (ports[name] === 15_443) ports[name] = 15_444
    })
  },
  {
    name: "gRPC port declared as HTTP",
    unseen: "objects do not tell what a server speaks",
    effect: "HTTP/1.1 to a server that speaks HTTP/2 alone",
    mutate: on(isOut, (doc) => {
      for (const port of doc.spec.ports) if (port.protocol === "GRPC") port.protocol = "HTTP"
    })
  },
  {
    name: "SE-out MESH_EXTERNAL, DR without tls",
    effect: "plaintext: refused under STRICT",
    mutate: (docs) => {
      on(isRule, (doc) => delete doc.spec.trafficPolicy.tls)(docs)
      return on(isOut, (doc) => (doc.spec.location = "MESH_EXTERNAL"))(docs)
    }
  },
  {
    name: "two sides stale, Gateways as cw writes them",
    effect: "calls fail, nothing runs in circles",
    harmless: true,
    check: ratingsNoLoop,
    mutate: stale
  },
  {
    name: "two sides stale, Gateways with *.global",
    effect: "gateways hand a call to each other thousands of times",
    check: ratingsNoLoop,
    mutate: (docs, cluster, mesh) =>
      on(isGateway, (doc) => (doc.spec.servers[0].hosts = ["*.global"]))(stale(docs, cluster, mesh))
  },
  {
    name: "localities and failoverPriority on a DNS ServiceEntry",
    effect: "istiod panics",
    fatal: true,
    mutate: on(isOut, (doc) => {
      doc.spec.endpoints.forEach((endpoint: Doc, i: number) => (endpoint.locality = `region-${i}`))
    })
  }
]

export interface Found {
  readonly mutation: Mutation
  /** The first check that failed; undefined when all passed: a failure of ours, unless it is harmless. */
  readonly by: Pick<Check, "part" | "what" | "seen"> | undefined
  /** What the route simulator finds in the same objects. */
  readonly simulated: ReadonlyArray<FindingKind>
}

export const tryMutation = async (mesh: Mesh, mutation: Mutation): Promise<Found> => {
  const spoilt = (cluster: string) =>
    mutation
      .mutate(documents(mesh.outputs.get(cluster)!.manifest), cluster, mesh)
      .map((doc) => `---\n${JSON.stringify(doc)}\n`)
      .join("")
  const world = worldOf(mesh, spoilt)
  const found = cells(mesh).flatMap(
    ({ from, host, port }) => examine(world, { from: from.name, host, port: port.port }).findings
  )
  const simulated = [...new Set(found.map(({ kind }) => kind))].sort()
  const applied = await Promise.allSettled(mesh.clusters.map((each) => each.apply(spoilt(each.name))))
  const dead = mesh.clusters.find((each) => each.istiod.ended !== undefined)
  if (dead !== undefined) {
    const panic = /panic: .*/.exec(dead.istiod.tail(200))?.[0] ?? dead.istiod.ended ?? ""
    return { mutation, simulated, by: { part: "delivery", what: `istiod of ${dead.name} ended`, seen: panic } }
  }
  const refused = applied.find((each) => each.status === "rejected")
  if (refused !== undefined) throw refused.reason
  for (const part of mutation.check === undefined ? [delivery, noLoop, failover] : [mutation.check]) {
    if (part === failover) await recovered(mesh, 20)
    const failed = (await part(mesh)).find((check) => !check.ok)
    if (failed !== undefined) return { mutation, simulated, by: failed }
  }
  return { mutation, simulated, by: undefined }
}

/** Back to what cw wrote, until the matrix holds again: the next mutation must not be blamed for this one. */
export const restore = async (mesh: Mesh): Promise<void> => {
  await Promise.all(
    mesh.clusters.flatMap(({ gateway, client }) =>
      [gateway, client].filter((each) => each.program.ended !== undefined).map((each) => each.restart())
    )
  )
  await Promise.all(mesh.clusters.map((each) => each.apply(mesh.outputs.get(each.name)!.manifest)))
  await recovered(mesh)
  const broken = (await delivery(mesh)).find((check) => !check.ok)
  if (broken !== undefined) throw new Error(`the mesh did not recover: ${broken.what}: ${broken.seen}`)
}
