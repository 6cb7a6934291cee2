/**
 * Who calls a service: the clusters that run it, each with a choice of its own, and all others or those it names, in
 * groups that see the same.
 */
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Service } from "@coddiwomple/core/Model"
import type { Provider } from "./Providers.ts"
import type { Site, Sites } from "./Sites.ts"
import { type Choice, choose } from "./Traffic.ts"

export interface Callers {
  readonly targets: ClusterSet.ClusterSet
  /** Where what they see goes to. */
  readonly namespace: string
  /** With one endpoint at least. */
  readonly choice: Choice
}

export const callersOf = (
  service: Service,
  providers: ReadonlyArray<Provider>,
  sites: Sites
): ReadonlyArray<Callers> => {
  const out: Array<Callers> = []
  const add = (targets: ClusterSet.ClusterSet, namespace: string, here: Site | undefined, modern: boolean) => {
    const choice = choose(service, providers, here, modern, sites)
    if (choice.endpoints.length > 0) out.push({ targets, namespace, choice })
  }
  for (const { site } of providers) add(site.set, site.configNamespace, site, site.modern)
  if (service.traffic === "local-only") return out
  const elsewhere = callersElsewhere(service, sites)
  for (const group of sites.groups) {
    const targets = ClusterSet.without(elsewhere, group.others)
    if (!ClusterSet.isEmpty(targets)) add(targets, group.configNamespace, undefined, group.modern)
  }
  return out
}

/** Clusters with sidecars that may call the service and do not run it. */
export const callersElsewhere = (service: Service, sites: Sites): ClusterSet.ClusterSet => {
  const { fleet, ambient } = sites
  const named = service.consumers === undefined ? fleet.all : fleet.named(service.consumers)
  const running = fleet.set(service.backends.map((b) => b.index))
  return ClusterSet.without(ClusterSet.without(named, ambient), running)
}

/** Another cluster has an endpoint of this provider. */
export const isCalledFromElsewhere = (service: Service, provider: Provider, callers: ReadonlyArray<Callers>): boolean =>
  service.traffic !== "local-only" &&
  !(service.traffic === "weighted" && provider.weight === 0) &&
  callers.some((c) => c.targets !== provider.site.set)
