/** Objects that each rule accepts, refuses or warns of. */
import type { KubernetesObject } from "@coddiwomple/core/Artifact"

type Spec = Record<string, unknown>

const object = (kind: string, spec: Spec, metadata: Spec = {}): KubernetesObject => ({
  apiVersion: "networking.istio.io/v1",
  kind,
  metadata: { name: "x", namespace: "cw-system", ...metadata },
  spec
})
export const http = { name: "http", number: 80, protocol: "HTTP" }
export const tcp = { name: "tcp", number: 5432, protocol: "TCP" }
export const entry = (spec: Spec, metadata?: Spec) =>
  object(
    "ServiceEntry",
    { hosts: ["a.global"], resolution: "DNS", ports: [http], endpoints: [{ address: "a.ns.svc" }], ...spec },
    metadata
  )
const server = { hosts: ["a.global"], port: { name: "http", number: 80, protocol: "HTTP" } }
const gateway = (over: Spec, metadata?: Spec) =>
  object("Gateway", { selector: { istio: "x" }, servers: [{ ...server, ...over }] }, metadata)
const route = { match: [{ port: 80 }], route: [{ destination: { host: "a.ns.svc", port: { number: 80 } } }] }
const virtual = (over: Spec) =>
  object("VirtualService", { hosts: ["a.global"], gateways: ["mesh"], http: [route], ...over })
const outlierDetection = { consecutiveGatewayErrors: 5, interval: "5s" }
const destination = (trafficPolicy: Spec, over: Spec = {}) =>
  object("DestinationRule", { host: "a.global", trafficPolicy, ...over })
export const many = (n: number, f: (i: number) => unknown) => Array.from({ length: n }, (_, i) => f(i))
const label63 = "a".repeat(63)

/** Per rule: what passes without a word, what is refused, what only warns. */
export const cases: Record<
  string,
  { accepted: Array<KubernetesObject>; refused?: Array<KubernetesObject>; warned?: Array<KubernetesObject> }
