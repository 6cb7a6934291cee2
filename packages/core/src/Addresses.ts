/**
 * Virtual IPs: one per service that declares none, hashed into a range, pinned by a lock file.
 * Nobody moves when someone is added: a pinned service keeps its address, and a service that left keeps its entry,
 * so that an address is never handed on to another service while clients may still hold it, not even to one that
 * declares it. Addresses are compared in their one spelling.
 */
import ipaddr from "ipaddr.js"
import * as Diagnostic from "./Diagnostic.ts"
import { canonicalIp, isIp } from "./Names.ts"

export const defaultRange = "240.0.0.0/8"

/** Istio allocates from here by itself. */
const istioRange: [number, number] = [parse("240.240.0.0"), 2 ** 16]

/** The number of an IPv4 address in its usual form; NaN for anything else. */
function parse(ip: string): number {
  let [number, octet, dots] = [0, -1, 0]
  for (let i = 0; i <= ip.length; i++) {
    const c = ip.charCodeAt(i)
    if (c >= 48 && c <= 57 && octet !== 0) octet = Math.max(octet, 0) * 10 + c - 48
    else if (octet < 0 || octet > 255 || (i < ip.length ? c !== 46 || ++dots > 3 : dots !== 3)) return Number.NaN
    else [number, octet] = [number * 256 + octet, -1]
  }
  return number
}

const format = (n: number): string => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join(".")

/** FNV-1a, 32 bits: spreads identities over the range; collisions are probed, so quality beyond that does not matter. */
const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}

export interface Range {
  readonly cidr: string
  readonly base: number
  readonly size: number
}

/** An IPv4 CIDR inside 240.0.0.0/4 or a private range, at most /28; or a sentence saying what is wrong. */
export const parseRange = (cidr: string): Range | { readonly problem: string } => {
  if (!ipaddr.IPv4.isValidCIDR(cidr)) return { problem: `"${cidr}" is not an IPv4 range such as 240.0.0.0/8` }
  const [ip, bits] = ipaddr.IPv4.parseCIDR(cidr)
  if (bits > 28) return { problem: `"${cidr}" is too small: at most /28` }
  const kind = ip.range()
  if (kind !== "reserved" && kind !== "private" && kind !== "carrierGradeNat") {
    return { problem: `"${cidr}" is ${named(kind)} range; use one inside 240.0.0.0/4 or a private range` }
  }
  const size = 2 ** (32 - bits)
  const base = Math.floor(parse(ip.toString()) / size) * size
  return { cidr, base, size }
}

/** `linkLocal` as people write it: `a link-local`. */
const named = (kind: string): string => {
  const words = kind.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)
  return `${/^[aeio]|^un[^i]/.test(words) ? "an" : "a"} ${words}`
}

/** Why an address cannot be a virtual IP, or undefined. */
export const addressProblem = (address: string): string | undefined => {
  // Most are in the default range, of which nothing but Istio's part and the last address has a meaning of its own.
  const n = parse(address)
  if (n >= 0xf0_00_00_00 && n < 0xff_ff_ff_ff && !inIstioRange(n)) return undefined
  if (!isIp(address)) return `"${address}" is not an IP address`
  const ip = canonicalIp(address)
  const kind = ipaddr.parse(ip).range()
  if (
    kind === "loopback" ||
    kind === "multicast" ||
    kind === "unspecified" ||
    kind === "linkLocal" ||
    kind === "broadcast"
  ) {
    return `${address} is ${named(kind)} address`
  }
  if (inIstioRange(parse(ip))) return `${address} is in 240.240.0.0/16, from which Istio allocates`
  return undefined
}

const inIstioRange = (n: number): boolean => n >= istioRange[0] && n < istioRange[0] + istioRange[1]

/** Number of the address that a service gets where nobody else has it; the next ones follow. */
export const preferred = (service: string, range: Range): number => hash(service) % range.size

export class Addresses {
  private readonly range: Range
  private readonly byService = new Map<string, string>()
  private readonly owner = new Map<string, string>()
  /** Services that declare an address which another was given before, and that other. */
  private readonly contested = new Map<string, string>()

  constructor(range: Range, pinned: ReadonlyMap<string, string> = new Map()) {
    this.range = range
    for (const [service, pin] of pinned) {
      const address = canonicalIp(pin)
      if (this.contains(address)) this.assign(service, address)
    }
  }

