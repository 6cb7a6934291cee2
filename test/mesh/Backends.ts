// The programs behind the sidecars. Each answers with the cluster, the service and the port it stands for, and with
// the caller's identity where the sidecar tells it, so that a call that went astray cannot look right.
import { createServer as createHttp, type IncomingHttpHeaders } from "node:http"
import { createServer as createHttp2 } from "node:http2"
import { createServer as createTcp, type Server, type Socket } from "node:net"

/** What a backend says of itself. */
export interface Said {
  readonly cluster: string
  readonly service: string
  readonly port: string
  /** The caller's SPIFFE id, as the backend's sidecar took it from the certificate; empty without mTLS. */
  readonly caller?: string
}

export interface Listener {
  readonly name: string
  readonly protocol: string
  readonly port: number
}

export interface Backend {
  readonly stop: () => Promise<void>
}

const callerOf = (headers: IncomingHttpHeaders): string => {
  const certificates = String(headers["x-forwarded-client-cert"] ?? "")
  return /(?:^|[;,])URI=([^;,]*)/.exec(certificates)?.[1] ?? ""
}

const frame = (text: string): Buffer => {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(Buffer.byteLength(text), 1)
  return Buffer.concat([head, Buffer.from(text)])
}

const listen = (who: Omit<Said, "caller">, protocol: string): Server => {
  if (protocol === "GRPC" || protocol === "HTTP2") {
    const server = createHttp2()
    server.on("stream", (stream, headers) => {
      stream.on("error", () => {})
      const text = JSON.stringify({ ...who, caller: callerOf(headers) })
      if (protocol === "HTTP2") {
        stream.respond({ ":status": 200 })
        stream.end(text)
        return
      }
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true })
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }))
      stream.end(frame(text))
    })
    return server
  }
  if (protocol === "HTTP") {
    return createHttp((request, response) => {
      response.end(JSON.stringify({ ...who, caller: callerOf(request.headers) }))
    })
  }
  // Server first: it speaks before it has heard anything; then it repeats what it hears.
  return createTcp((socket) => {
    socket.on("error", () => {})
    socket.write(`${JSON.stringify(who)}\n`)
    socket.pipe(socket)
  })
}

export const startBackend = async (
  host: string,
  who: { readonly cluster: string; readonly service: string },
  listeners: ReadonlyArray<Listener>
): Promise<Backend> => {
  const sockets = new Set<Socket>()
  const servers = await Promise.all(
    listeners.map(async ({ name, protocol, port }) => {
      const server = listen({ ...who, port: name }, protocol)
      server.on("connection", (socket: Socket) => {
        sockets.add(socket)
        socket.once("close", () => sockets.delete(socket))
      })
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject)
        server.listen(port, host, resolve)
      })
      server.unref()
      return server
    })
  )
  return {
    stop: async () => {
      for (const server of servers) server.close()
      for (const socket of sockets) socket.destroy()
    }
  }
}
