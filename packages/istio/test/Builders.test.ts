/** The builders' types and values against the schemas generated from Istio's own CustomResourceDefinitions. */
import { type DestinationRule, destinationRule } from "@coddiwomple/istio/DestinationRule"
import { type Gateway, gateway } from "@coddiwomple/istio/Gateway"
import { metadata } from "@coddiwomple/istio/Metadata"
import { endpoint, type ServiceEntry, serviceEntry } from "@coddiwomple/istio/ServiceEntry"
import { type VirtualService, virtualService } from "@coddiwomple/istio/VirtualService"
import * as v1 from "@kubernetes-models/istio/networking.istio.io/v1"
import { describe, expect, expectTypeOf, it } from "vitest"

type Mutable<T> =
  T extends ReadonlyArray<infer A>
    ? Array<Mutable<A>>
    : T extends object
      ? { -readonly [K in keyof T]: Mutable<T[K]> }
      : T

expectTypeOf<Mutable<ServiceEntry>>().toExtend<v1.IServiceEntry>()
expectTypeOf<Mutable<Gateway>>().toExtend<v1.IGateway>()
expectTypeOf<Mutable<VirtualService>>().toExtend<v1.IVirtualService>()
expectTypeOf<Mutable<DestinationRule>>().toExtend<v1.IDestinationRule>()

const about = metadata("x", "cw-system", { "app.kubernetes.io/managed-by": "coddiwomple" }, { a: "b" })
const port = { name: "tcp", number: 5432, protocol: "TCP" }
const route = [{ destination: { host: "x.ns.svc", port: { number: 5432 } }, weight: 100 }]

const entry = serviceEntry(about, {
  resolution: "DNS",
  ports: [port],
  location: "MESH_INTERNAL",
  hosts: ["x.global"],
  exportTo: ["."],
  endpoints: [endpoint({ weight: 1, ports: { tcp: 1 }, locality: "eu/a", labels: { a: "b" }, address: "x.ns.svc" })],
  addresses: ["240.0.0.1"]
})

describe("builders", () => {
  it("make objects that Istio's schemas accept", () => {
    const objects: ReadonlyArray<{ validate(): void }> = [
      new v1.ServiceEntry(entry as Mutable<ServiceEntry>),
      new v1.Gateway(
        gateway(about, { istio: "x" }, [
          { hosts: ["x.global"], port: { name: "tls", number: 1, protocol: "TLS" }, tls: { mode: "AUTO_PASSTHROUGH" } }
        ]) as Mutable<Gateway>
      ),
      new v1.VirtualService(
        virtualService(about, {
          hosts: ["x.global"],
          gateways: ["mesh"],
          exportTo: ["."],
          http: [{ match: [{ port: 1 }], route }],
          tcp: [{ match: [{ port: 2 }], route }],
          tls: [{ match: [{ port: 3, sniHosts: ["x.global"] }], route }]
        }) as Mutable<VirtualService>
      ),
      new v1.DestinationRule(
        destinationRule(
          about,
          "x.global",
          {
            loadBalancer: { localityLbSetting: { enabled: true, failoverPriority: ["a=b"] }, simple: "LEAST_REQUEST" },
            outlierDetection: {
              baseEjectionTime: "30s",
              consecutive5xxErrors: 0,
              consecutiveGatewayErrors: 5,
              interval: "5s",
              maxEjectionPercent: 100
            },
            tls: { mode: "ISTIO_MUTUAL" }
          },
          ["."]
        ) as Mutable<DestinationRule>
      )
    ]
    for (const object of objects) expect(() => object.validate()).not.toThrow()
    const wrong = new v1.ServiceEntry({ ...entry, spec: { ...entry.spec, resolution: "dns" } } as never)
    expect(() => wrong.validate()).toThrow()
  })

  it("leave out what is empty, and keep the order of printing", () => {
    expect(
      JSON.stringify(
        serviceEntry(metadata("x", undefined, {}, {}), {
          ports: [],
          hosts: ["x.global"],
          exportTo: [],
          endpoints: [],
          addresses: []
        })
      )
    ).toBe(
      '{"apiVersion":"networking.istio.io/v1","kind":"ServiceEntry","metadata":{"name":"x"},"spec":{"hosts":["x.global"]}}'
    )
    expect(Object.keys(entry.spec)).toEqual(Object.keys(entry.spec).sort())
    expect(Object.keys(entry.spec.endpoints![0]!)).toEqual(["address", "labels", "locality", "ports", "weight"])
  })
})
