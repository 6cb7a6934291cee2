/**
 * A zone file: the only form that is right in every check, on every version, with wildcards at any depth and no wrong
 * answer during a reload. CoreDNS loads it again when the serial differs, so the serial is a digest of the content.
 */
import { digest } from "@coddiwomple/core/Digest"
import type { Record, Records } from "./Records.ts"

export interface ZoneOptions {
  readonly suffix: string
  /** Seconds. */
  readonly ttl: number
}

export const zoneFile = ({ exact, wild }: Records, { suffix, ttl }: ZoneOptions): string => {
  const lines = [...exact, ...wild].map(
    (r) => `${relative(r, suffix)} IN ${r.version === 4 ? "A" : "AAAA"} ${r.address}`
  )
  // A name server has to have an address; nobody asks for it.
  const glue = exact.some((r) => r.host === `ns.dns.${suffix}`) ? [] : ["ns.dns IN A 127.0.0.1"]
  const body = [`@ IN NS ns.dns.${suffix}.`, ...glue, ...lines].join("\n")
  return [
    `$ORIGIN ${suffix}.`,
    `$TTL ${ttl}`,
    `@ IN SOA ns.dns.${suffix}. hostmaster.dns.${suffix}. ${serial(`${suffix} ${ttl}\n${body}`)} 7200 3600 1209600 ${ttl}`,
    body,
    ""
  ].join("\n")
}

/** 32 bits of the content's digest, never 0: it changes exactly when the content does. */
export const serial = (content: string): number => Number.parseInt(digest(content).slice(0, 8), 16) || 1

const relative = (record: Record, suffix: string): string => record.host.slice(0, -suffix.length - 1)
