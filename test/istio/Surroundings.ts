// What a cluster of a fleet holds beside the generated objects: namespaces, the gateway's pod, Service and certificate,
// and the Kubernetes Services of the backends. Without them an analyzer finds references to nothing.
import type { KubernetesObject } from "@coddiwomple/core/Artifact"
import type { Model } from "@coddiwomple/core/Model"
import * as HashMap from "effect/HashMap"
import type { Issued } from "../mesh/Certs.ts"

type Gateway = {
  readonly metadata: { readonly namespace: string }
  readonly spec: {
    readonly selector: Readonly<Record<string, string>>
    readonly servers: ReadonlyArray<{
      readonly port: { readonly number: number }
      readonly tls?: { readonly credentialName?: string }
    }>
  }
}

const object = (apiVersion: string, kind: string, metadata: object, spec?: object) =>
  ({ apiVersion, kind, metadata, ...(spec === undefined ? {} : { spec }) }) as unknown as KubernetesObject

const service = (
  name: string,
  namespace: string,
  selector: Readonly<Record<string, string>>,
  ports: Iterable<number>
) => {
  const labels = selector
  const container = { name: "it", image: "example.org/it:1" }
  return [
    object(
      "v1",
      "Service",
      { name, namespace },
      {
        selector,
        ports: [...new Set(ports)].map((port) => ({ name: `tcp-${port}`, port, protocol: "TCP" }))
      }
    ),
    object(
      "v1",
      "Pod",
      { name, namespace, labels, annotations: { "sidecar.istio.io/status": "{}" } },
      {
        containers: [container, { name: "istio-proxy", image: "example.org/proxyv2:1.31.0" }]
      }
    )
  ]
}

const domainName = /^([^.]+)\.([^.]+)\.svc\./

/** Of one cluster, around what was generated for it. */
export const surroundings = (
  { fleet, services }: Model,
  cluster: string,
  generated: ReadonlyArray<KubernetesObject>,
  { certificate, key }: Issued
): ReadonlyArray<KubernetesObject> => {
  const gateways = generated.filter((o) => o.kind === "Gateway") as unknown as ReadonlyArray<Gateway>
  const pods = Map.groupBy(gateways, ({ spec }) => JSON.stringify(spec.selector))
  const doors = [...pods].flatMap(([selector, own], i) => {
    const namespace = fleet.byName.get(cluster)!.gateway?.namespace ?? own[0]!.metadata.namespace
    const ports = own.flatMap(({ spec }) => spec.servers.map((s) => s.port.number))
    return service(`gateway-${i}`, namespace, JSON.parse(selector), ports)
  })
  const credentials = new Map(
    gateways.flatMap(({ metadata: { namespace }, spec }) =>
      spec.servers.flatMap(({ tls }) => {
        const name = tls?.credentialName
        if (name === undefined) return []
        const data = { "tls.crt": btoa(certificate), "tls.key": btoa(key) }
        const secret = { ...object("v1", "Secret", { name, namespace }), type: "kubernetes.io/tls", data }
        return [[`${namespace}/${name}`, secret as KubernetesObject] as const]
      })
    )
  )
  const backends = [...HashMap.values(services)].flatMap((s) =>
    s.backends.flatMap((b) => {
      const found = domainName.exec(b.host)
      if (b.cluster !== cluster || found === null) return []
      const ports = s.ports.map((p) => b.ports?.[p.name] ?? p.backendPort)
      return service(found[1]!, found[2]!, { app: found[1]! }, ports)
    })
  )
  const all = [...generated, ...doors, ...backends]
  const named = new Set(all.flatMap((o) => [o.metadata.namespace ?? "default", ...exported(o)]))
  const injected = { "istio-injection": "enabled" }
  return [
    ...[...named].sort().map((name) => object("v1", "Namespace", { name, labels: injected })),
    ...credentials.values(),
    ...doors,
    ...backends
  ]
}

const exported = (o: KubernetesObject): ReadonlyArray<string> => {
  const { exportTo = [] } = (o as { readonly spec?: { readonly exportTo?: ReadonlyArray<string> } }).spec ?? {}
  return exportTo.filter((name) => name !== "." && name !== "*" && name !== "~")
}
