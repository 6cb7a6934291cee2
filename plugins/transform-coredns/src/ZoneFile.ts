/**
 * A zone file: the only form that is right in every check, on every version, with wildcards at any depth and no wrong
 * answer during a reload. CoreDNS loads it again when the serial differs, so the serial is a digest of the content.
 */
import { digest } from "@coddiwomple/core/Digest"
import type { Record, Records } from "./Records.ts"

/** A zone must name one. Outside of the zone it needs no address there, and takes no name from it. */
export const nameServer = "ns.invalid"

export interface ZoneOptions {
  readonly suffix: string
  /** Seconds. */
  readonly ttl: number
}

export const zoneFile = ({ exact, wild }: Records, { suffix, ttl }: ZoneOptions): string => {
  const lines = [...exact, ...wild].map(
    (r) => `${relative(r, suffix)} IN ${r.version === 4 ? "A" : "AAAA"} ${r.address}`
  )
  const body = [`@ IN NS ${nameServer}.`, ...lines].join("\n")
  return [
    `$ORIGIN ${suffix}.`,
    `$TTL ${ttl}`,
    `@ IN SOA ${nameServer}. hostmaster.dns.${suffix}. ${serial(`${suffix} ${ttl}\n${body}`)} 7200 3600 1209600 ${ttl}`,
    body,
    ""
  ].join("\n")
}

/** 32 bits of the content's digest, never 0: it changes exactly when the content does. */
export const serial = (content: string): number => Number.parseInt(digest(content).slice(0, 8), 16) || 1

const relative = (record: Record, suffix: string): string => record.host.slice(0, -suffix.length - 1)
