// Asks one DNS server one question over UDP and decodes the answer, so that tests need no `dig`. It knows the record
// types that our DNS output makes (A, AAAA, CNAME, NS, SOA); the data of others is left as hex.
import { randomInt } from "node:crypto"
import { createSocket } from "node:dgram"

const types = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, AAAA: 28, ANY: 255 } as const
const rcodes = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"]

export type RecordType = keyof typeof types

export interface DnsRecord {
  readonly name: string
  readonly type: string
  readonly ttl: number
  readonly data: string
}
export interface DnsAnswer {
  readonly rcode: string
  readonly authoritative: boolean
  readonly answers: ReadonlyArray<DnsRecord>
  readonly authority: ReadonlyArray<DnsRecord>
}
export interface DnsQuestion {
  readonly port: number
  readonly host?: string
  readonly timeoutMs?: number
}

const question = (id: number, name: string, type: RecordType): Buffer => {
  const labels = name.split(".").filter((label) => label !== "")
  const encoded = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, "latin1")])
  // Flags: recursion desired. One question, class IN.
  const head = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  return Buffer.concat([head, ...encoded, Buffer.from([0, 0, types[type], 0, 1])])
}

/** The name at this place, and where the text goes on after it. Names may point back to an earlier one. */
const readName = (message: Buffer, start: number): readonly [name: string, next: number] => {
  const labels: Array<string> = []
  let at = start
  let next = 0
  for (;;) {
    const length = message.readUInt8(at)
    if (length >= 192) {
      next ||= at + 2
      at = message.readUInt16BE(at) & 0x3fff
    } else if (length === 0) {
      return [`${labels.join(".")}.`, next || at + 1]
    } else {
      labels.push(message.toString("latin1", at + 1, at + 1 + length))
      at += 1 + length
    }
  }
}

const readData = (message: Buffer, type: number, at: number, length: number): string => {
  if (type === types.A) return [...message.subarray(at, at + 4)].join(".")
  if (type === types.AAAA) {
    return Array.from({ length: 8 }, (_, group) => message.readUInt16BE(at + 2 * group).toString(16)).join(":")
  }
  if (type === types.CNAME || type === types.NS || type === types.PTR) return readName(message, at)[0]
  if (type === types.SOA) {
    const [server, mail] = readName(message, at)
    const [owner, numbers] = readName(message, mail)
    return [server, owner, ...[0, 1, 2, 3, 4].map((each) => message.readUInt32BE(numbers + 4 * each))].join(" ")
  }
  return message.toString("hex", at, at + length)
}

const typeName = (type: number): string =>
  Object.entries(types).find(([, number]) => number === type)?.[0] ?? `TYPE${type}`

const decode = (message: Buffer): DnsAnswer => {
  let at = readName(message, 12)[1] + 4
  const records = (count: number): ReadonlyArray<DnsRecord> =>
    Array.from({ length: count }, () => {
      const [name, fields] = readName(message, at)
      const type = message.readUInt16BE(fields)
      const length = message.readUInt16BE(fields + 8)
      at = fields + 10 + length
      const data = readData(message, type, fields + 10, length)
      return { name, type: typeName(type), ttl: message.readUInt32BE(fields + 4), data }
    })
  const rcode = message.readUInt8(3) & 15
  return {
    rcode: rcodes[rcode] ?? `RCODE${rcode}`,
    authoritative: (message.readUInt8(2) & 4) !== 0,
    answers: records(message.readUInt16BE(6)),
    authority: records(message.readUInt16BE(8))
  }
}

export const dnsQuery = (name: string, type: RecordType, server: DnsQuestion): Promise<DnsAnswer> =>
  new Promise((resolve, reject) => {
    const id = randomInt(65_536)
    const { port, host = "127.0.0.1", timeoutMs = 10_000 } = server
    const socket = createSocket("udp4")
    const end = (settle: () => void) => {
      clearTimeout(timer)
      clearInterval(again)
      socket.close()
      settle()
    }
    const late = `no DNS answer from ${host}:${port} for ${name} ${type} within ${timeoutMs} ms`
    const timer = setTimeout(() => end(() => reject(new Error(late))), timeoutMs)
    socket.once("error", (error) => end(() => reject(error)))
    socket.on("message", (message) => {
      if (message.readUInt16BE(0) === id) end(() => resolve(decode(message)))
    })
    const ask = () => socket.send(question(id, name, type), port, host)
    // Datagrams get lost on a busy machine; resolvers ask again too.
    const again = setInterval(ask, 1000)
    ask()
  })
