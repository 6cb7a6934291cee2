/**
 * The one door through which names become host names, object names and file names.
 * Nothing that has not passed a test of this module may become part of an identity, a path or a host.
 */
import ipaddr from "ipaddr.js"
import { digest } from "./Digest.ts"

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
const domainLabel = /^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/

/** RFC 1123 label as Kubernetes wants it: lower case, at most 63. */
export const isDnsLabel = (text: string): boolean => label.test(text)

/** RFC 1123 subdomain: labels joined by dots, at most 253. */
export const isSubdomain = (text: string): boolean => text.length <= 253 && text.split(".").every(isDnsLabel)

/** Istio's rule V1: at most 255, labels of at most 63, last label not all digits. A leading `*.` only where allowed. */
export const isDnsName = (text: string): boolean => {
  if (text.length === 0 || text.length > 255) return false
  const labels = (text.endsWith(".") ? text.slice(0, -1) : text).split(".")
  return labels.every((l) => domainLabel.test(l)) && !/^[0-9]+$/.test(labels[labels.length - 1] ?? "0")
}

export const isIp = (text: string): boolean => ipVersion(text) !== undefined

export const ipVersion = (text: string): 4 | 6 | undefined =>
  ipaddr.IPv4.isValidFourPartDecimal(text)
    ? 4
    : text.includes(":") && !text.includes("%") && ipaddr.IPv6.isValid(text)
      ? 6
      : undefined

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
  const parts = identity.split(".")
  const plain =
    parts.length <= 2 && parts.every((p) => isDnsLabel(p) && !p.includes("--")) ? parts.join("--") : undefined
  const room = 63 - prefix.length - suffix.length
  if (plain !== undefined && plain.length <= room) return prefix + plain + suffix
  const hash = digest(identity).slice(0, 8)
  const head = (toDnsLabel(identity) ?? "x").slice(0, room - 9).replace(/-+$/, "")
  return `${prefix}${head}-${hash}${suffix}`
}
