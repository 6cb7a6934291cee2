/**
 * What several sources say about one service or one cluster, made into one: the winner follows `prefer`, then source
 * and partition names, never file order. Pure; findings carry the places of all who spoke.
 */
import type { Mutable } from "effect/Types"
import { addressProblem } from "./Addresses.ts"
import * as Diagnostic from "./Diagnostic.ts"
import {
  type BackendFact,
  type ClusterFact,
  type Origin,
  protocols,
  type ServiceFact,
  type ServicePort
} from "./Fact.ts"
import type { Backend, Cluster, Fleet } from "./Model.ts"
import { defaultDomain, isDnsLabel, isDnsName, isIp, isPort, suffixProblem, toDnsLabel } from "./Names.ts"
import { same } from "./Same.ts"
import { help } from "./Suggest.ts"
import * as UrlCredentials from "./UrlCredentials.ts"

/** A fact with who said it. */
export interface Said<F> {
  readonly source: string
  readonly partition: string
  readonly fact: F
}

export type Findings = Array<Diagnostic.Diagnostic>

/** Orders candidates: preferred sources first, then by source and partition name. */
export const ranking = (prefer: ReadonlyArray<string>) => {
  const rank = (source: string) => {
    const i = prefer.indexOf(source)
    return i < 0 ? prefer.length : i
  }
  return <F>(a: Said<F>, b: Said<F>): number =>
    rank(a.source) - rank(b.source) || order(a.source, b.source) || order(a.partition, b.partition)
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export const at = (origin: Origin, field?: ReadonlyArray<string | number>) => ({
  place: origin.place?.(field),
  object: origin.object
})

/** A warning for each field in which the others differ from the winner. */
export const disagreements = <F extends { readonly origin: Origin }>(
  code: "CW504" | "CW505",
  what: string,
  said: ReadonlyArray<Said<F>>,
  fields: ReadonlyArray<keyof F & string>,
  findings: Findings,
  service?: string
): void => {
  const winner = said[0]
  if (winner === undefined || said.length === 1) return
  for (const other of said.slice(1)) {
    for (const field of fields) {
      if (other.fact[field] === undefined || same(winner.fact[field], other.fact[field])) continue
      findings.push(
        Diagnostic.warning(
          code,
          `${what}: ${label(winner)} and ${label(other)} differ in \`${field}\`; ${label(winner)} counts`,
          {
            ...at(other.fact.origin, [field]),
            service,
            related: [{ message: `${label(winner)} says`, ...place(winner.fact.origin, [field]) }]
          }
        )
      )
    }
  }
}

const label = (said: Said<unknown>): string => `${said.source}/${said.partition}`

const place = (origin: Origin, field?: ReadonlyArray<string | number>) => {
  const p = origin.place?.(field)
  return p === undefined ? {} : { place: p }
}

const clusterName = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/

/** What to write instead of an address that is none. */
const addressCure = (address: string): string => {
  const [, scheme, host, port] =
    /^([a-z][a-z0-9+.-]*:\/\/)?(\[[^\]]*\]|[^/:]*)(?::(\d+))?(?:\/.*)?$/i.exec(address) ?? []
  const name = host?.replace(/^\[|\]$/g, "") ?? ""
  if (!isIp(name) && !isDnsName(name))
    return "write the IP or the DNS name of the gateway, without scheme, port or path"
  if (scheme !== undefined || port === undefined) return `write ${name}: an address has neither scheme nor path`
  return `write ${name}, and the port as "gateway": {"port": ${port}}`
}

const labelCure = (name: string): string => {
  const near = toDnsLabel(name)
  return `use lower-case letters, digits and dashes, at most 63${near === undefined ? "" : `: ${near}`}`
}

