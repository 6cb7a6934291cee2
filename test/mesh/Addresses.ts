// Which loopback address stands for what. Every program of a mesh has an address of its own in 127.0.0.0/8, so that all
// can use the ports that Istio uses, and two runs on one machine do not meet.
import { createServer } from "node:net"
import { networkInterfaces } from "node:os"

export interface Addresses {
  readonly istiod: string
  readonly gateway: string
  /** A second address of the same gateway, as behind a second load balancer. */
  readonly gatewayToo: string
  /** The gateway's port where it has an IPv6 address: there is one such address for all clusters of all runs. */
  readonly gatewayPort: number
  readonly client: string
  /** Of the pod of the nth service. */
  readonly pod: (n: number) => string
  /** Where the program in that pod listens; in a real pod that is 127.0.0.1 of its own network. */
  readonly program: (n: number) => string
  readonly clusterIp: (n: number) => string
}

export const ipv6 = "::1"
export const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === ipv6))

/** Clusters count from 0. */
export const addressesOf = (network: number, cluster: number): Addresses => {
  const at = (last: number) => `127.${network}.${cluster}.${last}`
  return {
    istiod: at(1),
    gateway: at(5),
    gatewayToo: at(6),
    gatewayPort: 15_500 + 10 * network + cluster,
    client: at(10),
    pod: (n) => at(20 + n),
    program: (n) => at(90 + n),
    clusterIp: (n) => at(160 + n)
  }
}

const lockPort = 14_999

/** A second number in 127.N.0.0/16 that nobody else uses, for as long as the lock is held. */
export const reserveNetwork = async (): Promise<{ readonly network: number; readonly release: () => void }> => {
  const first = Math.floor(Math.random() * 180)
  for (let i = 0; i < 180; i++) {
    const network = 64 + ((first + i) % 180)
    const server = createServer()
    const free = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false))
      server.listen(lockPort, `127.${network}.255.254`, () => resolve(true))
    })
    if (free) {
      server.unref()
      return { network, release: () => server.close() }
    }
  }
  throw new Error("no free part of 127.0.0.0/8 found")
}
