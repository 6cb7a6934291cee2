/**
 * Families of Istio's port protocols: they decide how a proxy can tell two services on one port apart. And what no proxy
 * can carry whatever its configuration says: ports of its own, and names that are too long for TLS.
 */

/** By Host header (`http`), by SNI (`tls`), by address and port alone (`tcp`), or not carried at all (`udp`). */
export type Family = "http" | "tls" | "tcp" | "udp"

const families = new Map<string, Family>([
  ["HTTP", "http"],
  ["HTTP2", "http"],
  ["GRPC", "http"],
  ["GRPC-WEB", "http"],
  ["HTTP_PROXY", "http"],
  ["HTTPS", "tls"],
  ["TLS", "tls"],
  ["TCP", "tcp"],
  ["MONGO", "tcp"],
  ["REDIS", "tcp"],
  ["MYSQL", "tcp"],
  ["UDP", "udp"]
])

/** Undefined for a protocol that Istio does not know; letter case does not matter. */
export const family = (protocol: string): Family | undefined =>
  families.get(protocol) ?? families.get(protocol.toUpperCase())

/** Of the sidecar itself: what it captures outbound and inbound, its status and its metrics. */
const reserved = new Set([15001, 15006, 15021, 15090])

/** Istio makes no listener for it: HTTP listens on all addresses, where the sidecar's own ports are. */
export const isReserved = (port: number, protocol: string): boolean => reserved.has(port) && family(protocol) === "http"

/** What a proxy names a port of a host by when it calls with the mesh's own mTLS. */
export const istioSni = (port: number, host: string): string => `outbound_.${port}_._.${host}`

/** In bytes; Envoy's TLS library refuses to send more. */
export const longestSni = 255
