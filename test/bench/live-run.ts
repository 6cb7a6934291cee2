/**
 * One measurement against live API servers in a process of its own: `node live-run.ts JOB …`, figures as JSON on
 * standard output. Time is taken inside, without the start of the process, and cold: nothing ran before.
 */
import type { KubernetesObject } from "@coddiwomple/core/Artifact"
import { Given } from "@coddiwomple/testing"
import { desiredOf, modelOf, withSink } from "../../plugins/sink-kubectl-apply/test/Driver.ts"
import { inParallel, patcher, rawList, say, serverOf, timed } from "./Server.ts"
import { median } from "./Measure.ts"

const [job = "", ...args] = process.argv.slice(2)

/** About 690 bytes each; the first `changed` of them differ from those of another call. */
const entries = (namespace: string, count: number, changed = 0): ReadonlyArray<KubernetesObject> =>
  Array.from({ length: count }, (_, i) => {
    const name = `service-${String(i).padStart(5, "0")}`
    return {
      apiVersion: "networking.istio.io/v1",
      kind: "ServiceEntry",
      metadata: {
        name,
        namespace,
        labels: { "app.kubernetes.io/managed-by": "bench", "coddiwomple.io/service": name },
        annotations: { "coddiwomple.io/origin": `services.json:${i}` }
      },
      spec: {
        hosts: [`${name}.default.global`],
        addresses: [`240.1.${i >> 8}.${i & 255}`],
        location: "MESH_INTERNAL",
        resolution: "STATIC",
        ports: [{ name: "http", number: 80, protocol: "HTTP" }],
        endpoints: [1, 2].map((n) => ({
          address: `198.51.100.${n + (i < changed ? 10 : 0)}`,
          locality: `region-${n}`,
          labels: { "security.istio.io/tlsMode": "istio", cluster: `c-${n}` },
          ports: { http: 15443 }
        }))
      }
    }
  })

const path = (namespace: string) => `/apis/networking.istio.io/v1/namespaces/${namespace}/serviceentries`

const jobs: Readonly<Record<string, () => Promise<void>>> = {
  objects: async () => {
    const [namespace, count] = args
    say({ apiVersion: "v1", kind: "List", items: entries(namespace!, Number(count)) })
  },

  /** Bare PATCHes over one Agent. */
  raw: async () => {
    const [kubeconfig, namespace, count] = args
    const patch = patcher(serverOf(kubeconfig!))
    const objects = entries(namespace!, Number(count))
    const { ms } = await timed(() => inParallel(objects, 16, (o) => patch(`${path(namespace!)}/${o.metadata.name}`, o)))
    say({ ms })
    process.exit()
  },

  /** Plan, inventory, apply: all that a run does with these objects. */
  apply: async () => {
    const [kubeconfig, namespace, count, changed = "0"] = args
    const clusters = { one: kubeconfig! }
    const desired = desiredOf(clusters, entries(namespace!, Number(count), Number(changed)), namespace!)
    const { ms, result } = await timed(() => withSink((sink) => sink.apply(desired), { pipeline: namespace! }))
    const applied = result.report.items.filter((i) => i.outcome === "applied").length
    const [why] = [...(result.plan.failed?.values() ?? []), ...(result.report.diagnostics ?? [])]
    say({ ms, applied, unchanged: result.plan.unchanged, why: why?.message })
  },

  /** In turns: one raw LIST, one plan by a sink that remembers nothing; then some objects change. */
  unchanged: async () => {
    const [kubeconfig, namespace, count] = args
    const server = serverOf(kubeconfig!)
    const clusters = { one: kubeconfig! }
    const objects = entries(namespace!, Number(count))
    const [lists, plans, changes, patches]: [number[], number[], number[], number[]] = [[], [], [], []]
    const pipeline = namespace!
    let writes = 0
    const few = Math.round(Number(count) / 100)
    const patch = patcher(server, 12)
    for (let round = 0; round < 10; round++) {
      const list = await timed(() => rawList(server, path(namespace!)))
      const same = desiredOf(clusters, objects, pipeline)
      const again = await timed(() => withSink((s) => s.apply(same), { pipeline }))
      writes += again.result.report.items.length
      if (again.result.plan.unchanged !== list.result) throw new Error("not everything is unchanged")
      const some = desiredOf(clusters, entries(namespace!, Number(count), few), pipeline)
      const change = await timed(() => withSink((s) => s.apply(some), { pipeline }))
      if (change.result.report.items.length !== few) throw new Error("not the changed ones")
      // Back, by hand: what the changed ones cost without us.
      const label = { "coddiwomple.io/pipeline": pipeline }
      const back = objects
        .slice(0, few)
        .map((o) => ({ ...o, metadata: { ...o.metadata, labels: { ...o.metadata.labels, ...label } } }))
      const bare = await timed(() => inParallel(back, 12, (o) => patch(`${path(namespace!)}/${o.metadata.name}`, o)))
      await withSink((s) => s.apply(same), { pipeline })
      if (round === 0) continue
      lists.push(list.ms)
      plans.push(again.ms)
      changes.push(change.ms)
      patches.push(bare.ms)
    }
    say({
      list: median(lists),
      plan: median(plans),
      writes,
      same: median(plans.map((ms, i) => ms / lists[i]!)),
      changed: median(changes.map((ms, i) => ms / (lists[i]! + patches[i]!)))
    })
    process.exit()
  },

  /** The same objects in every cluster: how long until each is done, from the start of the run. */
  fleet: async () => {
    const [pipeline = "", count = "", ...kubeconfigs] = args
    const clusters = Object.fromEntries(kubeconfigs.map((file, i) => [`c${i}`, file]))
    const model = modelOf(clusters)
    const objects = Object.keys(clusters).flatMap((_, i) =>
      entries(`bench-${i}`, Number(count)).map((o) => Given.object(model.fleet, o, { in: [`c${i}`] }))
    )
    const desired = desiredOf(clusters, objects, pipeline)
    const { ms, result } = await timed(() => withSink((sink) => sink.apply(desired), { pipeline }))
    say({
      ms,
      applied: result.report.items.filter((i) => i.outcome === "applied").length,
      failed: result.plan.failed?.size ?? 0
    })
    process.exit()
  }
}

await jobs[job]!()
