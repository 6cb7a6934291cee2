// `istioctl analyze` over what every profile makes: from files for random fleets, and in a real API server beside the
// workloads that a cluster holds, where the analyzers that look at pods run too. It finds nothing but what is listed here
// with its reason. CW_FUZZ_RUNS=1000 is the long form.
import type { KubernetesObject } from "@coddiwomple/core/Artifact"
import { emit } from "@coddiwomple/core/Emit"
import type { Given } from "@coddiwomple/testing"
import * as fc from "fast-check"
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type ApiServer, startApiServers } from "../parts/ApiServer.ts"
import { authority, type Issued } from "../mesh/Certs.ts"
import { files, lacking } from "../parts/Parts.ts"
import { facts } from "./Fleets.ts"
import { given, objects, type Profile, profileNames, profiles, type Rendered, render } from "./Rendered.ts"
import { surroundings } from "./Surroundings.ts"

const runs = Number(process.env.CW_FUZZ_RUNS ?? 100)
// A change is judged by the same fleets as the one before it; new fleets are tried elsewhere.
const seed = Number(process.env.CW_FUZZ_SEED ?? (process.env.CI ? 7643 : Date.now() & 0xffff))

const timeout = 6_000 * Math.max(100, runs)

interface Finding {
  readonly code: string
  readonly message: string
  readonly origin: string
}

const expected: Readonly<Record<Profile, ReadonlyArray<readonly [code: string, why: string]>>> = {
  mtls: [],
  tls: [
    ["IST0129", "the CA comes by `credentialName: configmap://…`, which the analyzer does not know"],
    ["IST0138", "a gateway has one certificate; Envoy, its only client, shares no connection between two SNIs"]
  ],
  plaintext: [],
  classic: [["IST0134", "classic prints only addresses that are declared; our rule V7 warns of the same"]]
}
const unexpected = (profile: Profile, found: ReadonlyArray<Finding>): ReadonlyArray<Finding> =>
  found.filter(({ code }) => !expected[profile].some(([known]) => known === code))

const text = (all: ReadonlyArray<KubernetesObject>): string => all.map((o) => `---\n${emit(o)}`).join("")

const istioctl = (...args: ReadonlyArray<string>): Promise<ReadonlyArray<Finding>> =>
  new Promise((resolve, reject) => {
    const all = ["analyze", "--all-namespaces", "--output", "json", ...args]
    // It exits with 79 when it finds something.
    execFile(files("istio").istioctl, all, { maxBuffer: 1e8 }, (error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout) as ReadonlyArray<Finding>)
      } catch {
        reject(new Error(`istioctl analyze failed: ${error?.message ?? ""}${stderr}`))
      }
    })
  })

const folder = mkdtempSync(join(tmpdir(), "cw-analyze-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let made: Issued | undefined
const certificate = (): Issued => (made ??= authority(folder, "root").issue("gateway", ["DNS:gw.example.net"]))

const clusters = (rendered: Rendered): ReadonlyArray<ReadonlyArray<KubernetesObject>> =>
  Object.entries(objects(rendered)).flatMap(([cluster, own]) =>
    own.length === 0 ? [] : [[...surroundings(rendered.model, cluster, own, certificate()), ...own]]
  )

describe.skipIf(lacking("istio"))(`istioctl analyze, files (seed ${seed})`, { timeout }, () => {
  it.each(profileNames)("finds nothing unexpected in what profile %s makes for random fleets", async (profile) => {
    const waiting = fc
      .sample(facts(), { numRuns: Math.ceil(runs / 40), seed: seed + profileNames.indexOf(profile) })
      .flatMap((list) => clusters(render(list, profiles[profile])))
    expect(waiting.length).toBeGreaterThan(0)
    const found: Array<Finding> = []
    const work = async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const file = join(folder, `${profile}-${waiting.length}.yaml`)
        writeFileSync(file, text(next))
        found.push(...(await istioctl("--use-kube=false", file)))
      }
    }
    await Promise.all([work(), work()])
    expect(unexpected(profile, found)).toEqual([])
  })
})

const fleet: Given.Terse = {
  clusters: [
    { name: "a", addresses: ["gw-a.example.net"] },
    { name: "b", addresses: ["gw-b.example.net"], gateway: { namespace: "edge", selector: { app: "gw" }, port: 443 } }
  ],
  services: {
    db: { in: ["b"], ports: { tcp: 5432 } },
    reviews: { in: ["a", "b"], ports: { http: [80, 9080], grpc: 81 }, prefixes: ["reviews", "reviews.shop"] },
    vault: { in: ["a"], ports: { tls: 8443 } }
  }
}

describe.skipIf(lacking("etcd", "kube", "istio-crds", "istio"))("istioctl analyze, live", { timeout }, () => {
  let api: ApiServer
  beforeAll(async () => {
    ;[api] = (await startApiServers(1, { istioCrds: true })) as [ApiServer]
    await api.kubectl(["label", "namespace", "default", "istio-injection=enabled"])
  })
  afterAll(() => api?.stop())

  const kubectl = async (args: ReadonlyArray<string>, all: ReadonlyArray<KubernetesObject>) => {
    const { code, stderr } = await api.kubectl([...args, "-f", "-"], text(all))
    if (code !== 0) throw new Error(stderr)
  }
  const live = async (all: ReadonlyArray<KubernetesObject>): Promise<ReadonlyArray<Finding>> => {
    await kubectl(["apply", "--server-side", "--force-conflicts"], all)
    const found = await istioctl("--kubeconfig", api.kubeconfig)
    const passing = all.filter((o) => o.kind !== "Namespace")
    await kubectl(["delete", "--force", "--grace-period=0", "--wait=false"], passing)
    return found
  }

  it.each(profileNames)("finds nothing unexpected in what profile %s makes", async (profile) => {
    const random = fc.sample(facts(), { numRuns: Math.floor(runs / 200), seed })
    const all = [given(fleet, profiles[profile]), ...random.map((list) => render(list, profiles[profile]))]
    expect(all[0]!.held.size).toBe(0)
    for (const each of all.flatMap(clusters)) expect(unexpected(profile, await live(each))).toEqual([])
  })

  it("does look at gateways and pods", async () => {
    const [, spoilt] = structuredClone(clusters(given(fleet))) as unknown as ReadonlyArray<Array<any>>
    for (const o of spoilt!) if (o.kind === "Gateway") o.spec.selector = { istio: "nobody" }
    expect(new Set((await live(spoilt!)).map(({ code }) => code))).toEqual(new Set(["IST0101"]))
  })
})
