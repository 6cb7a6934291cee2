// One call as a program in a meshed pod makes it: the name is asked of the cluster's DNS, the connection goes to that
// address and lands in the sidecar. Ends after a few seconds whatever happens.
import { request } from "node:http"
import { connect as connectHttp2 } from "node:http2"
import { connect, type Socket } from "node:net"
import type { Said } from "./Backends.ts"
import { type Place, proxyHeader } from "./Relay.ts"

export type Outcome =
  | { readonly said: Said; readonly error?: undefined }
  | { readonly said?: undefined; readonly error: string }

export interface Call {
  /** Where the caller's sidecar takes what the kernel would redirect. */
  readonly sidecar: Place
  /** What the name resolved to, and the port that is dialled. */
  readonly to: Place
  readonly host: string
  readonly protocol: string
}

// A busy machine may be slow; what fails for good fails at once.
const limit = 8000

export const socketThrough = (sidecar: Place, to: Place): Socket => {
  const socket = connect({ host: sidecar.host, port: sidecar.port })
  socket.setNoDelay(true)
  socket.write(proxyHeader({ host: sidecar.host, port: 40_000 }, to))
  return socket
}

const parse = (text: string): Outcome => {
  try {
    return { said: JSON.parse(text) as Said }
  } catch {
    return { error: text.slice(0, 100) === "" ? "empty answer" : text.slice(0, 100) }
  }
}

const http = ({ to, host }: Call, socket: Socket, done: (outcome: Outcome) => void): void => {
  const options = {
    createConnection: () => socket,
    headers: { host: `${host}:${to.port}`, connection: "close" },
    path: "/"
  }
  const outgoing = request(options, (response) => {
    let text = ""
    response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
    response.once("error", (error) => done({ error: error.message }))
    response.once("end", () =>
      done(response.statusCode === 200 ? parse(text) : { error: `${response.statusCode} ${text.slice(0, 80)}` })
    )
  })
  outgoing.once("error", (error) => done({ error: error.message }))
  outgoing.end()
}

const http2 = ({ to, host, protocol }: Call, socket: Socket, done: (outcome: Outcome) => void): void => {
  const grpc = protocol === "GRPC"
  const session = connectHttp2(`http://${host}:${to.port}`, { createConnection: () => socket })
  session.once("error", (error) => done({ error: error.message }))
  const stream = session.request({
    ":method": "POST",
    ":path": "/cw.Test/Who",
    ...(grpc && { "content-type": "application/grpc", te: "trailers" })
  })
  let status = 0
  let grpcStatus = ""
  const chunks: Array<Buffer> = []
  stream.once("response", (headers) => {
    status = Number(headers[":status"])
    grpcStatus = String(headers["grpc-status"] ?? "")
  })
  stream.once("trailers", (trailers) => (grpcStatus = String(trailers["grpc-status"] ?? "")))
  stream.on("data", (chunk: Buffer) => chunks.push(chunk))
  stream.once("error", (error) => done({ error: error.message }))
  stream.once("end", () => {
    const body = Buffer.concat(chunks)
    if (status !== 200) return done({ error: `${status} ${body.toString().slice(0, 80)}` })
    if (grpc && grpcStatus !== "0") return done({ error: `grpc-status ${grpcStatus || "missing"}` })
    done(parse(body.subarray(grpc ? 5 : 0).toString()))
  })
  stream.end(grpc ? Buffer.alloc(5) : undefined)
}

/** Waits for the server's first line, then says something and wants to hear it again. */
const tcp = (_: Call, socket: Socket, done: (outcome: Outcome) => void): void => {
  const probe = "probe"
  let text = ""
  let asked = false
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk
    const end = text.indexOf("\n")
    if (end < 0) return
    if (!asked) {
      asked = true
      socket.write(probe)
    }
    if (text.slice(end + 1) === probe) done(parse(text.slice(0, end)))
  })
  socket.once("end", () => done({ error: "connection closed by the other side" }))
}

export const call = (what: Call): Promise<Outcome> =>
  new Promise((resolve) => {
    const socket = socketThrough(what.sidecar, what.to)
    let settled = false
    const done = (outcome: Outcome) => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      resolve(outcome)
      socket.destroy()
    }
    const timer = setTimeout(() => done({ error: `no answer within ${limit} ms` }), limit)
    socket.on("error", (error) => done({ error: error.message }))
    socket.once("close", () => done({ error: "connection closed" }))
    const speak = { HTTP: http, HTTP2: http2, GRPC: http2 }[what.protocol] ?? tcp
    speak(what, socket, done)
  })