  /** The address of a service; undefined when the range is used up. */
  of(service: string): string | undefined {
    const known = this.byService.get(service)
    if (known !== undefined) return known
    let n = preferred(service, this.range)
    for (let tries = 0; tries < this.range.size; tries++, n = (n + 1) % this.range.size) {
      const candidate = this.range.base + n
      const last = candidate & 255
      if (last === 0 || last === 255 || inIstioRange(candidate)) continue
      const address = format(candidate)
      if (this.owner.has(address)) continue
      this.assign(service, address)
      return address
    }
    return undefined
  }

  /**
   * Sets aside what the services that changed declare, before any of them is given an address, whatever their names.
   * Adds to them whoever waits for one of them to move.
   */
  declare(changed: Set<string>, declared: (service: string) => string | undefined): void {
    for (const [service, keeper] of this.contested) if (changed.has(keeper)) changed.add(service)
    const moved = (service: string) => declared(service) !== undefined
    for (const service of changed) {
      const address = declared(service)
      const keeper = address === undefined ? undefined : this.reserve(service, address, moved)
      if (keeper === undefined) this.contested.delete(service)
      else this.contested.set(service, keeper)
    }
  }

  /** The other service that was given before what this one declares. */
  keeper(service: string): string | undefined {
    return this.contested.get(service)
  }

  /**
   * Keeps an address that a service declares from being handed out. Gives the other service that was given it before
   * and has not `moved` since, which keeps it.
   */
  reserve(service: string, declared: string, moved: (owner: string) => boolean): string | undefined {
    const address = canonicalIp(declared)
    const owner = this.owner.get(address)
    if (owner === service) return undefined
    if (owner !== undefined && owner !== "") {
      if (!moved(owner)) return owner
      this.byService.delete(owner)
    }
    this.owner.set(address, "")
    return undefined
  }

  /** All assignments, for the lock file. */
  get pins(): ReadonlyMap<string, string> {
    return this.byService
  }

  private assign(service: string, address: string): void {
    this.byService.set(service, address)
    this.owner.set(address, service)
  }

  private contains(address: string): boolean {
    const n = parse(address)
    return n >= this.range.base && n < this.range.base + this.range.size
  }
}

/** Sorted, one service a line: merges well in version control. */
export const lockText = (pins: ReadonlyMap<string, string>): string => {
  const lines = [...pins]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([s, a]) => `    ${JSON.stringify(s)}: ${JSON.stringify(a)}`)
  return `{\n  "version": 1,\n  "addresses": ${lines.length === 0 ? "{}" : `{\n${lines.join(",\n")}\n  }`}\n}\n`
}

/** Pins of a lock file, or what is wrong with it: a lock that is not understood is never guessed at. */
export const readLock = (
  text: string,
  file: string
): ReadonlyMap<string, string> | ReadonlyArray<Diagnostic.Diagnostic> => {
  const broken = (message: string) => [
    Diagnostic.error("CW510", `${file} is not a lock file: ${message}`, { place: { file } })
  ]
  let lock: { readonly version?: unknown; readonly addresses?: unknown } | null
  try {
    lock = JSON.parse(text)
  } catch (cause) {
    return broken((cause as Error).message.split("\n")[0]!)
  }
  if (lock?.version !== 1) return broken(`version ${JSON.stringify(lock?.version)} is not known, 1 is`)
  const { addresses } = lock
  if (typeof addresses !== "object" || addresses === null || Array.isArray(addresses))
    return broken("addresses must be an object")
  const pins = new Map<string, string>()
  const seen = new Map<string, string>()
  const problems: Array<Diagnostic.Diagnostic> = []
  for (const [service, spelled] of Object.entries(addresses)) {
    if (typeof spelled !== "string") return broken(`the address of ${JSON.stringify(service)} is not a string`)
    const problem = addressProblem(spelled)
    const address = canonicalIp(spelled)
    pins.set(service, address)
    const other = seen.get(address)
    if (problem !== undefined) problems.push(Diagnostic.error("CW510", `${service}: ${problem}`, { place: { file } }))
    if (other !== undefined) {
      problems.push(
        Diagnostic.error("CW510", `${other} and ${service} have one address, ${address}`, { place: { file } })
      )
    }
    seen.set(address, service)
  }
  return problems.length > 0 ? problems : pins
}
