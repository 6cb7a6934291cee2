// Fleets whose calls cannot be delivered: the services are named, what to change is said, and the others go on.
import { assert, describe, it } from "vitest"
import { cw, folder } from "./Cw.ts"

const service = (name: string, cluster: string, more: object = {}) => ({
  name,
  dns_prefixes: [name],
  ports: [{ name: "tcp", protocol: "TCP", service_port: 5432, backend_port: 5432 }],
  backends: { [cluster]: `${name}.default.svc.cluster.local` },
  ...more
})
const http = { ports: [{ name: "http", protocol: "HTTP", service_port: 80, backend_port: 8080 }] }

const pipeline = (mesh: object) =>
  JSON.stringify({
    apiVersion: "coddiwomple.io/v1alpha1",
    kind: "Pipeline",
    metadata: { name: "fleet" },
    sources: { inventory: { uses: "json", with: { clusters: "clusters.json", services: "services.json" } } },
    transforms: { mesh: { uses: "istio-global-dns", with: mesh } },
    checks: { routes: { uses: "routes", with: { allowPlaintext: true } } },
    sinks: { out: { uses: "files", with: { path: "out" } } }
  })

const run = (mesh: object, services: ReadonlyArray<object>, clusters: ReadonlyArray<object> = known) =>
  cw(["run", "pipeline.yaml"], {
    cwd: folder({
      "pipeline.yaml": pipeline(mesh),
      "clusters.json": JSON.stringify(clusters),
      "services.json": JSON.stringify(services)
    })
  })
const known = ["a", "b", "c"].map((name) => ({ name, address: `gw-${name}.example.net` }))

describe("a fleet that cannot be delivered", () => {
  const tls = { profile: "tls", tls: { caConfigMap: "cw-ca" } }
  const plaintext = { profile: "plaintext", allowPlaintext: true }
  const nowhere = [{ name: "a" }, { name: "b", address: "gw-b.example.net" }]

  it.each<[string, object, ReadonlyArray<object>, ReadonlyArray<object> | undefined, string, string, string]>([
    [
      "no gateway has an address",
      {},
      [service("lost", "a", http), service("web", "b", http)],
      nowhere,
      "CW513",
      'service lost: cluster "a" cannot be used: see its finding',
      'add "address": "<IP or DNS name of the gateway>"'
    ],
    [
      "two services need one port of a gateway",
      plaintext,
      [service("db", "a"), service("mail", "a"), service("web", "b", http)],
      undefined,
      "CW624",
      "services db and mail both need port 5432 of the gateway in cluster a; db keeps it",
      "use another service port for one of them"
    ],
    [
      "two services claim one host",
      {},
      [service("db", "a"), service("mail", "b", { dns_prefixes: ["db"] }), service("web", "b", http)],
      undefined,
      "CW503",
      "db.global",
      "give one of them another dns prefix"
    ],
    [
      "two services have one address and port",
      {},
      [
        service("db", "a", { address: "240.1.1.1" }),
        service("mail", "b", { address: "240.1.1.1" }),
        service("web", "b", http)
      ],
      undefined,
      "CW512",
      "services db and mail both need port 5432 of address 240.1.1.1; db keeps it",
      "give one of them another address or port"
    ],
    [
      "a gateway cannot find an IP",
      tls,
      [service("db", "a", { backends: { a: "10.0.0.1" } }), service("web", "b", http)],
      undefined,
      "CW625",
      "service db: its backend in cluster a is the IP 10.0.0.1; with profile tls gateways find it by the name of its Kubernetes Service",
      "write <service>.<namespace>.svc.cluster.local, or use profile mtls"
    ]
  ])("%s: exit 3, and what to change", async (_what, mesh, services, clusters, code, message, help) => {
    const { code: exit, stderr } = await run(mesh, services, clusters)
    assert.strictEqual(exit, 3, stderr)
    assert.include(stderr, `error[${code}]`)
    assert.include(stderr, message)
    assert.include(stderr, help)
    // The others go on.
    assert.match(stderr, /\+ .*web/)
  })

  it("classic, no addresses, one port: a warning that names both", async () => {
    const { code, stderr } = await run({ profile: "classic" }, [service("db", "a"), service("mail", "b")])
    assert.strictEqual(code, 0, stderr)
    assert.include(stderr, "services db and mail both have port 5432 and no address: calls of one may go to the other")
    assert.include(stderr, "give one of them another address or port")
  })
})
