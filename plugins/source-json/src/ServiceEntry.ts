/**
 * One entry of services.json: `{name, dns_prefixes, ports, backends, address?}` and the optional additions, as one
 * service fact and one backend fact per cluster. An entry with any error becomes no fact at all: it is held whole.
 */
import { addressProblem } from "@coddiwomple/core/Addresses"
import {
  type BackendFact,
  type Fact,
  identity,
  type Protocol,
  protocols,
  type ServiceFact,
  type ServicePort,
  trafficPolicies
} from "@coddiwomple/core/Fact"
import { isDnsLabel, isDnsName, isIp, isPort, toDnsLabel } from "@coddiwomple/core/Names"
import { help as suggestion } from "@coddiwomple/core/Suggest"
import type { Mutable } from "effect/Types"
import { Fields, type Findings, isObject, type Json, quoted } from "./Findings.ts"
import { type Spot, SpotOrigin } from "./Spot.ts"

const keys = new Set([
  "name",
  "namespace",
  "dns_prefixes",
  "ports",
  "backends",
  "address",
  "traffic",
  "tiers",
  "consumers",
  "export_to",
  "meshed"
])
const portKeys = new Set(["name", "protocol", "service_port", "backend_port"])
const backendKeys = new Set(["host", "weight", "ports"])

/** Most services have few ports, most fleets have many services. */
const portPaths = [0, 1, 2, 3].map((i) => ["ports", i])

/** Undefined where the name cannot be trusted: what the entry was meant to be may still exist somewhere. */
export const identify = (value: Json): string | undefined => {
  const { name, namespace } = value
  if (typeof name !== "string" || !isDnsLabel(name)) return undefined
  if (namespace === undefined || namespace === null) return name
  return typeof namespace === "string" && isDnsLabel(namespace) ? identity(name, namespace) : undefined
}

export const decode = (value: Json, spot: Spot, findings: Findings): ReadonlyArray<Fact> => {
  const fields = new Fields(value, [], findings).only(keys)
  const name = label(fields, "name")
  if (fields.absent("name")) fields.missing("name", '"<name>"')
  const namespace = label(fields, "namespace")
  const fact: Mutable<ServiceFact> = {
    kind: "service",
    name,
    prefixes: prefixes(fields, name),
    ports: portList(fields),
    origin: new SpotOrigin(spot)
  }
  if (namespace !== "") fact.namespace = namespace
  const address = fields.string("address")
  if (address !== undefined && address !== "") fact.address = address
  const traffic = fields.oneOf("traffic", trafficPolicies)
  if (traffic !== undefined) fact.traffic = traffic
  const consumers = fields.strings("consumers")
  if (consumers !== undefined) fact.consumers = consumers
  const exportTo = fields.strings("export_to")
  if (exportTo !== undefined) fact.exportTo = exportTo
  const meshed = fields.boolean("meshed")
  if (meshed !== undefined) fact.meshed = meshed
  if (!fields.absent("tiers")) fact.tiers = tiers(fields)
  const facts: ReadonlyArray<Fact> = [fact, ...backends(fields, identity(name, fact.namespace), spot)]
  if (findings.failed) values(facts, findings)
  return facts
}

const label = (fields: Fields, key: string): string => {
  const text = fields.string(key)
  if (text === undefined) return ""
  if (!isDnsLabel(text)) {
    const near = toDnsLabel(text)
    fields.findings.error(
      "CW408",
      [key],
      `${key} ${quoted(text)} is not a DNS label`,
      near === undefined ? undefined : `use ${quoted(near)}`
    )
  }
  return text
}

const prefixes = (fields: Fields, name: string): ReadonlyArray<string> => {
  const list = fields.strings("dns_prefixes")
  if (list === undefined && fields.absent("dns_prefixes"))
    fields.missing("dns_prefixes", `[${quoted(name === "" ? "<name>" : name)}]`)
  return list ?? []
}

const portList = (fields: Fields): ReadonlyArray<ServicePort> => {
  const value = fields.value["ports"]
  if (fields.absent("ports")) {
    fields.missing("ports", '[{"name": "http", "protocol": "HTTP", "service_port": 80, "backend_port": 80}]')
    return []
  }
  const single = isObject(value)
  if (single) fields.findings.warning("CW403", ["ports"], '"ports" is a single object', "write a list: [{ … }]", "key")
  if (!single && !Array.isArray(value)) {
    fields.wrong(["ports"], "a list of ports", value)
    return []
  }
  const list: ReadonlyArray<unknown> = single ? [value] : (value as ReadonlyArray<unknown>)
  if (list.length === 0) fields.findings.error("CW507", ["ports"], "the service has no port")
  const out: Array<ServicePort> = []
  list.forEach((item, i) => {
    const path = single ? ["ports"] : (portPaths[i] ?? ["ports", i])
    if (!isObject(item)) fields.wrong(path, "a port", item)
    else out.push(port(new Fields(item, path, fields.findings).only(portKeys), out))
  })
  return out
}

