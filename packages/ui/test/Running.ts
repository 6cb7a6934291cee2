// A real engine, the real server on a free port, and plain clients of node: what a stranger on the machine could send.
import { createServer, request } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Engine } from "@coddiwomple/core/Engine"
import type { Fact, SourceEvent } from "@coddiwomple/core/Fact"
import * as Artifact from "@coddiwomple/core/Artifact"
import type { Fleet, Service } from "@coddiwomple/core/Model"
import type { Plan } from "@coddiwomple/core/Plan"
import * as Sink from "@coddiwomple/core/Sink"
import * as Source from "@coddiwomple/core/Source"
import * as Transform from "@coddiwomple/core/Transform"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as HttpServer from "effect/http/HttpServer"
import * as EngineView from "../src/server/EngineView.ts"
import * as Server from "../src/server/Server.ts"
import { Tokens } from "../src/server/Tokens.ts"

const origin = { label: "test" }

export const service = (name: string, clusters: ReadonlyArray<string>): ReadonlyArray<Fact> => [
  {
    kind: "service",
    name,
    namespace: "shop",
    prefixes: [`${name}.shop`],
    ports: [{ name: "http", protocol: "HTTP", port: 80, backendPort: 8080 }],
    origin
  },
  ...clusters.map(
    (cluster): Fact => ({
      kind: "backend",
      service: `${name}.shop`,
      cluster,
      host: `${name}.shop.svc.cluster.local`,
      origin
    })
  )
]

export const clusters = (...names: ReadonlyArray<string>): ReadonlyArray<Fact> =>
  names.map((name, order) => ({ kind: "cluster", name, order, addresses: [`gw-${name}.example.net`], origin }))

export interface Rig {
  readonly url: string
  readonly tokens: Tokens
  readonly view: EngineView.EngineView
  readonly say: (...events: ReadonlyArray<SourceEvent>) => void
  /** What the sink answers from now on. */
  readonly plan: (plan: Plan) => void
}

/** An engine over a source that says what the test says, and a sink that plans what the test wants. */
export const rig = (
  options: {
    readonly apply?: Server.Options["apply"]
    readonly patience?: number
    readonly every?: number
    readonly allow?: ReadonlyArray<string>
  } = {}
): Effect.Effect<Rig, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const queue = yield* Queue.unbounded<SourceEvent>()
    let planned: Plan = { items: [], unchanged: 1, owned: new Map([["a", 1]]) }
    const nodes = Layer.mergeAll(
      Source.layer(
        Source.make({
          type: "told",
          summary: "",
          config: Schema.Struct({}),
          make: () => ({ events: Stream.fromQueue(queue), endless: true })
        }),
        "told",
        {}
      ),
      Transform.layer(
        Transform.make({
          type: "names",
          summary: "",
          config: Schema.Struct({}),
          make: () => ({
            shape: "service" as const,
            run: (s: Service, fleet: Fleet) => [
              Artifact.object(
                fleet.all,
                {
                  apiVersion: "v1",
                  kind: "ConfigMap",
                  metadata: { name: s.name, namespace: "cw" },
                  data: { host: s.hosts[0]! }
                },
                { service: s.identity }
              )
            ]
          })
        }),
        "names",
        {}
      ),
      Sink.layer(
        Sink.make({
          type: "kubectl-apply",
          summary: "",
          config: Schema.Struct({}),
          make: () => ({ plan: () => Effect.succeed(planned), apply: () => Effect.succeed({ items: [] }) })
        }),
        "out",
        {},
        { policy: "sync" }
      )
    )
    const context = yield* Layer.build(
      nodes.pipe(
        Layer.provideMerge(Engine.layer({ pipeline: "test", dryRun: true, debounce: 5 }))
      ) as unknown as Layer.Layer<Engine>
    )
    const engine = yield* Effect.provide(Engine, Layer.succeedContext(context))
    const view = yield* EngineView.make({
      engine,
      info: {
        pipeline: "test",
        file: "test.yaml",
        version: "0",
        mode: "read-only",
        allow: options.allow ?? [],
        inputs: []
      },
      nodes: () => [
        { id: "told", kind: "source", type: "told", reads: [] },
        { id: "names", kind: "transform", type: "names", reads: [] },
        { id: "out", kind: "sink", type: "kubectl-apply", reads: ["names"] }
      ],
      ...(options.every === undefined ? {} : { again: engine.again, every: options.every })
    })
    yield* engine.start
    const tokens = new Tokens()
    const assets = new Map([
      [
        "/index.html",
        { type: "text/html; charset=utf-8", bytes: new TextEncoder().encode("<!doctype html><title>cw</title>") }
      ],
      ["/assets/app.js", { type: "text/javascript", bytes: new TextEncoder().encode("1") }]
    ])
    const served = yield* Layer.build(
      Server.layer({
        view,
        tokens,
        assets,
        allowedHosts: ["ui.example"],
        ...(options.apply === undefined ? {} : { apply: options.apply }),
        ...(options.patience === undefined ? {} : { patience: options.patience })
      }).pipe(
        Layer.provideMerge(
          NodeHttpServer.layer(() => createServer(), { host: "127.0.0.1", port: 0, gracefulShutdownTimeout: 100 })
        )
      )
    )
    const { address } = yield* Effect.provide(HttpServer.HttpServer, Layer.succeedContext(served))
    const url = `http://127.0.0.1:${"port" in address ? address.port : 0}`
    return {
      url,
      tokens,
      view,
      say: (...events) => {
        for (const event of events) Queue.offerUnsafe(queue, event)
      },
      plan: (next) => {
        planned = next
      }
    }
  })

export const first = (...facts: ReadonlyArray<ReadonlyArray<Fact>>): ReadonlyArray<SourceEvent> => [
  { _tag: "Partitions", names: ["p"] },
  { _tag: "Snapshot", partition: "p", facts: facts.flat() }
]

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly text: string
}

/** One request with any headers at all, also those that fetch forbids. */
export const ask = (
  url: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
  body?: string
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const req = request(url + path, { method, headers, agent: false }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk
      })
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, text }))
    })
    req.on("upgrade", (response, socket) => {
      socket.destroy()
      resolve({ status: response.statusCode!, headers: response.headers, text: "" })
    })
    req.on("error", reject)
    req.end(body)
  })

export const upgrade = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="
}

/** One call over a WebSocket; resolves with the first message that answers it. */
export const rpc = (url: string, tag: string, payload: unknown, bearer?: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/rpc`)
    socket.onopen = () =>
      socket.send(
        `${JSON.stringify({ _tag: "Request", id: "1", tag, payload, headers: bearer === undefined ? [] : [["authorization", `Bearer ${bearer}`]] })}\n`
      )
    socket.onmessage = (event) => {
      resolve(String(event.data))
      socket.close()
    }
    socket.onerror = () => reject(new Error("socket failed"))
  })
