/**
 * AUTO_PASSTHROUGH: a gateway passes mTLS on to every endpoint that its namespace sees for the host, as it comes. An
 * endpoint of another cluster there is a loop.
 */
import { map } from "../rules/Rule.ts"
import { policyOf } from "./Balance.ts"
import type { Doorway } from "./Gateways.ts"
import { type Endpoint, type Item, type Path, portOf } from "./Parsed.ts"
import type { Cause } from "./Place.ts"
import { failureOf, type Step } from "./Route.ts"
import { covers, policyFor, seen } from "./Seen.ts"
import type { Walk, Ways } from "./Walk.ts"
import type { Mesh } from "./World.ts"

export const pass = (walk: Walk, { mesh, gateway, server, namespace }: Doorway, host: string, port: number): Ways => {
  const at = (item: Item, path: Path): Cause => ({ cluster: mesh.name, item, path })
  const own: Cause = at(server.item, [
    ...server.path,
    "hosts",
    Math.max(
      0,
      server.hosts.findIndex((h) => covers(h, host))
    )
  ])
  const step = (text: string, causes: ReadonlyArray<Cause>): Step => ({
    stage: "gateway",
    cluster: mesh.name,
    text,
    causes
  })
  const steps = walk.told(() => [
    step(
      `gateway ${gateway.item.namespace}/${gateway.item.name} takes SNI outbound_.${port}_._.${host} on port ${server.port} and passes it through`,
      [own]
    )
  ])
  const lost = (
    kind: "undeliverable" | "port-mismatch" | "no-tls-mode",
    reason: string,
    help: string,
    cause: Cause
  ): Ways => ({
    steps,
    arrivals: [],
    failure: walk.fail(kind, reason, help, [cause])
  })
  const found = seen(mesh, namespace, host)
  if (found === undefined || !found.entry.internal) {
    const why =
      found === undefined ? "sees no ServiceEntry" : "sees the host as MESH_EXTERNAL, which is never passed through"
    return lost(
      "undeliverable",
      `the gateway of cluster ${mesh.name} ${why} for ${host} (namespace ${namespace})`,
      "apply the ServiceEntry of the gateway's namespace there",
      found === undefined ? own : at(found.entry.item, ["spec"])
    )
  }
  const { entry } = found
  const target = found.ports.find((p) => p.number === port)
  if (target === undefined) {
    const has = found.ports.map((p) => p.number).join(", ")
    return lost(
      "port-mismatch",
      `the gateway of cluster ${mesh.name} knows ${host} with port ${has}, not ${port}`,
      "give both ServiceEntries the same ports",
      at(entry.item, ["spec", "ports"])
    )
  }
  const policy = policyFor(mesh, namespace, host, entry)
  const mode = map(policyOf(policy, port).fields.tls).mode
  const usable = found.endpoints.filter((e) =>
    mode === "ISTIO_MUTUAL" ? true : mode === "DISABLE" ? false : e.takesMtls
  )
  for (const endpoint of usable) circle(walk, mesh, endpoint, host)
  if (usable.length === 0) {
    const endpoint = found.endpoints[0]
    if (endpoint === undefined)
      return lost(
        "undeliverable",
        `the gateway of cluster ${mesh.name} has no endpoint for ${host}`,
        "give the host a backend there",
        at(entry.item, ["spec"])
      )
    return lost(
      "no-tls-mode",
      `the gateway of cluster ${mesh.name} leaves out ${endpoint.address}: the endpoint does not say that it takes mTLS`,
      "label it security.istio.io/tlsMode: istio",
      at(endpoint.item, endpoint.path)
    )
  }
  const arrivals = usable.flatMap((endpoint) => {
    if (isRemote(walk, mesh, endpoint)) return []
    const cause = at(endpoint.item, [...endpoint.path, "address"])
    return [walk.arrive(mesh, endpoint.address, portOf(endpoint, target), cause)]
  })
  const more = walk.told(() => [
    ...steps,
    step(`it sees ${host} through ${entry.item.namespace}/${entry.item.name}`, [at(entry.item, ["spec", "hosts", 0])]),
    ...arrivals.map(
      (a): Step => ({
        stage: "backend",
        cluster: mesh.name,
        text: `${a.host}:${a.port} in cluster ${mesh.name}`,
        causes: [a.cause]
      })
    )
  ])
  if (arrivals.length === 0)
    return {
      steps: more,
      arrivals,
      failure: {
        reason: `the gateway of cluster ${mesh.name} sends the call on to other gateways`,
        supposed: false,
        felt: "connection"
      }
    }
  return { steps: more, arrivals, ...failureOf(arrivals) }
}

const isRemote = ({ world }: Walk, mesh: Mesh, endpoint: Endpoint): boolean =>
  world.at(endpoint.address).length > 0 && !endpoint.address.endsWith(mesh.localSuffix)

const circle = (walk: Walk, mesh: Mesh, endpoint: Endpoint, host: string): void => {
  if (!isRemote(walk, mesh, endpoint)) return
  const to = walk.world
    .at(endpoint.address)
    .map((m) => m.name)
    .join(", ")
  walk.findings.error(
    "loop",
    `the gateway of cluster ${mesh.name} sees a remote endpoint of ${host}, the gateway ${endpoint.address} of ${to}: calls run in circles`,
    "give the gateway's namespace a ServiceEntry of its own with the local endpoint alone, and hide the other from it",
    [{ cluster: mesh.name, item: endpoint.item, path: [...endpoint.path, "address"] }]
  )
}
