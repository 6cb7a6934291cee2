// What the agent beside an Envoy does: Envoy's secret discovery over gRPC on a unix socket, with one certificate and
// one root that never change. Two secrets and one method are too little for a protobuf library.
import { createServer, type Http2Server } from "node:http2"
import type { Issued } from "./Certs.ts"

const varint = (n: number): Buffer => {
  const bytes: Array<number> = []
  for (let rest = n; ; rest >>>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest & 127) | 128)
  }
}
const field = (number: number, value: Buffer | string): Buffer => {
  const body = Buffer.from(value as string)
  return Buffer.concat([varint((number << 3) | 2), varint(body.length), body])
}
const inline = (text: string): Buffer => field(2, text)

/** The length-delimited fields of a message, in their order; others are passed over. */
const fieldsOf = (message: Buffer): ReadonlyArray<readonly [number: number, value: Buffer]> => {
  const found: Array<readonly [number, Buffer]> = []
  let at = 0
  const number = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++]!
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }
  while (at < message.length) {
    const tag = number()
    if ((tag & 7) === 0) number()
    else if ((tag & 7) === 2) {
      const length = number()
      found.push([tag >>> 3, message.subarray(at, at + length)])
      at += length
    } else throw new Error(`unexpected wire type ${tag & 7}`)
  }
  return found
}

const secretType = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"

export interface SecretServer {
  readonly path: string
  readonly stop: () => Promise<void>
}

export const serveSecrets = async (path: string, own: Issued, root: string): Promise<SecretServer> => {
  const secrets: Readonly<Record<string, Buffer>> = {
    default: field(2, Buffer.concat([field(1, inline(own.certificate)), field(2, inline(own.key))])),
    ROOTCA: field(4, field(1, inline(root)))
  }
  const response = (names: ReadonlyArray<string>): Buffer => {
    const resources = names.flatMap((name) => {
      const body = secrets[name]
      return body === undefined ? [] : [field(2, any(name, body))]
    })
    const message = Buffer.concat([field(1, "1"), ...resources, field(4, secretType), field(5, "1")])
    const head = Buffer.alloc(5)
    head.writeUInt32BE(message.length, 1)
    return Buffer.concat([head, message])
  }
  const any = (name: string, body: Buffer): Buffer =>
    Buffer.concat([field(1, secretType), field(2, Buffer.concat([field(1, name), body]))])

  const server: Http2Server = createServer()
  const sessions = new Set<{ destroy: () => void }>()
  server.on("session", (session) => {
    sessions.add(session)
    session.once("close", () => sessions.delete(session))
  })
  server.on("stream", (stream) => {
    stream.on("error", () => {})
    stream.respond({ ":status": 200, "content-type": "application/grpc" })
    let rest = Buffer.alloc(0)
    stream.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
        const end = 5 + rest.readUInt32BE(1)
        const fields = fieldsOf(rest.subarray(5, end))
        rest = rest.subarray(end)
        // An answer with a nonce acknowledges what was sent; nothing new follows, ever.
        if (fields.some(([number, value]) => number === 5 && value.length > 0)) continue
        stream.write(response(fields.filter(([number]) => number === 3).map(([, value]) => value.toString())))
      }
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(path, resolve)
  })
  server.unref()
  return {
    path,
    stop: async () => {
      for (const session of sessions) session.destroy()
      server.close()
    }
  }
}
