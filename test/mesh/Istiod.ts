// A real istiod that reads everything from one API server, with what needs a cluster around it switched off:
// injection, webhooks, its own certificate authority, and the filters that only Istio's build of Envoy knows.
import { writeFileSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import { files } from "../parts/Parts.ts"
import { until } from "../parts/Poll.ts"
import { type Program, startProgram } from "../parts/Processes.ts"
import { xdsPort } from "./Envoy.ts"

export interface IstiodOptions {
  readonly cluster: string
  readonly dir: string
  readonly kubeconfig: string
  readonly address: string
  readonly trustDomain: string
}

const readyPort = 8080

const environment = {
  POD_NAME: "istiod",
  POD_NAMESPACE: "istio-system",
  PILOT_ENABLE_ALPN_FILTER: "false",
  PILOT_ENABLE_METADATA_EXCHANGE: "false",
  ENABLE_CA_SERVER: "false",
  PILOT_CERT_PROVIDER: "none",
  INJECT_ENABLED: "false",
  VALIDATION_WEBHOOK_CONFIG_NAME: "",
  PILOT_ENABLE_GATEWAY_API: "false",
  PILOT_ENABLE_IP_AUTOALLOCATE: "false",
  // Proxies say who they are by a header: there is no token without a kubelet.
  XDS_AUTH_PLAINTEXT: "true",
  TRUSTED_GATEWAY_CIDR: "127.0.0.0/8",
  GOMEMLIMIT: "300MiB"
}

export const startIstiod = async (options: IstiodOptions): Promise<Program> => {
  const { dir, address, cluster } = options
  const mesh = join(dir, "mesh.yaml")
  writeFileSync(mesh, `trustDomain: ${options.trustDomain}\nrootNamespace: istio-system\n`)
  const args = [
    "discovery",
    `--clusterID=${cluster}`,
    "--registries=Kubernetes",
    `--kubeconfig=${options.kubeconfig}`,
    `--meshConfig=${mesh}`,
    `--grpcAddr=${address}:${xdsPort}`,
    `--httpAddr=${address}:${readyPort}`,
    `--monitoringAddr=${address}:15014`,
    "--secureGRPCAddr=",
    "--httpsAddr=",
    "--ctrlz_port=0",
    "--shutdownDuration=0s"
  ]
  const env = { ...environment, CLUSTER_ID: cluster }
  const program = startProgram(files("istio")["pilot-discovery"], args, { log: join(dir, "istiod.log"), cwd: dir, env })
  const ready = () =>
    new Promise<boolean>((resolve) => {
      const outgoing = request({ host: address, port: readyPort, path: "/ready", agent: false }, (response) => {
        response.resume()
        resolve(response.statusCode === 200)
      })
      outgoing.once("error", () => resolve(false))
      outgoing.end()
    })
  await until(`istiod of ${cluster}`, ready, [program], 60)
  return program
}
