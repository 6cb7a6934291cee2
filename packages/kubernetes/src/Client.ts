/**
 * The HTTP client of one API server: raw JSON in and out. Every request here may be repeated without harm (reads,
 * server-side apply, deletes and writes with preconditions), so it is, within a budget and by the rules of `Retry.ts`;
 * an error that remains says whether the request may have been executed.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { Dispatcher } from "undici"
import type { Connection } from "@coddiwomple/core/Fact"
import type { PluginError } from "@coddiwomple/core/PluginError"
import type { Mutable } from "effect/Types"
import { ApiError, fromNetwork, fromResponse } from "./ApiError.ts"
import type { Context } from "./Context.ts"
import * as Credentials from "./Credentials.ts"
import * as Kubeconfig from "./Kubeconfig.ts"
import * as Limiter from "./Limiter.ts"
import * as Reach from "./Reach.ts"
import { delay, retryAfter } from "./Retry.ts"
import * as Transport from "./Transport.ts"

export interface ApiRequest {
  readonly method: "GET" | "PATCH" | "POST" | "PUT" | "DELETE"
  /** Path below the server, without query. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: string
  readonly contentType?: string
  readonly accept?: string
  /** Milliseconds one attempt may take. */
  readonly timeout?: number
  /** Milliseconds all attempts may take, while the server answers at all. */
  readonly budget?: number
  /** Milliseconds without a byte after which an attempt counts as lost. */
  readonly silence?: number
  /** False: one attempt. */
  readonly retry?: boolean
}

export interface ApiResponse {
  readonly status: number
  /** The parsed JSON. */
  readonly body: unknown
  readonly warnings: ReadonlyArray<string>
  readonly attempts: number
  /** An earlier attempt may have been executed. */
  readonly doubt: boolean
}

export interface ApiStream {
  readonly chunks: AsyncIterable<Uint8Array>
  /** Ends the connection; nothing more comes. */
  readonly abort: () => void
}

/** How far a client has come with its server; milliseconds since the epoch. */
export interface Contact {
  /** When the oldest request was sent that came after the last answer. */
  readonly sent: number | undefined
  /** When a connection was made; undefined after one could not be made. */
  readonly connected: number | undefined
  readonly answered: number | undefined
}

export interface Client {
  /** Name of the cluster, for messages. */
  readonly cluster: string
  readonly context: Context
  readonly request: (request: ApiRequest) => Effect.Effect<ApiResponse, ApiError>
  /** The answer as text, for lists: the caller parses. */
  readonly text: (request: ApiRequest) => Effect.Effect<string, ApiError>
  readonly stream: (request: ApiRequest) => Effect.Effect<ApiStream, ApiError, Scope.Scope>
  /** Requests that may run at once now. */
  readonly limit: () => number
  readonly contact: Contact
}

