/** Hosts and addresses as Istio accepts them. They are asked for several times for every generated body. */
import { isDnsName, isDnsNameFrom } from "@coddiwomple/core/Labels"
import { isIp } from "@coddiwomple/core/Names"

/** A DNS name, or one whose first label is `*`. Partial wildcards as `*a.b` count too: Istio takes them, warning. */
export const isWildcardName = (t: string): boolean => {
  if (t.charCodeAt(0) !== 42) return isDnsName(t)
  if (t.length === 1) return true
  if (t.charCodeAt(1) === 46) return isDnsNameFrom(t, 2)
  return isDnsNameFrom(t, t.charCodeAt(1) === 45 ? 2 : 1)
}

/** An address with a prefix length, as `10.0.0.0/8`. */
export const isCidr = (t: string): boolean => {
  const slash = t.indexOf("/")
  if (slash < 0) return false
  const address = t.slice(0, slash)
  const bits = t.slice(slash + 1)
  return isIp(address) && isDecimal(bits) && Number(bits) <= (address.includes(":") ? 128 : 32)
}

const isDecimal = (t: string): boolean => /^[0-9]{1,3}$/.test(t)
