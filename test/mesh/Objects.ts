// What a cluster holds besides the output of cw: its Services and workloads, strict mTLS, and the EnvoyFilters that let
// a mesh live on loopback (own listening addresses, the PROXY header in place of the kernel, the cluster's own DNS).
import type { Issued } from "./Certs.ts"
import { type Placed, serviceAccount } from "./Fleet.ts"

export const outboundPort = 15_001
export const inboundPort = 15_006
export const proxyLabel = "cw-test-proxy"

type Object = Readonly<Record<string, unknown>>

const socket = (address: string, port: number) => ({ socket_address: { address, port_value: port } })

const proxyProtocol = {
  name: "envoy.filters.listener.proxy_protocol",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"
  }
}

const envoyFilter = (name: string, configPatches: ReadonlyArray<unknown>, proxy?: string): Object => ({
  apiVersion: "networking.istio.io/v1alpha3",
  kind: "EnvoyFilter",
  metadata: { name, namespace: "istio-system" },
  spec: { ...(proxy && { workloadSelector: { labels: { [proxyLabel]: proxy } } }), configPatches }
})

export const sidecarFilter = (proxy: string, address: string): Object => {
  const patches = (
    [
      ["SIDECAR_OUTBOUND", "virtualOutbound", outboundPort],
      ["SIDECAR_INBOUND", "virtualInbound", inboundPort]
    ] as const
  ).flatMap(([context, name, port]) => {
    const match = { context, listener: { name } }
    return [
      { applyTo: "LISTENER", match, patch: { operation: "MERGE", value: { address: socket(address, port) } } },
      { applyTo: "LISTENER_FILTER", match, patch: { operation: "INSERT_FIRST", value: proxyProtocol } }
    ]
  })
  return envoyFilter(`sidecar-${proxy}`, patches, proxy)
}

export const gatewayFilter = (address: string, ports: ReadonlyArray<number>): Object =>
  envoyFilter(
    "gateway",
    ports.map((port) => ({
      applyTo: "LISTENER",
      match: { context: "GATEWAY", listener: { portNumber: port } },
      patch: { operation: "MERGE", value: { address: socket(address, port) } }
    })),
    "gateway"
  )

export const dnsFilter = (port: number): Object =>
  envoyFilter("dns", [
    {
      applyTo: "CLUSTER",
      match: { context: "ANY" },
      patch: {
        operation: "MERGE",
        value: {
          typed_dns_resolver_config: {
            name: "envoy.network.dns_resolver.cares",
            typed_config: {
              "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
              resolvers: [socket("127.0.0.1", port)],
              dns_resolver_options: { no_default_search_domain: true }
            }
          }
        }
      }
    }
  ])

export const strict: Object = {
  apiVersion: "security.istio.io/v1",
  kind: "PeerAuthentication",
  metadata: { name: "default", namespace: "istio-system" },
  spec: { mtls: { mode: "STRICT" } }
}

export const namespaces = (names: Iterable<string>): ReadonlyArray<Object> =>
  [...new Set(names)].map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } }))

/** As the gateway's chart does: without it istiod gives the gateway no certificate of a Secret. */
export const readsSecrets = (serviceAccount: string, namespace: string): ReadonlyArray<Object> => [
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: { name: serviceAccount, namespace },
    rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get", "watch", "list"] }]
  },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: serviceAccount, namespace },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: serviceAccount },
    subjects: [{ kind: "ServiceAccount", name: serviceAccount, namespace }]
  }
]

/** What profile tls needs: the gateway's certificate, and the CA for those who call others. */
export const edgeCertificate = (
  namespace: string,
  { certificate, key }: Issued,
  root: string
): ReadonlyArray<Object> => [
  {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/tls",
    metadata: { name: "cw-gateway", namespace },
    stringData: { "tls.crt": certificate, "tls.key": key }
  },
  {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "cw-ca", namespace: "cw-system" },
    data: { "ca.crt": root }
  }
]

/** A pod on loopback is a WorkloadEntry: the API server refuses loopback addresses in EndpointSlices. */
export const backendObjects = (each: Placed): ReadonlyArray<Object> => {
  const labels = { app: each.name }
  const { name, namespace } = each
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec: {
        selector: labels,
        ports: each.ports.map((p) => ({
          name: p.name,
          port: p.servicePort,
          targetPort: p.port,
          appProtocol: p.protocol.toLowerCase()
        }))
      }
    },
    {
      apiVersion: "networking.istio.io/v1",
      kind: "WorkloadEntry",
      metadata: { name, namespace },
      // Either of label and account says that a sidecar takes mTLS.
      spec:
        each.service.meshed === false
          ? { address: each.pod, labels }
          : {
              address: each.pod,
              labels: { ...labels, "security.istio.io/tlsMode": "istio" },
              serviceAccount: serviceAccount(each)
            }
    }
  ]
}

/** Tells that everything applied before it has reached a proxy: a cluster, and a listener in sidecars. */
export const marker = (n: number): Object => ({
  apiVersion: "networking.istio.io/v1",
  kind: "ServiceEntry",
  metadata: { name: "cw-test-marker", namespace: "istio-system" },
  spec: {
    hosts: [markerHost(n)],
    addresses: ["240.255.255.254"],
    location: "MESH_INTERNAL",
    resolution: "STATIC",
    ports: [{ number: 10_000 + n, name: "tcp", protocol: "TCP" }],
    endpoints: [{ address: "127.0.0.1" }]
  }
})
export const markerHost = (n: number): string => `marker-${n}.cw.test`

export const list = (items: ReadonlyArray<Object>): string => JSON.stringify({ apiVersion: "v1", kind: "List", items })
