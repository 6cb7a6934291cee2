// The objects a script would make for each service and cluster, in the classic form: what both peers print.
import { readFileSync } from "node:fs"
import { join } from "node:path"

export function* objects(folder) {
  const clusters = JSON.parse(readFileSync(join(folder, "clusters.json"), "utf8"))
  const services = JSON.parse(readFileSync(join(folder, "services.json"), "utf8"))
  const address = new Map(clusters.map((c) => [c.name, c.address]))
  for (const s of services) {
    const hosts = s.dns_prefixes.map((p) => `${p}.global`)
    for (const { name: cluster } of clusters) {
      const metadata = (name) => ({ name, namespace: "cw" })
      const ports = s.ports.map((p) => ({ name: p.name, number: p.service_port, protocol: p.protocol }))
      const backend = s.backends[cluster]
      if (backend !== undefined) {
        yield {
          apiVersion: "networking.istio.io/v1",
          kind: "Gateway",
          metadata: metadata(`cw-${s.name}-gateway`),
          spec: { selector: { istio: "ingressgateway" }, servers: ports.map((port) => ({ hosts, port })) }
        }
        yield {
          apiVersion: "networking.istio.io/v1",
          kind: "VirtualService",
          metadata: metadata(`cw-${s.name}-virtualservice-remote`),
          spec: {
            gateways: ["mesh", `cw-${s.name}-gateway`],
            hosts,
            http: s.ports.map((p) => ({
              match: [{ port: p.service_port }],
              route: [{ destination: { host: backend, port: { number: p.backend_port } }, weight: 100 }]
            }))
          }
        }
      }
      const endpoint = (c, a, field) => ({
        address: a,
        labels: { cluster: c },
        ports: Object.fromEntries(s.ports.map((p) => [p.name, p[field]]))
      })
      const endpoints =
        backend !== undefined
          ? [endpoint(cluster, backend, "backend_port")]
          : Object.keys(s.backends)
              .sort()
              .map((c) => endpoint(c, address.get(c), "service_port"))
      yield {
        apiVersion: "networking.istio.io/v1",
        kind: "ServiceEntry",
        metadata: metadata(`cw-${s.name}-serviceentry`),
        spec: { endpoints, hosts, ports, resolution: "DNS" }
      }
    }
  }
}
