/** Families of Istio's port protocols: they decide how a proxy can tell two services on one port apart. */

export type Family = "http" | "tls" | "tcp" | "udp"

const families: { readonly [protocol: string]: Family } = {
  HTTP: "http",
  HTTP2: "http",
  GRPC: "http",
  "GRPC-WEB": "http",
  HTTP_PROXY: "http",
  HTTPS: "tls",
  TLS: "tls",
  TCP: "tcp",
  MONGO: "tcp",
  REDIS: "tcp",
  MYSQL: "tcp",
  UDP: "udp"
}

/** By Host header (`http`), by SNI (`tls`), by address and port alone (`tcp`), or not carried at all (`udp`). */
export const family = (protocol: string): Family | undefined =>
  Object.hasOwn(families, protocol)
    ? families[protocol]
    : Object.hasOwn(families, protocol.toUpperCase())
      ? families[protocol.toUpperCase()]
      : undefined

/** All protocols, as Istio spells them. */
export const known: ReadonlyArray<string> = Object.keys(families)
