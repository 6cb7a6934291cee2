// The sink against real API servers, one test per fault. A new cw process each time: nothing is remembered.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:https"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import type { KubernetesObject } from "@coddiwomple/core/Artifact"
import { Given } from "@coddiwomple/testing"
import { type Intercept, startIntercept, status } from "../../../packages/kubernetes/test/Intercept.ts"
import { authority } from "../../../packages/kubernetes/test/Pki.ts"
import { type ApiServer, startApiServers } from "../../../test/parts/ApiServer.ts"
import { things } from "../../../test/parts/Crd.ts"
import { startFaultProxy } from "../../../test/parts/FaultProxy.ts"
import { lacking } from "../../../test/parts/Parts.ts"
import { apply, type Clusters, modelOf, outcomes, plan, probe, told, withSink } from "./Driver.ts"

const istio = "networking.istio.io/v1"
const entry = (name: string, resolution = "DNS"): KubernetesObject => ({
  apiVersion: istio,
  kind: "ServiceEntry",
  metadata: { name, namespace: "mesh" },
  spec: {
    hosts: [`${name}.global`],
    location: "MESH_INTERNAL",
    ports: [{ name: "http", number: 80, protocol: "HTTP" }],
    resolution
  }
})
const config = (name: string, data: Record<string, string> = { a: "b" }, namespace = "mesh"): KubernetesObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  data
})
const ours = { "coddiwomple.io/pipeline": "test" }
const many = (n: number, resolution?: string) => Array.from({ length: n }, (_, i) => entry(`e${i}`, resolution))