/** What makes a cluster unusable. Its name must be fit for a label value and a path. */
export const clusterProblems = (fact: ClusterFact, suffix: string, findings: Findings): void => {
  const problem = (message: string, field: ReadonlyArray<string | number>, hint?: string) =>
    findings.push(Diagnostic.error("CW513", message, { ...at(fact.origin, field), help: hint }))
  if (!clusterName.test(fact.name) || fact.name.includes("..")) {
    const near = toDnsLabel(fact.name)
    problem(
      `cluster name ${JSON.stringify(fact.name.slice(0, 80))} is not usable`,
      ["name"],
      `use letters, digits, \`-\`, \`_\` and \`.\`, at most 63${near === undefined ? "" : `: ${near}`}`
    )
  }
  fact.addresses.forEach((address, i) => {
    if (!isIp(address) && !isDnsName(address)) {
      const field = fact.addresses.length === 1 ? ["address"] : ["addresses", i]
      problem(
        `cluster ${fact.name}: address ${JSON.stringify(UrlCredentials.hide(address).slice(0, 80))} is neither an IP nor a DNS name`,
        field,
        addressCure(address)
      )
    }
  })
  const port = fact.gateway?.port
  if (port !== undefined && !isPort(port))
    problem(
      `cluster ${fact.name}: gateway port ${port} is not 1 to 65535`,
      ["gateway", "port"],
      "write the port of the gateway, 15443 where it is Istio's own; or leave it out"
    )
  for (const [field, value] of [
    [["gateway", "namespace"], fact.gateway?.namespace],
    [["config_namespace"], fact.configNamespace]
  ] as const) {
    if (value !== undefined && !isDnsLabel(value))
      problem(
        `cluster ${fact.name}: ${JSON.stringify(value.slice(0, 80))} is not a namespace name`,
        field,
        labelCure(value)
      )
  }
  if (fact.domain !== undefined && !isDnsName(fact.domain))
    problem(`cluster ${fact.name}: domain ${fact.domain} is not a DNS name`, ["domain"])
  const overlap = suffixProblem(suffix, fact.domain)
  if (overlap !== undefined)
    problem(
      `cluster ${fact.name}: ${overlap}`,
      fact.domain === undefined ? [] : ["domain"],
      "choose another model.suffix, as global"
    )
}

/** Full hosts, lower case, without duplicates. */
export const hosts = (
  fact: ServiceFact,
  suffix: string,
  service: string,
  findings: Findings
): ReadonlyArray<string> => {
  const out = new Set<string>()
  fact.prefixes.forEach((prefix, i) => {
    const host = `${prefix}.${suffix}`.toLowerCase()
    const wild = host.startsWith("*.") ? host.slice(2) : host
    if (!isDnsName(wild) || host.length > 253 || wild.split(".").length < 2) {
      const near = toDnsLabel(prefix)
      findings.push(
        Diagnostic.error(
          "CW506",
          `service ${service}: ${JSON.stringify(UrlCredentials.hide(host).slice(0, 80))} is not a valid host`,
          {
            ...at(fact.origin, ["dns_prefixes", i]),
            service,
            help: near === undefined || near === prefix ? undefined : `use ${near}`
          }
        )
      )
    } else out.add(host)
  })
  if (fact.prefixes.length === 0) {
    findings.push(
      Diagnostic.error("CW506", `service ${service} has no host`, { ...at(fact.origin, ["dns_prefixes"]), service })
    )
  }
  return [...out]
}

export const portProblems = (fact: ServiceFact, service: string, findings: Findings): void => {
  const names = new Set<string>()
  const numbers = new Set<number>()
  const problem = (message: string, i: number, field: string, hint?: string) =>
    findings.push(
      Diagnostic.error("CW507", `service ${service}: ${message}`, {
        ...at(fact.origin, ["ports", i, field]),
        service,
        help: hint
      })
    )
  fact.ports.forEach((port: ServicePort, i) => {
    if (!isDnsLabel(port.name))
      problem(`port name ${JSON.stringify(port.name.slice(0, 80))} is not a DNS label`, i, "name")
    else if (names.has(port.name)) problem(`port name ${port.name} is used twice`, i, "name")
    if (!isPort(port.port)) problem(`${port.port} is not a port number`, i, "service_port")
    else if (numbers.has(port.port)) problem(`port ${port.port} is used twice`, i, "service_port")
    if (!isPort(port.backendPort)) problem(`${port.backendPort} is not a port number`, i, "backend_port")
    if (!protocols.includes(port.protocol)) {
      problem(
        `protocol ${JSON.stringify(port.protocol.slice(0, 80))} is not known`,
        i,
        "protocol",
        help(String(port.protocol).toUpperCase(), protocols)
      )
    }
    names.add(port.name)
    numbers.add(port.port)
  })
  if (fact.ports.length === 0) {
    findings.push(
      Diagnostic.error("CW507", `service ${service} has no port`, { ...at(fact.origin, ["ports"]), service })
    )
  }
}

const backend = ({ cluster, origin, ports, weight }: BackendFact, host: string, index: number): Backend => {
  const out: Mutable<Backend> = { cluster, host, origin, index }
  if (weight !== undefined) out.weight = weight
  if (ports !== undefined) out.ports = ports
  return out
}

/** As the mesh has it: lower case, without a final dot. IPs stay as they are. */
const canonicalHost = (host: string): string =>
  isIp(host) ? host : (host.endsWith(".") ? host.slice(0, -1) : host).toLowerCase()

/** The full name that was probably meant; undefined where the host may be one. */
const fullName = (host: string, declared: ServiceFact, cluster: Cluster): string | undefined => {
  const first = host.indexOf(".")
  const short = first < 0 || host.indexOf(".", first + 1) < 0
  if ((!short && !host.endsWith(".svc")) || isIp(host)) return undefined
  const [name, namespace = declared.namespace ?? "<namespace>"] = host.replace(/\.svc$/, "").split(".")
  return `${name}.${namespace}.svc.${cluster.domain ?? defaultDomain}`
}

