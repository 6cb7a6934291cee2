// Several meshes at once, loaded with what cw makes of one fleet. All of it stops together, and whatever is left is
// killed by the watchdog of test/parts when this process ends.
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { startApiServers } from "../parts/ApiServer.ts"
import { type PartName } from "../parts/Recipes.ts"
import { removeFolder, temporaryFolder } from "../parts/Processes.ts"
import { type Addresses, addressesOf, ipv6, reserveNetwork } from "./Addresses.ts"
import { type Authority, authority } from "./Certs.ts"
import { type Cluster, startCluster } from "./Cluster.ts"
import { type Output, runCw } from "./Cw.ts"
import { clustersJson, type Fleet, type FleetCluster, gatewayName, gatewayPort, placed, servicesJson } from "./Fleet.ts"
import { edgeCertificate } from "./Objects.ts"
import type { Profile } from "./Profiles.ts"

export const parts: ReadonlyArray<PartName> = ["etcd", "kube", "istio-crds", "istio", "envoy", "coredns"]

export interface Mesh extends AsyncDisposable {
  readonly fleet: Fleet
  readonly profile: Profile
  readonly clusters: ReadonlyArray<Cluster>
  readonly outputs: ReadonlyMap<string, Output>
  readonly cluster: (name: string) => Cluster
}

export const startMesh = async (fleet: Fleet, profile: Profile): Promise<Mesh> => {
  const dir = temporaryFolder("mesh")
  const stops: Array<() => Promise<unknown>> = [async () => removeFolder(dir)]
  const stop = async () => {
    for (const end of stops.splice(0).reverse()) await end()
  }
  try {
    const { network, release } = await reserveNetwork()
    stops.push(async () => release())
    const addresses = new Map(fleet.clusters.map(({ name }, i) => [name, addressesOf(network, i + 1)]))
    const backends = fleet.clusters.flatMap(({ name }) => placed(fleet, name, addresses.get(name)!))
    const names = fleet.clusters.map(({ name }) => name)
    const shared = authority(join(dir, "pki"), "shared")
    const edge = authority(join(dir, "pki-edge"), "edge")
    const serving = startApiServers(fleet.clusters.length, { sharedEtcd: true, istioCrds: true })
    serving.then(
      (servers) => stops.push(async () => Promise.all(servers.map((server) => server.stop()))),
      () => {}
    )
    const making = runCw({
      dir: join(dir, "cw"),
      clusters: clustersJson(fleet, addresses),
      services: servicesJson(fleet, backends),
      names,
      mesh: profile.transform
    })
    const [servers, outputs] = await Promise.all([serving, making])
    mkdirSync(join(dir, "clusters"))
    const started = await Promise.allSettled(
      fleet.clusters.map((cluster, i) =>
        startCluster({
          fleet,
          cluster,
          addresses,
          api: servers[i]!,
          dir: join(dir, "clusters"),
          authority: profile.sharedRoot ? shared : authority(join(dir, `pki-${cluster.name}`), cluster.name),
          trustDomain: profile.sharedRoot ? "cluster.local" : `${cluster.name}.test`,
          gateway: {
            label: profile.gatewayLabel,
            ports: profile.gatewayPorts(fleet, gatewayPort(cluster, addresses.get(cluster.name)!))
          },
          objects: profile.edge ? edgeObjects(cluster, addresses.get(cluster.name)!, edge) : [],
          output: outputs.get(cluster.name)!
        })
      )
    )
    const clusters = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []))
    for (const each of clusters) stops.push(each.stop)
    const failed = started.find((each) => each.status === "rejected")
    if (failed !== undefined) throw failed.reason
    return {
      fleet,
      profile,
      clusters,
      outputs,
      cluster: (name) => clusters.find((each) => each.name === name)!,
      [Symbol.asyncDispose]: stop
    }
  } catch (error) {
    await stop()
    throw error
  }
}

const edgeObjects = ({ name, gateway }: FleetCluster, addresses: Addresses, edge: Authority) => {
  const names = [`DNS:${gatewayName(name)}`, `IP:${addresses.gateway}`, `IP:${addresses.gatewayToo}`, `IP:${ipv6}`]
  return edgeCertificate(gateway, edge.issue(`edge-${name}`, names), edge.root)
}
