// One cluster on loopback: API server, istiod, DNS, a client with its sidecar, backends with theirs, and a gateway.
// It holds the output of cw as cw wrote it; `apply` replaces that and returns when every proxy has the new one.
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { parseAllDocuments } from "yaml"
import type { ApiServer } from "../parts/ApiServer.ts"
import { startCoreDns, type CoreDns } from "../parts/CoreDns.ts"
import { until } from "../parts/Poll.ts"
import type { Program } from "../parts/Processes.ts"
import { type Addresses, ipv6 } from "./Addresses.ts"
import { type Backend, startBackend } from "./Backends.ts"
import { type Call, call, type Outcome } from "./Call.ts"
import type { Authority } from "./Certs.ts"
import type { Output } from "./Cw.ts"
import { type Envoy, type EnvoyOptions, startEnvoy } from "./Envoy.ts"
import { type Fleet, type FleetCluster, gatewayName, type Placed, placed, serviceAccount, spiffe } from "./Fleet.ts"
import { startIstiod } from "./Istiod.ts"
import * as Objects from "./Objects.ts"
import { type Relay, startRelay } from "./Relay.ts"

export interface ClusterOptions {
  readonly fleet: Fleet
  readonly cluster: FleetCluster
  readonly addresses: ReadonlyMap<string, Addresses>
  readonly api: ApiServer
  readonly dir: string
  readonly authority: Authority
  readonly trustDomain: string
  readonly gateway: { readonly label: string; readonly ports: ReadonlyArray<number> }
  readonly output: Output
  /** More objects of the cluster itself. */
  readonly objects?: ReadonlyArray<Readonly<Record<string, unknown>>>
}

export interface RunningBackend {
  readonly placed: Placed
  /** The Service has no endpoints any more, as when the last pod is not ready: its ClusterIP refuses. */
  readonly down: () => Promise<void>
  readonly up: () => Promise<void>
  readonly connections: () => number
}

export interface Cluster {
  readonly name: string
  readonly addresses: Addresses
  readonly api: ApiServer
  readonly istiod: Program
  readonly client: Envoy
  readonly clientId: string
  readonly gateway: Envoy
  readonly backends: ReadonlyArray<RunningBackend>
  readonly dns: CoreDns
  /** The address to which this cluster's DNS resolves a name. */
  readonly resolve: (name: string) => Promise<string | undefined>
  readonly call: (what: Omit<Call, "sidecar">) => Promise<Outcome>
  readonly apply: (manifest: string) => Promise<void>
  /** Nobody listens at any address of the gateway any more. */
  readonly closeGateway: () => Promise<void>
  readonly openGateway: () => Promise<void>
  /** Connections that the gateway has taken since it started. */
  readonly gatewayConnections: () => Promise<number>
  readonly stop: () => Promise<void>
}

/** The suffix of Kubernetes and the names of the gateways; the global names come from cw's fragment beside it. */
const ownZones = (backends: ReadonlyArray<Placed>, addresses: ReadonlyMap<string, Addresses>): string => {
  const hosts = [
    ...backends.map((each) => `${each.clusterIp} ${each.dns}`),
    ...[...addresses].map(([name, { gateway }]) => `${gateway} ${gatewayName(name)}`)
  ]
  return `cluster.local:53 example.net:53 {\n    hosts {\n${hosts.map((line) => `        ${line}\n`).join("")}        ttl 5\n    }\n}\n`
}