> = {
  V1: {
    accepted: [
      entry({ hosts: ["*.a.global"] }),
      entry({
        hosts: [`${label63}.global`],
        endpoints: [{ address: "10.0.0.1" }, { address: "2001:db8::1" }, { address: "a.b." }]
      }),
      gateway({ hosts: ["prod/*.global", "*", "10.0.0.1"] }),
      destination({ outlierDetection }, { host: "A.global" })
    ],
    refused: [
      entry({ hosts: ["a_b.global"] }),
      entry({ hosts: [`${label63}a.global`] }),
      entry({ hosts: ["a.1"] }),
      entry({ hosts: ["a..global"] }),
      entry({ hosts: ["-a.global"] }),
      entry({ hosts: [`${"a.".repeat(128)}b`] }),
      entry({ hosts: [7] }),
      entry({ endpoints: [{ address: "10.0.0.256" }] }),
      entry({ endpoints: undefined, hosts: ["*.a.global"] }),
      gateway({ hosts: ["a_b.global"] }),
      virtual({ hosts: ["a b"] }),
      destination({ outlierDetection }, { host: "é.global" })
    ]
  },
  V2: {
    accepted: [entry({ hosts: many(256, (i) => `h${i}.global`) })],
    refused: [entry({ hosts: [] }), entry({ hosts: ["*"] }), entry({ hosts: many(257, (i) => `h${i}.global`) })],
    warned: [entry({ hosts: ["*a.global"] })]
  },
  V3: {
    accepted: [
      entry({
        ports: [
          { name: label63, number: 65535, protocol: "grpc-web" },
          { ...http, targetPort: 8080 }
        ]
      })
    ],
    refused: [
      entry({ ports: [http, { ...http, number: 81 }] }),
      entry({ ports: [http, { ...http, name: "b" }] }),
      entry({ ports: [{ ...http, name: "a.b" }] }),
      entry({ ports: [{ ...http, number: 0 }] }),
      entry({ ports: [{ ...http, number: 65536 }] }),
      entry({ ports: [{ ...http, protocol: "HTTP3" }] }),
      entry({ ports: [{ ...http, protocol: "constructor" }] }),
      entry({ ports: [{ ...http, targetPort: -1 }] }),
      entry({ ports: many(257, (i) => ({ name: `p${i}`, number: i + 1, protocol: "HTTP" })) })
    ]
  },
  V4: {
    accepted: [
      entry({ hosts: ["a.global", "b.global"], ports: [http, { ...tcp, protocol: "TLS" }] }),
      object("ServiceEntry", {
        hosts: ["a.global", "b.global"],
        addresses: ["10.0.0.0/8"],
        resolution: "NONE",
        ports: [tcp]
      })
    ],
    refused: [
      entry({ hosts: ["a.global", "b.global"], ports: [http, { ...tcp, protocol: "MONGO" }] }),
      entry({ hosts: ["a.global", "b.global"], ports: [{ name: "x", number: 1 }] })
    ]
  },
  V5: {
    accepted: [
      entry({ addresses: ["240.0.0.1", "2001:db8::1"], ports: [tcp] }),
      entry({ addresses: ["10.0.0.0/8"], resolution: "STATIC", endpoints: [{ address: "10.0.0.1" }] })
    ],
    refused: [
      entry({ addresses: ["10.0.0.0/8"] }),
      entry({ addresses: ["a.global"] }),
      entry({ addresses: ["10.0.0.01"] }),
      entry({ addresses: ["10.0.0.0/33"], resolution: "STATIC", endpoints: [{ address: "10.0.0.1" }] }),
      entry({ addresses: many(257, (i) => `10.0.${i >> 8}.${i & 255}`) })
    ]
  },
  V6: {
    accepted: [
      entry({
        endpoints: [
          { address: "10.0.0.1", ports: { http: 8080 }, weight: 3, labels: { "a.b/c": "D_e" } },
          { address: "gw.example.net" }
        ]
      }),
      entry({ resolution: "STATIC", endpoints: [{ address: "unix:///var/run/x" }] }),
      entry({ resolution: "NONE", endpoints: undefined })
    ],
    refused: [
      entry({ resolution: "STATIC" }),
      entry({ resolution: "NONE" }),
      entry({ resolution: "dns" }),
      entry({ location: "MESH" }),
      entry({
        ports: many(129, (i) => ({ name: `p${i}`, number: i + 1, protocol: "HTTP" })),
        endpoints: [{ address: "a.b", ports: Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`p${i}`, 80])) }]
      }),
      entry({ resolution: "DNS_ROUND_ROBIN", endpoints: [{ address: "a.b" }, { address: "b.c" }] }),
      entry({ endpoints: [{ address: "a.b", ports: { web: 80 } }] }),
      entry({ endpoints: [{ address: "a.b", ports: { http: 0 } }] }),
      entry({ ports: [{ ...http, name: label63 }], endpoints: [{ address: "a.b", ports: { [label63]: 80 } }] }),
      entry({ endpoints: [{ address: "a.b", labels: { "a b": "c" } }] }),
      entry({ endpoints: [{ address: "a.b", labels: { a: "-" } }] }),
      entry({ endpoints: [{ address: "a.b", weight: -1 }] }),
      entry({ workloadSelector: { labels: { a: "b" } } }),
      entry({ resolution: "STATIC", endpoints: many(4097, (i) => ({ address: `10.0.${i >> 8}.${i & 255}` })) })
    ]
  },
  V7: {
    accepted: [
      entry({ ports: [tcp], addresses: ["240.0.0.1"] }),
      entry({ ports: [http, { ...tcp, protocol: "TLS" }] })
    ],
    warned: [entry({ ports: [http, tcp] }), entry({ ports: [{ name: "x", number: 1 }] })]
  },
  V8: {
    accepted: [entry({ hosts: ["a.global", "b.global"], addresses: ["240.0.0.1"] })],
    warned: [
      entry({ hosts: ["a.global", "b.global"], addresses: ["240.0.0.1"], ports: [{ ...tcp, protocol: "HTTPS" }] })
    ]
  },
  V9: {
    accepted: [
      entry({ exportTo: ["."] }),
      entry({ exportTo: ["*"] }),
      entry({ exportTo: ["~"] }),
      destination({ outlierDetection }, { exportTo: [".", "team-a"] })
    ],
    refused: [
      entry({ exportTo: ["a", "a"] }),
      entry({ exportTo: [".", "cw-system"] }),
      entry({ exportTo: ["*", "a"] }),
      entry({ exportTo: ["~", "a"] }),
      entry({ exportTo: ["a_b"] }),
      virtual({ exportTo: ["~"] }),
      destination({ outlierDetection }, { exportTo: ["a", "*"] })
    ]
  },
  V10: {
    accepted: [
      gateway({}),
      gateway({ port: { name: "tls", number: 15443, protocol: "TLS" }, tls: { mode: "AUTO_PASSTHROUGH" } }),
      gateway({
        port: { name: "https", number: 443, protocol: "HTTPS" },
        tls: { mode: "SIMPLE", credentialName: "c" }
      }),
      gateway({ tls: { httpsRedirect: true } })
    ],
    refused: [
      gateway({}, { name: "a.b" }),
      object("Gateway", { selector: {}, servers: [] }),
      object("Gateway", { selector: {}, servers: [server, { ...server, port: { ...server.port, number: 81 } }] }),
      gateway({ port: { number: 80, protocol: "HTTP" } }),
      gateway({ port: { ...server.port, number: 70000 } }),
      gateway({ port: { ...server.port, protocol: "HTTP3" } }),
      gateway({ port: { ...server.port, protocol: "HTTPS" } }),
      gateway({ tls: { mode: "SIMPLE", credentialName: "c" } }),
      gateway({ port: { ...server.port, protocol: "TCP" }, tls: { mode: "PASSTHROUGH" } }),
      gateway({ port: { ...server.port, protocol: "TLS" }, tls: { mode: "SIMPLE" } }),
      gateway({
        port: { ...server.port, protocol: "TLS" },
        tls: { mode: "MUTUAL", serverCertificate: "/a", privateKey: "/b" }
      }),
      gateway({ port: { ...server.port, protocol: "TLS" }, tls: { mode: "ISTIO_MUTUAL", credentialName: "c" } }),
      gateway({ hosts: [] }),
      gateway({ hosts: ["short"] }),
      gateway({ hosts: ["2001:db8::1"] }),
      gateway({ port: { ...server.port, protocol: "TLS" }, tls: { mode: "SIMPLE", credentialName: "" } }),
      gateway({ hosts: ["a_b/x.global"] }),
      gateway({ hosts: ["*x.global"] })
    ]
  },
  V11: {
    accepted: [
      virtual({}),
      virtual({ gateways: ["ns/gw", "gw"], hosts: ["*"] }),
      virtual({ http: undefined, tcp: [route] }),
      virtual({ http: undefined, tls: [{ ...route, match: [{ port: 443, sniHosts: ["a.global"] }] }] }),
      virtual({ hosts: ["*.global"], http: undefined, tls: [{ ...route, match: [{ sniHosts: ["a.global"] }] }] }),
      virtual({ http: [{ redirect: { uri: "/" } }] })
    ],
    refused: [
      virtual({ http: undefined }),
      virtual({ http: [] }),
      virtual({ http: [{ match: [{ port: 80 }] }] }),
      virtual({ http: [{ route: [{ destination: {} }] }] }),
      virtual({ http: [{ route: [{ destination: { host: "a_b" } }] }] }),
      virtual({ http: [{ route: [{ destination: { host: "a.b", port: { number: 0 } } }] }] }),
      virtual({ http: [{ route: [{ destination: { host: "a.b" } }, { destination: { host: "b.c" } }] }] }),
      virtual({ http: [{ route: [{ destination: { host: "a.b" }, weight: -1 }] }] }),
      virtual({ http: undefined, tls: [{ route: route.route }] }),
      virtual({ http: undefined, tls: [{ ...route, match: [{ port: 443, sniHosts: ["b.global"] }] }] }),
      virtual({ http: undefined, tls: [{ ...route, match: [{ port: 443 }] }] }),
      virtual({ http: undefined, tcp: [{ match: [{ port: 99999 }], route: route.route }] }),
      virtual({ hosts: ["a.global", "a.global"] }),
      virtual({ hosts: ["a.global", "*.global"] }),
      virtual({ hosts: ["*"] }),
      virtual({ hosts: undefined }),
      virtual({ gateways: ["a/b_c"] })
    ],
    warned: [virtual({ gateways: ["gw.ns"] })]
  },
  V12: {
    accepted: [
      destination({
        tls: { mode: "ISTIO_MUTUAL" },
        loadBalancer: { localityLbSetting: { failoverPriority: ["a=b", "c"] } },
        outlierDetection
      }),
      destination({
        loadBalancer: { localityLbSetting: { distribute: [{ from: "a/*", to: { "b/*": 40, "c/*": 60 } }] } }
      }),
      destination({ tls: { mode: "SIMPLE", credentialName: "configmap://cw-system/ca" } }),
      destination({ tls: { mode: "DISABLE", insecureSkipVerify: true, caCertificates: "/ca.pem" } }),
      destination(
        { loadBalancer: { localityLbSetting: { failover: [{ from: "a", to: "b" }] } }, outlierDetection },
        { subsets: [{ name: "s", labels: { a: "b" } }] }
      )
    ],
    refused: [
      object("DestinationRule", { trafficPolicy: { outlierDetection } }),
      destination({}),
      destination({ outlierDetection }, { subsets: [{ name: "a" }, { name: "a" }] }),
      destination({ outlierDetection }, { subsets: [{ name: "a.b" }] }),
      destination({ outlierDetection }, { subsets: [{ name: "a", trafficPolicy: {} }] }),
      destination({
        outlierDetection,
        loadBalancer: {
          localityLbSetting: { distribute: [{ from: "a", to: { b: 100 } }], failover: [{ from: "a", to: "b" }] }
        }
      }),
      destination({ loadBalancer: { localityLbSetting: { distribute: [{ from: "a", to: { b: 40 } }] } } }),
      destination({ outlierDetection, loadBalancer: { localityLbSetting: { failover: [{ from: "a", to: "a" }] } } }),
      destination({ outlierDetection, loadBalancer: { localityLbSetting: { failover: [{ from: "a/b", to: "c" }] } } }),
      destination({ outlierDetection: { consecutiveLocalOriginFailures: 1 } }),
      destination({ outlierDetection: { maxEjectionPercent: 101 } }),
      destination({ outlierDetection: { consecutiveGatewayErrors: -1 } }),
      destination({ loadBalancer: { simple: "FASTEST" } }),
      destination({ tls: { mode: "AUTO_PASSTHROUGH" } }),
      destination({ tls: { mode: "MUTUAL" } }),
      destination({ tls: { mode: "SIMPLE", credentialName: "a", caCertificates: "b" } }),
      destination({ tls: { mode: "SIMPLE", credentialName: "configmap://ca" } }),
      destination({ tls: { mode: "SIMPLE", credentialName: "configmap://elsewhere/ca" } }),
      destination({ tls: { mode: "SIMPLE", credentialName: "a", caCrl: "b" } }),
      destination({ tls: { mode: "MUTUAL", clientCertificate: "", privateKey: "b" } }),
      destination({ tls: { mode: "SIMPLE", credentialName: "a", insecureSkipVerify: true } }),
      destination({ tls: { mode: "MUTUAL", credentialName: "a", insecureSkipVerify: true, subjectAltNames: ["a"] } }),
      destination({ portLevelSettings: [{ port: { number: 80 } }] })
    ],
    warned: [destination({ loadBalancer: { localityLbSetting: { failoverPriority: ["a=b"] } } })]
  },
  V13: {
    accepted: [
      destination({
        outlierDetection: { interval: "1ms", baseEjectionTime: "1h1m1.5s" },
        connectionPool: { tcp: { idleTimeout: "0s" } }
      }),
      destination({ outlierDetection: { interval: "2562047h", baseEjectionTime: "9223372036854ms" } }),
      virtual({ http: [{ ...route, timeout: "3s" }] })
    ],
    refused: [
      destination({ outlierDetection: { interval: "0s" } }),
      destination({ outlierDetection: { baseEjectionTime: "1.0005s" } }),
      destination({ outlierDetection: { interval: "500us" } }),
      destination({ outlierDetection: { interval: "5" } }),
      destination({ outlierDetection: { interval: 5 } }),
      destination({ outlierDetection: { baseEjectionTime: "999999999h" } }),
      destination({ outlierDetection: { baseEjectionTime: "9223372036855ms" } }),
      virtual({ http: [{ ...route, retries: { attempts: 1, perTryTimeout: "-1s" } }] })
    ]
  },
  V14: {
    accepted: [entry({}, { annotations: { "istio.io/x": "y" } })],
    refused: [
      entry({}, { annotations: { "internal.istio.io/webhook-always-reject": "" } }),
      entry({}, { annotations: { "istio.io/dry-run": "true" } })
    ]
  },
  V15: {
    accepted: [
      entry(
        {},
        {
          name: `${"a".repeat(250)}.b`,
          labels: { "coddiwomple.io/service": label63, a: "" },
          annotations: { "a.b/C_d": "\n" }
        }
      )
    ],
    refused: [
      entry({}, { name: "a".repeat(254) }),
      entry({}, { name: "A" }),
      entry({}, { name: "a_b" }),
      entry({}, { name: "" }),
      entry({}, { namespace: "a.b" }),
      entry({}, { labels: { a: `${label63}a` } }),
      entry({}, { labels: { a: "b c" } }),
      entry({}, { labels: { a: 1 } }),
      entry({}, { labels: { "a/b/c": "d" } }),
      entry({}, { labels: { "A.b/c": "d" } }),
      entry({}, { annotations: { "a b": "" } }),
      entry({}, { annotations: { a: true } })
    ]
  },
  V16: {
    accepted: [entry({}, { annotations: { a: "x".repeat(262_143) } })],
    refused: [
      entry({}, { annotations: { a: "x".repeat(262_144) } }),
      entry({}, { annotations: { a: "é".repeat(131_072) } })
    ]
  }
}