export interface Options {
  readonly concurrency?: number
  readonly connectTimeout?: number
  readonly requestTimeout?: number
  readonly budget?: number
  readonly execLimit?: number
  readonly reload?: Effect.Effect<Context, unknown>
  readonly userAgent?: string
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

const unzip = async (data: ArrayBuffer): Promise<string> => {
  const { gunzip } = await import("node:zlib")
  return new Promise((resolve, reject) =>
    gunzip(data, (error, out) => (error ? reject(error) : resolve(out.toString("utf8"))))
  )
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const one = (header: string | string[] | undefined): string | undefined => (Array.isArray(header) ? header[0] : header)

const warningsOf = (header: string | string[] | undefined): ReadonlyArray<string> =>
  (Array.isArray(header) ? header : header === undefined ? [] : [header]).flatMap((h) =>
    [...h.matchAll(/\b299 \S+ "((?:[^"\\]|\\.)*)"/g)].map((m) => m[1]!.replace(/\\(.)/g, "$1"))
  )

export const make = (
  cluster: string,
  context: Context,
  options: Options = {}
): Effect.Effect<Client, never, Scope.Scope> =>
  Effect.gen(function* () {
    const concurrency = options.concurrency ?? 12
    const contact: Mutable<Contact> = {
      sent: undefined,
      connected: undefined,
      answered: undefined
    }
    const transport = yield* Transport.make(context, {
      connections: concurrency,
      connectTimeout: options.connectTimeout ?? 10_000,
      connected: () => (contact.connected = Date.now())
    })
    const credentials = yield* Credentials.make(context, {
      ...(options.reload === undefined ? {} : { reload: options.reload }),
      ...(options.execLimit === undefined ? {} : { execLimit: options.execLimit })
    })
    const limiter = Limiter.make(concurrency)
    const base = new URL(context.server)
    const prefix = base.pathname === "/" ? "" : base.pathname

    const prepare = (r: ApiRequest, credential: Credentials.Credential): Dispatcher.RequestOptions => ({
      origin: base.origin,
      path: `${prefix}${r.path}${r.query === undefined ? "" : `?${new URLSearchParams(r.query)}`}`,
      method: r.method,
      headers: {
        "user-agent": options.userAgent ?? "cw",
        accept: r.accept ?? "application/json",
        ...(context.compress && r.method === "GET" ? { "accept-encoding": "gzip" } : {}),
        ...(r.body === undefined ? {} : { "content-type": r.contentType ?? "application/json" }),
        ...credential.headers
      },
      ...(r.body === undefined ? {} : { body: r.body }),
      ...(r.silence === undefined ? {} : { headersTimeout: r.silence, bodyTimeout: r.silence })
    })

    const send = (r: ApiRequest, credential: Credentials.Credential): Effect.Effect<Answer, ApiError> =>
      Effect.tryPromise({
        try: async (signal) => {
          contact.sent ??= Date.now()
          const response = await transport
            .dispatcher("request", credential)
            .request({ ...prepare(r, credential), signal })
          contact.sent = undefined
          contact.answered = Date.now()
          const zipped = one(response.headers["content-encoding"]) === "gzip"
          const text = zipped ? await unzip(await response.body.arrayBuffer()) : await response.body.text()
          return { status: response.statusCode, headers: response.headers, text }
        },
        catch: (cause) => fromNetwork(cause)
      }).pipe(
        Effect.timeoutOrElse({
          duration: r.timeout ?? options.requestTimeout ?? 65_000,
          orElse: () => Effect.fail(new ApiError({ reason: "Lost", message: "no answer in time", doubt: true }))
        })
      )

    /** Good answers as they are; all others as errors. Only small bodies are parsed here. */
    const checked = (answer: Answer, now: number): Effect.Effect<Answer, ApiError> => {
      if (answer.status >= 200 && answer.status < 300) {
        const type = one(answer.headers["content-type"]) ?? ""
        if (type.includes("json")) return Effect.succeed(answer)
        return Effect.fail(
          new ApiError({
            reason: "NotApi",
            code: answer.status,
            message: `it answers with ${type.split(";")[0] || "an unnamed type"}`
          })
        )
      }
      const wait = retryAfter(one(answer.headers["retry-after"]), now)
      return Effect.fail(fromResponse(answer.status, parseJson(answer.text), answer.text, wait))
    }

    const attempt = (r: ApiRequest, credential: Credentials.Credential) =>
      Effect.flatMap(send(r, credential), (answer) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => checked(answer, now))
      )

    interface Settled extends Answer {
      readonly attempts: number
      readonly doubt: boolean
    }

    const repeated = (r: ApiRequest): Effect.Effect<Settled, ApiError> =>
      Effect.gen(function* () {
        const started = yield* Clock.currentTimeMillis
        const budget = r.budget ?? options.budget ?? 120_000
        let doubt = false
        let renewals = 0
        for (let attempts = 1; ; attempts++) {
          let credential: Credentials.Credential | undefined
          // Asked for when it is our turn: a token may live shorter than a request waits.
          const outcome = yield* Effect.result(
            limiter.run(
              Effect.flatMap(credentials.get, (fetched) => {
                credential = fetched
                return attempt(r, fetched)
              })
            )
          )
          if (outcome._tag === "Success") {
            limiter.answered()
            Reach.answered(context)
            return { ...outcome.success, attempts, doubt }
          }
          const error = outcome.failure
          if (credential === undefined) {
            Reach.failed(context, error)
            return yield* withDoubt(error, doubt, attempts)
          }
          if (error.reason === "Unauthorized" && ++renewals <= most && (yield* credentials.renew(credential))) continue
          const now = yield* Clock.currentTimeMillis
          if (error.reason === "Unreachable") contact.connected = undefined
          if (error.reason === "Busy" && error.code === 429) limiter.busy(now)
          doubt ||= error.doubt === true
          const wait =
            r.retry === false ? undefined : delay(error, r.method, attempts, now - started, budget, yield* Random.next)
          if (wait === undefined) {
            Reach.failed(context, error)
            return yield* withDoubt(error, doubt, attempts)
          }
          yield* Effect.sleep(wait)
        }
      })

    return {
      cluster,
      context,
      limit: limiter.limit,
      contact,
      text: (r) => Effect.map(repeated(r), (answer) => answer.text),
      request: (r) =>
        Effect.flatMap(repeated(r), ({ status, headers, text, attempts, doubt }) => {
          const body = parseJson(text)
          return body === undefined
            ? Effect.fail(
                new ApiError({ reason: "NotApi", code: status, message: "it answers with something that is no JSON" })
              )
            : Effect.succeed({ status, body, warnings: warningsOf(headers.warning), attempts, doubt })
        }),
      stream: (r) => openStream(r)
    }

    function openStream(r: ApiRequest): Effect.Effect<ApiStream, ApiError, Scope.Scope> {
      const open = (credential: Credentials.Credential) =>
        Effect.gen(function* () {
          const controller = new AbortController()
          yield* Effect.addFinalizer(() => Effect.sync(() => controller.abort()))
          const response = yield* Effect.tryPromise({
            try: () =>
              transport
                .dispatcher("watch", credential)
                .request({ ...prepare(r, credential), signal: controller.signal }),
            catch: (cause) => fromNetwork(cause)
          }).pipe(
            Effect.timeoutOrElse({
              duration: r.timeout ?? 30_000,
              orElse: () => Effect.fail(new ApiError({ reason: "Lost", message: "no answer in time", doubt: true }))
            })
          )
          response.body.on("error", () => {})
          if (response.statusCode === 200) return { chunks: response.body, abort: () => controller.abort() }
          const text = yield* Effect.tryPromise({
            try: () => response.body.text(),
            catch: (cause) => fromNetwork(cause)
          }).pipe(
            Effect.timeout("10 seconds"),
            Effect.orElseSucceed(() => "")
          )
          const now = yield* Clock.currentTimeMillis
          const wait = retryAfter(one(response.headers["retry-after"]), now)
          return yield* fromResponse(response.statusCode, parseJson(text), text, wait)
        })
      return Effect.gen(function* () {
        const credential = yield* credentials.get
        const outcome = yield* Effect.result(open(credential))
        if (outcome._tag === "Success") return outcome.success
        if (outcome.failure.reason === "Unauthorized" && (yield* credentials.renew(credential))) {
          return yield* open(yield* credentials.get)
        }
        return yield* outcome.failure
      })
    }
  })

/** Renewals of the credential for one request: short-lived tokens may end more than once. */
const most = 3

const withDoubt = (error: ApiError, doubt: boolean, attempts: number): ApiError =>
  new ApiError({
    reason: error.reason,
    message: error.message,
    doubt,
    attempts,
    ...(error.code === undefined ? {} : { code: error.code }),
    ...(error.causes === undefined ? {} : { causes: error.causes }),
    ...(error.kind === undefined ? {} : { kind: error.kind }),
    ...(error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter })
  })

/** The client of a cluster by its connection; the kubeconfig is read now, and again after a 401. */
export const connect = (
  cluster: string,
  connection: Connection,
  options: Options & Partial<Kubeconfig.Search> = {}
): Effect.Effect<Client, PluginError, Scope.Scope> =>
  Effect.flatMap(Kubeconfig.read(connection, options), (context) =>
    make(cluster, context, { ...options, reload: Kubeconfig.read(connection, options) })
  )
