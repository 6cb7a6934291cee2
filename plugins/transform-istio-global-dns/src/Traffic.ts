/**
 * Who answers the calls of one cluster, and in which order of preference. Invariants: outlier detection always, since
 * without it Istio has neither failover nor local preference; never localities together with failoverPriority, which
 * on a DNS ServiceEntry crashes istiod; localityLbSetting always, so that the mesh's own cannot add either.
 */
import type { Service } from "@coddiwomple/core/Model"
import type { TrafficPolicy } from "@coddiwomple/istio/DestinationRule"
import type { Strings } from "@coddiwomple/istio/Metadata"
import { isIp } from "@coddiwomple/core/Names"
import { endpoint, type Endpoint } from "@coddiwomple/istio/ServiceEntry"
import { clusterKey, tierKey, tlsKey, tlsMode } from "./Marks.ts"
import type { Provider } from "./Providers.ts"
import type { Site, Sites } from "./Sites.ts"

export interface Choice {
  readonly endpoints: ReadonlyArray<Endpoint>
  readonly resolution: "DNS" | "STATIC"
  readonly policy: TrafficPolicy
  /** The service asks for more than two tiers, and this Istio cannot express them. */
  readonly tiersLost: boolean
}

/** The endpoints of one provider as one caller's cluster sees it, and its tier: 0 is asked first. */
interface Reached {
  readonly provider: Provider
  readonly local: boolean
  readonly endpoints: ReadonlyArray<Endpoint>
  readonly tier: number
}

/** `here` is the caller's own cluster where it runs the service; `modern`: its Istio is 1.30 or newer. */
export const choose = (
  service: Service,
  providers: ReadonlyArray<Provider>,
  here: Site | undefined,
  modern: boolean,
  sites: Sites
): Choice => {
  const reached = reach(service, providers, here)
  const plain = flat(reached)
  if (service.traffic === "weighted")
    return choice(
      weigh(reached, (p) => p.weight),
      sites.weighted
    )
  if (service.traffic === "spread") return choice(weigh(reached, undefined), sites.even)
  const tiers = reached.reduce((n, r) => Math.max(n, r.tier + 1), 0)
  if (tiers < 2) return choice(plain, sites.even)
  const local = here !== undefined && reached.some((r) => r.local)
  if (!modern && !allIps(plain)) {
    if (!local) return choice(plain, sites.even, true)
    return choice(localities(reached, here), sites.regional, tiers > 2)
  }
  if (tiers === 2 && local) return choice(plain, here.preferring)
  const keys = Array.from({ length: tiers - 1 }, (_, i) => tierKey(tiers - 2 - i))
  return choice(
    reached.flatMap((r) => r.endpoints.map((e) => endpoint({ ...e, labels: tierLabels(r, e, tiers) }))),
    sites.policy({ failoverPriority: keys.map((key) => `${key}=y`) })
  )
}

const allIps = (endpoints: ReadonlyArray<Endpoint>): boolean => endpoints.every((e) => isIp(e.address))

const choice = (endpoints: ReadonlyArray<Endpoint>, policy: TrafficPolicy, tiersLost = false): Choice => ({
  endpoints,
  resolution: allIps(endpoints) ? "STATIC" : "DNS",
  policy,
  tiersLost
})

const flat = (reached: ReadonlyArray<Reached>): ReadonlyArray<Endpoint> => {
  const out: Array<Endpoint> = []
  for (const { endpoints } of reached) for (const e of endpoints) out.push(e)
  return out
}

const reach = (
  service: Service,
  providers: ReadonlyArray<Provider>,
  here: Site | undefined
): ReadonlyArray<Reached> => {
  const out: Array<Reached> = []
  for (const provider of providers) {
    const local = provider.site === here
    if (!local && service.traffic === "local-only") continue
    if (service.traffic === "weighted" && provider.weight === 0) continue
    const endpoints = local ? provider.local : provider.remote
    if (endpoints.length === 0) continue
    // Without tiers of its own a service has two: here and elsewhere.
    const tier = local || (service.tiers === undefined && here === undefined) ? 0 : 1 + tierOf(service, provider)
    out.push({ provider, local, endpoints, tier })
  }
  return service.tiers === undefined ? out : compacted(out)
}

/** Position in the service's own list of tiers; what it does not name comes last. */
const tierOf = (service: Service, provider: Provider): number => {
  const tiers = service.tiers
  if (tiers === undefined) return 0
  const i = tiers.findIndex((tier) => tier.includes(provider.site.name))
  return i < 0 ? tiers.length : i
}

/** Tiers without gaps, from 0. */
const compacted = (reached: ReadonlyArray<Reached>): ReadonlyArray<Reached> => {
  const used = [...new Set(reached.map((r) => r.tier))].sort((a, b) => a - b)
  return reached.map((r) => ({ ...r, tier: used.indexOf(r.tier) }))
}

/** An endpoint carries the label of its own tier and of every wider one: the more leading labels match, the nearer. */
const tierLabels = (r: Reached, e: Endpoint, tiers: number): Strings => {
  const labels: { [key: string]: string } = { [clusterKey]: r.provider.site.name }
  for (let n = r.tier; n < tiers - 1; n++) labels[tierKey(n)] = "y"
  return e.labels !== undefined && tlsKey in e.labels ? { ...labels, ...tlsMode } : labels
}

/**
 * For Istio before 1.30: the local endpoint in the caller's region, the others in their own or, where that is the same
 * or unknown, in a made-up one. Without a known region the local endpoint has none, as proxies without one.
 */
const localities = (reached: ReadonlyArray<Reached>, here: Site): ReadonlyArray<Endpoint> => {
  const own = here.cluster.region
  return reached.flatMap(({ provider: { site }, local, endpoints }) => {
    const region = site.cluster.region
    const locality = local ? own : region === undefined || region === own ? `cw-${site.name}` : region
    return endpoints.map((e) => endpoint({ ...e, locality }))
  })
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/** Weights of clusters, not of addresses: a cluster with two addresses gets no more than one with one. */
const weigh = (
  reached: ReadonlyArray<Reached>,
  weight: ((provider: Provider) => number) | undefined
): ReadonlyArray<Endpoint> => {
  const whole = reached.reduce((n, r) => (n * r.endpoints.length) / gcd(n, r.endpoints.length), 1)
  if (weight === undefined && whole === 1) return flat(reached)
  return reached.flatMap(({ provider, endpoints }) => {
    const share = weight === undefined ? 1 : weight(provider)
    return endpoints.map((e) => endpoint({ ...e, weight: (share * whole) / endpoints.length }))
  })
}
