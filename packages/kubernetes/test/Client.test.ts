// The client against real API servers and broken ones: credentials, certificates, retries, and what it says about them.
import { createServer as createHttp } from "node:http"
import { createServer, type Server, type ServerOptions } from "node:https"
import type { AddressInfo } from "node:net"
import { readFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type ApiServer, startApiServer } from "../../../test/parts/ApiServer.ts"
import { type FaultProxy, startFaultProxy } from "../../../test/parts/FaultProxy.ts"
import { lacking } from "../../../test/parts/Parts.ts"
import { toText } from "@coddiwomple/core/Diagnostic"
import type { ApiError } from "../src/ApiError.ts"
import * as Client from "../src/Client.ts"
import * as Discovery from "../src/Discovery.ts"
import { diagnose } from "../src/Problem.ts"
import { folder } from "./Files.ts"
import { authority } from "./Pki.ts"

const files = folder()
const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> => Effect.runPromise(Effect.scoped(effect))

const get = (path = "/version"): Client.ApiRequest => ({ method: "GET", path })

/** The finding of one request: what a person would read. */
const finding = (file: string, request = get(), options: Client.Options = {}): Promise<string> =>
  run(
    Effect.gen(function* () {
      const client = yield* Client.connect("east", { kubeconfigPath: file }, { budget: 300, ...options })
      const outcome = yield* Effect.result(client.request(request))
      return outcome._tag === "Success"
        ? `ok ${outcome.success.status}`
        : toText(diagnose("east", client.context, outcome.failure))
    })
  )

let number = 0
const kubeconfig = (server: string, ca: string | undefined, user: string): string =>
  files.write(
    `config-${++number}`,
    `clusters: [{ name: c, cluster: { server: "${server}"${ca === undefined ? "" : `, certificate-authority-data: ${Buffer.from(ca).toString("base64")}`} } }]
users: [{ name: u, user: ${user} }]
contexts: [{ name: x, context: { cluster: c, user: u } }]
current-context: x
`
  )

const exec = (command: string, more = ""): string =>
  `{ exec: { apiVersion: client.authentication.k8s.io/v1, command: ${command}, interactiveMode: Never${more} } }`

describe("a server that is not what it should be", () => {
  const ca = authority()
  const servers: Array<Server> = []
  afterAll(() => servers.forEach((s) => s.close()))
  const serve = async (options: ServerOptions): Promise<number> => {
    const server = createServer(options, (_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<html>sign in</html>")
    )
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    return (server.address() as AddressInfo).port
  }

  it("has an expired certificate", async () => {
    const port = await serve(ca.issue({ cn: "s", ips: ["127.0.0.1"], until: new Date("2024-01-01") }))
    expect(await finding(kubeconfig(`https://127.0.0.1:${port}`, ca.cert, "{ token: SECRET }"))).toMatch(
      /CW424.*cluster east: the certificate of the server has expired/
    )
  })

  it("has a certificate of another authority", async () => {
    const port = await serve(authority("other").issue({ cn: "s", ips: ["127.0.0.1"] }))
    const text = await finding(kubeconfig(`https://127.0.0.1:${port}`, ca.cert, "{ token: SECRET }"))
    expect(text).toMatch(/CW424.*not signed by the certificate-authority of the kubeconfig/)
    expect(text).not.toContain("SECRET")
  })

  it("has a certificate for another name", async () => {
    const port = await serve(ca.issue({ cn: "s", names: ["kubernetes.example"] }))
    const text = await finding(kubeconfig(`https://127.0.0.1:${port}`, ca.cert, "{ token: SECRET }"))
    expect(text).toMatch(/CW424.*is for another name/)
    expect(text).toContain("tls-server-name")
    const named = kubeconfig(
      `https://127.0.0.1:${port}", tls-server-name: "kubernetes.example`,
      ca.cert,
      "{ token: SECRET }"
    )
    expect(await finding(named)).toContain("CW426")
  })

  it("is a web page", async () => {
    const port = await serve(ca.issue({ cn: "s", ips: ["127.0.0.1"] }))
    expect(await finding(kubeconfig(`https://127.0.0.1:${port}`, ca.cert, "{ token: SECRET }"))).toMatch(
      /CW426.*is no Kubernetes API: it answers with text\/html/
    )
  })

  it("speaks plain HTTP where TLS is expected", async () => {
    const plain = createHttp((_, response) => response.end("hello"))
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve))
    const text = await finding(
      kubeconfig(`https://127.0.0.1:${(plain.address() as AddressInfo).port}`, ca.cert, "{ token: SECRET }")
    )
    plain.close()
    expect(text).toMatch(/CW42[56].*cluster east/)
  })

  it("is told without the credentials in its URL", async () => {
    const text = await finding(kubeconfig("https://bob:SECRET@127.0.0.1:1", ca.cert, "{ token: SECRET }"))
    expect(text).toMatch(/CW425.*https:\/\/127\.0\.0\.1:1 does not answer/)
    expect(text).not.toMatch(/SECRET|bob/)
  })

  it("is not there", async () => {
    expect(await finding(kubeconfig("https://127.0.0.1:1", ca.cert, "{ token: SECRET }"))).toMatch(
      /CW425.*cluster east: https:\/\/127\.0\.0\.1:1 does not answer: connect ECONNREFUSED/
    )
    expect(await finding(kubeconfig("https://no-such-host.invalid", ca.cert, "{ token: SECRET }"))).toMatch(
      /CW425.*does not answer/
    )
  })
})

