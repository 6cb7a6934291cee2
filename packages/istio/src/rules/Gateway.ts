/** V10: servers of a Gateway: names, hosts, protocols, and TLS exactly where the protocol has it. */
import { family } from "../Protocol.ts"
import { isIstioLabel } from "@coddiwomple/core/Labels"
import { isPort } from "@coddiwomple/core/Names"
import { list, map, type Report, type Rule, spec, text } from "./Rule.ts"

type Fields = Readonly<Record<string, unknown>>

export const gateway: Rule = {
  id: "V10",
  code: "CW610",
  kinds: ["Gateway"],
  check: (object, report) => {
    const { name } = map(object.metadata)
    if (typeof name !== "string" || !isIstioLabel(name))
      report.error("CW610", "the name must be a DNS label, without dots", "metadata.name")
    const servers = list(spec(object).servers)
    if (servers.length === 0) report.error("CW610", "needs at least one server", "spec.servers")
    const names = new Set<unknown>()
    for (let i = 0; i < servers.length; i++) {
      const server = map(servers[i])
      const port = map(server.port)
      const field = `spec.servers[${i}]`
      const problem = (message: string, at: string) => report.error("CW610", message, `${field}.${at}`)
      if (typeof port.name !== "string" || port.name === "") problem("a port needs a name", "port.name")
      else if (names.has(port.name)) problem(`port name ${text(port.name)} is used twice`, "port.name")
      names.add(port.name)
      if (!isPort(port.number)) problem(`${text(port.number)} is not a port number`, "port.number")
      if (port.targetPort !== undefined) problem("targetPort has no effect in a Gateway", "port.targetPort")
      hosts(list(server.hosts), `${field}.hosts`, report)
      const f = typeof port.protocol === "string" ? family(port.protocol) : undefined
      if (f === undefined) problem(`protocol ${text(port.protocol)} is not known`, "port.protocol")
      else tls(f, server.tls === undefined ? undefined : map(server.tls), problem)
    }
  }
}

const hosts = (all: ReadonlyArray<unknown>, field: string, report: Report): void => {
  if (all.length === 0) report.error("CW610", "a server needs at least one host", field)
  for (let i = 0; i < all.length; i++) {
    const host = all[i]
    if (typeof host !== "string") continue
    const slash = host.indexOf("/")
    const name = host.slice(slash + 1)
    const namespace = host.slice(0, Math.max(slash, 0))
    const at = `${field}[${i}]`
    if (slash >= 0 && namespace !== "*" && namespace !== "." && !isIstioLabel(namespace))
      report.error("CW610", `${text(namespace)} is not a namespace`, at)
    // Without a dot: an IPv6 address too.
    if (name !== "*" && !name.includes("."))
      report.error("CW610", `${text(host)} needs a dot: short names are not allowed`, at)
    if (name.length > 1 && name.includes("*") && !name.startsWith("*."))
      report.error("CW610", `${text(host)} is a partial wildcard`, at)
  }
}

const isSaid = (value: unknown): boolean => value !== undefined && value !== ""

const credentials = (t: Fields): number =>
  (isSaid(t.serverCertificate) && isSaid(t.privateKey) ? 1 : 0) +
  (isSaid(t.credentialName) ? 1 : 0) +
  (list(t.credentialNames).length > 0 ? 1 : 0) +
  (list(t.tlsCertificates).length > 0 ? 1 : 0)

const tls = (f: string, t: Fields | undefined, problem: (message: string, at: string) => void): void => {
  if (t === undefined) {
    if (f === "tls") problem("the protocols HTTPS and TLS need `tls`", "tls")
    return
  }
  const mode = t.mode ?? "PASSTHROUGH"
  if (f !== "tls") {
    // A redirect to HTTPS is the one thing a plain server may say about TLS.
    if (f !== "http" || t.httpsRedirect !== true || mode !== "PASSTHROUGH")
      problem("`tls` is for the protocols HTTPS and TLS only", "tls")
  } else if (mode === "ISTIO_MUTUAL") {
    if (credentials(t) > 0 || t.caCertificates !== undefined) problem("ISTIO_MUTUAL takes no certificates", "tls")
  } else if (mode === "SIMPLE" || mode === "MUTUAL" || mode === "OPTIONAL_MUTUAL") {
    if (credentials(t) !== 1) problem(`${mode} needs exactly one source of certificates`, "tls")
    const remote = isSaid(t.credentialName) || list(t.credentialNames).length > 0
    if (mode !== "SIMPLE" && !remote && t.caCertificates === undefined) problem(`${mode} needs caCertificates`, "tls")
  } else if (mode !== "PASSTHROUGH" && mode !== "AUTO_PASSTHROUGH")
    problem(`mode ${text(mode)} is not known`, "tls.mode")
}
