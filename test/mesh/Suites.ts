// Which checks a profile must pass, in an order in which one does not disturb the next.
import { simulated, whatIf } from "./Agreement.ts"
import {
  type Check,
  delivery,
  failover,
  gatewayDeath,
  names,
  noLoop,
  plaintextRefused,
  recovered,
  unreached
} from "./Matrix.ts"
import type { Mesh } from "./Mesh.ts"

export type Suite = (mesh: Mesh) => Promise<ReadonlyArray<Check>>

const health: Suite = async (mesh) => [...(await names(mesh)), ...(await delivery(mesh)), ...(await simulated(mesh))]

/** Everything that profile mtls promises. */
export const shortMatrix: Suite = async (mesh) => {
  const checks = [...(await health(mesh)), ...(await plaintextRefused(mesh))]
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

/** The same, and every cell in every state of the meshes. */
export const fullMatrix: Suite = async (mesh) => [...(await shortMatrix(mesh)), ...(await whatIf(mesh))]

/** Classic promises delivery while everything lives. */
export const classicMatrix: Suite = async (mesh) => [...(await health(mesh)), ...(await whatIf(mesh))]

/** Profile plaintext: gateways end the calls, so a TCP call to a dead backend is accepted and then lost. */
export const failoverMatrix: Suite = async (mesh) => [
  ...(await health(mesh)),
  ...(await failover(mesh)),
  ...(await gatewayDeath(mesh, "b")),
  ...(await noLoop(mesh)),
  ...(await whatIf(mesh))
]

/** Whatever a random fleet holds: in health, what is not meant to be called, and every cell in every state. */
export const randomMatrix: Suite = async (mesh) => [
  ...(await health(mesh)),
  ...(await unreached(mesh)),
  ...(await noLoop(mesh)),
  ...(await whatIf(mesh))
]

/** Profile tls: clusters that run a service call their own backend alone; the others have all gateways. */
export const remoteMatrix: Suite = async (mesh) => [
  ...(await health(mesh)),
  ...(await gatewayDeath(mesh, "b")),
  ...(await noLoop(mesh)),
  ...(await whatIf(mesh))
]
