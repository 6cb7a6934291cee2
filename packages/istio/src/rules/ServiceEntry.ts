/** V2 to V8: hosts, ports, addresses and endpoints of a ServiceEntry. */
import { family } from "../Protocol.ts"
import { isIstioLabel, isLabelValue, isQualifiedName } from "@coddiwomple/core/Labels"
import { isIp, isPort } from "@coddiwomple/core/Names"
import { isCidr } from "./Dns.ts"
import { list, map, type Report, type Rule, spec, text } from "./Rule.ts"

const kinds = ["ServiceEntry"] as const
const isDns = (resolution: unknown): boolean => resolution === "DNS" || resolution === "DNS_ROUND_ROBIN"

/** Neither Host header nor SNI tells two hosts on such a port apart. */
const isOpaque = (protocol: unknown): boolean => {
  const f = typeof protocol === "string" && protocol !== "" ? family(protocol) : "tcp"
  return f !== "http" && f !== "tls"
}

export const hosts: Rule = {
  id: "V2",
  code: "CW602",
  kinds,
  check: (object, report) => {
    const s = spec(object)
    const all = list(s.hosts)
    if (all.length === 0) report.error("CW602", "needs at least one host", "spec.hosts")
    if (all.length > 256) report.error("CW602", `${all.length} hosts are too many`, "spec.hosts")
    for (let i = 0; i < all.length; i++) {
      const host = all[i]
      if (host === "*") report.error("CW602", "the host `*` is not allowed", `spec.hosts[${i}]`)
      else if (
        typeof host === "string" &&
        s.resolution !== "DYNAMIC_DNS" &&
        host.startsWith("*") &&
        !host.startsWith("*.")
      ) {
        report.warning("CW602", `${text(host)} is a partial wildcard`, `spec.hosts[${i}]`)
      }
    }
  }
}

export const ports: Rule = {
  id: "V3",
  code: "CW603",
  kinds,
  check: (object, report) => {
    const all = list(spec(object).ports)
    if (all.length > 256) report.error("CW603", `${all.length} ports are too many`, "spec.ports")
    for (let i = 0; i < all.length; i++) {
      const { name, number, protocol, targetPort } = map(all[i])
      const field = `spec.ports[${i}]`
      if (typeof name !== "string" || !isIstioLabel(name))
        report.error("CW603", `port name ${text(name)} is not a DNS label`, `${field}.name`)
      if (!isPort(number)) report.error("CW603", `${text(number)} is not a port number`, `${field}.number`)
      if (targetPort !== undefined && !isPort(targetPort))
        report.error("CW603", `${text(targetPort)} is not a port number`, `${field}.targetPort`)
      if (
        protocol !== undefined &&
        protocol !== "" &&
        (typeof protocol !== "string" || family(protocol) === undefined)
      ) {
        report.error("CW603", `protocol ${text(protocol)} is not known`, `${field}.protocol`)
      }
      for (let j = 0; j < i; j++) {
        const earlier = map(all[j])
        if (earlier.name === name) report.error("CW603", `port name ${text(name)} is used twice`, `${field}.name`)
        if (earlier.number === number) report.error("CW603", `port ${text(number)} is used twice`, `${field}.number`)
      }
    }
  }
}

export const oneHostForTcp: Rule = {
  id: "V4",
  code: "CW604",
  kinds,
  check: (object, report) => {
    const s = spec(object)
    // NONE, which is also the default, takes no notice of hosts.
    if (list(s.hosts).length < 2 || s.resolution === undefined || s.resolution === "NONE") return
    const i = list(s.ports).findIndex((port) => isOpaque(map(port).protocol))
    if (i >= 0)
      report.error("CW604", "several hosts need ports of HTTP or TLS protocols only", `spec.ports[${i}].protocol`)
  }
}

export const addresses: Rule = {
  id: "V5",
  code: "CW605",
  kinds,
  check: (object, report) => {
    const s = spec(object)
    const all = list(s.addresses)
    if (all.length > 256) report.error("CW605", `${all.length} addresses are too many`, "spec.addresses")
    for (let i = 0; i < all.length; i++) {
      const address = all[i]
      const field = `spec.addresses[${i}]`
      if (typeof address !== "string" || !(isIp(address) || isCidr(address)))
        report.error("CW605", `${text(address)} is not an IP address`, field)
      else if (
        address.includes("/") &&
        s.resolution !== undefined &&
        s.resolution !== "NONE" &&
        s.resolution !== "STATIC"
      ) {
        report.error("CW605", `the range ${address} needs resolution NONE or STATIC`, field)
      }
    }
    if (s.resolution === "DYNAMIC_DNS" && all.length > 0)
      report.error("CW605", "DYNAMIC_DNS takes no addresses", "spec.addresses")
  }
}

const locations = new Set<unknown>([undefined, "MESH_EXTERNAL", "MESH_INTERNAL"])
const resolutions = new Set<unknown>([undefined, "NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"])

export const endpoints: Rule = {
  id: "V6",
  code: "CW606",
  kinds,
  check: (object, report) => {
    const s = spec(object)
    const all = list(s.endpoints)
    const r = s.resolution
    if (!resolutions.has(r)) report.error("CW606", `resolution ${text(r)} is not known`, "spec.resolution")
    if (!locations.has(s.location)) report.error("CW606", `location ${text(s.location)} is not known`, "spec.location")
    if (all.length > 4096) report.error("CW606", `${all.length} endpoints are too many`, "spec.endpoints")
    if (all.length > 0) {
      const problem = tooMany(all.length, r, s.workloadSelector)
      if (problem !== undefined) report.error("CW606", problem, "spec.endpoints")
    }
    for (let i = 0; i < all.length; i++) endpoint(map(all[i]), i, s, report)
  }
}

