/**
 * In which order and in which shares the endpoints of a host are asked. As Istio: tiers need outlier detection, be it one
 * that never leaves anybody out; labels
 * (failoverPriority) come before localities; without either all endpoints are one tier.
 */
import type { Endpoint, Path, Policy } from "./Parsed.ts"
import { list, map } from "../rules/Rule.ts"
import type { Site } from "./World.ts"

type Fields = Readonly<Record<string, unknown>>

export interface Balance {
  /** Nearest first. */
  readonly tiers: ReadonlyArray<ReadonlyArray<Endpoint>>
  /** Dead endpoints are left out, and the next tier steps in. */
  readonly ejects: boolean
  /** There is outlier detection, though it may leave nobody out: Istio makes tiers. */
  readonly detects: boolean
  /** Why the tiers are as they are. */
  readonly by: "labels" | "localities" | "nothing"
  /** Path of what decides, in the DestinationRule. */
  readonly path: Path
  /** Tiers by labels are asked for, and do not count. */
  readonly ignored?: string
  /** istiod fails on this (#61857). */
  readonly crash: boolean
}

/** Fields of a port win over those of the whole policy, one by one. */
export const policyOf = (
  policy: Policy | undefined,
  port: number
): { readonly fields: Fields; readonly at: (key: string) => Path } => {
  if (policy === undefined) return { fields: {}, at: () => ["spec"] }
  const levels = list(policy.traffic.portLevelSettings).map(map)
  const i = levels.findIndex((level) => map(level.port).number === port)
  const level = i < 0 ? {} : levels[i]!
  return {
    fields: { ...policy.traffic, ...level },
    at: (key) =>
      key in level ? ["spec", "trafficPolicy", "portLevelSettings", i, key] : ["spec", "trafficPolicy", key]
  }
}

/** `outlierDetection` that leaves anybody out. */
const leavesOut = (value: unknown): boolean => {
  if (value === undefined) return false
  const o = map(value)
  // Where nothing is said, five answers 5xx in a row count.
  return (o.consecutive5xxErrors ?? 5) !== 0 || Number(o.consecutiveGatewayErrors ?? 0) > 0
}

const isBefore130 = (version: string | undefined): boolean => {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version ?? "") ?? []
  return major === "1" && Number(minor) < 30
}

export const balance = (
  endpoints: ReadonlyArray<Endpoint>,
  resolution: string,
  { fields, at }: ReturnType<typeof policyOf>,
  site: Site
): Balance => {
  const path = [...at("loadBalancer"), "localityLbSetting"]
  const setting = map(map(fields.loadBalancer).localityLbSetting)
  const detecting = fields.outlierDetection !== undefined
  const ejects = leavesOut(fields.outlierDetection)
  const one = {
    tiers: endpoints.length === 0 ? [] : [endpoints],
    ejects,
    detects: detecting,
    by: "nothing",
    path,
    crash: false
  } as const
  const priority = list(setting.failoverPriority).filter((p) => typeof p === "string")
  const asked = priority.length > 0
  if (!detecting) return asked ? { ...one, path: at("outlierDetection"), ignored: "without outlierDetection" } : one
  if (setting.enabled === false) return asked ? { ...one, ignored: "with enabled: false" } : one
  const distribute = list(setting.distribute)
  if (distribute.length > 0) return asked ? { ...one, ignored: "beside distribute" } : one
  const localities = new Set(endpoints.map((e) => e.locality))
  const dns = resolution !== "STATIC"
  if (asked && !(dns && isBefore130(site.istioVersion))) {
    const tiers = grouped(endpoints, (e) => priority.length - leading(e, priority))
    return { ...one, tiers, by: "labels", path: [...path, "failoverPriority"], crash: dns && localities.size > 1 }
  }
  const ignored = asked ? { ignored: `for resolution DNS before Istio 1.30 (${site.istioVersion})` } : {}
  if (localities.size < 2) return { ...one, ...ignored }
  return {
    ...one,
    ...ignored,
    tiers: grouped(endpoints, (e) => distance(e.locality, site.region ?? "")),
    by: "localities"
  }
}

/** How many of the first keys match: one after a miss does not count. */
const leading = (endpoint: Endpoint, priority: ReadonlyArray<string>): number => {
  let n = 0
  for (const entry of priority) {
    const equals = entry.indexOf("=")
    // A key alone compares with the caller's own labels, which nobody tells; then it does not match.
    if (equals < 0 || endpoint.labels[entry.slice(0, equals)] !== entry.slice(equals + 1)) break
    n++
  }
  return n
}

/** 0 the same place, 2 the same region, 3 elsewhere. Of the caller the region alone is known. */
const distance = (locality: string, region: string): number =>
  locality === region ? 0 : locality.split("/")[0] === region ? 2 : 3

const grouped = (
  endpoints: ReadonlyArray<Endpoint>,
  rank: (endpoint: Endpoint) => number
): ReadonlyArray<ReadonlyArray<Endpoint>> =>
  [...Map.groupBy(endpoints, rank)].sort(([a], [b]) => a - b).map(([, group]) => group)
