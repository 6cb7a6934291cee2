// A shop with one pipeline file, for tests that need nothing more; what differs between them is said by the test.
export const service = (name: string) => ({
  name,
  namespace: "shop",
  dns_prefixes: [`${name}.shop`],
  ports: [{ name: "http", protocol: "HTTP", service_port: 80, backend_port: 80 }],
  backends: { east: `${name}.shop.svc.cluster.local` }
})

export const inputs = (clusters: ReadonlyArray<string>, options: { readonly policy?: "sync" } = {}) => ({
  "clusters.json": JSON.stringify(clusters.map((name, i) => ({ name, address: `192.0.2.${i + 1}` }))),
  "services.json": JSON.stringify([service("web")]),
  "pipeline.yaml": `apiVersion: coddiwomple.io/v1alpha1
kind: Pipeline
metadata: { name: shop }
sources:
  inventory: { uses: json, with: { clusters: clusters.json, services: services.json, watch: true } }
transforms:
  mesh: { uses: istio-global-dns }
sinks:
  repo: { uses: files,${options.policy === undefined ? "" : ` policy: ${options.policy},`} with: { path: out } }
`
})