const port = (fields: Fields, before: ReadonlyArray<ServicePort>): ServicePort => {
  const bad = (key: string, message: string, help?: string) =>
    fields.findings.error("CW507", [...fields.path, key], message, help)
  const name = fields.string("name") ?? ""
  if (fields.absent("name")) fields.missing("name", '"http"')
  else if (name !== "" && before.some((p) => p.name === name)) bad("name", `port name ${quoted(name)} is used twice`)
  else if (typeof fields.value["name"] === "string" && !isDnsLabel(name)) {
    const near = toDnsLabel(name)
    bad("name", `port name ${quoted(name)} is not a DNS label`, near === undefined ? undefined : `use ${quoted(near)}`)
  }
  const spelled = fields.string("protocol")
  const protocol = spelled?.toUpperCase() as Protocol | undefined
  if (fields.absent("protocol")) fields.missing("protocol", '"HTTP"')
  else if (spelled !== undefined && !protocols.includes(protocol!)) {
    bad("protocol", `protocol ${quoted(spelled)} is not known`, suggestion(protocol!, protocols))
  }
  const number = (key: string): number => {
    const n = fields.number(key)
    if (fields.absent(key)) fields.missing(key, "80")
    else if (n !== undefined && !isPort(n)) bad(key, `${n} is not a port number`, "1 to 65535")
    return n ?? 0
  }
  const servicePort = number("service_port")
  if (servicePort !== 0 && before.some((p) => p.port === servicePort))
    bad("service_port", `port ${servicePort} is used twice`)
  return { name, protocol: protocol ?? "TCP", port: servicePort, backendPort: number("backend_port") }
}

const backendsExample = '{"<cluster>": "<service>.<namespace>.svc.cluster.local"}'

const backends = (fields: Fields, service: string, spot: Spot): ReadonlyArray<BackendFact> => {
  if (fields.absent("backends")) {
    fields.missing("backends", backendsExample, "CW502")
    return []
  }
  const list = fields.object("backends", backendsExample)
  if (list === undefined) return []
  return list.names().map((cluster) => backend(list, service, cluster, spot))
}

const backend = (list: Fields, service: string, cluster: string, spot: Spot): BackendFact => {
  const value = list.value[cluster]
  const fact: Mutable<BackendFact> = {
    kind: "backend",
    service,
    cluster,
    host: "",
    origin: new SpotOrigin(spot, cluster)
  }
  if (typeof value === "string") {
    fact.host = value
    return fact
  }
  if (!isObject(value)) {
    list.wrong([cluster], "a host name or an object", value)
    return fact
  }
  const fields = new Fields(value, [...list.path, cluster], list.findings).only(backendKeys)
  fact.host = fields.string("host") ?? ""
  if (fields.absent("host")) fields.missing("host", '"<service>.<namespace>.svc.cluster.local"')
  const weight = fields.number("weight")
  if (weight !== undefined) fact.weight = weight
  const ports = fields.object("ports", '{"http": 8080}')
  if (ports !== undefined) fact.ports = Object.fromEntries(ports.names().map((name) => [name, ports.number(name) ?? 0]))
  return fact
}

const tiersCure = (found: unknown): string =>
  `one list for each tier, nearest first: [[${typeof found === "string" ? quoted(found) : '"<cluster>"'}], …]`

const tiers = (fields: Fields): ReadonlyArray<ReadonlyArray<string>> => {
  const value = fields.value["tiers"]
  if (!Array.isArray(value)) {
    fields.wrong(["tiers"], "a list of lists of clusters", value, tiersCure(value))
    return []
  }
  return value.map((tier: unknown, i) => {
    if (Array.isArray(tier) && tier.every((c) => typeof c === "string")) return tier
    fields.wrong(["tiers", i], "a list of cluster names", tier, tiersCure(tier))
    return []
  })
}

/** What the model would say of the values: asked only of an entry that never gets there, so that all is said at once. */
const values = (facts: ReadonlyArray<Fact>, findings: Findings): void => {
  for (const fact of facts) {
    if (fact.kind === "service") {
      fact.prefixes.forEach((prefix, i) => {
        if (!isDnsName(`${prefix.replace(/^\*\./, "")}.x`))
          findings.error("CW506", ["dns_prefixes", i], `${quoted(prefix)} is not a valid host`)
      })
      const problem = fact.address === undefined ? undefined : addressProblem(fact.address)
      if (problem !== undefined) findings.error("CW508", ["address"], problem)
    } else if (fact.kind === "backend" && fact.host !== "" && !isDnsName(fact.host) && !isIp(fact.host)) {
      findings.error("CW506", ["backends", fact.cluster], `backend ${quoted(fact.host)} is not a DNS name`)
    }
  }
}
