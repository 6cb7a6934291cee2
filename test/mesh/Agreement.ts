// The route simulator and the real Envoys, cell by cell: in health, with the backend or the gateway of each cluster
// dead, and with no backend at all. What cw says of a call from its own output must be what Envoy does, no more, no less.
import type { KubernetesObject } from "@coddiwomple/core/Artifact"
import type { Call } from "@coddiwomple/istio/simulator/Route"
import { trace } from "@coddiwomple/istio/simulator/Trace"
import { fromObjects, type World } from "@coddiwomple/istio/simulator/World"
import { setTimeout as sleep } from "node:timers/promises"
import { ipv6 } from "./Addresses.ts"
import { documents } from "./Cluster.ts"
import { gatewayName } from "./Fleet.ts"
import { type Cell, cells, type Check, dial, inGroups, label, recovered, wrong } from "./Matrix.ts"
import type { Mesh } from "./Mesh.ts"

/** What cw wrote, or what stands in `manifests` for it. */
export const worldOf = (
  mesh: Mesh,
  manifests: (cluster: string) => string = (name) => mesh.outputs.get(name)!.manifest
): World =>
  fromObjects(
    mesh.fleet.clusters.map(({ name, gateway, reached }) => {
      const { addresses } = mesh.cluster(name)
      const site = {
        name,
        addresses: [
          addresses.gateway,
          addresses.gatewayToo,
          gatewayName(name),
          ...(reached.includes("ipv6") ? [ipv6] : [])
        ],
        gateway: { namespace: gateway },
        istioVersion: "1.31.0"
      }
      return { site, objects: documents(manifests(name)) as unknown as ReadonlyArray<KubernetesObject> }
    })
  )

type Supposed = Pick<Call, "withoutBackend" | "withoutGateway">

/** Calls in a row: more than it takes to leave out every endpoint that would be left out. */
const enough = { delivered: 12, undeliverable: 20, partly: 40 }

/**
 * `partly`: shorter than an endpoint is left out, so that it cannot come from one that came back. The others: what a
 * busy machine may need for so many calls.
 */
const seconds = { delivered: 45, undeliverable: 45, partly: 6 }

/** Calls of which some must fail after the first `enough.partly`; a busy machine takes longer than its seconds for them. */
const atLeast = enough.partly + 20

/**
 * Calls until Envoy has done for long enough what the simulator says (every cluster that it names answers and no other;
 * or nobody), or until the time is up. On the way endpoints are left out, which costs a few calls.
 */
export const agrees = async (
  part: Check["part"],
  cell: Cell,
  world: World,
  supposed: Supposed = {},
  most = Number.POSITIVE_INFINITY
): Promise<Check> => {
  const told = trace(world, { from: cell.from.name, host: cell.host, port: cell.port.port, ...supposed })
  const from = [...new Set(told.answers.map(({ leg }) => leg.cluster))].sort()
  const started = Date.now()
  const isTime = (limit: number) => Date.now() < started + Math.min(most, limit) * 1000
  let answered = new Set<string>()
  let [failures, late, inARow] = [0, 0, 0]
  let strange = ""
  const done = () =>
    inARow >= enough[told.outcome] && answered.size === from.length && (told.outcome !== "partly" || late > 0)
  const isSlow = () => told.outcome === "partly" && inARow < atLeast && isTime(seconds.delivered)
  while (!done() && (isTime(seconds[told.outcome]) || isSlow())) {
    const outcome = await dial(cell)
    inARow++
    if (outcome.said === undefined) {
      failures++
      if (inARow > enough.partly) late++
    } else answered.add(outcome.said.cluster)
    const problem = wrong(cell, outcome, from)
    const expected = outcome.said === undefined ? told.outcome !== "delivered" : problem === undefined
    if (expected) continue
    strange = problem!
    // Not what was told, or not yet: from the beginning.
    answered = new Set()
    failures = late = inARow = 0
    await sleep(30)
  }
  const says = `${told.outcome}${from.length === 0 ? "" : `: ${from.join(" ")}`}`
  const saw = [...answered].sort().join(" ") || "no answer"
  return {
    part,
    what: `${label(cell)}: Envoy does what the simulator says`,
    ok: done(),
    seen: done()
      ? says
      : `told ${says}; seen ${saw}, ${failures} of ${inARow} calls failed${strange === "" ? "" : `, before: ${strange}`}`
  }
}

interface State {
  readonly name: string
  readonly supposed: Supposed
  readonly begin: () => Promise<unknown>
  readonly end: () => Promise<unknown>
}

const states = (mesh: Mesh): ReadonlyArray<State> => {
  const backends = mesh.clusters.map(
    ({ name, backends: own }): State => ({
      name: `backends of ${name} dead`,
      supposed: { withoutBackend: new Set([name]) },
      begin: () => Promise.all(own.map((each) => each.down())),
      end: () => Promise.all(own.map((each) => each.up()))
    })
  )
  const gateways = mesh.clusters.map(
    ({ name, closeGateway, openGateway }): State => ({
      name: `gateway of ${name} dead`,
      supposed: { withoutGateway: new Set([name]) },
      begin: closeGateway,
      end: openGateway
    })
  )
  const nobody: State = {
    name: "no backend",
    supposed: { withoutBackend: new Set(mesh.clusters.map((each) => each.name)) },
    begin: () => Promise.all(backends.map((each) => each.begin())),
    end: () => Promise.all(backends.map((each) => each.end()))
  }
  return [...backends, ...gateways, nobody]
}

/** Every cell in health. */
export const simulated = (mesh: Mesh): Promise<ReadonlyArray<Check>> => {
  const world = worldOf(mesh)
  return inGroups(cells(mesh), 6, (cell) => agrees("simulator", cell, world))
}

/** Every cell of the matrix in every state of the meshes. */
export const whatIf = async (mesh: Mesh): Promise<ReadonlyArray<Check>> => {
  const world = worldOf(mesh)
  const checks: Array<Check> = []
  for (const { begin, end, name, supposed } of states(mesh)) {
    // A proxy that starts anew has forgotten whom it left out.
    await Promise.all(mesh.clusters.map(({ client }) => client.restart()))
    await recovered(mesh, 20)
    await begin()
    const found = await inGroups(cells(mesh), 6, (cell) => agrees("what-if", cell, world, supposed))
    checks.push(...found.map((check) => ({ ...check, what: `${name}: ${check.what}` })))
    await end()
  }
  return checks
}
