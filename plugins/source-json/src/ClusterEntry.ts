/**
 * One entry of clusters.json: `{name, address, kubeconfig_path, kubeconfig_context}` and the optional additions.
 * Types and keys are checked here; whether names and addresses are fit for use is the model's question, as for all sources.
 */
import type { ClusterFact, Connection, DnsSettings, GatewayRef } from "@coddiwomple/core/Fact"
import { isIstioVersion } from "@coddiwomple/core/Names"
import type { Mutable } from "effect/Types"
import { Fields, type Findings, type Json, quoted } from "./Findings.ts"
import type { Path } from "./JsonText.ts"
import { type Spot, SpotOrigin } from "./Spot.ts"

const keys = new Set([
  "name",
  "address",
  "addresses",
  "kubeconfig_path",
  "kubeconfig_context",
  "region",
  "labels",
  "istio_version",
  "gateway",
  "config_namespace",
  "trust_domain",
  "domain",
  "dataplane",
  "dns"
])
const gatewayKeys = new Set(["namespace", "selector", "port"])
const dnsKeys = new Set(["platform", "clusterIP"])

/** As the example of the original tool spells `kubeconfig_context`. */
const seedSpelling = "kubecondig_context"

/** Absolute path of what a file names relative to itself. */
export type Resolve = (path: string) => string

export const identify = (value: Json): string | undefined =>
  typeof value["name"] === "string" && value["name"] !== "" ? value["name"] : undefined

export const decode = (value: Json, spot: Spot, findings: Findings, resolve: Resolve): ReadonlyArray<ClusterFact> => {
  const fields = new Fields(value, [], findings).only(keys, seedSpelling)
  const name = fields.string("name")
  if (fields.absent("name") || name === "") fields.missing("name", '"<name>"')
  const fact: Mutable<ClusterFact> = {
    kind: "cluster",
    name: name ?? "",
    addresses: addresses(fields),
    origin: new ClusterOrigin(spot, typeof value["address"] === "string")
  }
  const connection = connect(fields, resolve)
  if (connection !== undefined) fact.connection = connection
  const region = fields.string("region")
  if (region !== undefined) fact.region = region
  const labels = fields.labels("labels")
  if (labels !== undefined) fact.labels = labels
  const istioVersion = fields.string("istio_version")
  if (istioVersion !== undefined && !isIstioVersion(istioVersion)) {
    const message = `${quoted(istioVersion)} is not a version of Istio`
    findings.error("CW401", ["istio_version"], message, 'write it as "1.26" or "1.26.3"; leave it out for the newest')
  } else if (istioVersion !== undefined) fact.istioVersion = istioVersion
  const gateway = gatewayOf(fields)
  if (gateway !== undefined) fact.gateway = gateway
  const configNamespace = fields.string("config_namespace")
  if (configNamespace !== undefined) fact.configNamespace = configNamespace
  const trustDomain = fields.string("trust_domain")
  if (trustDomain !== undefined) fact.trustDomain = trustDomain
  const domain = fields.string("domain")
  if (domain !== undefined) fact.domain = domain
  const dataplane = fields.oneOf("dataplane", ["sidecar", "ambient"])
  if (dataplane !== undefined) fact.dataplane = dataplane
  const dns = dnsOf(fields)
  if (dns !== undefined) fact.dns = dns
  return [fact]
}

/** `address` first, then `addresses`, each once. */
const addresses = (fields: Fields): ReadonlyArray<string> => {
  const address = fields.string("address")
  const more = fields.strings("addresses") ?? []
  const all = [...new Set(address === undefined ? more : [address, ...more])].filter((a) => a !== "")
  if (all.length === 0 && (fields.absent("address") || address === ""))
    fields.missing("address", '"<IP or DNS name of the gateway>"')
  return all
}

/** The model counts addresses in the merged list. */
class ClusterOrigin extends SpotOrigin {
  private readonly merged: boolean

  constructor(spot: Spot, merged: boolean) {
    super(spot)
    this.merged = merged
  }

  protected override renamed(field: Path): Path {
    const [first, i] = field
    if (!this.merged || first !== "addresses" || typeof i !== "number") return field
    return i === 0 ? ["address"] : ["addresses", i - 1]
  }
}

const connect = (fields: Fields, resolve: Resolve): Connection | undefined => {
  const path = fields.string("kubeconfig_path")
  let context = fields.string("kubeconfig_context")
  if (Object.hasOwn(fields.value, seedSpelling)) {
    const spelled = fields.string(seedSpelling)
    context ??= spelled
    fields.findings.warning(
      "CW403",
      [seedSpelling],
      `"${seedSpelling}" is an old misspelling`,
      'write "kubeconfig_context"',
      "key"
    )
  }
  const connection = {
    ...(path === undefined || path === "" ? {} : { kubeconfigPath: resolve(path) }),
    ...(context === undefined || context === "" ? {} : { context })
  }
  return Object.keys(connection).length === 0 ? undefined : connection
}

const gatewayOf = (fields: Fields): GatewayRef | undefined => {
  const gateway = fields.object("gateway", '{"namespace": "istio-system"}')?.only(gatewayKeys)
  if (gateway === undefined) return undefined
  const namespace = gateway.string("namespace")
  const selector = gateway.labels("selector")
  const port = gateway.number("port")
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(selector === undefined ? {} : { selector }),
    ...(port === undefined ? {} : { port })
  }
}

const dnsOf = (fields: Fields): DnsSettings | undefined => {
  const dns = fields.object("dns", '{"platform": "coredns-custom"}')?.only(dnsKeys)
  if (dns === undefined) return undefined
  const platform = dns.string("platform")
  const clusterIP = dns.string("clusterIP")
  return {
    ...(platform === undefined ? {} : { platform }),
    ...(clusterIP === undefined ? {} : { clusterIP })
  }
}
