// A fleet that shows every state: 40 clusters, 48 services, a files sink that was applied before some things changed.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { cw } from "../cli/Cw.ts"

const regions = ["apne1", "apse2", "euc1", "euw1", "use1", "usw2"]
const names: Readonly<Record<string, ReadonlyArray<string>>> = {
  bookinfo: ["reviews", "ratings", "productpage", "details", "mongodb", "mysqldb"],
  boutique: [
    "adservice",
    "cartservice",
    "checkoutservice",
    "currencyservice",
    "emailservice",
    "frontend",
    "giftcards",
    "loadgenerator",
    "paymentservice",
    "productcatalogservice",
    "recommendationservice",
    "redis-cart",
    "shippingservice",
    "shoppingassistantservice"
  ],
  ledger: ["accounts", "balances", "fx-rates", "ledger-api", "ledger-db", "settlement", "statements"],
  platform: [
    "audit-log",
    "auth",
    "feature-flags",
    "geoip",
    "identity",
    "mailer",
    "notifications",
    "rate-limits",
    "sessions",
    "tokens"
  ],
  search: [
    "crawler",
    "index",
    "query",
    "ranking",
    "spelling",
    "suggest",
    "synonyms",
    "thumbnails",
    "trends",
    "vectors",
    "warmup"
  ]
}

const dice = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

interface Service {
  readonly name: string
  readonly namespace: string
  readonly dns_prefixes: ReadonlyArray<string>
  ports: Array<Record<string, unknown>>
  backends: Record<string, string>
}

const clusters = regions
  .flatMap((region, r) =>
    Array.from({ length: [4, 4, 4, 6, 8, 6][r]! }, (_, i) => ({
      name: `prod-${region}-${String(i).padStart(2, "0")}`,
      address: i % 3 === 1 ? `203.0.113.${r * 10 + i + 10}` : `gw-${region}-${String(i).padStart(2, "0")}.example.net`,
      region: `prod-${region}`
    }))
  )
  .concat(
    Array.from({ length: 4 }, (_, i) => ({
      name: `stage-use1-0${i}`,
      address: `gw-stage-0${i}.example.net`,
      region: "stage-use1"
    })),
    Array.from({ length: 4 }, (_, i) => ({ name: `edge-0${i}`, address: `203.0.113.${200 + i}`, region: "edge" }))
  )

const services = (): Array<Service> => {
  const roll = dice(7)
  let tcp = 0
  return Object.entries(names).flatMap(([namespace, list]) =>
    list.map((name): Service => {
      const share = 0.3 + roll() * 0.7
      const backends = Object.fromEntries(
        clusters.filter(() => roll() < share).map((c) => [c.name, `${name}.${namespace}.svc.cluster.local`])
      )
      const ports = /db|redis/.test(name)
        ? [{ name: "tcp", protocol: "TCP", service_port: 5400 + tcp++, backend_port: 5432 }]
        : [{ name: "http", protocol: "HTTP", service_port: namespace === "bookinfo" ? 9080 : 80, backend_port: 8080 }]
      return {
        name,
        namespace,
        dns_prefixes: [`${name}.${namespace}`, ...(namespace === "bookinfo" ? [name] : [])],
        ports,
        backends
      }
    })
  )
}

const pipeline = `apiVersion: coddiwomple.io/v1alpha1
kind: Pipeline
metadata: { name: global-dns }
sources:
  inventory: { uses: json, with: { clusters: clusters.json, services: services.json, watch: true } }
transforms:
  mesh: { uses: istio-global-dns }
sinks:
  repo: { uses: files, policy: sync, with: { path: out, overwrite: true } }
`

/** Writes the fleet into a folder, applies it once, and then changes what the screens are to show. */
export const demo = async (folder: string, options: { readonly changed?: boolean } = {}): Promise<void> => {
  mkdirSync(folder, { recursive: true })
  const before = services()
  const put = (list: ReadonlyArray<Service>) =>
    writeFileSync(join(folder, "services.json"), `${JSON.stringify(list, null, 1)}\n`)
  writeFileSync(join(folder, "clusters.json"), `${JSON.stringify(clusters, null, 1)}\n`)
  writeFileSync(join(folder, "pipeline.yaml"), pipeline)
  put(before.filter((s) => s.name !== "checkoutservice"))
  const { code, stderr } = await cw(["run", "--once"], { cwd: folder })
  if (code !== 0) throw new Error(stderr)
  if (options.changed === false) return
  const after = before.map((s) => ({ ...s, backends: { ...s.backends } }))
  const find = (name: string) => after.find((s) => s.name === name)!
  find("mysqldb").backends["no-such-cluster"] = "mysqldb.bookinfo.svc.cluster.local"
  put(after.filter((s) => s.name !== "giftcards"))
  // Somebody has edited some files by hand, and one file that is not ours stands in the way.
  const out = join(folder, "out")
  const other = join(out, "prod-use1-04/istio-system/gateway-cw-checkoutservice--boutique.yaml")
  mkdirSync(join(other, ".."), { recursive: true })
  writeFileSync(other, "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata:\n  name: theirs\n")
  const files = readdirSync(out, { recursive: true, encoding: "utf8" })
  for (const file of files.filter((f) => /(euw1-0[25]|use1-05|apse2-02)/.test(f) && /reviews|ratings/.test(f))) {
    const path = join(out, file)
    writeFileSync(
      path,
      readFileSync(path, "utf8")
        .replace(/interval: \w+/, "interval: 60s")
        .replace(/\n {4}outlierDetection:(\n {6}.*)+/, "")
    )
  }
}

export const copyOf = (from: string, to: string): void => {
  rmSync(to, { recursive: true, force: true })
  cpSync(from, to, { recursive: true })
}