export const startCluster = async (options: ClusterOptions): Promise<Cluster> => {
  const { fleet, cluster, api, authority, trustDomain } = options
  const { name } = cluster
  const dir = join(options.dir, name)
  mkdirSync(dir, { recursive: true })
  const addresses = options.addresses.get(name)!
  const own = placed(fleet, name, addresses)
  const stops: Array<() => Promise<unknown>> = []
  const stop = async () => {
    await Promise.all(stops.splice(0).map((end) => end()))
  }
  const kubectl = async (args: ReadonlyArray<string>, input: string, times = 3): Promise<void> => {
    const { code, stderr } = await api.kubectl(args, input)
    if (code === 0) return
    // A server on a busy machine; to apply or delete twice does no harm.
    if (times > 1 && /timeout/i.test(stderr)) return kubectl(args, input, times - 1)
    throw new Error(`cluster ${name}: kubectl ${args.join(" ")} failed:\n${stderr}`)
  }
  const apply = (text: string) => kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], text)

  try {
    const dns = await startCoreDns({
      corefile: `${options.output.corefile}\n${ownZones(own, options.addresses)}`,
      ports: [53, 5399]
    })
    stops.push(dns.stop)
    const known = ["istio-system", "cw", "cw-system", cluster.gateway, ...own.map((each) => each.namespace)]
    await apply(
      Objects.list([
        ...Objects.namespaces(known.filter((each) => each !== "default")),
        ...own.flatMap(Objects.backendObjects),
        Objects.strict,
        Objects.dnsFilter(dns.port),
        Objects.gatewayFilter(addresses.gateway, options.gateway.ports),
        Objects.sidecarFilter("client", addresses.client),
        ...own.map((each) => Objects.sidecarFilter(`backend-${each.service.name}`, each.pod)),
        Objects.marker(0),
        ...Objects.readsSecrets("gateway", cluster.gateway),
        ...(options.objects ?? [])
      ])
    )
    await apply(options.output.manifest)
    const istiod = await startIstiod({
      cluster: name,
      dir,
      kubeconfig: api.kubeconfig,
      address: addresses.istiod,
      trustDomain
    })
    stops.push(() => istiod.kill())

    const envoy = async (
      proxy: string,
      about: Pick<EnvoyOptions, "role" | "namespace" | "serviceAccount" | "labels" | "address">
    ) => {
      const id = spiffe(trustDomain, about.namespace, about.serviceAccount)
      const started = await startEnvoy({
        ...about,
        name: proxy,
        dir,
        cluster: name,
        istiod: addresses.istiod,
        id,
        identity: authority.issue(`${name}-${proxy}`, [`URI:${id}`]),
        root: authority.root,
        labels: { ...about.labels, [Objects.proxyLabel]: proxy }
      })
      stops.push(started.stop)
      return started
    }
    const client = await envoy("client", {
      role: "sidecar",
      namespace: "default",
      serviceAccount: `client-${name}`,
      labels: { app: "client" },
      address: addresses.client
    })
    const gateway = await envoy("gateway", {
      role: "router",
      namespace: cluster.gateway,
      serviceAccount: "gateway",
      labels: { istio: options.gateway.label },
      address: addresses.gateway
    })
    const others: Array<Relay> = []
    for (const port of options.gateway.ports) {
      for (const host of [addresses.gatewayToo, ...(cluster.reached.includes("ipv6") ? [ipv6] : [])]) {
        const relay = await startRelay({ host, port }, { host: addresses.gateway, port })
        stops.push(relay.close)
        others.push(relay)
      }
    }
    const sidecars: Array<Envoy> = []
    const backends: Array<RunningBackend> = []
    for (const each of own) {
      if (each.service.meshed !== false)
        sidecars.push(
          await envoy(`backend-${each.service.name}`, {
            role: "sidecar",
            namespace: each.namespace,
            serviceAccount: serviceAccount(each),
            labels: { app: each.name },
            address: each.pod
          })
        )
      const backend = await run(each)
      stops.push(backend.stop)
      backends.push(backend)
    }
    await Promise.all([client, gateway, ...sidecars].map((proxy) => proxy.ready()))
    let generation = 0
    let manifest = options.output.manifest
    return {
      name,
      addresses,
      api,
      istiod,
      client,
      clientId: spiffe(trustDomain, "default", `client-${name}`),
      gateway,
      backends,
      dns,
      resolve: async (host) => (await dns.query(host)).answers.find((answer) => answer.type === "A")?.data,
      call: (what) => call({ ...what, sidecar: { host: addresses.client, port: Objects.outboundPort } }),
      apply: async (next) => {
        const kept = new Set(identities(next))
        const gone = documents(manifest).filter((each) => !kept.has(identity(each)))
        manifest = next
        await apply(next)
        if (gone.length > 0)
          await kubectl(["delete", "--wait=true", "--ignore-not-found", "-f", "-"], Objects.list(gone))
        await apply(Objects.list([Objects.marker(++generation)]))
        const host = Objects.markerHost(generation)
        for (const proxy of [client, gateway, ...sidecars]) {
          if (proxy.program.ended !== undefined) continue
          const page = proxy.role === "sidecar" ? "/listeners" : "/clusters"
          const sign = proxy.role === "sidecar" ? `240.255.255.254_${10_000 + generation}` : host
          await until(
            `${proxy.name} of ${name} to have the configuration`,
            async () => (await proxy.admin(page)).includes(sign),
            [istiod],
            20
          )
        }
      },
      closeGateway: async () => void (await Promise.all([gateway.kill(), ...others.map((each) => each.close())])),
      openGateway: async () => void (await Promise.all([gateway.restart(), ...others.map((each) => each.open())])),
      gatewayConnections: async () => {
        const text = await gateway.admin("/stats?filter=^listener\\..*downstream_cx_total")
        // Each listener, without the same numbers per worker.
        return [...text.matchAll(/\.\d+_\d+\.downstream_cx_total: (\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0)
      },
      stop
    }
  } catch (error) {
    await stop()
    throw error
  }
}

type Manifest = {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly [key: string]: unknown
}
export const documents = (text: string): ReadonlyArray<Manifest> =>
  parseAllDocuments(text)
    .map((each) => (each as { toJS: () => unknown }).toJS() as Manifest | null)
    .filter((each) => each !== null)
const identity = (each: Manifest): string => `${each.kind}/${each.metadata.namespace ?? ""}/${each.metadata.name}`
const identities = (text: string): ReadonlyArray<string> => documents(text).map(identity)

/** Program, and the way to it: ClusterIP → pod → sidecar (where there is one) → program. */
const run = async (each: Placed): Promise<RunningBackend & Pick<Backend, "stop">> => {
  const program = await startBackend(each.program, { cluster: each.cluster, service: each.service.name }, each.ports)
  const relays: Array<{ readonly front: Relay; readonly pod: Relay }> = []
  for (const { port, servicePort } of each.ports) {
    const program = { host: each.program, port }
    const sidecar = { host: each.pod, port: Objects.inboundPort }
    const pod =
      each.service.meshed === false
        ? await startRelay({ host: each.pod, port }, program)
        : await startRelay({ host: each.pod, port }, sidecar, program)
    const front = await startRelay({ host: each.clusterIp, port: servicePort }, { host: each.pod, port })
    relays.push({ front, pod })
  }
  return {
    placed: each,
    down: async () => void (await Promise.all(relays.flatMap((r) => [r.front.close(), r.pod.close()]))),
    up: async () => void (await Promise.all(relays.flatMap((r) => [r.front.open(), r.pod.open()]))),
    connections: () => relays.reduce((sum, r) => sum + r.front.connections(), 0),
    stop: async () => {
      await Promise.all(relays.flatMap((r) => [r.front.close(), r.pod.close()]))
      await program.stop()
    }
  }
}
