// One object at a time against a real API server: what is compared, what is refused and why, what is never done.
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type ApiServer, startApiServer } from "../../../test/parts/ApiServer.ts"
import { things } from "../../../test/parts/Crd.ts"
import { lacking } from "../../../test/parts/Parts.ts"
import type { ApiError } from "../src/ApiError.ts"
import * as Apply from "../src/Apply.ts"
import * as Client from "../src/Client.ts"
import * as Discovery from "../src/Discovery.ts"
import { compare, same } from "../src/ManagedFields.ts"
import * as Migrate from "../src/Migrate.ts"
import type { Raw } from "../src/List.ts"
import { type Intercept, startIntercept } from "./Intercept.ts"

const istio = "networking.istio.io/v1"
const meta = (name: string, more: object = {}) => ({ name, namespace: "default", ...more })

const entry = (name: string, spec: object = {}): Apply.Body => ({
  apiVersion: istio,
  kind: "ServiceEntry",
  metadata: meta(name, { labels: { "coddiwomple.io/pipeline": "p" }, annotations: { "a.b/c": "d" } }),
  spec: {
    hosts: [`${name}.global`],
    addresses: ["240.0.0.1"],
    location: "MESH_INTERNAL",
    resolution: "STATIC",
    ports: [{ number: 80, name: "http", protocol: "HTTP" }],
    endpoints: [{ address: "1.2.3.4", ports: { http: 15443 }, labels: { "security.istio.io/tlsMode": "istio" } }],
    ...spec
  }
})

/** One of every kind that cw writes, or that people put beside it. */
const kinds: ReadonlyArray<Apply.Body> = [
  entry("k-se"),
  {
    apiVersion: istio,
    kind: "Gateway",
    metadata: meta("k-gw"),
    spec: {
      selector: { istio: "eastwestgateway" },
      servers: [
        {
          port: { number: 15443, name: "tls", protocol: "TLS" },
          tls: { mode: "AUTO_PASSTHROUGH" },
          hosts: ["k.global"]
        }
      ]
    }
  },
  {
    apiVersion: istio,
    kind: "DestinationRule",
    metadata: meta("k-dr"),
    spec: {
      host: "k.global",
      trafficPolicy: {
        tls: { mode: "ISTIO_MUTUAL" },
        outlierDetection: { consecutive5xxErrors: 3, interval: "5s", baseEjectionTime: "30s" },
        loadBalancer: { localityLbSetting: { failoverPriority: ["cluster=east"] } }
      }
    }
  },
  {
    apiVersion: istio,
    kind: "VirtualService",
    metadata: meta("k-vs"),
    spec: {
      hosts: ["k.global"],
      tls: [
        {
          match: [{ port: 443, sniHosts: ["k.global"] }],
          route: [{ destination: { host: "a.b.svc.cluster.local", port: { number: 80 } }, weight: 100 }]
        }
      ]
    }
  },
  {
    apiVersion: istio,
    kind: "WorkloadEntry",
    metadata: meta("k-we"),
    spec: { address: "1.2.3.4", labels: { app: "k" } }
  },
  { apiVersion: istio, kind: "Sidecar", metadata: meta("k-sc"), spec: { egress: [{ hosts: ["./*"] }] } },
  {
    apiVersion: "security.istio.io/v1",
    kind: "PeerAuthentication",
    metadata: meta("k-pa"),
    spec: { mtls: { mode: "STRICT" } }
  },
  { apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy", metadata: meta("k-ap"), spec: {} },
  { apiVersion: "v1", kind: "ConfigMap", metadata: meta("k-cm"), data: { "a.server": "x {\n}\n", b: "" } },
  { apiVersion: "v1", kind: "Secret", metadata: meta("k-s"), stringData: { token: "geheim" } },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: meta("k-svc"),
    spec: {
      selector: { app: "k" },
      ports: [
        { name: "http", port: 80, targetPort: "web", protocol: "TCP" },
        { name: "dns", port: 53, protocol: "UDP" }
      ]
    }
  },
  { apiVersion: "v1", kind: "Namespace", metadata: { name: "k-ns", labels: { "istio-injection": "enabled" } } },
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: meta("k-np"),
    spec: { podSelector: {}, policyTypes: ["Ingress"] }
  },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: meta("k-r"),
    rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }]
  },
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: meta("k-d"),
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: "k" } },
      template: {
        metadata: { labels: { app: "k" } },
        spec: {
          containers: [
            { name: "c", image: "i", ports: [{ containerPort: 80, protocol: "TCP" }], env: [{ name: "A", value: "1" }] }
          ]
        }
      }
    }
  }
]

