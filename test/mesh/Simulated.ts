// What the route simulator says of a call, from cw's output alone: it must be what the real Envoys do.
import type { KubernetesObject } from "@coddiwomple/core/Artifact"
import { trace } from "@coddiwomple/istio/simulator/Trace"
import { fromObjects, type World } from "@coddiwomple/istio/simulator/World"
import { documents } from "./Cluster.ts"
import { gatewayName } from "./Fleet.ts"
import type { Mesh } from "./Mesh.ts"

export const worldOf = (mesh: Mesh): World =>
  fromObjects(
    mesh.fleet.clusters.map(({ name, gateway }) => {
      const { addresses } = mesh.cluster(name)
      const site = {
        name,
        addresses: [addresses.gateway, addresses.gatewayToo, gatewayName(name)],
        gateway: { namespace: gateway },
        istioVersion: "1.31.0"
      }
      return {
        site,
        objects: documents(mesh.outputs.get(name)!.manifest) as unknown as ReadonlyArray<KubernetesObject>
      }
    })
  )

/** Clusters that answer; empty when the call is not delivered. */
export const predicted = (world: World, from: string, host: string, port: number): ReadonlyArray<string> => {
  const { outcome, answers } = trace(world, { from, host, port, namespace: "default" })
  return outcome === "delivered" ? [...new Set(answers.map((answer) => answer.leg.cluster))].sort() : []
}