/** Code, message and help for a cluster that a service names and that does not count. */
const unknownCluster = (name: string, fleet: Fleet): readonly ["CW501" | "CW513", string, string | undefined] => {
  const shown = JSON.stringify(name.slice(0, 80))
  return fleet.unusable.has(name)
    ? ["CW513", `cluster ${shown} cannot be used: see its finding`, "mend the cluster; the service waits for it"]
    : ["CW501", `cluster ${shown} is not known`, help(name, fleet.byName.keys())]
}

/** The winning backend of each cluster, in fleet order. */
export const backends = (
  service: string,
  declared: ServiceFact,
  all: ReadonlyArray<Said<BackendFact>>,
  fleet: Fleet,
  suffix: string,
  findings: Findings
): ReadonlyArray<Backend> => {
  const out: Array<Backend> = []
  const names = new Set(declared.ports.map((p) => p.name))
  const below = `.${suffix}`
  for (let from = 0, to = 0; from < all.length; from = to) {
    const { fact } = all[from]!
    const { cluster } = fact
    while (to < all.length && all[to]!.fact.cluster === cluster) to++
    const known = fleet.byName.get(cluster)
    const problem = (code: "CW501" | "CW506" | "CW507" | "CW513" | "CW515", message: string, hint?: string) =>
      findings.push(
        Diagnostic.error(code, `service ${service}: ${message}`, { ...at(fact.origin), service, help: hint })
      )
    if (to - from > 1) {
      const fields = ["host", "weight", "ports"] as const
      disagreements("CW504", `backend of ${service} in ${cluster}`, all.slice(from, to), fields, findings, service)
    }
    if (known === undefined) {
      problem(...unknownCluster(cluster, fleet))
      continue
    }
    const host = canonicalHost(fact.host)
    const shown = JSON.stringify(UrlCredentials.hide(fact.host).slice(0, 80))
    if (!isDnsName(host) && !isIp(host)) problem("CW506", `backend ${shown} is not a DNS name`)
    else if (host === suffix || host.endsWith(below)) {
      const cure = "name the Service that runs in that cluster"
      problem("CW515", `backend ${shown} in ${cluster} is a global name itself: calls would go round in a loop`, cure)
    } else {
      const meant = fullName(host, declared, known)
      if (meant !== undefined) {
        const message = `service ${service}: backend ${shown} in ${cluster} is not the full name of a Service`
        findings.push(Diagnostic.warning("CW515", message, { ...at(fact.origin), service, help: `write ${meant}` }))
      }
    }
    if (fact.weight !== undefined && (!Number.isInteger(fact.weight) || fact.weight < 0 || fact.weight > 65535)) {
      const cure = "write a whole number from 0 to 65535; 0 gets no calls"
      problem("CW507", `weight ${fact.weight} in ${cluster} is not a whole number from 0 to 65535`, cure)
    }
    for (const [name, port] of fact.ports === undefined ? [] : Object.entries(fact.ports)) {
      if (!names.has(name))
        problem(
          "CW507",
          `backend in ${cluster} names an unknown port ${JSON.stringify(name.slice(0, 80))}`,
          help(name, names)
        )
      else if (!isPort(port)) problem("CW507", `backend in ${cluster}: ${port} is not a port number`)
    }
    out.push(backend(fact, host, known.index))
  }
  if (all.length === 0) {
    findings.push(
      Diagnostic.error("CW502", `service ${service} has no backends`, { ...at(declared.origin, ["backends"]), service })
    )
  }
  return out.sort((a, b) => a.index - b.index)
}

/** Findings about a declared virtual IP and about clusters named in traffic settings. */
export const settingProblems = (fact: ServiceFact, service: string, fleet: Fleet, findings: Findings): void => {
  if (fact.address !== undefined) {
    const problem = addressProblem(fact.address)
    if (problem !== undefined) {
      findings.push(
        Diagnostic.error("CW508", `service ${service}: ${problem}`, { ...at(fact.origin, ["address"]), service })
      )
    }
  }
  const unknown = (cluster: string, field: ReadonlyArray<string | number>) => {
    if (fleet.byName.has(cluster)) return
    const [code, message, hint] = unknownCluster(cluster, fleet)
    findings.push(
      Diagnostic.error(code, `service ${service}: ${message}`, { ...at(fact.origin, field), service, help: hint })
    )
  }
  fact.consumers?.forEach((c, i) => unknown(c, ["consumers", i]))
  fact.tiers?.forEach((tier, i) => {
    for (const c of tier) unknown(c, ["tiers", i])
  })
}
