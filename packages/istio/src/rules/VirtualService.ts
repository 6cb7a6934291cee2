/** V11: routes of a VirtualService lead somewhere, and its hosts and SNI hosts agree. */
import { isDnsName, isIstioLabel } from "@coddiwomple/core/Labels"
import { isIp, isPort } from "@coddiwomple/core/Names"
import { isWildcardName } from "./Dns.ts"
import { list, map, type Report, type Rule, spec, text } from "./Rule.ts"

const kinds = ["http", "tls", "tcp"] as const

type Fields = Readonly<Record<string, unknown>>

/** Every name the first covers, the second covers too. */
const isSubset = (name: string, of: string): boolean => {
  if (of === "*" || name === of) return true
  return of.startsWith("*") && name.endsWith(of.slice(1)) && name.length >= of.length
}

export const virtualService: Rule = {
  id: "V11",
  code: "CW611",
  kinds: ["VirtualService"],
  check: (object, report) => {
    const s = spec(object)
    const hosts = list(s.hosts).filter((h) => typeof h === "string")
    gateways(list(s.gateways), "spec.gateways", report)
    const mesh = list(s.gateways).length === 0 || list(s.gateways).includes("mesh")
    if (mesh && hosts.includes("*")) report.error("CW611", "the host `*` is not allowed at `mesh`", "spec.hosts")
    for (let i = 0; i < hosts.length; i++) {
      for (let j = i + 1; j < hosts.length; j++) {
        if (isSubset(hosts[i]!, hosts[j]!) || isSubset(hosts[j]!, hosts[i]!)) {
          report.error("CW611", `hosts ${text(hosts[i])} and ${text(hosts[j])} overlap`, `spec.hosts[${j}]`)
        }
      }
    }
    let routes = 0
    for (const kind of kinds) {
      const all = list(s[kind])
      for (let i = 0; i < all.length; i++) route(kind, map(all[i]), `spec.${kind}[${i}]`, hosts, report)
      routes += all.length
    }
    if (routes === 0) report.error("CW611", "needs at least one http, tls or tcp route", "spec")
    if (hosts.length === 0 && (list(s.gateways).length > 0 || list(s.http).length < routes)) {
      report.error("CW611", "without hosts it is a delegate: no gateways, no tls or tcp routes", "spec.hosts")
    }
  }
}

const gateways = (all: ReadonlyArray<unknown>, field: string, report: Report): void => {
  for (let i = 0; i < all.length; i++) {
    const name = all[i]
    const [namespace, short] = typeof name === "string" ? name.split("/", 2) : []
    if (
      namespace !== undefined &&
      (short === undefined ? isDnsName(namespace) : isIstioLabel(namespace) && isIstioLabel(short))
    ) {
      if (short === undefined && namespace.includes(".")) {
        report.warning(
          "CW611",
          `gateway ${text(name)} has a dot: Istio takes what follows for its namespace`,
          `${field}[${i}]`
        )
      }
    } else report.error("CW611", `${text(name)} is not the name of a gateway`, `${field}[${i}]`)
  }
}

const route = (
  kind: "http" | "tls" | "tcp",
  r: Fields,
  field: string,
  hosts: ReadonlyArray<string>,
  report: Report
): void => {
  const destinations = list(r.route)
  const answers =
    kind === "http" && (r.redirect !== undefined || r.directResponse !== undefined || r.delegate !== undefined)
  if (destinations.length === 0 && !answers) report.error("CW611", "a route needs a destination", `${field}.route`)
  if (destinations.length > 0 && answers)
    report.error("CW611", "a route has either destinations or an answer of its own", `${field}.route`)
  let weights = 0
  destinations.forEach((d, i) => {
    const { weight = 0 } = map(d)
    if (typeof weight !== "number" || !Number.isInteger(weight) || weight < 0)
      report.error("CW611", `weight ${text(weight)} is not a whole number from 0`, `${field}.route[${i}].weight`)
    else weights += weight
    destination(map(map(d).destination), `${field}.route[${i}].destination`, report)
  })
  if (destinations.length > 1 && weights === 0)
    report.error("CW611", "several destinations need weights", `${field}.route`)
  const matches = list(r.match)
  if (kind === "tls" && matches.length === 0) report.error("CW611", "a tls route needs a match", `${field}.match`)
  matches.forEach((m, i) => match(kind, map(m), `${field}.match[${i}]`, hosts, report))
}

const destination = (d: Fields, field: string, report: Report): void => {
  if (typeof d.host !== "string" || d.host === "*" || !isWildcardName(d.host))
    report.error("CW611", `destination ${text(d.host)} is not a DNS name`, `${field}.host`)
  const number = map(d.port).number
  if (d.port !== undefined && !isPort(number))
    report.error("CW611", `${text(number)} is not a port number`, `${field}.port`)
  if (d.subset !== undefined && (typeof d.subset !== "string" || !isIstioLabel(d.subset)))
    report.error("CW611", `subset ${text(d.subset)} is not a DNS label`, `${field}.subset`)
}

const match = (kind: string, m: Fields, field: string, hosts: ReadonlyArray<string>, report: Report): void => {
  if (m.port !== undefined && !isPort(m.port))
    report.error("CW611", `${text(m.port)} is not a port number`, `${field}.port`)
  gateways(list(m.gateways), `${field}.gateways`, report)
  if (kind !== "tls") return
  const sni = list(m.sniHosts)
  if (sni.length === 0) report.error("CW611", "a tls match needs sniHosts", `${field}.sniHosts`)
  sni.forEach((name, i) => {
    const at = `${field}.sniHosts[${i}]`
    if (typeof name !== "string" || !(isWildcardName(name) || isIp(name) || name.startsWith("outbound_.")))
      report.error("CW611", `${text(name)} is not a DNS name`, at)
    else if (isIp(name)) report.warning("CW611", `${name} is an IP address: most clients send no SNI for one`, at)
    else if (!hosts.some((host) => isSubset(name, host)))
      report.error("CW611", `${text(name)} is none of the hosts`, at)
  })
}
