/** What is wrong with the clusters themselves, whatever services run there: said once per fleet, never per service. */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Fleet } from "@coddiwomple/core/Model"
import type { Profile } from "./Config.ts"
import type { Site, Sites } from "./Sites.ts"

export const fleetProblems = (fleet: Fleet, sites: Sites, profile: Profile): ReadonlyArray<Diagnostic.Diagnostic> => [
  ...ambient(fleet, profile),
  ...withoutRegion(fleet, sites),
  ...(profile === "mtls" ? trust(fleet) : []),
  ...(profile === "mtls" || profile === "tls" ? sameDoor(sites) : [])
]

const ambient = (fleet: Fleet, profile: Profile): ReadonlyArray<Diagnostic.Diagnostic> =>
  fleet.clusters
    .filter((cluster) => cluster.dataplane === "ambient")
    .map((cluster) =>
      Diagnostic.warning(
        "CW628",
        `cluster ${cluster.name} is ambient: profile ${profile} makes nothing for it, and nobody reaches its backends`,
        {
          place: cluster.origin.place?.(["dataplane"]),
          help: `profile ${profile} needs sidecars`
        }
      )
    )

/** Before Istio 1.30 local preference goes by region, which the nodes say to the proxies and nobody says to cw. */
const withoutRegion = (fleet: Fleet, { all }: Sites): ReadonlyArray<Diagnostic.Diagnostic> =>
  fleet.clusters
    .filter((cluster) => !all[cluster.index]!.modern && cluster.dataplane !== "ambient" && cluster.region === undefined)
    .map((cluster) =>
      Diagnostic.warning(
        "CW628",
        `cluster ${cluster.name} has an Istio before 1.30 and no region: where its nodes have one, calls do not prefer local backends`,
        {
          place: cluster.origin.place?.(["istio_version"]),
          help: "say its `region`, as the nodes' label topology.kubernetes.io/region does"
        }
      )
    )

/** Sidecars refuse certificates of a trust domain that they do not know, whoever signed them. */
const trust = (fleet: Fleet): ReadonlyArray<Diagnostic.Diagnostic> => {
  const meshed = fleet.clusters.filter((cluster) => cluster.dataplane !== "ambient")
  const domains = Map.groupBy(meshed, (cluster) => cluster.trustDomain ?? "cluster.local")
  if (domains.size < 2) return []
  const list = [...domains].map(([domain, clusters]) => `${domain} (${first(clusters.map((c) => c.name))})`)
  const odd = meshed.find((cluster) => cluster.trustDomain !== undefined)
  return [
    Diagnostic.warning(
      "CW629",
      `clusters have different trust domains: ${first(list)}; calls between them fail unless each mesh knows the others'`,
      {
        place: odd?.origin.place?.(["trust_domain"]),
        help: "list the trust domains of the others in `meshConfig.trustDomainAliases` of each mesh; where nothing is said the trust domain is cluster.local"
      }
    )
  ]
}

/** The first few in name order. */
const first = (names: ReadonlyArray<string>, few = 5): string => {
  const sorted = [...names].sort()
  const rest = sorted.length - few
  return rest <= 0 ? sorted.join(", ") : `${sorted.slice(0, few).join(", ")} and ${rest} more`
}

/** One address and port leads to one gateway: calls meant for the others end there too. */
const sameDoor = ({ all }: Sites): ReadonlyArray<Diagnostic.Diagnostic> => {
  const doors = Map.groupBy(
    all.filter((site) => site.sidecars).flatMap((site) => site.addresses.map((address) => ({ address, site }))),
    ({ address, site }) => JSON.stringify([address, site.gateway.port])
  )
  const pairs = new Map<string, { readonly a: Site; readonly b: Site; readonly at: string }>()
  for (const found of doors.values()) {
    // Each with the first: of a thousand clusters behind one address half a million pairs help nobody.
    const [one, ...others] = found.sort((a, b) => a.site.rank - b.site.rank)
    for (const { address, site: b } of others) {
      const key = JSON.stringify([one!.site.name, b.name])
      const at = `${address} port ${b.gateway.port}`
      if (!pairs.has(key)) pairs.set(key, { a: one!.site, b, at })
    }
  }
  return [...pairs.values()].map(({ a, at, b }) =>
    Diagnostic.warning(
      "CW629",
      `clusters ${a.name} and ${b.name} have one gateway, ${at}: calls for one of them may end in the other`,
      {
        place: b.cluster.origin.place?.(["address"]),
        help: "give each its own address, or its own `gateway.port`"
      }
    )
  )
}
