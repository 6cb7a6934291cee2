/**
 * A real HTTP server on the loopback interface that answers as the test says, except where a fault is due. For S3,
 * requests that write can pass through `steps`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { Steps } from "./Steps.ts"

export interface Request {
  readonly method: string
  /** Path with query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Response {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Text, or anything else as JSON. A list of texts in an async iterable is streamed. */
  readonly body?: unknown
}

export type Bring =
  /** Answers with this instead; `retryAfter` in seconds. */
  | { readonly status: number; readonly retryAfter?: number; readonly body?: unknown }
  /** Answers truly, but this many milliseconds later. */
  | { readonly delay: number }
  /** Sends so many bytes of the true answer, then cuts the connection. */
  | { readonly truncate: number }
  /** Cuts the connection: before the request counts, or after it did its work. */
  | "reset"
  | "lost-answer"
  /** Never answers. */
  | "hang"

export interface HttpFault {
  /** All requests where nothing is said. */
  readonly when?: (request: Request) => boolean
  /** From the n-th matching request on, counted from 1. */
  readonly nth?: number
  /** How many; all from then on by default. */
  readonly times?: number
  readonly bring: Bring
}

export interface FaultyHttp {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string
  /** All requests so far. */
  readonly requests: ReadonlyArray<Request>
  /** Open connections: a probe for R2. */
  readonly connections: () => number
  /** Replaces the faults, and counts anew; without any, all is well. */
  readonly fault: (...faults: ReadonlyArray<HttpFault>) => void
  /** For a world whose sink writes by HTTP. */
  readonly steps: Steps
  readonly close: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

export interface Options {
  /** Requests that are steps for S3: all but GET and HEAD by default. */
  readonly writes?: (request: Request) => boolean
  /** Connections serve several requests. Then some clients repeat a request by themselves when its connection breaks. */
  readonly keepAlive?: boolean
}

export const start = async (
  answer: (request: Request) => Response | Promise<Response>,
  options: Options = {}
): Promise<FaultyHttp> => {
  const writes = options.writes ?? ((r) => r.method !== "GET" && r.method !== "HEAD")
  const requests: Array<Request> = []
  const sockets = new Set<Socket>()
  const steps = new Steps()
  let faults: ReadonlyArray<HttpFault> = []
  let counts: Array<number> = []

  const due = (request: Request): Bring | undefined => {
    for (const [i, fault] of faults.entries()) {
      if (fault.when !== undefined && !fault.when(request)) continue
      const n = (counts[i] = (counts[i] ?? 0) + 1)
      const first = fault.nth ?? 1
      if (n >= first && n < first + (fault.times ?? Number.POSITIVE_INFINITY)) return fault.bring
    }
    return undefined
  }

  const handle = async (incoming: IncomingMessage, out: ServerResponse) => {
    const request = await read(incoming)
    requests.push(request)
    const bring = due(request)
    if (bring === "hang") return
    if (bring === "reset") return void incoming.socket.destroy()
    if (typeof bring === "object" && "status" in bring) {
      const headers: Readonly<Record<string, string>> =
        bring.retryAfter === undefined ? {} : { "retry-after": String(bring.retryAfter) }
      return send(out, { status: bring.status, headers, body: bring.body ?? "" })
    }
    if (typeof bring === "object" && "delay" in bring) await new Promise((resolve) => setTimeout(resolve, bring.delay))
    const response = writes(request)
      ? await steps.promise(`${request.method} ${request.path}`, () => answer(request))
      : await answer(request)
    if (response === undefined || bring === "lost-answer") return void incoming.socket.destroy()
    if (typeof bring === "object" && "truncate" in bring) return cut(out, response, bring.truncate)
    return send(out, response)
  }

  const server = createServer((incoming, out) => {
    handle(incoming, out).catch((cause: unknown) => {
      if (out.headersSent) out.destroy()
      else send(out, { status: 500, body: String(cause) })
    })
  })
  if (options.keepAlive !== true)
    server.prependListener("request", (_incoming, out) => out.setHeader("connection", "close"))
  server.on("connection", (socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
    socket.on("error", () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    connections: () => sockets.size,
    fault: (...next) => {
      faults = next
      counts = []
    },
    steps,
    close,
    [Symbol.asyncDispose]: close
  }
}

const read = async (incoming: IncomingMessage): Promise<Request> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([k, v]) => [k, Array.isArray(v) ? v.join(", ") : (v ?? "")])
  )
  return {
    method: incoming.method ?? "GET",
    path: incoming.url ?? "/",
    headers,
    body: Buffer.concat(chunks).toString("utf8")
  }
}

const bytesOf = ({ body }: Response): Buffer =>
  Buffer.from(typeof body === "string" ? body : body === undefined ? "" : JSON.stringify(body))

const headersOf = (response: Response): Record<string, string> => ({
  ...(typeof response.body === "string" ? {} : { "content-type": "application/json" }),
  ...response.headers
})

const isStream = (body: unknown): body is AsyncIterable<string> =>
  typeof body === "object" && body !== null && Symbol.asyncIterator in body

const send = async (out: ServerResponse, response: Response): Promise<void> => {
  out.writeHead(response.status ?? 200, headersOf(response))
  if (!isStream(response.body)) return void out.end(bytesOf(response))
  out.flushHeaders()
  for await (const piece of response.body) {
    if (out.destroyed) return
    out.write(piece)
  }
  out.end()
}

const cut = (out: ServerResponse, response: Response, length: number): void => {
  const bytes = bytesOf(response)
  out.writeHead(response.status ?? 200, { ...headersOf(response), "content-length": String(bytes.length) })
  out.write(bytes.subarray(0, length), () => out.destroy())
}
