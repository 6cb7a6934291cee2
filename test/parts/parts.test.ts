// The real parts really start and really say no. Quick: whole suites are built on these modules elsewhere.
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Answer, type ApiServer, startApiServers } from "./ApiServer.ts"
import { startCoreDns } from "./CoreDns.ts"
import { startFaultProxy } from "./FaultProxy.ts"
import { validate } from "./IstioValidate.ts"
import { lacking } from "./Parts.ts"

const serviceEntry = (name: string, spec = ""): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: default }
spec:
  hosts: [reviews.global]
  addresses: [240.0.0.10]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP }]
  endpoints: [{ address: 10.0.0.1 }]
${spec}`

const entries = "/apis/networking.istio.io/v1/namespaces/default/serviceentries"
const apply = (text: string) => ({ body: text, type: "application/apply-patch+yaml" })

describe.skipIf(lacking("etcd", "kube", "istio-crds"))("API server", { timeout: 120_000 }, () => {
  let first: ApiServer
  let second: ApiServer
  beforeAll(async () => {
    const servers = await startApiServers(2, { sharedEtcd: true, istioCrds: true })
    ;[first, second] = servers as [ApiServer, ApiServer]
  }, 120_000)
  afterAll(() => Promise.all([first?.stop(), second?.stop()]))

  it("knows Istio's kinds, and each server has a world of its own in the shared etcd", async () => {
    const path = `${entries}/reviews?fieldManager=test`
    expect((await first.request("PATCH", path, apply(serviceEntry("reviews")))).status).toBe(201)
    const refused = await first.request("PATCH", path, apply(serviceEntry("reviews", "  resolutoin: DNS\n")))
    expect(refused.body).toContain(".spec.resolutoin: field not declared in schema")
    expect((await second.request("GET", `${entries}/reviews`)).status).toBe(404)
    expect((await second.kubectl(["get", "serviceentries", "-A"])).stderr).toContain("No resources found")
    expect((await first.request("GET", entries, { token: first.userToken })).status).toBe(403)
  })

  it("stalls while etcd is frozen", async () => {
    const namespace = "{ apiVersion: v1, kind: Namespace, metadata: { name: late } }"
    first.etcd.freeze()
    const slow = first.request("PATCH", "/api/v1/namespaces/late?fieldManager=test", apply(namespace))
    const earlier = await Promise.race([slow, new Promise((resolve) => setTimeout(resolve, 300, "nothing yet"))])
    first.etcd.thaw()
    expect(earlier).toBe("nothing yet")
    expect((await slow).status).toBe(201)
  })

  it("is reached through a fault proxy, or is not", async () => {
    await using proxy = await startFaultProxy({ port: second.port })
    const through = second.writeKubeconfig("proxied", { url: `https://127.0.0.1:${proxy.port}` })
    const get = () => second.kubectl(["get", "--raw=/readyz", "--request-timeout=2s", "--kubeconfig", through])

    expect(await get()).toMatchObject({ code: 0, stdout: "ok" })
    proxy.set({ kind: "blackhole" })
    expect(await get()).toMatchObject({ code: 1 })
    proxy.set({ kind: "delay", ms: 20 })
    expect(await get()).toMatchObject({ code: 0, stdout: "ok" })
  })

  it("comes back on its port with its data", async () => {
    const before = await second.request("GET", "/api/v1/namespaces/default")
    await second.kill()
    await expect(second.request("GET", "/readyz")).rejects.toThrow()
    await second.restart()
    const uid = (answer: Answer) => JSON.parse(answer.body).metadata.uid
    expect(uid(await second.request("GET", "/api/v1/namespaces/default"))).toBe(uid(before))
  })
})

describe.skipIf(lacking("coredns"))("CoreDNS", { timeout: 60_000 }, () => {
  const corefile = (address: string) => `global:53 {
    errors
    reload 2s 1s
    hosts {
        ${address} reviews.global
        ttl 30
        no_reverse
        fallthrough
    }
    forward . 127.0.0.1:5399
}
global:5399 {
    bind 127.0.0.1
    template ANY ANY global {
        rcode NXDOMAIN
        authority "global. 30 IN SOA ns.dns.global. hostmaster.dns.global. (1 60 60 60 30)"
    }
}
`

  it("serves a cluster's Corefile and takes a new one", async () => {
    await using dns = await startCoreDns({ corefile: corefile("240.0.0.10"), ports: [53, 5399] })
    const known = { name: "reviews.global.", type: "A", ttl: 30, data: "240.0.0.10" }
    expect(await dns.query("reviews.global")).toMatchObject({ rcode: "NOERROR", authoritative: true, answers: [known] })
    expect(await dns.query("reviews.global", "AAAA")).toMatchObject({ rcode: "NOERROR", answers: [] })
    const soa = { type: "SOA", data: "ns.dns.global. hostmaster.dns.global. 1 60 60 60 30" }
    expect(await dns.query("nobody.global")).toMatchObject({ rcode: "NXDOMAIN", authority: [soa] })
    expect((await dns.query("example.org")).rcode).toBe("REFUSED")

    dns.write("Corefile", corefile("240.0.0.11"))
    await expect
      .poll(async () => (await dns.query("reviews.global")).answers[0]?.data, { timeout: 10_000, interval: 100 })
      .toBe("240.0.0.11")
  })

  it("says why it does not start", async () => {
    await expect(startCoreDns({ corefile: "global:53 {\n    proxy . 10.0.0.1\n}\n" })).rejects.toThrow("proxy")
  })
})

describe.skipIf(lacking("istio-validate"))("istio-validate", { timeout: 60_000 }, () => {
  it("accepts a good object and names every layer that refuses a bad one", async () => {
    const bad = serviceEntry("Bad")
      .replace("number: 80,", "number: 80000,")
      .replace("protocol: HTTP", "protocol: GOPHER")
    const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: { name: x }\n"
    const results = await validate(["# nothing here\n", serviceEntry("good"), bad, namespace].join("---\n"))

    expect(results).toMatchObject([
      { index: 0, kind: "ServiceEntry", name: "good", checked: true, ok: true, errors: [] },
      { index: 1, name: "Bad", ok: false },
      { index: 2, kind: "Namespace", checked: false, ok: true }
    ])
    const errors = results[1]!.errors.join("\n")
    expect(errors).toContain("schema: spec.ports[0].number: Invalid value: 80000: port must be between 1-65535")
    expect(errors).toContain("metadata: metadata.name: Invalid value")
    expect(errors).toContain("istio: unsupported protocol: GOPHER")
  })
})
