// A TLS proxy that sees requests: it counts them, and answers or spoils some of them before or after the real API
// server has seen them. For faults below HTTP there is FaultProxy.
import { createServer, type RequestOptions, request as send } from "node:https"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { ApiServer } from "../../../test/parts/ApiServer.ts"
import { authority } from "./Pki.ts"

export interface Seen {
  readonly method: string
  readonly url: URL
  /** `LIST`, `WATCH`, `GET`, or the method. */
  readonly verb: string
  readonly authorization: string | undefined
}

/** What to do with a request. */
export type Verdict =
  | undefined
  /** Answer without asking the server. */
  | { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> }
  /** Let the server execute it, then break the connection before `after` bytes of the answer have passed. */
  | { readonly cutAfter: number; readonly wait?: number }
  /** Pass the answer in pieces of so many bytes. */
  | { readonly pieces: number }
  /** Put a line into a stream before what the server sends. */
  | { readonly line: string; readonly end?: boolean }

export interface Intercept extends AsyncDisposable {
  readonly kubeconfig: string
  readonly seen: Array<Seen>
  readonly count: (verb: string) => number
  /** Around every request that writes; undefined means that the caller is gone. */
  gate: <A>(what: string, write: () => Promise<A>) => Promise<A | undefined>
  /** The token that the server gets for the one a request has. */
  exchange: (bearer: string) => string
  /** Decides about every request until it is set again. */
  decide: (seen: Seen, nth: number) => Verdict
  /** Ends all connections. */
  readonly drop: () => void
}

const verbOf = (method: string, url: URL): string => {
  if (method !== "GET") return method
  if (url.searchParams.get("watch") === "1") return "WATCH"
  return url.searchParams.has("limit") || url.pathname.endsWith("s") ? "LIST" : "GET"
}

export const status = (code: number, reason: string, message: string, details: object = {}) => ({
  kind: "Status",
  apiVersion: "v1",
  status: "Failure",
  code,
  reason,
  message,
  details
})

let number = 0

export const startIntercept = async (server: ApiServer, token = server.token): Promise<Intercept> => {
  const ca = authority()
  const seen: Array<Seen> = []
  const open = new Set<ServerResponse>()

  const headersOf = (incoming: IncomingMessage): IncomingMessage["headers"] => {
    const { authorization, ...rest } = incoming.headers
    const bearer = authorization?.replace(/^Bearer /, "")
    return bearer === undefined ? rest : { ...rest, authorization: `Bearer ${self.exchange(bearer)}` }
  }

  const forward = (incoming: IncomingMessage, outgoing: ServerResponse, body: Buffer, verdict: Verdict): void => {
    const options: RequestOptions = {
      host: "127.0.0.1",
      port: server.port,
      ca: server.ca,
      method: incoming.method ?? "GET",
      path: incoming.url ?? "/",
      headers: headersOf(incoming)
    }
    const upstream = send(options, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      outgoing.flushHeaders()
      if (verdict !== undefined && "line" in verdict) {
        outgoing.write(`${verdict.line}\n`)
        if (verdict.end === true) return void outgoing.end()
      }
      let passed = 0
      answer.on("data", (chunk: Buffer) => {
        if (verdict !== undefined && "cutAfter" in verdict) {
          outgoing.write(chunk.subarray(0, Math.max(0, verdict.cutAfter - passed)))
          passed += chunk.length
          if (passed >= verdict.cutAfter) setTimeout(() => incoming.socket.destroy(), verdict.wait ?? 20)
        } else if (verdict !== undefined && "pieces" in verdict) {
          for (let at = 0; at < chunk.length; at += verdict.pieces)
            outgoing.write(chunk.subarray(at, at + verdict.pieces))
        } else outgoing.write(chunk)
      })
      answer.on("end", () => {
        if (verdict === undefined || !("cutAfter" in verdict)) outgoing.end()
      })
      answer.on("error", () => incoming.socket.destroy())
    })
    upstream.on("error", () => incoming.socket.destroy())
    outgoing.on("close", () => upstream.destroy())
    upstream.end(body)
  }

  interface Whole {
    readonly status: number
    readonly headers: IncomingMessage["headers"]
    readonly body: Buffer
  }

  const whole = (incoming: IncomingMessage, body: Buffer): Promise<Whole> =>
    new Promise((resolve, reject) => {
      const options: RequestOptions = {
        host: "127.0.0.1",
        port: server.port,
        ca: server.ca,
        method: incoming.method ?? "GET",
        path: incoming.url ?? "/",
        headers: headersOf(incoming)
      }
      const upstream = send(options, (answer) => {
        const parts: Array<Buffer> = []
        answer.on("data", (chunk: Buffer) => parts.push(chunk))
        answer.on("end", () =>
          resolve({ status: answer.statusCode ?? 502, headers: answer.headers, body: Buffer.concat(parts) })
        )
      })
      upstream.on("error", reject)
      upstream.end(body)
    })

  /** A write in one piece, so that it can be stopped before or after it. */
  const gated = async (
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    body: Buffer,
    what: string
  ): Promise<void> => {
    const answer = await self.gate(what, () => whole(incoming, body)).catch(() => undefined)
    if (answer === undefined) return void incoming.socket.destroy()
    outgoing.writeHead(answer.status, answer.headers).end(answer.body)
  }

  const listener = createServer(ca.issue({ cn: "proxy", ips: ["127.0.0.1"] }), (incoming, outgoing) => {
    open.add(outgoing)
    outgoing.on("close", () => open.delete(outgoing))
    const parts: Array<Buffer> = []
    incoming.on("data", (chunk: Buffer) => parts.push(chunk))
    incoming.on("end", () => {
      const url = new URL(incoming.url ?? "/", "https://proxy")
      const method = incoming.method ?? "GET"
      const one: Seen = { method, url, verb: verbOf(method, url), authorization: incoming.headers.authorization }
      seen.push(one)
      const verdict = self.decide(one, seen.filter((s) => s.verb === one.verb).length)
      if (verdict !== undefined && "status" in verdict) {
        outgoing.writeHead(verdict.status, { "content-type": "application/json", ...verdict.headers })
        outgoing.end(JSON.stringify(verdict.body))
      } else if (verdict === undefined && method !== "GET" && !url.searchParams.has("dryRun")) {
        void gated(incoming, outgoing, Buffer.concat(parts), `${method} ${url.pathname}`)
      } else forward(incoming, outgoing, Buffer.concat(parts), verdict)
    })
  })
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve))
  const url = `https://127.0.0.1:${(listener.address() as AddressInfo).port}`
  const file = server.writeKubeconfig(`intercept-${++number}`, { url, token })
  const { readFileSync, writeFileSync } = await import("node:fs")
  const text = readFileSync(file, "utf8")
  writeFileSync(file, text.replace(Buffer.from(server.ca).toString("base64"), Buffer.from(ca.cert).toString("base64")))

  const self: Intercept = {
    kubeconfig: file,
    seen,
    count: (verb) => seen.filter((s) => s.verb === verb).length,
    gate: (_what, write) => write(),
    exchange: (bearer) => bearer,
    decide: () => undefined,
    drop: () => {
      for (const response of open) response.socket?.destroy()
    },
    [Symbol.asyncDispose]: async () => {
      listener.closeAllConnections()
      await new Promise<void>((resolve) => listener.close(() => resolve()))
    }
  }
  return self
}