describe.skipIf(lacking("etcd", "kube", "istio-crds"))("apply", () => {
  let server: ApiServer
  beforeAll(async () => {
    server = await startApiServer({ istioCrds: true })
  }, 120_000)
  afterAll(() => server?.stop())

  interface Tools {
    readonly client: Client.Client
    readonly apply: (body: Apply.Body, force?: boolean, manager?: string) => Effect.Effect<Apply.Applied, ApiError>
    readonly live: (body: Apply.Body) => Effect.Effect<Raw | undefined, ApiError>
    readonly resource: (body: Apply.Body) => Effect.Effect<Discovery.Resource, ApiError>
  }
  const using = <A, E>(
    body: (tools: Tools) => Effect.Effect<A, E, Scope.Scope>,
    kubeconfig = server.kubeconfig,
    options: Client.Options = {}
  ): Promise<A> =>
    Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const client = yield* Client.connect("east", { kubeconfigPath: kubeconfig }, { budget: 2000, ...options })
          const mapper = Discovery.make(client)
          const resource: Tools["resource"] = (o) =>
            Effect.map(
              mapper.find(...(Discovery.groupVersion(String(o.apiVersion)).slice(0, 1) as [string]), String(o.kind)),
              (r) => r!
            )
          return yield* body({
            client,
            resource,
            apply: (o, force = false, manager) =>
              Effect.flatMap(resource(o), (r) =>
                Apply.apply(client, r, Apply.prepare(o), { force, ...(manager === undefined ? {} : { manager }) })
              ),
            live: (o) =>
              Effect.flatMap(resource(o), (r) =>
                Apply.get(client, r, (o.metadata as Raw["metadata"]).namespace, (o.metadata as Raw["metadata"]).name)
              )
          })
        })
      )
    )
  const refusal = (body: Apply.Body, force = false): Promise<ApiError> =>
    using(({ apply }) => Effect.flip(apply(body, force)) as Effect.Effect<ApiError>)

  const through = async (body: (proxy: Intercept) => Promise<void>) => {
    const proxy = await startIntercept(server)
    await body(proxy).finally(() => proxy[Symbol.asyncDispose]())
  }

  it("A22: what was applied compares as the same, for every kind, and applying it again moves nothing", () =>
    using(({ apply, live }) =>
      Effect.gen(function* () {
        for (const body of kinds) {
          const first = yield* apply(body)
          expect(first.created).toBe(true)
          const there = (yield* live(body))!
          const compared = compare(Apply.prepare(body), there, Apply.manager)
          expect([body.kind, compared]).toEqual([body.kind, { differences: [], ownership: 0 }])
        }
        yield* Effect.sleep(1100)
        for (const body of kinds) {
          const before = (yield* live(body))!.metadata.resourceVersion
          const again = yield* apply(body, true)
          expect([body.kind, again.object.metadata.resourceVersion]).toEqual([body.kind, before])
        }
      })
    ))

  it("differences are named by field: changed, added, removed, in lists and labels", () =>
    using(({ apply, live }) =>
      Effect.gen(function* () {
        const body = entry("diff")
        yield* apply(body)
        const there = (yield* live(body))!
        const wanted = Apply.prepare({
          ...entry("diff", { resolution: "DNS", addresses: undefined, exportTo: ["."] }),
          metadata: meta("diff", { labels: { "coddiwomple.io/pipeline": "q", x: "y" } })
        })
        const { differences } = compare(wanted, there, Apply.manager)
        expect(differences.map(({ path, before, after }) => ({ path, before, after }))).toEqual([
          { path: 'metadata.labels["coddiwomple.io/pipeline"]', before: "p", after: "q" },
          { path: "metadata.labels.x", before: undefined, after: "y" },
          { path: "metadata.annotations", before: { "a.b/c": "d" }, after: undefined },
          { path: "spec.resolution", before: "STATIC", after: "DNS" },
          { path: "spec.exportTo", before: undefined, after: ["."] },
          { path: "spec.addresses", before: ["240.0.0.1"], after: undefined }
        ])
        const service = kinds.find((k) => k.kind === "Service")!
        const ports = [
          { name: "http", port: 80, targetPort: "other", protocol: "TCP" },
          { name: "new", port: 81, protocol: "TCP" }
        ]
        const changed = compare(
          { ...service, spec: { selector: { app: "k" }, ports } },
          (yield* live(service))!,
          Apply.manager
        )
        expect(changed.differences.map((d) => [d.path, d.before, d.after])).toEqual([
          ["spec.ports[port=80,protocol=TCP].targetPort", "web", "other"],
          ["spec.ports[port=81,protocol=TCP].name", undefined, "new"],
          ["spec.ports[port=81,protocol=TCP].port", undefined, 81],
          ["spec.ports[port=81,protocol=TCP].protocol", undefined, "TCP"],
          ["spec.ports[port=53,protocol=UDP]", { name: "dns", port: 53, protocol: "UDP", targetPort: 53 }, undefined]
        ])
      })
    ))

  it("A12: fields of others are a conflict that names field and manager, and with force they are taken", () =>
    using(({ apply, live }) =>
      Effect.gen(function* () {
        const body = entry("conflict")
        yield* apply(body, false, "someone")
        const wanted = entry("conflict", { resolution: "DNS" })
        const there = (yield* live(body))!
        const foreseen = compare(Apply.prepare(wanted), there, Apply.manager)
        expect(foreseen.differences.map((d) => [d.path, d.owners])).toEqual([["spec.resolution", ["someone"]]])
        const error = (yield* Effect.flip(apply(wanted))) as ApiError
        expect(error).toMatchObject({ reason: "Conflict", code: 409, attempts: 1 })
        expect(Apply.conflictsOf(error)).toEqual([{ field: "spec.resolution", manager: "someone" }])
        yield* apply(wanted, true)
        expect(same(compare(Apply.prepare(wanted), (yield* live(body))!, Apply.manager))).toBe(true)
      })
    ))

  it("drift by kubectl edit is a difference, an unrelated label is none", () =>
    using(({ apply, live }) =>
      Effect.gen(function* () {
        const body = entry("drift")
        yield* apply(body)
        yield* Effect.promise(() => server.kubectl(["label", "serviceentry/drift", "foreign=yes"]))
        expect(same(compare(Apply.prepare(body), (yield* live(body))!, Apply.manager))).toBe(true)
        yield* Effect.promise(() =>
          server.kubectl(["patch", "serviceentry/drift", "--type=merge", "-p", '{"spec":{"resolution":"DNS"}}'])
        )
        const { differences } = compare(Apply.prepare(body), (yield* live(body))!, Apply.manager)
        expect(differences).toMatchObject([
          { path: "spec.resolution", before: "DNS", after: "STATIC", rewritten: false }
        ])
      })
    ))

  it("A13: two pipelines own their keys of one object, a hundred rounds at once, and release only theirs", () =>
    using(({ apply, live, resource, client }) =>
      Effect.gen(function* () {
        const shared = (key: string, value: string): Apply.Body => ({
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: meta("shared"),
          data: { [key]: value }
        })
        const [one, two] = [Apply.fieldsManager("one"), Apply.fieldsManager("two")]
        yield* Effect.forEach(
          Array.from({ length: 100 }, (_, i) => i),
          (i) =>
            Effect.all([apply(shared("one", String(i)), true, one), apply(shared("two", String(i)), true, two)], {
              concurrency: 2
            }),
          { concurrency: 1 }
        )
        const there = (yield* live(shared("", "")))!
        expect(there.data).toEqual({ one: "99", two: "99" })
        yield* Apply.release(client, yield* resource(shared("", "")), there, one)
        expect((yield* live(shared("", "")))!.data).toEqual({ two: "99" })
      })
    ))

  it("A14 and A15: a delete names its UID: another object stays, one with finalizers goes on deleting", () =>
    using(({ apply, live, resource, client }) =>
      Effect.gen(function* () {
        const body = entry("uid")
        const kind = yield* resource(body)
        const first = (yield* apply(body)).object.metadata.uid!
        yield* Effect.promise(() => server.kubectl(["delete", "serviceentry/uid"]))
        const second = (yield* apply(body)).object.metadata.uid!
        expect(yield* Apply.remove(client, kind, "default", "uid", first)).toBe("replaced")
        expect((yield* live(body))?.metadata.uid).toBe(second)
        expect(yield* Apply.remove(client, kind, "default", "uid", second)).toBe("deleted")
        expect(yield* Apply.remove(client, kind, "default", "uid", second)).toBe("deleted")
        const stuck = { ...entry("stuck"), metadata: meta("stuck", { finalizers: ["example.com/never"] }) }
        const uid = (yield* apply(stuck)).object.metadata.uid!
        expect(yield* Apply.remove(client, kind, "default", "stuck", uid)).toBe("deleting")
      })
    ))

  it("A24: what only the server may set is not sent", () =>
    using(({ apply, live }) =>
      Effect.gen(function* () {
        const dirty = {
          ...entry("dirty"),
          status: { conditions: [] },
          metadata: meta("dirty", {
            resourceVersion: "1",
            uid: "x",
            generation: 7,
            creationTimestamp: null,
            managedFields: [{ manager: "x" }],
            labels: { a: "b", c: null }
          })
        }
        yield* apply(dirty)
        const there = (yield* live(dirty))!
        expect(there.metadata.labels).toEqual({ a: "b" })
        expect(same(compare(Apply.prepare(dirty), there, Apply.manager))).toBe(true)
      })
    ))

  it("refusals of the server are final, and say what is wrong", async () => {
    const unknown = await refusal(entry("bad", { resolutoin: "DNS" }))
    expect(unknown).toMatchObject({ reason: "Invalid", code: 500, attempts: 1 })
    expect(unknown.message).toContain(".spec.resolutoin: field not declared in schema")
    expect(await refusal(entry("bad", { hosts: { x: 1 } }))).toMatchObject({ reason: "Invalid", attempts: 1 })
    expect(await refusal(entry("bad", { ports: [{ number: 80000, name: "http", protocol: "HTTP" }] }))).toMatchObject({
      reason: "Invalid",
      code: 422
    })
    expect(await refusal({ ...entry("bad"), metadata: { name: "bad", namespace: "nowhere" } })).toMatchObject({
      reason: "NotFound",
      kind: "namespaces"
    })
    expect(await refusal({ ...entry("bad"), metadata: meta("../../evil name") })).toMatchObject({
      reason: "Invalid",
      attempts: 0
    })
    expect(await refusal({ ...entry("bad"), metadata: meta("Evil Name") })).toMatchObject({
      reason: "Invalid",
      attempts: 1
    })
  })

  it("A9: a kind whose definition was deleted is not found", async () => {
    const crd = things("example.com")
    const thing = { apiVersion: "example.com/v1", kind: "Thing", metadata: meta("thing"), spec: {} }
    await server.kubectl(["apply", "-f", "-"], JSON.stringify(crd))
    await server.kubectl(["wait", "--for=condition=Established", "crd/things.example.com"])
    await using(({ client, resource, apply }) =>
      Effect.gen(function* () {
        const known = yield* resource(thing)
        yield* apply(thing)
        yield* Effect.promise(() => server.kubectl(["delete", "crd/things.example.com"]))
        const error = (yield* Effect.flip(Apply.apply(client, known, thing, { force: false }))) as ApiError
        expect(error).toMatchObject({ reason: "NotFound", attempts: 1 })
      })
    )
  })

  it("A10: a namespace that is being deleted refuses at once", async () => {
    const pod = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "hold", namespace: "dying", finalizers: ["example.com/never"] }
    }
    await server.kubectl(["create", "namespace", "dying"])
    await server.kubectl(["apply", "-f", "-"], JSON.stringify(pod))
    await server.kubectl(["delete", "namespace", "dying", "--wait=false"])
    expect(await refusal({ ...entry("x"), metadata: { name: "x", namespace: "dying" } })).toMatchObject({
      reason: "Terminating",
      code: 403,
      attempts: 1
    })
  })

  it("A11: an immutable field is refused, and nothing is deleted", async () => {
    const service = (clusterIP: string): Apply.Body => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: meta("fixed"),
      spec: { clusterIP, ports: [{ port: 80, protocol: "TCP" }] }
    })
    await using(({ apply }) => apply(service("10.96.7.7")))
    const error = await refusal(service("10.96.7.8"))
    expect(error).toMatchObject({ reason: "Invalid", code: 422, attempts: 1 })
    expect(error.message).toMatch(/field is immutable|may not change once set/)
  })

  it("A18: a missing right is named, and not tried again", async () => {
    const kubeconfig = server.writeKubeconfig("user", { token: server.userToken })
    const error = await using(
      ({ client }) =>
        Effect.flip(
          Apply.apply(
            client,
            { group: "", version: "v1", kind: "ConfigMap", plural: "configmaps", namespaced: true, verbs: [] },
            { apiVersion: "v1", kind: "ConfigMap", metadata: meta("x") },
            { force: true }
          )
        ),
      kubeconfig
    )
    expect(error).toMatchObject({ reason: "Forbidden", attempts: 1 })
    expect((error as ApiError).message).toMatch(/User "user" cannot patch resource "configmaps"/)
  })

  it("A20: an object of 1.6 MiB and a request of 3.1 MiB are too large, and said so", async () => {
    const large = (n: number): Apply.Body => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: meta("large"),
      data: { a: "x".repeat(n) }
    })
    const object = (n: number): Apply.Body =>
      entry("large", {
        endpoints: Array.from({ length: n }, (_, i) => ({
          address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
          labels: { pad: "x".repeat(60) }
        }))
      })
    expect(await refusal(large(3.1 * 1024 * 1024))).toMatchObject({ reason: "TooLarge", attempts: 1 })
    expect(["TooLarge", "Invalid"]).toContain((await refusal(object(14_000))).reason)
  })

  it("A21: an answer that is cut after the write was made: the truth is found", async () => {
    await through(async (proxy) => {
      proxy.decide = (seen, nth) => (seen.verb === "PATCH" && nth === 1 ? { cutAfter: 50, wait: 300 } : undefined)
      const applied = await using(({ apply }) => apply(entry("cut")), proxy.kubeconfig, { budget: 10_000 })
      expect(applied).toMatchObject({ created: false, attempts: 2 })
      proxy.decide = (seen, nth) => (seen.verb === "DELETE" && nth === 1 ? { cutAfter: 0 } : undefined)
      const removed = await using(
        ({ client, resource }) =>
          Effect.flatMap(resource(entry("cut")), (r) =>
            Apply.remove(client, r, "default", "cut", applied.object.metadata.uid!)
          ),
        proxy.kubeconfig,
        { budget: 10_000 }
      )
      expect(removed).toBe("deleted")
    })
  })
  it("A25: an exceeded quota is refused, and not tried again", async () => {
    await server.kubectl(["create", "namespace", "small"])
    await server.kubectl(["create", "quota", "q", "--hard=count/configmaps=0", "-n", "small"])
    // No controller counts here.
    const counted = { status: { hard: { "count/configmaps": "0" }, used: { "count/configmaps": "0" } } }
    await server.kubectl([
      "patch",
      "quota",
      "q",
      "-n",
      "small",
      "--subresource=status",
      "--type=merge",
      "-p",
      JSON.stringify(counted)
    ])
    const error = await refusal({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x", namespace: "small" } })
    expect(error).toMatchObject({ reason: "Forbidden", attempts: 1 })
    expect(error.message).toMatch(/quota/)
  })

  it("A6 and A7: a webhook that is down is named after a few attempts", async () => {
    const hook = {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingWebhookConfiguration",
      metadata: { name: "down" },
      webhooks: [
        {
          name: "down.example.com",
          clientConfig: { url: "https://127.0.0.1:1/x" },
          rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["*"], resources: ["configmaps"] }],
          failurePolicy: "Fail",
          sideEffects: "None",
          admissionReviewVersions: ["v1"],
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "hooked" } }
        }
      ]
    }
    await server.kubectl(["create", "namespace", "hooked"])
    await server.kubectl(["apply", "-f", "-"], JSON.stringify(hook))
    let error: ApiError | undefined
    // The server notices a new configuration a moment later.
    for (let i = 0; error === undefined && i < 50; i++) {
      error = await refusal({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "x", namespace: "hooked" },
        data: { i: String(i) }
      }).catch(() => undefined)
    }
    await server.kubectl(["delete", "validatingwebhookconfiguration/down"])
    expect(error).toMatchObject({ reason: "Webhook", attempts: 3 })
    expect(error?.message).toContain("down.example.com")
  })

  it("what kubectl applied client-side is taken over on request, and dropped fields go", async () => {
    const body = entry("legacy", { exportTo: ["*"] })
    await server.kubectl(["apply", "-f", "-"], JSON.stringify(body))
    await using(({ client, resource, apply, live }) =>
      Effect.gen(function* () {
        const kind = yield* resource(body)
        expect(yield* Migrate.migrate(client, kind, (yield* live(body))!, ["kubectl-client-side-apply"], istio)).toBe(
          true
        )
        const migrated = (yield* live(body))!
        expect(migrated.metadata.managedFields?.map((m) => [m.manager, m.operation])).toEqual([["cw", "Apply"]])
        expect(migrated.metadata.annotations?.["kubectl.kubernetes.io/last-applied-configuration"]).toBeUndefined()
        yield* apply(entry("legacy"))
        const there = (yield* live(body))!
        expect((there.spec as Record<string, unknown>).exportTo).toBeUndefined()
        expect(yield* Migrate.migrate(client, kind, there, ["kubectl-client-side-apply"], istio)).toBe(false)
      })
    )
  })
})
