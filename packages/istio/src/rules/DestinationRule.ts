/** V12: a DestinationRule says something, and nothing that excludes itself. */
import { isIstioLabel, isLabelValue, isQualifiedName } from "@coddiwomple/core/Labels"
import { isPort } from "@coddiwomple/core/Names"
import { list, map, type Report, type Rule, spec, text } from "./Rule.ts"

type Fields = Readonly<Record<string, unknown>>

const parts = [
  "connectionPool",
  "loadBalancer",
  "outlierDetection",
  "portLevelSettings",
  "proxyProtocol",
  "retryBudget",
  "tls",
  "tunnel"
]

export const destinationRule: Rule = {
  id: "V12",
  code: "CW612",
  kinds: ["DestinationRule"],
  check: (object, report) => {
    const s = spec(object)
    if (typeof s.host !== "string" || s.host === "") report.error("CW612", "needs a host", "spec.host")
    const at: Where = { known: parts, namespace: map(object.metadata).namespace ?? "default" }
    if (s.trafficPolicy !== undefined) policy(map(s.trafficPolicy), "spec.trafficPolicy", at, report)
    const names = new Set<unknown>()
    list(s.subsets).forEach((each, i) => {
      const subset = map(each)
      const field = `spec.subsets[${i}]`
      if (typeof subset.name !== "string" || !isIstioLabel(subset.name))
        report.error("CW612", `subset name ${text(subset.name)} is not a DNS label`, `${field}.name`)
      if (names.has(subset.name))
        report.error("CW612", `subset name ${text(subset.name)} is used twice`, `${field}.name`)
      names.add(subset.name)
      for (const [key, value] of Object.entries(map(subset.labels))) {
        if (!isQualifiedName(key) || typeof value !== "string" || !isLabelValue(value))
          report.error("CW612", `${text(key)}: ${text(value)} is not a label`, `${field}.labels`)
      }
      if (subset.trafficPolicy !== undefined) policy(map(subset.trafficPolicy), `${field}.trafficPolicy`, at, report)
    })
  }
}

const portParts = ["connectionPool", "loadBalancer", "outlierDetection", "tls"]

interface Where {
  /** Settings that a policy may have there. */
  readonly known: ReadonlyArray<string>
  /** Of the object. */
  readonly namespace: unknown
}

const policy = (p: Fields, field: string, where: Where, report: Report): void => {
  let says = false
  for (const part in p) if (p[part] !== undefined && where.known.includes(part)) says = true
  if (!says) report.error("CW612", "a traffic policy needs at least one setting", field)
  if (p.tunnel !== undefined && p.proxyProtocol !== undefined)
    report.error("CW612", "tunnel and proxyProtocol exclude each other", field)
  if (p.loadBalancer !== undefined)
    balancer(map(p.loadBalancer), p.outlierDetection !== undefined, `${field}.loadBalancer`, report)
  if (p.outlierDetection !== undefined) outlier(map(p.outlierDetection), `${field}.outlierDetection`, report)
  if (p.tls !== undefined) tls(map(p.tls), `${field}.tls`, where.namespace, report)
  list(p.portLevelSettings).forEach((each, i) => {
    const setting = map(each)
    const at = `${field}.portLevelSettings[${i}]`
    if (!isPort(map(setting.port).number))
      report.error("CW612", `${text(map(setting.port).number)} is not a port number`, `${at}.port`)
    policy(setting, at, { ...where, known: portParts }, report)
  })
}

const balancers = new Set<unknown>([
  undefined,
  "UNSPECIFIED",
  "LEAST_CONN",
  "LEAST_REQUEST",
  "PASSTHROUGH",
  "RANDOM",
  "ROUND_ROBIN"
])

