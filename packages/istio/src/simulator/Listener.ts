/** Hosts that share a listener of the caller's proxy, where neither Host header nor SNI tell them apart. */
import { family } from "../Protocol.ts"
import { type Entry, type Port, portOf } from "./Parsed.ts"
import { visibility } from "./Seen.ts"
import type { Mesh } from "./World.ts"

export interface Rival {
  readonly entry: Entry
  /** It gets the calls of both. */
  readonly wins: boolean
  readonly where: string
}

/** Another host on the same listener: the same address and port, or the same port where both have no address. */
export const rivalOf = (mesh: Mesh, namespace: string, entry: Entry, port: Port): Rival | undefined => {
  const own = family(port.protocol)
  for (const other of mesh.entries) {
    if (
      other === entry ||
      other.hosts.every((h) => entry.hosts.includes(h)) ||
      visibility(other, namespace) === undefined
    )
      continue
    const theirs = other.ports.find((p) => p.number === port.number)
    if (theirs === undefined) continue
    const common = entry.addresses.find((a) => other.addresses.includes(a))
    const bare = entry.addresses.length === 0 && other.addresses.length === 0
    if (common === undefined && !(bare && mesh.site.dnsCapture !== true)) continue
    // HTTP without an address shares the listener of all HTTP hosts of the port.
    // SNI counts only where the listener is open to all addresses.
    const tellable = own === family(theirs.protocol) && (own === "http" || (own === "tls" && common === undefined))
    // Aliases of one service lead to the same endpoints, whoever gets the call.
    if (tellable || ends(entry, port) === ends(other, theirs)) continue
    const where = common === undefined ? "and neither has an address" : `on the same address ${common}`
    return { entry: other, wins: mesh.entries.indexOf(other) < mesh.entries.indexOf(entry), where }
  }
  return undefined
}

const ends = (entry: Entry, port: Port): string => entry.endpoints.map((e) => `${e.address} ${portOf(e, port)}`).join()
