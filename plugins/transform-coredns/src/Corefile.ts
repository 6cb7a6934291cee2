/**
 * Corefile text: server blocks for the global suffix, in the form that fits what can be mounted.
 * A zone file where a file can be; else a `hosts` block with an own negative block behind it, so that unknown names are
 * NXDOMAIN and nothing ever leaves to an outside resolver. Wildcards without a file are templates, at most 200.
 */
import type { Record, Records } from "./Records.ts"
import { nameServer } from "./ZoneFile.ts"

export const maximumTemplates = 200

export interface BlockOptions {
  readonly suffix: string
  /** Port of the server block: 53, or 8053 on Gardener. */
  readonly port: number
  /** Seconds. */
  readonly ttl: number
}

/** A server block that answers from a zone file at `path`; `more` are plugins beside it. */
export const fileBlock = (
  { suffix, port }: Pick<BlockOptions, "suffix" | "port">,
  path: string,
  more: ReadonlyArray<string> = []
): string => block(`${suffix}:${port}`, ["errors", ...more, ...braces(`file ${path} ${suffix}`, ["reload 5s"])])

/** Port on loopback of the block that answers what the `hosts` block does not know. */
export const negativePort = 5399

/** Two server blocks that need no file. */
export const hostsBlocks = (records: Records, { suffix, port, ttl }: BlockOptions): string => {
  const soa = `authority "${suffix}. ${ttl} IN SOA ${nameServer}. hostmaster.dns.${suffix}. (1 60 60 60 ${ttl})"`
  const nodata = (match: string, type: string) =>
    braces(`template IN ${type} ${suffix}`, [`match "${match}"`, "rcode NOERROR", soa, "fallthrough"])
  const answer = (match: string, { address, version }: Record) => [
    ...braces(`template IN ${version === 4 ? "A" : "AAAA"} ${suffix}`, [
      `match "${match}"`,
      `answer "{{ .Name }} ${ttl} IN ${version === 4 ? "A" : "AAAA"} ${address}"`,
      "fallthrough"
    ]),
    ...nodata(match, "ANY")
  ]
  // `template` stands before `hosts` in CoreDNS: a name of its own below a wildcard has to stand before that.
  const wildcards = [
    ...shadowed(records).flatMap((r) => answer(`^${quote(r.host)}\\.$`, r)),
    ...longestFirst(records.wild).flatMap((r) => answer(wildcard(r), r))
  ]
  // As in the mesh and in a zone file of CoreDNS, a wildcard gives parents of names their address, too.
  const isCovered = covered(records)
  const empty = records.parents.filter((name) => !isCovered(name))
  return [
    block(`${suffix}:${port}`, [
      "errors",
      // Negative answers are kept for 5 seconds: a known name may get one for a moment while CoreDNS reloads.
      ...braces(`cache ${ttl}`, ["denial 9984 5 5"]),
      ...patterns(empty).flatMap((match) => nodata(match, "ANY")),
      ...wildcards,
      ...braces("hosts", [...lines(records.exact), `ttl ${ttl}`, "no_reverse", "fallthrough"]),
      `forward . 127.0.0.1:${negativePort}`
    ]),
    block(`${suffix}:${negativePort}`, [
      "bind 127.0.0.1",
      ...braces(`template ANY ANY ${suffix}`, ["rcode NXDOMAIN", soa])
    ])
  ].join("\n")
}

/** One line per address; names of one service share it. */
const lines = (exact: ReadonlyArray<Record>): ReadonlyArray<string> => {
  const byAddress = new Map<string, Array<string>>()
  for (const { host, address } of exact) {
    const hosts = byAddress.get(address)
    if (hosts === undefined) byAddress.set(address, [host])
    else hosts.push(host)
  }
  return [...byAddress].map(([address, hosts]) => `${address} ${hosts.join(" ")}`)
}

/** Which names a wildcard covers. */
const covered = ({ wild }: Records): ((host: string) => boolean) => {
  const bases = new Set(wild.map((r) => r.host.slice(2)))
  if (bases.size === 0) return () => false
  return (host) => {
    for (let at = host.indexOf("."); at >= 0; at = host.indexOf(".", at + 1))
      if (bases.has(host.slice(at + 1))) return true
    return false
  }
}

/** Exact names that a wildcard would swallow. */
const shadowed = (records: Records): ReadonlyArray<Record> => {
  const isCovered = covered(records)
  return records.wild.length === 0 ? [] : records.exact.filter(({ host }) => isCovered(host))
}

/** Templates that this form would need: more than `maximumTemplates` are slow. */
export const templates = (records: Records): number => records.wild.length + shadowed(records).length

/** Of two wildcards the nearer one answers. */
const longestFirst = (wild: ReadonlyArray<Record>): ReadonlyArray<Record> =>
  [...wild].sort((a, b) => b.host.split(".").length - a.host.split(".").length || (a.host < b.host ? -1 : 1))

const quote = (host: string): string => host.replaceAll(".", "\\.")

const wildcard = (record: Record): string => `^(.+\\.)${quote(record.host.slice(2))}\\.$`

/** CoreDNS refuses patterns of more than 10 000 characters. */
const patternLimit = 9000

const patterns = (names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const out: Array<string> = []
  let current = ""
  for (const name of names) {
    const next = current === "" ? quote(name) : `${current}|${quote(name)}`
    if (next.length > patternLimit) {
      out.push(current)
      current = quote(name)
    } else current = next
  }
  if (current !== "") out.push(current)
  return out.map((p) => `^(${p})\\.$`)
}

const braces = (head: string, body: ReadonlyArray<string>): ReadonlyArray<string> => [
  `${head} {`,
  ...body.map((l) => `    ${l}`),
  "}"
]

const block = (head: string, body: ReadonlyArray<string>): string =>
  `${[`${head} {`, ...body.map((l) => `    ${l}`), "}"].join("\n")}\n`
