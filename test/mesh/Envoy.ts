// One Envoy that takes its configuration from an istiod and its certificate from a socket beside it.
import { request } from "node:http"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { files } from "../parts/Parts.ts"
import { until } from "../parts/Poll.ts"
import { type Program, startProgram } from "../parts/Processes.ts"
import type { Issued } from "./Certs.ts"
import { serveSecrets } from "./Secrets.ts"

export const xdsPort = 15_010
const adminPort = 15_000

export interface EnvoyOptions {
  readonly name: string
  readonly dir: string
  readonly role: "sidecar" | "router"
  readonly cluster: string
  readonly namespace: string
  readonly serviceAccount: string
  readonly labels: Readonly<Record<string, string>>
  readonly address: string
  readonly istiod: string
  readonly identity: Issued
  readonly root: string
  /** Its SPIFFE id, which istiod takes as proven: what would be a token in a cluster. */
  readonly id: string
}

export interface Envoy {
  readonly name: string
  readonly address: string
  readonly role: EnvoyOptions["role"]
  readonly program: Program
  readonly ready: () => Promise<void>
  /** Text of a page of Envoy's own administration. */
  readonly admin: (path: string) => Promise<string>
  readonly kill: () => Promise<void>
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

const http2 = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    explicit_http_config: { http2_protocol_options: {} }
  }
}
const cluster = (name: string, address: object) => ({
  name,
  type: "STATIC",
  connect_timeout: "1s",
  typed_extension_protocol_options: http2,
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] }
})
const socket = (address: string, port: number) => ({ socket_address: { address, port_value: port } })

const bootstrap = (options: EnvoyOptions, secrets: string) => ({
  node: {
    id: `${options.role}~${options.address}~${options.name}.${options.namespace}~${options.namespace}.svc.cluster.local`,
    cluster: `${options.name}.${options.namespace}`,
    metadata: {
      CLUSTER_ID: options.cluster,
      MESH_ID: "cluster.local",
      NAME: options.name,
      NAMESPACE: options.namespace,
      SERVICE_ACCOUNT: options.serviceAccount,
      INSTANCE_IPS: options.address,
      ISTIO_VERSION: "1.31.0",
      LABELS: options.labels
    }
  },
  admin: { address: socket(options.address, adminPort) },
  dynamic_resources: {
    lds_config: { ads: {}, initial_fetch_timeout: "0s", resource_api_version: "V3" },
    cds_config: { ads: {}, initial_fetch_timeout: "0s", resource_api_version: "V3" },
    ads_config: {
      api_type: "GRPC",
      set_node_on_first_message_only: true,
      transport_api_version: "V3",
      grpc_services: [
        {
          envoy_grpc: { cluster_name: "xds-grpc" },
          initial_metadata: [{ key: "x-forwarded-client-cert", value: `URI=${options.id}` }]
        }
      ]
    }
  },
  static_resources: {
    clusters: [cluster("xds-grpc", socket(options.istiod, xdsPort)), cluster("sds-grpc", { pipe: { path: secrets } })]
  }
})

export const startEnvoy = async (options: EnvoyOptions): Promise<Envoy> => {
  const { name, dir, address, role } = options
  const secrets = await serveSecrets(join(dir, `${name}.sock`), options.identity, options.root)
  const file = join(dir, `${name}.json`)
  writeFileSync(file, JSON.stringify(bootstrap(options, secrets.path)))
  const args = ["-c", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
  const start = () => startProgram(files("envoy").envoy, args, { log: join(dir, `${name}.log`), cwd: dir })
  let program = start()

  const admin = (path: string) =>
    new Promise<string>((resolve, reject) => {
      const outgoing = request({ host: address, port: adminPort, path, agent: false }, (response) => {
        let text = ""
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
        response.once("error", reject)
        response.once("end", () => resolve(text))
      })
      outgoing.setTimeout(5000, () => outgoing.destroy(new Error(`no answer from ${name}`)))
      outgoing.once("error", reject)
      outgoing.end()
    })
  const ready = () => until(`Envoy ${name}`, async () => (await admin("/ready")).startsWith("LIVE"), [program], 60)
  return {
    name,
    address,
    role,
    get program() {
      return program
    },
    ready,
    admin,
    kill: () => program.kill(),
    restart: async () => {
      await program.kill()
      program = start()
      await ready()
    },
    stop: async () => {
      await program.kill()
      await secrets.stop()
    }
  }
}
