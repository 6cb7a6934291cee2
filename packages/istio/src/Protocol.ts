/** Families of Istio's port protocols: they decide how a proxy can tell two services on one port apart. */

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