const tooMany = (n: number, resolution: unknown, selector: unknown): string | undefined => {
  if (selector !== undefined) return "endpoints and workloadSelector exclude each other"
  if (resolution === undefined || resolution === "NONE" || resolution === "DYNAMIC_DNS")
    return `resolution ${text(resolution ?? "NONE")} takes no endpoints`
  return resolution === "DNS_ROUND_ROBIN" && n > 1 ? "DNS_ROUND_ROBIN takes at most one endpoint" : undefined
}

// Keys of endpoint labels are the same in all objects of a fleet.
const goodKeys = new Set<string>()
const isKnownKey = (key: string): boolean => {
  if (goodKeys.has(key)) return true
  const good = isQualifiedName(key)
  if (good && goodKeys.size < 1000) goodKeys.add(key)
  return good
}

/** Fewer than a ServiceEntry may have. */
const mostPorts = 128

const endpoint = (
  e: Readonly<Record<string, unknown>>,
  i: number,
  s: Readonly<Record<string, unknown>>,
  report: Report
): void => {
  const field = `spec.endpoints[${i}]`
  const { address } = e
  const unix = typeof address === "string" && address.startsWith("unix://")
  if (address === undefined || address === "") {
    if (typeof e.network !== "string" || isDns(s.resolution))
      report.error("CW606", "an endpoint needs an address", `${field}.address`)
    else report.warning("CW606", `an endpoint has no address but network ${text(e.network)}`, `${field}.address`)
  } else if (typeof address !== "string" || address.length > 256)
    report.error("CW606", `${text(address)} is not an address`, `${field}.address`)
  else if (unix) {
    if (s.resolution !== "STATIC") report.error("CW606", "a unix address needs resolution STATIC", `${field}.address`)
    if (!/^unix:\/\/(@|\/.*[^/]$)/.test(address))
      report.error("CW606", `${text(address)} is not the path of a socket`, `${field}.address`)
    if (e.ports !== undefined) report.error("CW606", "a unix address takes no ports", `${field}.ports`)
    if (list(s.ports).length !== 1) report.error("CW606", "a unix address needs exactly one port", "spec.ports")
  } else if (s.resolution === "STATIC" && !isIp(address)) {
    report.error("CW606", `${text(address)} is not an IP address, as resolution STATIC needs`, `${field}.address`)
  }
  const ports = map(e.ports)
  let count = 0
  for (const name in ports) {
    count++
    if (!list(s.ports).some((port) => map(port).name === name))
      report.error("CW606", `${text(name)} is not the name of a port`, `${field}.ports`)
    // Shorter than a port name may be: the schema wants less than 63 here.
    if (!isIstioLabel(name) || name.length > 62)
      report.error("CW606", `${text(name)} is not usable as a port name of an endpoint`, `${field}.ports`)
    if (!isPort(ports[name]))
      report.error("CW606", `${text(ports[name])} is not a port number`, `${field}.ports.${name}`)
  }
  if (count > mostPorts)
    report.error(
      "CW606",
      `${count} ports with numbers of their own are too many, ${mostPorts} are allowed`,
      `${field}.ports`
    )
  const labels = map(e.labels)
  for (const key in labels) {
    const value = labels[key]
    if (!isKnownKey(key) || typeof value !== "string" || !isLabelValue(value)) {
      report.error("CW606", `${text(key)}: ${text(value)} is not a label`, `${field}.labels`)
    }
  }
  const { weight } = e
  if (
    weight !== undefined &&
    (typeof weight !== "number" || !Number.isInteger(weight) || weight < 0 || weight > 4294967295)
  ) {
    report.error("CW606", `weight ${text(weight)} is not a whole number from 0`, `${field}.weight`)
  }
}

const suppressed = (object: { readonly metadata: unknown }): boolean =>
  text(map(map(object.metadata).annotations)["galley.istio.io/analyze-suppress"]).includes("IST0134")

export const addressForTcp: Rule = {
  id: "V7",
  code: "CW607",
  kinds,
  check: (object, report, where) => {
    const s = spec(object)
    if (list(s.addresses).length > 0 || where.autoAllocate === true || suppressed(object)) return
    const i = list(s.ports).findIndex((port) => isOpaque(map(port).protocol))
    if (i < 0) return
    const { number } = map(list(s.ports)[i])
    report.warning(
      "CW607",
      `port ${text(number)} is TCP and has no address: calls may go to another service on that port`,
      `spec.ports[${i}]`
    )
  }
}

const sharesNoHost = new Set<unknown>(["tcp", "tls"])

export const oneHostForAddress: Rule = {
  id: "V8",
  code: "CW608",
  kinds,
  check: (object, report) => {
    const s = spec(object)
    if (list(s.hosts).length < 2 || list(s.addresses).length === 0 || !isDns(s.resolution)) return
    const i = list(s.ports).findIndex((port) => sharesNoHost.has(family(String(map(port).protocol ?? ""))))
    if (i >= 0) report.warning("CW608", "several hosts share addresses and a port that is not HTTP", `spec.ports[${i}]`)
  }
}