const balancer = (b: Fields, outlierDetection: boolean, field: string, report: Report): void => {
  if (!balancers.has(b.simple)) report.error("CW612", `${text(b.simple)} is not known`, `${field}.simple`)
  if (b.simple !== undefined && b.consistentHash !== undefined)
    report.error("CW612", "simple and consistentHash exclude each other", field)
  if (b.localityLbSetting === undefined) return
  const at = `${field}.localityLbSetting`
  if (b.zoneAwareLbSetting !== undefined)
    report.error("CW612", "localityLbSetting and zoneAwareLbSetting exclude each other", field)
  const l = map(b.localityLbSetting)
  const distribute = list(l.distribute)
  const failover = list(l.failover)
  const priority = list(l.failoverPriority)
  if ((distribute.length > 0 ? 1 : 0) + (failover.length > 0 ? 1 : 0) + (priority.length > 0 ? 1 : 0) > 1) {
    report.error("CW612", "distribute, failover and failoverPriority exclude each other", at)
  }
  if ((failover.length > 0 || priority.length > 0) && !outlierDetection)
    report.warning("CW612", "without outlierDetection there is no failover", at)
  const keys = new Set<string>()
  for (const entry of priority) {
    const key = String(entry).split("=", 1)[0]!
    if (keys.has(key))
      report.error("CW612", `label ${text(key)} is named twice; only the last would count`, `${at}.failoverPriority`)
    keys.add(key)
  }
  const from = new Set<unknown>()
  for (const each of distribute) {
    const weights = Object.values(map(map(each).to))
    const sum = weights.reduce<number>((a, w) => a + (typeof w === "number" ? w : Number.NaN), 0)
    if (sum !== 100 || weights.some((w) => (w as number) < 1))
      report.error("CW612", "weights of a distribution must be 1 to 100 and give 100 together", `${at}.distribute`)
    if (from.has(map(each).from))
      report.error("CW612", `locality ${text(map(each).from)} is distributed twice`, `${at}.distribute`)
    from.add(map(each).from)
  }
  for (const each of failover) {
    const regions = [map(each).from, map(each).to]
    if (regions[0] === regions[1]) report.error("CW612", "failover must lead to another region", `${at}.failover`)
    if (regions.some((r) => typeof r !== "string" || /[/*]/.test(r)))
      report.error("CW612", "failover names regions only", `${at}.failover`)
  }
}

const counts = ["consecutive5xxErrors", "consecutiveGatewayErrors", "consecutiveLocalOriginFailures"]
const most = 4_294_967_295

const outlier = (o: Fields, field: string, report: Report): void => {
  if (Number(o.consecutiveLocalOriginFailures ?? 0) > 0 && o.splitExternalLocalOriginErrors !== true) {
    report.error("CW612", "consecutiveLocalOriginFailures needs splitExternalLocalOriginErrors: true", field)
  }
  for (const key of counts) {
    const count = o[key]
    if (count !== undefined && !(typeof count === "number" && Number.isInteger(count) && count >= 0 && count <= most))
      report.error("CW612", `${text(count)} is not a whole number from 0`, `${field}.${key}`)
  }
  for (const key of ["maxEjectionPercent", "minHealthPercent"]) {
    const percent = o[key]
    if (percent !== undefined && (typeof percent !== "number" || percent < 0 || percent > 100))
      report.error("CW612", `${text(percent)} is not 0 to 100`, `${field}.${key}`)
  }
}

const isSaid = (value: unknown): boolean => value !== undefined && value !== ""

const modes = new Set<unknown>([undefined, "DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"])

const tls = (t: Fields, field: string, namespace: unknown, report: Report): void => {
  if (!modes.has(t.mode)) report.error("CW612", `mode ${text(t.mode)} is not known`, `${field}.mode`)
  const files = [t.clientCertificate, t.privateKey, t.caCertificates, t.caCrl]
  const named = isSaid(t.credentialName)
  const originates = t.mode === "SIMPLE" || t.mode === "MUTUAL"
  if (originates && named) {
    if (files.some(isSaid)) report.error("CW612", "credentialName and certificate files exclude each other", field)
  } else if (t.mode === "MUTUAL" && !(isSaid(t.clientCertificate) && isSaid(t.privateKey))) {
    report.error("CW612", "MUTUAL needs clientCertificate and privateKey, or a credentialName", field)
  }
  const { credentialName } = t
  if (typeof credentialName === "string" && credentialName.startsWith("configmap://")) {
    const [, , there, name, more] = credentialName.split("/")
    if (!there || !name || more !== undefined)
      report.error("CW612", `${text(credentialName)} is not configmap://<namespace>/<name>`, `${field}.credentialName`)
    else if (there !== namespace)
      report.error(
        "CW612",
        `${text(credentialName)} is in another namespace than the object, ${text(namespace)}`,
        `${field}.credentialName`
      )
  }
  const verifies = isSaid(t.caCertificates) || list(t.subjectAltNames).length > 0 || (t.mode === "SIMPLE" && named)
  if (t.insecureSkipVerify === true && originates && verifies) {
    report.error("CW612", "insecureSkipVerify excludes caCertificates, subjectAltNames and a CA by name", field)
  }
}
