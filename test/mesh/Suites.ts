// Which checks a profile must pass, in an order in which one does not disturb the next.
import { type Check, delivery, failover, gatewayDeath, names, noLoop, plaintextRefused, recovered } from "./Matrix.ts"
import type { Mesh } from "./Mesh.ts"

/** Everything that profile mtls promises. */
export const fullMatrix = async (mesh: Mesh): Promise<ReadonlyArray<Check>> => {
  const checks = [...(await names(mesh)), ...(await delivery(mesh)), ...(await plaintextRefused(mesh))]
  checks.push(...(await failover(mesh)))
  checks.push(...(await gatewayDeath(mesh, "b")))
  checks.push(...(await noLoop(mesh)))
  await recovered(mesh)
  const again = await delivery(mesh)
  const bad = again.find((check) => !check.ok)
  const ok = bad === undefined
  const seen = ok ? `${again.length} checks` : `${bad.what}: ${bad.seen}`
  return [...checks, { part: "failover", what: "after all of that, the whole matrix again", ok, seen }]
}

/** Classic promises delivery while everything lives. */
export const classicMatrix = async (mesh: Mesh): Promise<ReadonlyArray<Check>> => [
  ...(await names(mesh)),
  ...(await delivery(mesh))
]

/** Profile plaintext: gateways end the calls, so a TCP call to a dead backend is accepted and then lost. */
export const failoverMatrix = async (mesh: Mesh): Promise<ReadonlyArray<Check>> => [
  ...(await names(mesh)),
  ...(await delivery(mesh)),
  ...(await failover(mesh)),
  ...(await gatewayDeath(mesh, "b")),
  ...(await noLoop(mesh))
]

/** Profile tls: clusters that run a service call their own backend alone; the others have all gateways. */
export const remoteMatrix = async (mesh: Mesh): Promise<ReadonlyArray<Check>> => [
  ...(await names(mesh)),
  ...(await delivery(mesh)),
  ...(await gatewayDeath(mesh, "b")),
  ...(await noLoop(mesh))
]
