/** What goes wrong with live clusters, as a person at `cw` meets it: named, one line, what to do, others unaffected. */
import { createServer, type Server } from "node:https"
import { createServer as createPlain } from "node:http"
import type { AddressInfo } from "node:net"
import { chmodSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { authority } from "../packages/kubernetes/test/Pki.ts"
import { cw, folder, type Outcome, write } from "./cli/Cw.ts"
import { type ApiServer, startApiServer } from "./parts/ApiServer.ts"
import { startFaultProxy } from "./parts/FaultProxy.ts"
import { lacking } from "./parts/Parts.ts"

const pipeline = `apiVersion: coddiwomple.io/v1alpha1
kind: Pipeline
metadata: { name: bad }
sources:
  fleet: { uses: kubernetes, with: { clusters: clusters.json, select: { labels: export=yes } } }
transforms:
  mesh: { uses: istio-global-dns, with: { createNamespaces: true } }
sinks:
  clusters: { uses: kubectl-apply, policy: sync }
`
const secret = "SECRET-OF-A-TOKEN"

describe.skipIf(lacking("etcd", "kube", "istio-crds"))("live clusters that are not as they should be", () => {
  let server: ApiServer
  const others: Array<Server | ReturnType<typeof createPlain>> = []
  beforeAll(async () => {
    server = await startApiServer({ istioCrds: true })
    await server.kubectl(["create", "namespace", "istio-system"])
    await service("reviews")
  }, 120_000)
  afterAll(async () => {
    for (const one of others) one.close()
    await server?.stop()
  })

  const service = async (name: string, annotations: Readonly<Record<string, string>> = {}, exported = true) => {
    const body = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, labels: exported ? { export: "yes" } : {}, annotations },
      spec: { ports: [{ name: "http", port: 80, protocol: "TCP" }] }
    }
    const options = { body: JSON.stringify(body), type: "application/apply-patch+yaml" }
    const path = `/api/v1/namespaces/default/services/${name}?fieldManager=t&force=true`
    expect((await server.request("PATCH", path, options)).status).toBeLessThan(300)
  }
  const listening = async (one: (typeof others)[number]): Promise<string> => {
    others.push(one)
    await new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve))
    return `https://127.0.0.1:${(one.address() as AddressInfo).port}`
  }
  const kubeconfig = (url: string, ca: string, user: string): string =>
    `clusters: [{ name: c, cluster: { server: "${url}", certificate-authority-data: ${Buffer.from(ca).toString("base64")} } }]
users: [{ name: u, user: ${user} }]
contexts: [{ name: x, context: { cluster: c, user: u } }]
current-context: x
`
  /** A folder whose pipeline has one cluster, the real one. */
  const good = (): string =>
    folder({
      "pipeline.yaml": pipeline,
      "good.kubeconfig": readFileSync(server.kubeconfig, "utf8"),
      "clusters.json": JSON.stringify([{ name: "good", address: "203.0.113.1", kubeconfig_path: "good.kubeconfig" }])
    })
  const versions = async (): Promise<string> => {
    const kinds = "serviceentry,destinationrule,gateway,configmap,namespace"
    const columns = "jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{'\\n'}{end}"
    return (await server.kubectl(["get", kinds, "-A", "-o", columns])).stdout
  }
  const all = ({ stderr, stdout }: Outcome): string => `${stdout}${stderr}`

  it("every kind of bad kubeconfig, credential and server at once: each is named, the good one is served", async () => {
    const ca = authority()
    const page = (_: unknown, response: { end: (text: string) => void }) => response.end("<html>sign in</html>")
    const url = {
      page: await listening(createServer(ca.issue({ cn: "s", ips: ["127.0.0.1"] }), page)),
      expired: await listening(
        createServer(ca.issue({ cn: "s", ips: ["127.0.0.1"], until: new Date("2024-01-01") }), page)
      ),
      name: await listening(createServer(ca.issue({ cn: "s", names: ["kubernetes.example"] }), page)),
      plain: await listening(createPlain(page))
    }
    await using hole = await startFaultProxy({ port: server.port })
    hole.set({ kind: "blackhole" })
    const token = `{ token: ${secret} }`
    const exec = (command: string) =>
      `{ exec: { apiVersion: client.authentication.k8s.io/v1, command: ${command}, interactiveMode: Never } }`
    // Two names for one server would be a finding of their own.
    await using doors = new AsyncDisposableStack()
    const door = async () => `https://127.0.0.1:${doors.use(await startFaultProxy({ port: server.port })).port}`
    const old = ca.issue({ cn: "someone", until: new Date("2024-01-01") })
    const base64 = (text: string) => Buffer.from(text).toString("base64")
    const cases: Readonly<Record<string, readonly [text: string | undefined, code: string, words: RegExp]>> = {
      missing: [undefined, "CW420", /missing\.kubeconfig.* does not exist/],
      malformed: [`clusters: [\n  token: ${secret}\n users: }`, "CW421", /not valid YAML/],
      other: ["{}", "CW421", /is not a kubeconfig/],
      context: [
        readFileSync(server.kubeconfig, "utf8").replace(/current-context: .*/, "current-context: wset"),
        "CW422",
        /has no context "wset"/
      ],
      certificate: [
        kubeconfig(
          server.url,
          server.ca,
          `{ client-certificate-data: ${base64(old.cert)}, client-key-data: ${base64(old.key)} }`
        ),
        "CW424",
        /client certificate expired on 2024-01-01/
      ],
      authority: [kubeconfig(await door(), ca.cert, token), "CW424", /not signed by the certificate-authority/],
      expired: [kubeconfig(url.expired, ca.cert, token), "CW424", /certificate of the server has expired/],
      name: [kubeconfig(url.name, ca.cert, token), "CW424", /certificate of the server is for another name/],
      page: [kubeconfig(url.page, ca.cert, token), "CW426", /is no Kubernetes API/],
      plain: [kubeconfig(url.plain, ca.cert, token), "CW426", /is no Kubernetes API/],
      refused: [kubeconfig("https://127.0.0.1:1", ca.cert, token), "CW425", /does not answer/],
      hole: [kubeconfig(`https://127.0.0.1:${hole.port}`, server.ca, token), "CW425", /no connection within \d s/],
      token: [kubeconfig(await door(), server.ca, token), "CW427", /does not accept the user of context "x"/],
      plugin: [
        kubeconfig(await door(), server.ca, exec("no-such-plugin")),
        "CW423",
        /"no-such-plugin" is not installed/
      ],
      hangs: [kubeconfig(await door(), server.ca, exec("./hangs")), "CW423", /did not finish within/],
      rubbish: [kubeconfig(await door(), server.ca, exec("./rubbish")), "CW423", /something that is no JSON/],
      rights: [
        kubeconfig(await door(), server.ca, `{ token: ${server.userToken} }`),
        "CW428",
        /lacks the right to|is forbidden/
      ]
    }
    const directory = folder({ "pipeline.yaml": pipeline })
    for (const [name, [text]] of Object.entries(cases))
      if (text !== undefined) write(directory, { [`${name}.kubeconfig`]: text })
    write(directory, { hangs: "#!/bin/sh\nsleep 60\n", rubbish: `#!/bin/sh\necho ${secret}\n` })
    for (const name of ["hangs", "rubbish"]) chmodSync(join(directory, name), 0o755)
    write(directory, { "good.kubeconfig": readFileSync(server.kubeconfig, "utf8") })
    const clusters = ["good", ...Object.keys(cases)].map((name, i) => ({
      name,
      address: `203.0.113.${i + 1}`,
      kubeconfig_path: `${name}.kubeconfig`
    }))
    write(directory, { "clusters.json": JSON.stringify(clusters) })

    const doctor = await cw(["doctor"], { cwd: directory })
    const run = await cw(["run", "--once"], { cwd: directory })
    for (const outcome of [doctor, run]) {
      expect(outcome.code).toBe(3)
      expect(all(outcome)).not.toContain(secret)
      expect(all(outcome)).not.toMatch(/node:|at \w+ \(|\.ts:\d/)
      for (const [name, [, code, words]] of Object.entries(cases)) {
        const said = outcome.stderr
          .split("\n")
          .filter((l) => l.includes(`[${code}]`) && l.includes(`cluster ${name}: `))
        expect(`${name}: ${said.length > 0 ? said.some((l) => words.test(l)) : "nothing"}`).toBe(`${name}: true`)
      }
    }
    expect((await server.kubectl(["get", "serviceentry", "-A", "-o", "name"])).stdout).toContain("reviews")
  }, 120_000)

  it("a Service that turns bad is held as it is; control characters of others never reach the terminal", async () => {
    const directory = good()
    expect((await cw(["run", "--once"], { cwd: directory })).code).toBe(0)
    const before = await versions()
    await service("reviews", { "coddiwomple.io/traffic": "near\u001b[31mest\u0007\u202E" })
    const bad = await cw(["run", "--once"], { cwd: directory })
    expect(bad.code).toBe(3)
    expect(all(bad)).toContain("coddiwomple.io/traffic")
    // oxlint-disable-next-line no-control-regex
    expect(all(bad)).not.toMatch(/[\u0007\u001b\u202e]/)
    expect(await versions()).toBe(before)
    await service("reviews")
    expect((await cw(["plan", "--exit-code"], { cwd: directory })).code).toBe(0)
  }, 60_000)

  it("A17: an input that shrinks to nothing deletes nothing until somebody says so", async () => {
    const directory = good()
    const names = Array.from({ length: 8 }, (_, i) => `shrink-${i}`)
    for (const name of names) await service(name)
    expect((await cw(["run", "--once"], { cwd: directory })).code).toBe(0)
    const before = await versions()
    for (const name of [...names, "reviews"]) await service(name, {}, false)
    const empty = await cw(["run", "--once"], { cwd: directory })
    expect(empty.code).toBe(4)
    expect(all(empty)).toContain("--allow-deletes")
    expect(await versions()).toBe(before)
    expect((await cw(["run", "--once", "--allow-deletes", "all"], { cwd: directory })).code).toBe(0)
    expect((await server.kubectl(["get", "serviceentry", "-A", "-o", "name"])).stdout).toBe("")
  }, 60_000)
})
