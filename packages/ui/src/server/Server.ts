/**
 * The HTTP server of the page: a shell that holds no data, its assets, the exchange of the launch token, the RPC socket
 * and a small API for curl. The calls that write are mounted only where `apply` is given.
 */
import type * as Effect_ from "effect/Effect"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type * as HttpServer from "effect/http/HttpServer"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import { Auth, type PlanLine, type Progress, Reading, Refused, Unauthorized, Writing } from "../Contract.ts"
import * as Api from "./Api.ts"
import * as Guard from "./Guard.ts"
import type { Tokens } from "./Tokens.ts"
import type { View } from "./View.ts"

/** One file of the built page. */
export interface Asset {
  readonly type: string
  readonly bytes: Uint8Array
}

export interface Options {
  readonly view: View
  readonly tokens: Tokens
  /** By path, as `/assets/app-1f2e.js`; `/index.html` is the shell. */
  readonly assets: ReadonlyMap<string, Asset>
  readonly allowedHosts: ReadonlyArray<string>
  /** Absent where nothing may be written. */
  readonly apply?: (
    plan: string,
    confirm: string,
    leaveOut: ReadonlyArray<PlanLine>
  ) => Stream.Stream<Progress, Refused>
  readonly patience?: number
}

const shells = ["/", "/services/*", "/clusters/*", "/pipeline", "/plan/*", "/events"] as const

const sockets = 32
const socketHeader = "x-cw-socket"

export const layer = (options: Options): Layer.Layer<never, never, HttpServer.HttpServer> => {
  const { tokens, view } = options
  const admitted = new Set<string>()

  const auth = Layer.succeed(
    Auth,
    Auth.of((effect, { headers }) => {
      if (!tokens.admits(headers.authorization)) return Effect.fail(new Unauthorized())
      const socket = headers[socketHeader]
      if (socket !== undefined) admitted.add(socket)
      return effect
    })
  )

  const reading = Reading.toLayer({
    Watch: ({ coalesce }) => view.watch(Math.min(10_000, Math.max(20, coalesce))),
    Service: ({ id }) => view.service(id),
    Trace: (question) => view.trace(question),
    Events: ({ after }) => view.events(after),
    Tap: ({ node }) => view.tap(node),
    MakePlan: ({ sinks }) => view.makePlan(sinks),
    GetPlan: ({ id }) => view.getPlan(id)
  })
  const { apply } = options
  const group = apply === undefined ? Reading : Reading.merge(Writing)
  const handlers =
    apply === undefined
      ? reading
      : Layer.mergeAll(
          reading, // Only a stream that is taken from asks for anything: a refused bearer never gets that far.
          Writing.toLayer({
            Apply: ({ confirm, leaveOut, plan }) => Stream.suspend(() => apply(plan, confirm, leaveOut ?? []))
          })
        )

  const rpc = Layer.effectDiscard(
    Effect.gen(function* () {
      const router = yield* HttpRouter.HttpRouter
      const socket = yield* RpcServer.toHttpEffectWebsocket(group as typeof Reading, { disableTracing: true })
      let open = 0
      let number = 0
      // Browsers cannot put headers on a WebSocket, so the bearer comes with each call; who sends none is shown out.
      const impatient = (id: string) =>
        Effect.sleep(options.patience ?? 5000).pipe(
          Effect.andThen(
            Effect.suspend(
              (): Effect_.Effect<HttpServerResponse.HttpServerResponse> =>
                admitted.has(id) ? Effect.never : Effect.succeed(HttpServerResponse.empty())
            )
          )
        )
      yield* router.add(
        "GET",
        "/rpc",
        Effect.gen(function* () {
          const request = yield* HttpServerRequest.HttpServerRequest
          if (request.headers.upgrade?.toLowerCase() !== "websocket")
            return HttpServerResponse.text("a WebSocket is expected here\n", { status: 426 })
          if (open >= sockets) return HttpServerResponse.text(`at most ${sockets} pages at once\n`, { status: 503 })
          const id = String(++number)
          open++
          const marked = request.modify({ headers: { ...request.headers, [socketHeader]: id } as never })
          return yield* Effect.raceFirst(
            socket.pipe(Effect.provideService(HttpServerRequest.HttpServerRequest, marked), Effect.scoped),
            impatient(id)
          ).pipe(
            Effect.ensuring(
              Effect.sync(() => {
                open--
                admitted.delete(id)
              })
            )
          )
        })
      )
    })
  ).pipe(Layer.provide([handlers, auth, RpcSerialization.layerNdjson]))

  const shell = options.assets.get("/index.html")
  const page =
    shell === undefined
      ? HttpServerResponse.text("the page is not part of this build\n", { status: 404 })
      : HttpServerResponse.uint8Array(shell.bytes, {
          contentType: shell.type,
          headers: { "cache-control": "no-cache" }
        })
  const files = HttpRouter.use((router) =>
    Effect.gen(function* () {
      for (const path of shells) yield* router.add("GET", path, Effect.succeed(page))
      yield* router.add("GET", "/assets/*", (request) =>
        Effect.sync(() => {
          const found = options.assets.get(request.url.replace(/[?#].*$/, ""))
          if (found === undefined) return HttpServerResponse.text("no such file\n", { status: 404 })
          return HttpServerResponse.uint8Array(found.bytes, {
            contentType: found.type,
            headers: { "cache-control": "public, max-age=31536000, immutable" }
          })
        })
      )
      yield* router.add("*", "/*", Effect.succeed(HttpServerResponse.text("there is no such thing\n", { status: 404 })))
      yield* router.add("GET", "/favicon.ico", Effect.succeed(HttpServerResponse.empty({ status: 204 })))
    })
  )

  const routes = Layer.mergeAll(rpc, files, Api.layer({ view, tokens }), Guard.layer(options.allowedHosts))
  return HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }) as unknown as Layer.Layer<
    never,
    never,
    HttpServer.HttpServer
  >
}

export { Refused }
