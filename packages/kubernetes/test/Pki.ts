// X.509 certificates for tests, valid when and for whom a test wants: Node can read them but not make them.
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto"

const der = (tag: number, ...parts: ReadonlyArray<Buffer>): Buffer => {
  const body = Buffer.concat(parts)
  const size =
    body.length < 128
      ? [body.length]
      : body.length < 256
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), body])
}
const seq = (...parts: ReadonlyArray<Buffer>) => der(0x30, ...parts)
const oid = (...bytes: ReadonlyArray<number>) => der(6, Buffer.from(bytes))
const ecdsaSha256 = seq(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2))
const name = (cn: string, organisation?: string) =>
  seq(
    ...(organisation === undefined ? [] : [der(0x31, seq(oid(0x55, 4, 10), der(12, Buffer.from(organisation))))]),
    der(0x31, seq(oid(0x55, 4, 3), der(12, Buffer.from(cn))))
  )
const time = (date: Date) => der(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`))
const extension = (id: ReadonlyArray<number>, value: Buffer) => seq(oid(...id), der(4, value))
const pem = (label: string, data: Buffer) =>
  `-----BEGIN ${label}-----\n${data
    .toString("base64")
    .replace(/(.{64})/g, "$1\n")
    .trimEnd()}\n-----END ${label}-----\n`

export interface Issued {
  readonly cert: string
  readonly key: string
}

interface Wanted {
  readonly cn: string
  readonly organisation?: string
  readonly ips?: ReadonlyArray<string>
  readonly names?: ReadonlyArray<string>
  readonly from?: Date
  readonly until?: Date
}

const day = 86_400_000

const issue = (wanted: Wanted, issuer: { readonly cn: string; readonly key: KeyObject } | undefined): Issued => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" })
  const names = [
    ...(wanted.names ?? []).map((n) => der(0x82, Buffer.from(n))),
    ...(wanted.ips ?? []).map((ip) => der(0x87, Buffer.from(ip.split(".").map(Number))))
  ]
  const extensions = [
    extension([0x55, 0x1d, 0x13], issuer === undefined ? seq(der(1, Buffer.from([255]))) : seq()),
    ...(names.length === 0 ? [] : [extension([0x55, 0x1d, 0x11], seq(...names))])
  ]
  const tbs = seq(
    der(0xa0, der(2, Buffer.from([2]))),
    der(2, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaSha256,
    name(issuer?.cn ?? wanted.cn),
    seq(time(wanted.from ?? new Date(Date.now() - day)), time(wanted.until ?? new Date(Date.now() + 365 * day))),
    name(wanted.cn, wanted.organisation),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, seq(...extensions))
  )
  const signature = sign("sha256", tbs, issuer?.key ?? privateKey)
  const cert = seq(tbs, ecdsaSha256, der(3, Buffer.from([0]), signature))
  return { cert: pem("CERTIFICATE", cert), key: privateKey.export({ type: "pkcs8", format: "pem" }) as string }
}

export const authority = (cn = "test authority") => {
  const own = issue({ cn }, undefined)
  const key = createPrivateKey(own.key)
  return { ...own, issue: (wanted: Wanted): Issued => issue(wanted, { cn, key }) }
}
