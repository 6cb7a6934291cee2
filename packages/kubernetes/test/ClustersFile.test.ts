// clusters.json as the live plugins read it: nothing that is written there is passed over in silence.
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { parse } from "../src/ClustersFile.ts"

it("settings below a key are read, and unknown ones named with what was meant", async () => {
  const text = JSON.stringify([
    { name: "a", dns: { platform: "kube-dns", clusterIP: "10.0.0.53" } },
    { name: "b", dns: { plattform: "kube-dns" } },
    { name: "c", gateway: { nmaespace: "edge" } },
    { name: "d", adress: "192.0.2.1" }
  ])
  const { bad, facts } = await Effect.runPromise(parse("/x/clusters.json", "clusters.json", text))
  expect(facts.map((f) => [f.name, f.dns])).toEqual([["a", { platform: "kube-dns", clusterIP: "10.0.0.53" }]])
  expect(bad.map((d) => [d.code, d.message, d.help])).toEqual([
    ["CW402", 'unknown key "plattform"', 'did you mean "platform"?'],
    ["CW402", 'unknown key "nmaespace"', 'did you mean "namespace"?'],
    ["CW402", 'unknown key "adress"', 'did you mean "address"?']
  ])
})

it("istio_version is a version", async () => {
  const text = JSON.stringify([
    { name: "a", istio_version: "1.26.3" },
    { name: "b", istio_version: "1,26" }
  ])
  const { bad, facts } = await Effect.runPromise(parse("/x/clusters.json", "clusters.json", text))
  expect(facts.map((f) => f.istioVersion)).toEqual(["1.26.3"])
  expect(bad.map((d) => [d.code, d.message])).toEqual([
    ["CW401", "cluster 2: istio_version: it must be a version of Istio, as 1.26 or 1.26.3"]
  ])
})

it("a kubeconfig lies beside the file, in the home folder, or where it says", async () => {
  const paths = ["k", "~/.kube/config", "~other/k", "/k"]
  const text = JSON.stringify(paths.map((kubeconfig_path, i) => ({ name: `c${i}`, kubeconfig_path })))
  const { facts } = await Effect.runPromise(parse("/x/clusters.json", "clusters.json", text, "/home/me"))
  expect(facts.map((f) => f.connection?.kubeconfigPath)).toEqual(["/x/k", "/home/me/.kube/config", "/x/~other/k", "/k"])
})
