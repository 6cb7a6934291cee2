/**
 * The one door through which names become host names, object names and file names.
 * Nothing that has not passed a test of this module may become part of an identity, a path or a host.
 */
import ipaddr from "ipaddr.js"
import { digest } from "./Digest.ts"
import { isDnsLabel } from "./Labels.ts"

export { isDnsLabel, isDnsName } from "./Labels.ts"

export const isIp = (text: string): boolean => ipVersion(text) !== undefined

export const ipVersion = (text: string): 4 | 6 | undefined =>
  isIpv4(text) ? 4 : text.includes(":") && !text.includes("%") && ipaddr.IPv6.isValid(text) ? 6 : undefined

/** The one spelling of an address (RFC 5952 for IPv6, IPv4 where it is only wrapped); anything else stays as it is. */
export const canonicalIp = (text: string): string =>
  text.includes(":") && isIp(text) ? ipaddr.process(text).toString() : text

const isIpv4 = (t: string): boolean => {
  let dots = 0
  let value = -1
  for (let i = 0; i < t.length; i++) {
    const c = t.charCodeAt(i)
    if (c === 46) {
      if (value < 0 || ++dots > 3) return false
      value = -1
    } else {
      if (c < 48 || c > 57 || value === 0) return false
      value = value < 0 ? c - 48 : value * 10 + c - 48
      if (value > 255) return false
    }
  }
  return dots === 3 && value >= 0
}

/** Domain of a cluster that says nothing else. */
export const defaultDomain = "cluster.local"

/** Why names below the suffix would take those of a cluster's own Services, or undefined. Lower case, no dots around. */
export const suffixProblem = (suffix: string, domain: string = defaultDomain): string | undefined => {
  const own = domain.replace(/\.$/, "").toLowerCase()
  return suffix === own || own.endsWith(`.${suffix}`) || suffix.endsWith(`.${own}`)
    ? `the suffix ${suffix} and the cluster domain ${own} overlap: names of Services in the cluster would not be found`
    : undefined
}

export const isPort = (n: unknown): n is number => typeof n === "number" && Number.isInteger(n) && n >= 1 && n <= 65535

/** The nearest DNS label, for a suggestion: `My_Svc` gives `my-svc`. Undefined where nothing is left. */
export const toDnsLabel = (text: string): string | undefined => {
  const cleaned = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 63)
    .replace(/^-+|-+$/g, "")
  return isDnsLabel(cleaned) ? cleaned : undefined
}

/**
 * A DNS label of at most 63 characters for `prefix` + identity + `suffix`, different for different identities:
 * a label stays, `name.namespace` becomes `name--namespace`; whatever else is altered carries a hash of the identity.
 */
export const objectName = (identity: string, prefix = "", suffix = ""): string => {
  const plain = plainName(identity)
  const room = 63 - prefix.length - suffix.length
  if (plain !== undefined && plain.length <= room) return prefix + plain + suffix
  const hash = digest(identity).slice(0, 8)
  const head = (toDnsLabel(identity) ?? "x").slice(0, room - 9).replace(/-+$/, "")
  return `${prefix}${head}-${hash}${suffix}`
}

/** A version of Istio with what builds append: `1.26`, `1.26.3`, `v1.30.0-alpha.1`. */
export const isIstioVersion = (text: string): boolean =>
  /^v?\d{1,3}\.\d{1,4}(?:\.\d+)?(?:[-+.][0-9A-Za-z.+-]*)?$/.test(text)

// The objects of one service are named one after the other.
let last: { readonly identity: string; readonly plain: string | undefined } | undefined

const plainName = (identity: string): string | undefined => {
  if (last?.identity === identity) return last.plain
  const parts = identity.split(".")
  const plain =
    parts.length <= 2 && parts.every((p) => isDnsLabel(p) && !p.includes("--")) ? parts.join("--") : undefined
  last = { identity, plain }
  return plain
}