describe.skipIf(lacking("etcd", "kube", "istio-crds"))("faults of an apply", () => {
  let east: ApiServer
  let west: ApiServer
  let proxy: Intercept
  let clusters: Clusters
  beforeAll(async () => {
    ;[east, west] = (await startApiServers(2, { istioCrds: true })) as [ApiServer, ApiServer]
    proxy = await startIntercept(east)
    clusters = { east: east.kubeconfig }
  }, 180_000)
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]()
    await Promise.all([east?.stop(), west?.stop()])
  })
  beforeEach(async () => {
    proxy.decide = () => undefined
    proxy.gate = (_what, write) => write()
    proxy.seen.length = 0
    for (const server of [east, west]) {
      await server.request("DELETE", "/api/v1/namespaces/default/configmaps")
      await server.request("DELETE", "/api/v1/namespaces/mesh/configmaps")
      await server.request("DELETE", `/apis/${istio}/namespaces/mesh/serviceentries`)
      await server.request("POST", "/api/v1/namespaces", {
        body: JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: "mesh" } })
      })
    }
  })
  const proxied = (): Clusters => ({ east: proxy.kubeconfig })
  const names = async (
    server: ApiServer,
    path = `/apis/${istio}/namespaces/mesh/serviceentries`
  ): Promise<ReadonlyArray<string>> =>
    JSON.parse((await server.request("GET", path)).body).items.map((o: KubernetesObject) => o.metadata.name)
  const versions = async (server: ApiServer): Promise<string> => {
    const lists = ["/api/v1/configmaps", `/apis/${istio}/serviceentries`, "/api/v1/namespaces"].map(
      async (path) => JSON.parse((await server.request("GET", path)).body).items
    )
    return JSON.stringify(
      (await Promise.all(lists))
        .flat()
        .map((o: KubernetesObject) => [o.kind, o.metadata.name, o.metadata.resourceVersion])
    )
  }

  it("A1: a server killed in the middle is waited for: all applied, nothing deleted twice", async () => {
    await apply(clusters, many(30))
    const objects = [...many(20, "NONE"), ...Array.from({ length: 40 }, (_, i) => entry(`new${i}`))]
    // The plan is made: the first objects are being written.
    let restarted: Promise<unknown> | undefined
    proxy.gate = async (what, write) => {
      if (what.startsWith("PATCH")) restarted ??= east.restart()
      return write()
    }
    const { report } = await apply(proxied(), objects, { config: { patience: "60s" } })
    await restarted
    expect(report.items.filter((i) => i.outcome !== "applied")).toEqual([])
    expect(new Set(await names(east))).toEqual(new Set(objects.map((o) => o.metadata.name)))
  }, 60_000)

  it("A2: a frozen database: what cannot be known is unknown, nothing is forgotten, the next run converges", async () => {
    await apply(proxied(), [...many(3), entry("old")])
    let frozen = false
    proxy.gate = async (what, write) => {
      if (!frozen && what.startsWith("PATCH") && what.includes("serviceentries")) {
        frozen = true
        east.etcd.freeze()
      }
      return write()
    }
    const wanted = many(3, "NONE")
    const { report } = await apply(proxied(), wanted, { config: { patience: "1s" } }).finally(() => east.etcd.thaw())
    const told = report.items.map((i) => `${i.op} ${i.outcome}`)
    expect(told).toContain("update unknown")
    expect(told).toContain("delete skipped")
    expect(told).not.toContain("update applied")
    proxy.gate = (_what, write) => write()
    const again = await apply(clusters, wanted)
    expect(again.report.items.every((i) => i.outcome === "applied")).toBe(true)
    expect([...(await names(east))].sort()).toEqual(["e0", "e1", "e2"])
    expect((await plan(clusters, wanted)).items).toEqual([])
  }, 90_000)

  it("A3: a full database is said, not hammered, and nothing is deleted", async () => {
    await apply(proxied(), many(4))
    let full: Promise<void> | undefined
    proxy.gate = async (what, write) => {
      if (what.startsWith("PATCH")) await (full ??= east.etcd.full(true))
      return write()
    }
    const before = proxy.count("PATCH")
    const { report } = await apply(proxied(), [entry("e0", "NONE"), entry("e1", "NONE")]).finally(() =>
      east.etcd.full(false)
    )
    proxy.gate = (_what, write) => write()
    expect(report.items.map((i) => `${i.op} ${i.outcome}`).sort()).toEqual([
      "delete skipped",
      "delete skipped",
      "update failed",
      "update failed"
    ])
    expect(report.diagnostics?.map((d) => d.message).join()).toContain("database space exceeded")
    expect(proxy.count("PATCH") - before).toBeLessThan(8)
    expect((await names(east)).length).toBe(4)
  }, 30_000)

  it("A6: a webhook that is down fails its objects, is named, and stops deletes in this cluster only", async () => {
    await apply({ east: east.kubeconfig, west: west.kubeconfig }, [config("old"), entry("keep")])
    const hook = {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingWebhookConfiguration",
      metadata: { name: "down" },
      webhooks: [
        {
          name: "down.example.com",
          clientConfig: { url: "https://127.0.0.1:1/x" },
          rules: [
            { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["configmaps"] }
          ],
          failurePolicy: "Fail",
          sideEffects: "None",
          admissionReviewVersions: ["v1"],
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "mesh" } }
        }
      ]
    }
    await east.kubectl(["apply", "-f", "-"], JSON.stringify(hook))
    for (let code = 0; code === 0; )
      code = (await east.kubectl(["create", "configmap", "probe", "-n", "mesh", "--dry-run=server"])).code
    const { report } = await apply({ east: east.kubeconfig, west: west.kubeconfig }, [
      config("new"),
      entry("keep"),
      entry("other")
    ])
    await east.kubectl(["delete", "validatingwebhookconfiguration/down"])
    expect([...outcomes(report)].sort()).toEqual([
      "applied create east ServiceEntry/mesh/other",
      "applied create west ConfigMap/mesh/new",
      "applied create west ServiceEntry/mesh/other",
      "applied delete west ConfigMap/mesh/old",
      "failed create east ConfigMap/mesh/new",
      "skipped delete east ConfigMap/mesh/old"
    ])
    expect(report.diagnostics?.[0]?.message).toContain("down.example.com")
  }, 30_000)

  it("A7: a webhook that rewrites a field: written once, said once, and no change for ever after", async () => {
    const ca = authority()
    const pair = ca.issue({ cn: "hook", ips: ["127.0.0.1"] })
    const server = createServer(pair, (request, response) => {
      let body = ""
      request.on("data", (chunk) => (body += chunk))
      request.on("end", () => {
        const { request: review } = JSON.parse(body)
        const patch = Buffer.from(
          JSON.stringify([{ op: "replace", path: "/spec/resolution", value: "NONE" }])
        ).toString("base64")
        const answer = {
          uid: review.uid,
          allowed: true,
          ...(review.name === "rewritten" ? { patchType: "JSONPatch", patch } : {})
        }
        response
          .setHeader("content-type", "application/json")
          .end(JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: answer }))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const hook = {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingWebhookConfiguration",
      metadata: { name: "rewrite" },
      webhooks: [
        {
          name: "rewrite.example.com",
          clientConfig: { url, caBundle: Buffer.from(ca.cert).toString("base64") },
          rules: [
            {
              apiGroups: ["networking.istio.io"],
              apiVersions: ["v1"],
              operations: ["CREATE", "UPDATE"],
              resources: ["serviceentries"]
            }
          ],
          failurePolicy: "Fail",
          sideEffects: "None",
          admissionReviewVersions: ["v1"]
        }
      ]
    }
    await east.kubectl(["apply", "-f", "-"], JSON.stringify(hook))
    for (let seen = ""; seen !== "NONE"; ) {
      const probe = await east.kubectl(
        ["apply", "-f", "-", "--dry-run=server", "-o", "jsonpath={.spec.resolution}"],
        JSON.stringify(entry("rewritten", "DNS"))
      )
      seen = probe.stdout
    }
    const objects = [entry("rewritten", "DNS"), entry("plain", "DNS")]
    await apply(clusters, objects)
    const second = await plan(clusters, objects)
    await east.kubectl(["delete", "mutatingwebhookconfiguration/rewrite"])
    server.close()
    expect(told(second.items)).toEqual([])
    expect(second.unchanged).toBe(2)
    expect(second.diagnostics?.map((d) => `${d.code} ${d.severity}`)).toEqual(["CW710 warning"])
    expect(second.diagnostics?.[0]?.message).toContain("spec.resolution")
  }, 30_000)

  it("A8: definitions and their objects in one run, thirty at once", async () => {
    const crd = (i: number): KubernetesObject => ({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `t${i}s.a8.example.com` },
      spec: {
        group: "a8.example.com",
        names: { kind: `T${i}`, plural: `t${i}s` },
        scope: "Namespaced",
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: "object",
                properties: { spec: { type: "object", properties: { n: { type: "integer" } } } }
              }
            }
          }
        ]
      }
    })
    const objects = Array.from({ length: 30 }, (_, i) => [
      { apiVersion: "a8.example.com/v1", kind: `T${i}`, metadata: { name: "x", namespace: "fresh" }, spec: { n: i } },
      crd(i)
    ]).flat()
    const all = [...objects, { apiVersion: "v1", kind: "Namespace", metadata: { name: "fresh" } }]
    const { report } = await apply(clusters, all, { config: { wait: "30s" } })
    expect(report.items.filter((i) => i.outcome !== "applied")).toEqual([])
    expect((await plan(clusters, all)).unchanged).toBe(61)
    const pruned = await apply(clusters, [])
    expect(pruned.plan.items.filter((i) => i.op === "held").length).toBe(31)
    expect(pruned.plan.items.find((i) => i.op === "held")?.reason).toContain("by hand")
    await east.kubectl(["delete", "ns", "fresh", "--wait=false"])
    await east.kubectl(["delete", "crd", ...Array.from({ length: 30 }, (_, i) => `t${i}s.a8.example.com`)])
  }, 90_000)

  it("A9: a kind that is gone fails its objects, others go on", async () => {
    const made = await plan(clusters, [
      entry("fine"),
      { apiVersion: "gone.example.com/v1", kind: "Thing", metadata: { name: "x", namespace: "mesh" } }
    ])
    expect(told(made.items)).toEqual([
      "conflict east Thing/mesh/x: the cluster does not know Thing of gone.example.com in gone.example.com/v1",
      "create east ServiceEntry/mesh/fine"
    ])
    expect(made.diagnostics?.map((d) => d.code)).toEqual(["CW708"])
  })

  it("A9: a definition that goes between plan and apply: its objects fail, and nothing is deleted", async () => {
    const crd = things("a9.example.com")
    const thing = (n: number): KubernetesObject => ({
      apiVersion: "a9.example.com/v1",
      kind: "Thing",
      metadata: { name: "x", namespace: "mesh" },
      spec: { n }
    })
    await east.kubectl(["apply", "-f", "-"], JSON.stringify(crd))
    await east.kubectl(["wait", "--for=condition=Established", "crd/things.a9.example.com"])
    await apply(proxied(), [thing(1), config("old")])
    // The first write of the apply: the plan is made.
    let gone = false
    proxy.gate = async (_what, write) => {
      if (!gone) await east.kubectl(["delete", "crd", "things.a9.example.com"])
      gone = true
      return write()
    }
    const { report } = await apply(proxied(), [thing(2), entry("fine")])
    proxy.gate = (_what, write) => write()
    expect([...outcomes(report)].sort()).toEqual([
      "applied create east ServiceEntry/mesh/fine",
      "failed update east Thing/mesh/x",
      "skipped delete east ConfigMap/mesh/old"
    ])
  }, 30_000)

  it("A10: a missing namespace and one that is being deleted are findings of the plan", async () => {
    await east.kubectl(["create", "namespace", "dying"])
    await east.kubectl(
      ["apply", "-f", "-"],
      JSON.stringify({
        ...config("hold", {}, "dying"),
        metadata: { name: "hold", namespace: "dying", finalizers: ["example.com/never"] }
      })
    )
    await east.kubectl(["delete", "namespace", "dying", "--wait=false"])
    const made = await plan(clusters, [
      config("x", {}, "dying"),
      config("x", {}, "nowhere"),
      config("y", {}, "nowhere")
    ])
    expect(told(made.items)).toEqual([
      "conflict east ConfigMap/dying/x: namespace dying is being deleted",
      "conflict east ConfigMap/nowhere/x: namespace nowhere is missing",
      "conflict east ConfigMap/nowhere/y: namespace nowhere is missing"
    ])
    expect(made.diagnostics?.map((d) => `${d.code} ${d.message}`)).toEqual([
      "CW707 cluster east: ConfigMap dying/x: namespace dying is being deleted",
      "CW707 cluster east: ConfigMap nowhere/x, ConfigMap nowhere/y: namespace nowhere is missing"
    ])
    // Nobody can create what is not gone yet.
    expect(made.diagnostics?.map((d) => d.help?.split(";")[0])).toEqual([
      "run again when it is gone and made anew",
      undefined
    ])
  })

  it("A11: an immutable field fails with what to do; nothing is deleted", async () => {
    const service = (clusterIP: string): KubernetesObject => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "fixed", namespace: "mesh" },
      spec: { clusterIP, ports: [{ port: 80, protocol: "TCP" }] }
    })
    await apply(clusters, [service("10.96.9.1"), config("old")])
    const { report } = await apply(clusters, [service("10.96.9.2"), entry("other")])
    expect([...outcomes(report)].sort()).toEqual([
      "applied create east ServiceEntry/mesh/other",
      "failed update east Service/mesh/fixed",
      "skipped delete east ConfigMap/mesh/old"
    ])
    expect(report.items.find((i) => i.outcome === "failed")?.message).toContain("delete it by hand")
    await east.kubectl(["delete", "service", "fixed", "-n", "mesh"])
  })

  it("A12: what is there already is a conflict; adopting names who owns which field; always takes it", async () => {
    await east.kubectl(
      ["apply", "--server-side", "--field-manager=someone", "-f", "-"],
      JSON.stringify(entry("theirs", "NONE"))
    )
    const refused = await plan(clusters, [entry("theirs"), entry("ours")])
    expect(told(refused.items)).toEqual([
      "create east ServiceEntry/mesh/ours",
      "conflict east ServiceEntry/mesh/theirs: it is there already, and belongs to no pipeline"
    ])
    const adopting = await plan(clusters, [entry("theirs")], { config: { adopt: true } })
    expect(told(adopting.items)).toEqual([
      "conflict east ServiceEntry/mesh/theirs: spec.resolution is owned by someone"
    ])
    expect(adopting.diagnostics?.[0]?.code).toBe("CW709")
    const { report } = await apply(clusters, [entry("theirs")], { config: { adopt: true, conflicts: "always" } })
    expect(outcomes(report)).toEqual(["applied update east ServiceEntry/mesh/theirs"])
    const other = await plan(clusters, [entry("theirs")], { pipeline: "second" })
    expect(told(other.items)).toEqual(["conflict east ServiceEntry/mesh/theirs: it belongs to pipeline test"])
  })

  it("drift in what we own is taken back, unless conflicts are never taken", async () => {
    await apply(clusters, [entry("drift")])
    await east.kubectl([
      "patch",
      "serviceentry/drift",
      "-n",
      "mesh",
      "--type=merge",
      "-p",
      '{"spec":{"resolution":"NONE"}}'
    ])
    const never = await plan(clusters, [entry("drift")], { config: { conflicts: "never" } })
    expect(told(never.items)).toEqual([
      "conflict east ServiceEntry/mesh/drift: spec.resolution is owned by kubectl-patch"
    ])
    const { plan: made, report } = await apply(clusters, [entry("drift")])
    expect(made.items[0]?.fields).toEqual([{ path: "spec.resolution", before: "NONE", after: "DNS" }])
    expect(outcomes(report)).toEqual(["applied update east ServiceEntry/mesh/drift"])
    expect((await plan(clusters, [entry("drift")])).unchanged).toBe(1)
  })

  it("A13: two pipelines share an object by their fields; each releases only its own, and nobody deletes it", async () => {
    const model = modelOf(clusters)
    const shared = (key: string) => [
      Given.object(model.fleet, config("shared", { [key]: "x" }), { ownership: "fields" })
    ]
    await Promise.all([
      apply(clusters, shared("one"), { pipeline: "one" }),
      apply(clusters, shared("two"), { pipeline: "two" })
    ])
    expect((await plan(clusters, shared("one"), { pipeline: "one" })).unchanged).toBe(1)
    const { report } = await apply(clusters, [], { pipeline: "one" })
    expect(outcomes(report)).toEqual(["applied delete east ConfigMap/mesh/shared"])
    const { data, metadata } = JSON.parse((await east.request("GET", "/api/v1/namespaces/mesh/configmaps/shared")).body)
    expect(data).toEqual({ two: "x" })
    expect(metadata.labels).toBeUndefined()
    expect((await plan(clusters, [], { pipeline: "one" })).items).toEqual([])
  })

  it("A13: two cw of one pipeline at once: both succeed, and the inventory has everything", async () => {
    await apply(clusters, many(5))
    const wanted = [...many(5, "NONE"), config("new")]
    const both = await Promise.all([apply(clusters, wanted), apply(clusters, wanted)])
    expect(both.flatMap((b) => b.report.items.filter((i) => i.outcome !== "applied"))).toEqual([])
    expect((await plan(clusters, wanted)).unchanged).toBe(6)
    const { plan: made, report } = await apply(clusters, [])
    expect(made.items.length).toBe(6)
    expect(report.items.every((i) => i.op === "delete" && i.outcome === "applied")).toBe(true)
  })

  it("A14: an object that somebody recreated is not deleted", async () => {
    await apply(clusters, [config("again"), config("kept")])
    const { metadata } = JSON.parse((await east.request("GET", "/api/v1/namespaces/mesh/configmaps/again")).body)
    await east.kubectl(["delete", "configmap", "again", "-n", "mesh"])
    await east.kubectl(
      ["create", "-f", "-"],
      JSON.stringify({ ...config("again"), metadata: { name: "again", namespace: "mesh", labels: metadata.labels } })
    )
    const made = await plan(clusters, [config("kept")])
    expect(told(made.items)).toEqual([
      "held east ConfigMap/mesh/again: somebody deleted it and created another one under its name"
    ])
    // The same between plan and apply: the server itself refuses.
    await apply(proxied(), [config("once"), config("kept")])
    const recreate = async () => {
      await east.kubectl(["delete", "configmap", "once", "-n", "mesh"])
      await east.kubectl(
        ["create", "-f", "-"],
        JSON.stringify({ ...config("once"), metadata: { name: "once", namespace: "mesh", labels: metadata.labels } })
      )
    }
    proxy.gate = async (what, write) => {
      if (what.startsWith("DELETE") && what.endsWith("/once")) await recreate()
      return write()
    }
    const { report } = await apply(proxied(), [config("kept")])
    proxy.gate = (_what, write) => write()
    expect(outcomes(report)).toContain("skipped delete east ConfigMap/mesh/once")
    expect(await names(east, "/api/v1/namespaces/mesh/configmaps")).toContain("once")
  })

  it("A15: an object that its finalizers hold stays listed, and is tried again", async () => {
    await apply(clusters, [config("stuck"), config("kept")])
    await east.kubectl([
      "patch",
      "configmap/stuck",
      "-n",
      "mesh",
      "--type=merge",
      "-p",
      '{"metadata":{"finalizers":["example.com/never"]}}'
    ])
    const { report } = await apply(clusters, [config("kept")], { config: { wait: "300ms" } })
    expect(report.items[0]).toMatchObject({
      op: "delete",
      outcome: "failed",
      message: "it is marked for deletion, but finalizers hold it: example.com/never"
    })
    await east.kubectl([
      "patch",
      "configmap/stuck",
      "-n",
      "mesh",
      "--type=merge",
      "-p",
      '{"metadata":{"finalizers":null}}'
    ])
    const again = await apply(clusters, [config("kept")])
    expect(again.plan.items.filter((i) => i.op === "delete").length + again.plan.unchanged).toBeGreaterThan(0)
    expect(await names(east, "/api/v1/namespaces/mesh/configmaps")).toEqual(["kept"])
    expect((await plan(clusters, [config("kept")])).items).toEqual([])
  })

  it("A17: an empty input deletes only what the inventory lists and the label proves", async () => {
    await apply(clusters, [config("one"), config("two")])
    await east.kubectl(["label", "configmap/two", "-n", "mesh", "coddiwomple.io/pipeline-"])
    await east.kubectl(["create", "configmap", "copy", "-n", "mesh"])
    await east.kubectl(["label", "configmap/copy", "-n", "mesh", "coddiwomple.io/pipeline=test"])
    const { report } = await apply(clusters, [])
    expect(outcomes(report)).toEqual(["applied delete east ConfigMap/mesh/one"])
    expect([...(await names(east, "/api/v1/namespaces/mesh/configmaps"))].sort()).toEqual(["copy", "two"])
  })

  it("A17: a hand-made copy with our label is no proof: not overwritten, not deleted; a lost inventory is recovered", async () => {
    await apply(clusters, [config("one"), config("two")])
    const copy = { ...config("copy", { mine: "yes" }), metadata: { name: "copy", namespace: "mesh", labels: ours } }
    await east.kubectl(["apply", "-f", "-"], JSON.stringify(copy))
    const wanted = [config("one"), config("two"), config("copy")]
    const refused = await apply(clusters, wanted)
    expect(told(refused.plan.items)).toEqual([
      "conflict east ConfigMap/mesh/copy: it carries the label of this pipeline, but cw did not write it"
    ])
    // Somebody made it anew, and kept the label.
    await east.kubectl(["delete", "configmap/two", "-n", "mesh"])
    await east.kubectl(["apply", "-f", "-"], JSON.stringify({ ...copy, metadata: { ...copy.metadata, name: "two" } }))
    expect(told((await plan(clusters, wanted)).items).length).toBe(2)
    await east.request("DELETE", "/api/v1/namespaces/default/configmaps")
    const fresh = await apply(clusters, [config("one", { a: "new" }), config("copy")])
    expect(told(fresh.plan.items)).toEqual([
      "conflict east ConfigMap/mesh/copy: it carries the label of this pipeline, but cw did not write it",
      "update east ConfigMap/mesh/one"
    ])
    expect(outcomes(fresh.report)).toEqual(["applied update east ConfigMap/mesh/one"])
    const taken = await apply(clusters, wanted, { config: { adopt: true, conflicts: "always" } })
    expect(outcomes(taken.report).length).toBe(3)
  })

  it("a delete names what was looked at: it moves with the object, not with its status, and deletes nothing else", async () => {
    const service = (name: string): KubernetesObject => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "mesh" },
      spec: { ports: [{ port: 80, protocol: "TCP" }] }
    })
    await apply(proxied(), [service("calm"), service("changed"), config("keep")])
    const before = async () =>
      Object.fromEntries((await plan(clusters, [config("keep")])).items.map((i) => [i.id.split("/").at(-1), i.before]))
    const first = await before()
    expect(Object.keys(first).sort()).toEqual(["calm", "changed"])
    const patch = (name: string, body: object, sub = "") =>
      east.request("PATCH", `/api/v1/namespaces/mesh/services/${name}${sub}`, {
        body: JSON.stringify(body),
        type: "application/merge-patch+json"
      })
    const busy = { status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } }
    await patch("calm", busy, "/status")
    await patch("changed", { metadata: { annotations: { keep: "me" } } })
    const second = await before()
    expect(second.calm).toBe(first.calm)
    expect(second.changed).not.toBe(first.changed)
    // Between plan and apply.
    let meanwhile: Promise<void> | undefined
    const others = async () => {
      await patch("calm", { status: { loadBalancer: { ingress: [{ ip: "192.0.2.2" }] } } }, "/status")
      await patch("changed", { spec: { ports: [{ port: 81, protocol: "TCP" }] } })
    }
    proxy.gate = async (what, write) => {
      if (what.startsWith("DELETE")) await (meanwhile ??= others())
      return write()
    }
    const { report } = await apply(proxied(), [config("keep")])
    proxy.gate = (_what, write) => write()
    expect([...outcomes(report)].sort()).toEqual([
      "applied delete east Service/mesh/calm",
      "failed delete east Service/mesh/changed"
    ])
    expect(outcomes((await apply(clusters, [config("keep")])).report)).toEqual([
      "applied delete east Service/mesh/changed"
    ])
  })

  it("A18: no right to delete: applied all the same, the delete fails and stays listed; without list nothing is done", async () => {
    const grant = async (verbs: ReadonlyArray<string>) => {
      const all = [
        { apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list", "create", "update"] },
        { apiGroups: [""], resources: ["namespaces"], verbs: ["list"] },
        { apiGroups: [""], resources: ["configmaps"], verbs }
      ]
      const role = {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRole",
        metadata: { name: "cw-a18" },
        rules: verbs.length === 0 ? [] : all
      }
      await east.kubectl(["apply", "-f", "-"], JSON.stringify(role))
    }
    await grant(["patch"])
    await east.kubectl(["create", "clusterrolebinding", "cw-a18", "--clusterrole=cw-a18", "--user=user"])
    const user = { east: east.writeKubeconfig("a18", { token: east.userToken }) }
    await apply(clusters, [config("old")])
    const { report } = await apply(user, [config("new")])
    expect([...outcomes(report)].sort()).toEqual([
      "applied create east ConfigMap/mesh/new",
      "failed delete east ConfigMap/mesh/old"
    ])
    expect(report.diagnostics?.[0]?.message).toContain('cannot delete resource "configmaps"')
    expect(told((await plan(clusters, [config("new")])).items)).toEqual(["delete east ConfigMap/mesh/old"])
    await grant([])
    const blind = await plan(user, [config("new")])
    await east.kubectl(["delete", "clusterrolebinding/cw-a18", "clusterrole/cw-a18"])
    expect([...(blind.failed ?? [])].map(([name, d]) => `${name} ${d.code}`)).toEqual(["east CW428"])
    expect(blind.items).toEqual([])
  }, 30_000)

  it("A18: rights in single namespaces are enough", async () => {
    const role = {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: { name: "cw" },
      rules: [{ apiGroups: ["", "networking.istio.io"], resources: ["configmaps", "serviceentries"], verbs: ["*"] }]
    }
    for (const namespace of ["mesh", "default"]) {
      await east.kubectl(["apply", "-n", namespace, "-f", "-"], JSON.stringify(role))
      await east.kubectl(["create", "rolebinding", "cw", "-n", namespace, "--role=cw", "--user=user"])
    }
    const narrow = { east: east.writeKubeconfig("narrow", { token: east.userToken }) }
    const { report, plan: made } = await apply(narrow, [entry("narrow"), config("narrow")])
    expect(made.failed).toBeUndefined()
    expect(report.items.map((i) => i.outcome)).toEqual(["applied", "applied"])
    expect((await plan(narrow, [entry("narrow"), config("narrow")])).unchanged).toBe(2)
  })

  it("A19: tokens that end while objects are applied are renewed, and no object fails", async () => {
    // The proxy lets each token live as long as it says; after that it is refused, as a real server does.
    const directory = mkdtempSync(join(tmpdir(), "cw-a19-"))
    const script = `#!/bin/sh
end=$(( $(date +%s) + 2 ))
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"until-%s","expirationTimestamp":"%s"}}' "$end" "$(date -u -d "@$end" +%Y-%m-%dT%H:%M:%SZ)"
`
    writeFileSync(join(directory, "plugin"), script, { mode: 0o755 })
    const exec = "exec: { apiVersion: client.authentication.k8s.io/v1, command: ./plugin, interactiveMode: Never }"
    const file = join(directory, "kubeconfig")
    writeFileSync(file, readFileSync(proxy.kubeconfig, "utf8").replace(/token: \S+/, exec))
    const used = new Set<string>()
    let refused = 0
    const { exchange } = proxy
    proxy.exchange = (bearer) => {
      used.add(bearer)
      if (Date.now() < Number(bearer.split("-")[1]) * 1000) return east.token
      refused++
      return "ended"
    }
    proxy.gate = async (_what, write) => {
      const answer = await write()
      await sleep(400)
      return answer
    }
    const { report } = await apply({ east: file }, many(80))
    proxy.gate = (_what, write) => write()
    proxy.exchange = exchange
    rmSync(directory, { recursive: true })
    expect(report.items.filter((i) => i.outcome !== "applied")).toEqual([])
    expect(report.items.length).toBe(80)
    expect(used.size).toBeGreaterThan(1)
    // Renewed in time, not after a refusal each.
    expect(refused).toBeLessThan(24)
  }, 30_000)

  it("A20: an object that is too large fails alone", async () => {
    const { report } = await apply(clusters, [config("large", { a: "x".repeat(1_700_000) }), config("small")])
    expect([...outcomes(report)].sort()).toEqual([
      "applied create east ConfigMap/mesh/small",
      "failed create east ConfigMap/mesh/large"
    ])
  })

  it("A21: answers that are lost after the write are looked up", async () => {
    proxy.decide = ({ method, url }, nth) =>
      method === "PATCH" && url.pathname.endsWith("lost") && nth < 3 ? { cutAfter: 10 } : undefined
    const { report } = await apply(proxied(), [config("lost"), config("fine")])
    expect(report.items.map((i) => i.outcome)).toEqual(["applied", "applied"])
    proxy.decide = ({ method }) => (method === "PATCH" ? { cutAfter: 0 } : undefined)
    const second = await apply(proxied(), [config("lost", { a: "new" }), config("fine")], {
      config: { patience: "300ms" }
    })
    expect(outcomes(second.report)).toEqual(["applied update east ConfigMap/mesh/lost"])
  })

  it("A22: a second run writes nothing: no resource version moves", async () => {
    const model = modelOf(clusters)
    const objects = [
      ...many(20),
      config("c"),
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "mine" } },
      Given.object(model.fleet, config("part", { k: "v" }), { ownership: "fields" })
    ]
    await apply(proxied(), objects)
    await sleep(1100)
    const before = await versions(east)
    proxy.seen.length = 0
    const { plan: made, report } = await apply(proxied(), objects)
    expect(made.items).toEqual([])
    expect(report.items).toEqual([])
    expect(proxy.seen.filter((s) => s.method !== "GET")).toEqual([])
    expect(await versions(east)).toBe(before)
    await east.kubectl(["delete", "ns", "mine", "--wait=false"])
  })

  it("A25: a quota is a failure of what exceeds it", async () => {
    await east.kubectl(["create", "namespace", "small"])
    await east.kubectl(["create", "quota", "q", "--hard=count/configmaps=0", "-n", "small"])
    await east.kubectl([
      "patch",
      "quota",
      "q",
      "-n",
      "small",
      "--subresource=status",
      "--type=merge",
      "-p",
      JSON.stringify({ status: { hard: { "count/configmaps": "0" }, used: { "count/configmaps": "0" } } })
    ])
    const { report } = await apply(clusters, [config("x", {}, "small"), config("y")])
    expect([...outcomes(report)].sort()).toEqual([
      "applied create east ConfigMap/mesh/y",
      "failed create east ConfigMap/small/x"
    ])
    expect(report.diagnostics?.[0]?.message).toContain("quota")
  })

  it("A26: one dead cluster of many: the others do not wait for it, the second time not at all", async () => {
    await using dead = await startFaultProxy({ port: east.port })
    dead.set({ kind: "blackhole" })
    const fleet = {
      east: east.kubeconfig,
      west: west.kubeconfig,
      dead: east.writeKubeconfig("dead", { url: `https://127.0.0.1:${dead.port}` })
    }
    const started = performance.now()
    const { plan: made, report } = await apply(fleet, many(5))
    expect(performance.now() - started).toBeLessThan(10_000)
    expect([...(made.failed ?? [])].map(([name, d]) => `${name} ${d.code}`)).toEqual(["dead CW425"])
    expect(report.items.map((i) => `${i.target} ${i.outcome}`).sort()).toEqual([
      ...Array(5).fill("east applied"),
      ...Array(5).fill("west applied")
    ])
    const again = performance.now()
    const second = await plan(fleet, many(5))
    expect(second.unchanged).toBe(10)
    expect([...(second.failed ?? [])].map(([name, d]) => `${name} ${d.code}`)).toEqual(["dead CW425"])
    expect(performance.now() - again).toBeLessThan(1900)
    // And it is back as soon as it answers.
    dead.set({ kind: "none" })
    expect((await plan({ dead: fleet.dead }, many(5))).failed).toBeUndefined()
  }, 60_000)

  it("two names for one server are refused, and a cluster without a connection is said", async () => {
    const made = await plan({ east: east.kubeconfig, again: east.kubeconfig }, [config("x")])
    expect([...(made.failed ?? [])].map(([name, d]) => `${name} ${d.code}`)).toEqual(["east CW702", "again CW702"])
    const model = Given.model({ clusters: ["nowhere"] })
    const unknown = await withSink((sink) => sink.plan(Given.desired([], { model })))
    expect([...(unknown.failed ?? [])].map(([, d]) => d.message)).toEqual([
      "cluster nowhere: nothing says how to reach it"
    ])
  })

  it("one server under two addresses is refused, by what nobody else has", async () => {
    await using other = await startFaultProxy({ port: east.port })
    const alias = east.writeKubeconfig("alias", { url: `https://127.0.0.1:${other.port}` })
    const two = { east: east.kubeconfig, alias }
    await apply(clusters, [config("before")])
    const { plan: made, report } = await apply({ ...two, west: west.kubeconfig }, [config("x")])
    expect([...(made.failed ?? [])].map(([name, d]) => `${name} ${d.code}`).sort()).toEqual([
      "alias CW702",
      "east CW702"
    ])
    expect(made.failed?.get("alias")?.message).toBe(
      "cluster alias: its API server is also that of east, under another address"
    )
    expect(outcomes(report)).toEqual(["applied create west ConfigMap/mesh/x"])
    const found = await probe(two)
    expect(found.filter((d) => d.code === "CW702").map((d) => d.message)).toEqual([
      "cluster east: its API server is also that of alias, under another address",
      "cluster alias: its API server is also that of east, under another address"
    ])
  })

  it("the same where namespaces may not be listed, and only looked at one by one", async () => {
    proxy.decide = ({ url, verb }) =>
      verb === "LIST" && url.pathname === "/api/v1/namespaces"
        ? { status: 403, body: status(403, "Forbidden", "no") }
        : undefined
    const made = await plan({ east: proxy.kubeconfig, alias: east.kubeconfig }, [config("x")])
    expect([...(made.failed ?? [])].map(([name, d]) => `${name} ${d.code}`).sort()).toEqual([
      "alias CW702",
      "east CW702"
    ])
  })

  it("a plan without changes lists each kind once and asks for no single object", async () => {
    const objects = [...many(3), config("x"), config("y")]
    await apply(proxied(), objects)
    proxy.seen.length = 0
    expect((await plan(proxied(), objects)).unchanged).toBe(5)
    const asked = proxy.seen.map(({ url, verb }) => `${verb} ${url.pathname}`)
    expect(asked.filter((a) => !/^\S+ \/apis?$/.test(a)).sort()).toEqual([
      `LIST /api/v1/configmaps`,
      `LIST /api/v1/namespaces`,
      `LIST /api/v1/namespaces/default/configmaps`,
      `LIST /apis/${istio}/serviceentries`
    ])
  })

  it("kubeconfigs that were exchanged are refused, a new name of a cluster is none", async () => {
    const right = { east: east.kubeconfig, west: west.kubeconfig }
    const model = modelOf(right)
    const only = (name: string, cluster: string) => Given.object(model.fleet, config(name), { in: [cluster] })
    await apply(right, [only("e", "east"), only("w", "west")])
    const wrong = { east: west.kubeconfig, west: east.kubeconfig }
    const { plan: made, report } = await apply(wrong, [only("e", "east"), only("w", "west")])
    expect(report.items).toEqual([])
    expect([...(made.failed ?? [])].map(([, d]) => `${d.code} ${d.message}`)).toEqual([
      "CW702 cluster east: what is there was written as cluster west",
      "CW702 cluster west: what is there was written as cluster east"
    ])
    const renamed = await apply({ orient: east.kubeconfig }, [config("e"), config("new")])
    expect(outcomes(renamed.report)).toEqual(["applied create orient ConfigMap/mesh/new"])
    const later = await plan({ east: west.kubeconfig, orient: east.kubeconfig }, [config("e")])
    expect([...(later.failed ?? [])]).toEqual([])
  })

  it("a name in `clusters` that is in no source is an error, in plan and in doctor", async () => {
    const only = { config: { clusters: ["est"] } }
    const made = await plan({ east: east.kubeconfig }, [config("x")], only)
    const said = 'CW429 cluster est of `clusters`: no source names it: did you mean "east"?'
    expect([...(made.failed ?? [])].map(([, d]) => `${d.code} ${d.message}: ${d.help}`)).toEqual([said])
    expect((await probe({ east: east.kubeconfig }, only)).map((d) => `${d.code} ${d.message}: ${d.help}`)).toEqual([
      said
    ])
    expect(await probe({}, only)).toEqual([])
  })

  it("a pipeline with a long name can be applied", async () => {
    const pipeline = `${"a".repeat(36)}-shop`
    const { report } = await apply(clusters, [config("x")], { pipeline })
    expect(outcomes(report)).toEqual(["applied create east ConfigMap/mesh/x"])
    expect((await plan(clusters, [config("x")], { pipeline })).unchanged).toBe(1)
  })

  it("hostile names and texts neither crash nor reach another object", async () => {
    const evil = (name: string): KubernetesObject => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: "mesh" },
      data: {}
    })
    const { plan: made, report } = await apply(clusters, [
      evil("../secrets"),
      evil("a%2fb"),
      evil("UPPER"),
      evil("bell\u0007"),
      config("fine")
    ])
    expect(outcomes(report)).toContain("applied create east ConfigMap/mesh/fine")
    expect(
      report.items
        .filter((i) => i.outcome === "failed")
        .map((i) => i.id)
        .sort()
    ).toEqual(["/ConfigMap/mesh/UPPER"])
    expect(made.items.filter((i) => i.op === "conflict").map((i) => i.id)).toEqual([
      "/ConfigMap/mesh/../secrets",
      "/ConfigMap/mesh/a%2fb",
      "/ConfigMap/mesh/bell\u0007"
    ])
  })

  it("duplicate ports, control characters and odd texts: refused or kept as they are, and said without them", async () => {
    const odd = 'bell \u0007, escape \u001b[31mred\u001b[0m, line\u2028end, \u202Ereversed, "quoted", \\u0041'
    const annotated = {
      ...config("odd", { text: odd }),
      metadata: { name: "odd", namespace: "mesh", annotations: { "a.b/c": odd } }
    }
    const ports: KubernetesObject = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "twice", namespace: "mesh" },
      spec: {
        ports: [
          { name: "a", port: 80, protocol: "TCP" },
          { name: "b", port: 80, protocol: "TCP" }
        ]
      }
    }
    const twice = {
      ...entry("twice"),
      spec: {
        ...(entry("twice").spec as object),
        ports: [
          { name: "a", number: 80, protocol: "HTTP" },
          { name: "b", number: 80, protocol: "HTTP" }
        ]
      }
    }
    const named = { ...config("label"), metadata: { name: "label", namespace: "mesh", labels: { "a b": odd } } }
    const all = [annotated, ports, twice, named, config("fine")]
    const { report } = await apply(clusters, all)
    expect([...outcomes(report)].sort()).toEqual([
      "applied create east ConfigMap/mesh/fine",
      "applied create east ConfigMap/mesh/odd",
      "failed create east ConfigMap/mesh/label",
      "failed create east Service/mesh/twice",
      "failed create east ServiceEntry/mesh/twice"
    ])
    const said = report.diagnostics?.map((d) => d.message).join("\n") ?? ""
    expect(said).toMatch(/duplicate entries for key \[port=80,protocol="TCP"\]/)
    expect(said).toContain("port number cannot be duplicated")
    // oxlint-disable-next-line no-control-regex
    expect(said).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u2028\u202e]/)
    const { data, metadata } = JSON.parse((await east.request("GET", "/api/v1/namespaces/mesh/configmaps/odd")).body)
    expect([data.text, metadata.annotations["a.b/c"]]).toEqual([odd, odd])
    expect((await plan(clusters, [annotated, config("fine")])).unchanged).toBe(2)
  })

  it("order: what is needed first comes first, routes after what they lead to, deletes the other way round", async () => {
    const route: KubernetesObject = {
      apiVersion: istio,
      kind: "VirtualService",
      metadata: { name: "route", namespace: "mesh2" },
      spec: { hosts: ["e.global"], http: [{ route: [{ destination: { host: "e.global" } }] }] }
    }
    const target: KubernetesObject = { ...entry("e"), metadata: { name: "e", namespace: "mesh2" } }
    const rule: KubernetesObject = {
      apiVersion: istio,
      kind: "DestinationRule",
      metadata: { name: "e", namespace: "mesh2" },
      spec: { host: "e.global" }
    }
    const all = [
      route,
      rule,
      target,
      config("m", {}, "mesh2"),
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "mesh2" } }
    ]
    await apply(proxied(), all)
    // What needs each other in neither direction is written at once, in any order.
    const together = new Set(["destinationrules", "serviceentries"])
    const order = (method: string) =>
      proxy.seen
        .filter((s) => s.method === method && !s.url.pathname.includes("cw-inventory"))
        .map((s) => s.url.pathname.split("/").at(-2)!)
        .map((kind) => (together.has(kind) ? "either" : kind))
    expect(order("PATCH")).toEqual(["namespaces", "configmaps", "either", "either", "virtualservices"])
    await apply(proxied(), [all.at(-1)!])
    expect(order("DELETE")).toEqual(["virtualservices", "either", "either", "configmaps"])
    await east.kubectl(["delete", "ns", "mesh2", "--wait=false"])
  })
})
