// A made-up fleet whose cells change at a rate that no engine has to keep up with: for the page's share of the figures.
//   node test/bench/ui-server.ts SERVICES CLUSTERS EVENTS_PER_SECOND    prints the link
import { createServer } from "node:http"
import { readdirSync, readFileSync } from "node:fs"
import { extname, join } from "node:path"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as HttpServer from "effect/http/HttpServer"
import { encode } from "@coddiwomple/ui/Cells"
import { type Cluster, type Info, type Live, Missing, type Row, type Status } from "@coddiwomple/ui/Contract"
import * as Server from "@coddiwomple/ui/server/Server"
import { Tokens } from "@coddiwomple/ui/server/Tokens"
import type { View } from "@coddiwomple/ui/server/View"

const [services = 10_000, width = 100, rate = 100] = process.argv.slice(2).map(Number)
const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8"
}
const ui = join(import.meta.dirname, "../../packages/cli/dist/ui")
const assets = new Map(
  readdirSync(ui, { recursive: true, encoding: "utf8" })
    .filter((p) => types[extname(p)] !== undefined)
    .map((p) => [`/${p}`, { type: types[extname(p)]!, bytes: readFileSync(join(ui, p)) }])
)

const info: Info = {
  pipeline: "bench",
  file: "bench",
  version: "0",
  mode: "read-only",
  allow: [],
  suffix: "global",
  started: Date.now(),
  inputs: [],
  compares: true
}
const clusters = Array.from(
  { length: width },
  (_, i): Cluster => ({
    name: `prod-${"abcdefghij"[Math.floor(i / 10)]}-${String(i % 10).padStart(2, "0")}`,
    state: "connected",
    addresses: ["192.0.2.1"],
    gateway: "192.0.2.1:15443",
    source: "s",
    origin: "s",
    services: 1
  })
)
const names = [
  "cart",
  "web",
  "auth",
  "db",
  "mail",
  "search",
  "pay",
  "ship",
  "rate",
  "feed",
  "log",
  "user",
  "map",
  "news",
  "ads"
]
const rows = Array.from({ length: services }, (_, i): Row => {
  const cells = Uint8Array.from({ length: width }, (_, c) =>
    (i * 31 + c * 17) % 97 < 2 ? 3 : (i + c) % 3 === 0 ? 6 : 8
  )
  const name = `${names[i % names.length]}-${i}`
  return {
    i: `${name}.team-${i % 40}`,
    n: name,
    s: `team-${i % 40}`,
    c: encode(cells),
    h: `${name}.global`,
    p: "80",
    t: 0
  }
})
const status: Status = {
  _tag: "Status",
  generation: 1,
  services,
  held: 0,
  nodes: [],
  generations: [],
  findings: [],
  pending: 0
}

let seed = 1
const dice = (n: number): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return seed % n
}
const watch = (coalesce: number): Stream.Stream<Live> => {
  let seq = 1
  const deltas = Stream.fromEffectRepeat(
    Effect.map(Effect.sleep(coalesce), (): Live => {
      const events = Math.max(1, Math.round((rate * coalesce) / 1000))
      // Half of what changes is in sight, as somebody who looks at it would arrange.
      const cells = Array.from({ length: events }, (_, i) => [
        i % 2 === 0 ? dice(60) : dice(services),
        dice(width),
        [3, 6, 2][dice(3)]!
      ]).flat()
      return { _tag: "Delta", seq: ++seq, time: Date.now(), events, cells, rows: [], removed: [] }
    })
  )
  return Stream.concat(
    Stream.suspend(() =>
      Stream.make<ReadonlyArray<Live>>(
        { _tag: "Snapshot", epoch: 1, seq, time: Date.now(), info, clusters, rows },
        status
      )
    ),
    rate === 0 ? Stream.never : deltas
  )
}
const missing = Effect.fail(new Missing({ what: "such thing" }))
const view: View = {
  info: () => info,
  clusters: () => clusters,
  rows: () => rows,
  status: Effect.succeed(status),
  watch,
  service: () => missing,
  trace: () => missing,
  events: () => Stream.never,
  tap: () => Stream.never,
  makePlan: () => missing,
  getPlan: () => missing,
  bundle: Effect.never
}

const tokens = new Tokens()
const program = Effect.gen(function* () {
  const context = yield* Layer.build(
    Server.layer({ view, tokens, assets, allowedHosts: [] }).pipe(
      Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { host: "127.0.0.1", port: 0 }))
    )
  )
  const { address } = yield* Effect.provide(HttpServer.HttpServer, Layer.succeedContext(context))
  for (let i = 0; i < 20; i++)
    process.stdout.write(`http://127.0.0.1:${"port" in address ? address.port : 0}/#launch=${tokens.launch()}\n`)
  yield* Effect.never
})
await Effect.runPromise(Effect.scoped(program))
