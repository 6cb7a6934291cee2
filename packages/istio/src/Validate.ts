/**
 * The rules V1 to V16: what Istio's webhook, its schemas or the API server would refuse (errors) or warn of (warnings).
 * Every object that cw makes passes here before a sink sees it. Cheap enough to run on every body of a fleet.
 */
import type { KubernetesObject } from "@coddiwomple/core/Artifact"
import type { Diagnostic } from "@coddiwomple/core/Diagnostic"
import { networking } from "./Metadata.ts"
import { destinationRule } from "./rules/DestinationRule.ts"
import { durations } from "./rules/Duration.ts"
import { gateway } from "./rules/Gateway.ts"
import { dnsNames } from "./rules/Names.ts"
import { annotationSize, objectMetadata, refusedAnnotations } from "./rules/ObjectMeta.ts"
import { type Kind, Report, type Rule, type Where } from "./rules/Rule.ts"
import {
  addresses,
  addressForTcp,
  endpoints,
  hosts,
  oneHostForAddress,
  oneHostForTcp,
  ports
} from "./rules/ServiceEntry.ts"
import { virtualService } from "./rules/VirtualService.ts"
import { exportTo } from "./rules/Visibility.ts"

/** All rules, V1 first. */
export const rules: ReadonlyArray<Rule> = [
  dnsNames,
  hosts,
  ports,
  oneHostForTcp,
  addresses,
  endpoints,
  addressForTcp,
  oneHostForAddress,
  exportTo,
  gateway,
  virtualService,
  destinationRule,
  durations,
  refusedAnnotations,
  objectMetadata,
  annotationSize
]

const forAll = rules.filter((rule) => rule.kinds === undefined)
const byKind = new Map<string, ReadonlyArray<Rule>>(
  (["ServiceEntry", "Gateway", "VirtualService", "DestinationRule"] satisfies ReadonlyArray<Kind>).map((kind) => [
    kind,
    rules.filter((rule) => rule.kinds === undefined || rule.kinds.includes(kind))
  ])
)

const group = networking.slice(0, networking.indexOf("/") + 1)

/** Findings about one object, in rule order; none means that a cluster would take it without a warning. */
export const validate = (object: KubernetesObject, where: Where = {}): ReadonlyArray<Diagnostic> => {
  const report = new Report(object, where)
  const istio = typeof object.apiVersion === "string" && object.apiVersion.startsWith(group)
  const applying = (istio ? byKind.get(object.kind) : undefined) ?? forAll
  for (let i = 0; i < applying.length; i++) applying[i]!.check(object, report, where)
  return report.findings
}

export type { Rule, Where }