describe.skipIf(lacking("etcd", "kube"))("credentials", () => {
  let server: ApiServer
  beforeAll(async () => {
    server = await startApiServer()
  }, 120_000)
  afterAll(() => server?.stop())

  const plugin = (name: string, script: string): string => files.write(name, `#!/bin/sh\n${script}\n`, 0o755)
  const credential = (token: string, expires?: string): string =>
    `printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"${expires === undefined ? "" : `,"expirationTimestamp":"%s"`}}}' "${token}" ${expires ?? ""}`
  const config = (user: string) => kubeconfig(server.url, server.ca, user)
  const runs = (file: string) => readFileSync(`${files.path}/${file}`, "utf8").trim().split("\n").length

  it("client-certificate, token, tokenFile", async () => {
    expect(await finding(config("{ token: admin-token }"))).toBe("ok 200")
    files.write("tok", "admin-token\n")
    expect(await finding(config("{ tokenFile: tok }"))).toBe("ok 200")
    expect(await finding(config("{ tokenFile: missing }"))).toMatch(
      /CW423.*cluster east: token file .*missing cannot be read \(ENOENT\)/
    )
  })

  it("impersonation with groups", async () => {
    const nodes = get("/api/v1/nodes")
    expect(await finding(config("{ token: admin-token, as: someone }"), nodes)).toMatch(
      /CW428.*User "someone" cannot list resource "nodes"/
    )
    expect(await finding(config('{ token: admin-token, as: someone, as-groups: ["system:masters"] }'), nodes)).toBe(
      "ok 200"
    )
  })

  it("refused token", async () => {
    const text = await finding(config("{ token: SECRET-WRONG }"), get("/api/v1/nodes"))
    expect(text).toMatch(/CW427.*cluster east: .* does not accept the user of context "x"/)
    expect(text).not.toContain("SECRET")
  })

  it("exec plugin: relative, with KUBERNETES_EXEC_INFO, one run for many requests", async () => {
    plugin(
      "get-token",
      `echo run >> "$(dirname "$0")/count"; printf '%s' "$KUBERNETES_EXEC_INFO" > "$(dirname "$0")/info"; sleep 0.2; ${credential("$TOKEN")}`
    )
    const file = config(exec("./get-token", ", provideClusterInfo: true, env: [{ name: TOKEN, value: admin-token }]"))
    await run(
      Effect.gen(function* () {
        const client = yield* Client.connect("east", { kubeconfigPath: file })
        yield* Effect.all(
          Array.from({ length: 20 }, () => client.request(get("/api/v1/namespaces"))),
          { concurrency: "unbounded" }
        )
      })
    )
    expect(runs("count")).toBe(1)
    const info = JSON.parse(readFileSync(`${files.path}/info`, "utf8"))
    expect(info).toMatchObject({
      kind: "ExecCredential",
      spec: { interactive: false, cluster: { server: server.url } }
    })
  })

  it("A19 and W12: a refused token is renewed once, and the request is repeated", async () => {
    plugin(
      "revoked",
      `d="$(dirname "$0")"; echo run >> "$d/revoked-count"; if [ $(wc -l < "$d/revoked-count") = 1 ]; then ${credential("old")}; else ${credential("admin-token")}; fi`
    )
    expect(await finding(config(exec("./revoked")), get("/api/v1/nodes"))).toBe("ok 200")
    expect(runs("revoked-count")).toBe(2)
  })

  it("A19: tokens that live two seconds never fail a request", async () => {
    plugin(
      "short",
      `echo run >> "$(dirname "$0")/short-count"; ${credential("admin-token", `"$(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%SZ)"`)}`
    )
    await run(
      Effect.gen(function* () {
        const client = yield* Client.connect("east", { kubeconfigPath: config(exec("./short")) })
        for (let i = 0; i < 30; i++) {
          yield* client.request({ ...get("/api/v1/namespaces"), retry: false })
          yield* Effect.sleep(100)
        }
      })
    )
    expect(runs("short-count")).toBeGreaterThan(1)
    expect(runs("short-count")).toBeLessThan(15)
  })

  it("A23: with a clock an hour ahead every token looks expired, and works", async () => {
    plugin("skewed", `echo run >> "$(dirname "$0")/skewed-count"; ${credential("admin-token", "2020-01-01T00:00:00Z")}`)
    expect(await finding(config(exec("./skewed")))).toBe("ok 200")
    expect(runs("skewed-count")).toBe(1)
  })

  it("exec plugin that is missing, fails, hangs, or prints rubbish", async () => {
    expect(await finding(config(exec("no-such-plugin", ", installHint: install it from here")))).toMatch(
      /CW423.*exec plugin "no-such-plugin" is not installed; install it from here/
    )
    plugin("fails", 'echo "token: SECRET-A" >&2; echo "Error: bearer SECRET-B is not valid, PASS=SECRET-C" >&2; exit 3')
    const failed = await finding(config(exec("./fails")))
    expect(failed).toMatch(/exec plugin ".\/fails" ended with exit code 3: Error:/)
    expect(failed).not.toContain("SECRET")
    plugin("hangs", "sleep 60 & sleep 60")
    expect(await finding(config(exec("./hangs")), get(), { execLimit: 300 })).toContain("did not finish within")
    plugin("rubbish", "echo SECRET rubbish")
    const rubbish = await finding(config(exec("./rubbish")))
    expect(rubbish).toContain("printed something that is no JSON")
    expect(rubbish).not.toContain("SECRET")
    plugin("empty", "true")
    expect(await finding(config(exec("./empty")))).toContain("printed nothing")
    plugin("other", `echo '{"kind":"Pod"}'`)
    expect(await finding(config(exec("./other")))).toContain("no ExecCredential")
    plugin("flood", "yes SECRET")
    expect(await finding(config(exec("./flood")))).toMatch(/printed more than \d+ bytes/)
  })

  it("a kubeconfig that was changed meanwhile is read again after a 401", async () => {
    const file = config("{ token: outdated }")
    await run(
      Effect.gen(function* () {
        const client = yield* Client.connect("east", { kubeconfigPath: file })
        files.write(file.split("/").pop()!, readFileSync(file, "utf8").replace("outdated", "admin-token"))
        expect((yield* client.request(get("/api/v1/nodes"))).status).toBe(200)
      })
    )
  })

  it("discovery knows the kinds, and notices new ones", async () => {
    await run(
      Effect.gen(function* () {
        const client = yield* Client.connect("east", { kubeconfigPath: server.kubeconfig })
        const mapper = Discovery.make(client)
        const found = yield* mapper.find("apps", "Deployment")
        expect(found).toMatchObject({ version: "v1", plural: "deployments", namespaced: true })
        expect(Discovery.path(found!, "a b", "x")).toBe("/apis/apps/v1/namespaces/a%20b/deployments/x")
        expect(yield* mapper.find("", "Namespace", "v1")).toMatchObject({ namespaced: false })
        expect(yield* mapper.find("", "Namespace", "v2")).toBeUndefined()
        expect(yield* mapper.find("nothing.example", "Thing")).toBeUndefined()
      })
    )
  })
})

