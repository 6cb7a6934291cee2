/** V1: every DNS name in an object is one that Istio takes. */
import type { KubernetesObject } from "@coddiwomple/core/Artifact"
import { isDnsName } from "@coddiwomple/core/Labels"
import { isIp } from "@coddiwomple/core/Names"
import { isWildcardName } from "./Dns.ts"
import { list, map, type Report, type Rule, spec, text } from "./Rule.ts"

const say = (report: Report, value: unknown, field: string): void =>
  report.error("CW601", `${text(value)} is not a valid DNS name`, field)

const names = (report: Report, values: unknown, field: string, valid: (t: string) => boolean): void => {
  const all = list(values)
  for (let i = 0; i < all.length; i++) {
    const value = all[i]
    if (typeof value !== "string" || !valid(value)) say(report, value, `${field}[${i}]`)
  }
}

const isHostOrIp = (t: string): boolean => isWildcardName(t) || isIp(t)

/** A gateway's host may say a namespace first: `prod/*.example.com`. */
const isGatewayHost = (t: string): boolean => isHostOrIp(t.slice(t.indexOf("/") + 1))

export const dnsNames: Rule = {
  id: "V1",
  code: "CW601",
  kinds: ["ServiceEntry", "Gateway", "VirtualService", "DestinationRule"],
  check: (object: KubernetesObject, report: Report) => {
    const s = spec(object)
    switch (object.kind) {
      case "ServiceEntry": {
        names(report, s.hosts, "spec.hosts", isWildcardName)
        if (s.resolution !== "DNS" && s.resolution !== "DNS_ROUND_ROBIN") return
        const endpoints = list(s.endpoints)
        if (endpoints.length === 0) names(report, s.hosts, "spec.hosts", isDnsName)
        for (let i = 0; i < endpoints.length; i++) {
          const { address } = map(endpoints[i])
          if (typeof address !== "string" || !(isDnsName(address) || isIp(address))) {
            say(report, address, `spec.endpoints[${i}].address`)
          }
        }
        return
      }
      case "Gateway":
        list(s.servers).forEach((server, i) =>
          names(report, map(server).hosts, `spec.servers[${i}].hosts`, isGatewayHost)
        )
        return
      case "VirtualService":
        names(report, s.hosts, "spec.hosts", isHostOrIp)
        return
      case "DestinationRule":
        if (typeof s.host !== "string" || !isWildcardName(s.host)) say(report, s.host, "spec.host")
    }
  }
}
