/**
 * Fleets of any size for benchmarks and tests: the same options give the same files, byte for byte, and service number
 * n does not depend on how many come after it. Services are generated one by one, so that 100 000 cost no memory.
 */
import { createWriteStream } from "node:fs"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"

export interface FleetOptions {
  readonly services: number
  readonly clusters: number
  /** Clusters that run each service; 3, or as many as there are. */
  readonly backends?: number
  /** Share of TCP services, 0 to 1; 0.1. Each has a port of its own, up to 50 000 of them. */
  readonly tcpShare?: number
  /** Another seed is another fleet of the same shape. */
  readonly seed?: number
}

export interface ClusterEntry {
  readonly name: string
  readonly address: string
  readonly kubeconfig_context: string
  readonly region: string
}

export interface ServiceEntry {
  readonly name: string
  readonly namespace: string
  readonly dns_prefixes: ReadonlyArray<string>
  readonly ports: ReadonlyArray<{
    readonly name: string
    readonly protocol: string
    readonly service_port: number
    readonly backend_port: number
  }>
  readonly backends: Readonly<Record<string, string>>
}

const regions = ["eu-central", "eu-west", "us-east", "us-west", "ap-south"]
const namespaces = ["shop", "search", "billing", "platform", "media", "default"]
const http = [
  { name: "http", protocol: "HTTP", service_port: 80, backend_port: 8080 },
  { name: "http", protocol: "HTTP", service_port: 8080, backend_port: 8080 },
  { name: "grpc", protocol: "GRPC", service_port: 9090, backend_port: 9090 }
]

const numbered = (prefix: string, i: number, count: number): string =>
  `${prefix}-${String(i).padStart(String(Math.max(1, count - 1)).length, "0")}`

const clusterName = (i: number, count: number): string => numbered("c", i, count)

export const clusters = (options: FleetOptions): ReadonlyArray<ClusterEntry> =>
  Array.from({ length: options.clusters }, (_, i) => {
    const name = clusterName(i, options.clusters)
    return { name, address: `${name}.example.net`, kubeconfig_context: name, region: regions[i % regions.length]! }
  })

/** Numbers in [0, 1) that depend on the seed and the number of the service alone. */
const dice = (seed: number, service: number): (() => number) => {
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(service + 1, 0x85ebca6b)) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}

export function* services(options: FleetOptions): Generator<ServiceEntry> {
  const perService = Math.min(options.backends ?? 3, options.clusters)
  const tcpShare = options.tcpShare ?? 0.1
  let tcp = 0
  for (let i = 0; i < options.services; i++) {
    const roll = dice(options.seed ?? 1, i)
    const name = `svc-${String(i).padStart(6, "0")}`
    const namespace = namespaces[Math.floor(roll() * namespaces.length)]!
    const port =
      roll() < tcpShare
        ? { name: "tcp", protocol: "TCP", service_port: 10_000 + (tcp++ % 50_000), backend_port: 6000 }
        : http[Math.floor(roll() * http.length)]!
    const backends: Record<string, string> = {}
    const start = Math.floor(roll() * options.clusters)
    const stride = coprime(1 + Math.floor(roll() * options.clusters), options.clusters)
    for (let b = 0; b < perService; b++) {
      backends[clusterName((start + b * stride) % options.clusters, options.clusters)] =
        `${name}.${namespace}.svc.cluster.local`
    }
    yield { name, namespace, dns_prefixes: [`${name}.${namespace}`], ports: [port], backends }
  }
}

/** The next number that shares no factor with `n`: steps of that length visit every cluster once. */
const coprime = (from: number, n: number): number => {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))
  let step = from % n || 1
  while (divisor(step, n) !== 1) step = (step % n) + 1
  return step
}

/** A JSON list in pieces, one entry per line. */
function* list(entries: Iterable<unknown>): Generator<string> {
  let piece = "["
  let first = true
  for (const entry of entries) {
    piece += `${first ? "" : ","}\n${JSON.stringify(entry)}`
    first = false
    if (piece.length < 65_536) continue
    yield piece
    piece = ""
  }
  yield `${piece}\n]\n`
}

/** Writes clusters.json and services.json into a folder; returns their paths. */
export const write = async (
  directory: string,
  options: FleetOptions
): Promise<{ readonly clusters: string; readonly services: string }> => {
  await mkdir(directory, { recursive: true })
  const paths = { clusters: join(directory, "clusters.json"), services: join(directory, "services.json") }
  await pipeline(Readable.from(list(clusters(options))), createWriteStream(paths.clusters))
  await pipeline(Readable.from(list(services(options))), createWriteStream(paths.services))
  return paths
}