describe.skipIf(lacking("etcd", "kube"))("requests through faults", () => {
  let server: ApiServer
  let proxy: FaultProxy
  let file: string
  beforeAll(async () => {
    server = await startApiServer()
    proxy = await startFaultProxy({ port: server.port })
    file = server.writeKubeconfig("proxied", { url: `https://127.0.0.1:${proxy.port}` })
  }, 120_000)
  afterAll(async () => {
    await proxy?.close()
    await server?.stop()
  })

  const during = <A, E>(body: (client: Client.Client) => Effect.Effect<A, E>, options: Client.Options = {}) =>
    run(Effect.flatMap(Client.connect("east", { kubeconfigPath: file }, options), body))

  const many = (client: Client.Client, n = 40) =>
    Effect.all(
      Array.from({ length: n }, () => Effect.result(client.request(get("/api/v1/namespaces/default")))),
      { concurrency: "unbounded" }
    )

  it("A1: a server killed in between costs time, not a request", async () => {
    const answers = await during((client) =>
      Effect.gen(function* () {
        yield* client.request(get())
        const restarted = server.restart()
        const answers = yield* many(client)
        yield* Effect.promise(() => restarted)
        return answers
      })
    )
    expect(answers.filter((a) => a._tag === "Failure")).toEqual([])
  })

  it("connections that are reset are opened again", async () => {
    const answers = await during((client) =>
      Effect.gen(function* () {
        yield* client.request(get())
        proxy.set({ kind: "reset" })
        setTimeout(() => proxy.set({ kind: "none" }), 300)
        return yield* many(client)
      })
    )
    expect(answers.filter((a) => a._tag === "Failure")).toEqual([])
  })

  it("a blackholed server is given up within the budget, and the outcome is in doubt", async () => {
    const error = await during(
      (client) =>
        Effect.gen(function* () {
          yield* client.request(get())
          proxy.set({ kind: "blackhole" })
          const error = yield* Effect.flip(client.request({ ...get(), timeout: 200, budget: 500 }))
          proxy.set({ kind: "none" })
          return error as ApiError
        }),
      { connectTimeout: 200 }
    )
    expect(error).toMatchObject({ reason: "Lost", doubt: true })
    expect(error.attempts).toBeGreaterThan(1)
  })

  it("A4: 429 is obeyed: fewer at once, Retry-After kept, all answered", async () => {
    const user = server.writeKubeconfig("user", { token: server.userToken })
    const flow = [
      {
        kind: "ClusterRoleBinding",
        apiVersion: "rbac.authorization.k8s.io/v1",
        metadata: { name: "user" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
        subjects: [{ kind: "User", name: "user", apiGroup: "rbac.authorization.k8s.io" }]
      },
      {
        kind: "PriorityLevelConfiguration",
        apiVersion: "flowcontrol.apiserver.k8s.io/v1",
        metadata: { name: "tiny" },
        spec: {
          type: "Limited",
          limited: {
            nominalConcurrencyShares: 1,
            lendablePercent: 0,
            borrowingLimitPercent: 0,
            limitResponse: { type: "Reject" }
          }
        }
      },
      {
        kind: "FlowSchema",
        apiVersion: "flowcontrol.apiserver.k8s.io/v1",
        metadata: { name: "tiny" },
        spec: {
          priorityLevelConfiguration: { name: "tiny" },
          matchingPrecedence: 100,
          rules: [
            {
              subjects: [{ kind: "User", user: { name: "user" } }],
              resourceRules: [
                { verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true }
              ]
            }
          ]
        }
      }
    ]
    for (const object of flow)
      expect((await server.kubectl(["apply", "-f", "-"], JSON.stringify(object))).stderr).toBe("")
    await run(
      Effect.gen(function* () {
        const client = yield* Client.connect("east", { kubeconfigPath: user }, { concurrency: 64 })
        let least = 64
        const answers = yield* Effect.all(
          Array.from({ length: 150 }, (_, i) =>
            Effect.result(
              client.request({
                method: "PATCH",
                path: `/api/v1/namespaces/default/configmaps/a4-${i}`,
                query: { fieldManager: "t", force: "true" },
                contentType: "application/apply-patch+yaml",
                body: JSON.stringify({
                  apiVersion: "v1",
                  kind: "ConfigMap",
                  metadata: { name: `a4-${i}`, namespace: "default" },
                  data: { text: "x".repeat(20_000) }
                })
              })
            ).pipe(Effect.tap(() => Effect.sync(() => (least = Math.min(least, client.limit())))))
          ),
          { concurrency: "unbounded" }
        )
        expect(answers.filter((a) => a._tag === "Failure")).toEqual([])
        const attempts = answers.reduce((n, a) => n + (a._tag === "Success" ? a.success.attempts : 0), 0)
        // The fault has to have happened, and to have been answered with restraint.
        expect(attempts).toBeGreaterThan(150)
        expect(attempts).toBeLessThan(600)
        expect(least).toBeLessThan(64)
      })
    )
  }, 60_000)

  it("A5: an orderly shutdown while requests run fails none", async () => {
    const answers = await during((client) =>
      Effect.gen(function* () {
        yield* client.request(get())
        server.program.signal("SIGTERM")
        const answers = yield* Effect.forkChild(many(client), { startImmediately: true })
        yield* Effect.sleep(500)
        yield* Effect.promise(() => server.restart())
        return yield* Fiber.join(answers)
      })
    )
    expect(answers.filter((a) => a._tag === "Failure")).toEqual([])
  })
})
