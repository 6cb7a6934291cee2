/** V13: durations are at least one millisecond, whole milliseconds, and below 2^63 nanoseconds. */
import { list, map, type Report, type Rule, spec, text } from "./Rule.ts"

const units: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 3.6e6 }
const whole = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/
const part = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g

/** Milliseconds of a duration as `1m30s`; undefined for anything else. */
export const milliseconds = (duration: string): number | undefined => {
  if (!whole.test(duration)) return undefined
  let sum = 0
  for (const [, n, unit] of duration.matchAll(part)) sum += Number(n) * units[unit!]!
  // Sums of decimal fractions are off by less than a nanosecond.
  return Math.round(sum * 1e6) / 1e6
}

/** As Go counts time: 2^63 nanoseconds, in whole milliseconds. */
const longest = 9_223_372_036_854

// A fleet uses a handful of durations, over and over.
const good = new Set<unknown>()

const duration = (value: unknown, field: string, report: Report, zero = false): void => {
  if (value === undefined || good.has(value)) return
  const ms = typeof value === "string" ? milliseconds(value) : undefined
  if (ms === undefined || ms < 0 || (ms < 1 && !(zero && ms === 0)) || !Number.isInteger(ms) || ms > longest) {
    report.error("CW613", `${text(value)} is not a duration of 1ms to 292 years in whole milliseconds`, field)
  } else if (ms > 0 && good.size < 1000) good.add(value)
}

const policy = (value: unknown, field: string, report: Report): void => {
  const p = map(value)
  if (p.outlierDetection !== undefined) {
    const outlier = map(p.outlierDetection)
    duration(outlier.interval, `${field}.outlierDetection.interval`, report)
    duration(outlier.baseEjectionTime, `${field}.outlierDetection.baseEjectionTime`, report)
  }
  if (p.connectionPool !== undefined) {
    const { http, tcp } = map(p.connectionPool)
    duration(map(http).idleTimeout, `${field}.connectionPool.http.idleTimeout`, report)
    for (const key of ["connectTimeout", "idleTimeout", "maxConnectionDuration"]) {
      duration(map(tcp)[key], `${field}.connectionPool.tcp.${key}`, report, key === "idleTimeout")
    }
    for (const key of ["time", "interval"])
      duration(map(map(tcp).tcpKeepalive)[key], `${field}.connectionPool.tcp.tcpKeepalive.${key}`, report)
  }
  if (p.loadBalancer !== undefined)
    duration(map(map(p.loadBalancer).warmup).duration, `${field}.loadBalancer.warmup.duration`, report)
  list(p.portLevelSettings).forEach((each, i) => policy(each, `${field}.portLevelSettings[${i}]`, report))
}

export const durations: Rule = {
  id: "V13",
  code: "CW613",
  kinds: ["DestinationRule", "VirtualService"],
  check: (object, report) => {
    const s = spec(object)
    policy(s.trafficPolicy, "spec.trafficPolicy", report)
    list(s.subsets).forEach((subset, i) =>
      policy(map(subset).trafficPolicy, `spec.subsets[${i}].trafficPolicy`, report)
    )
    list(s.http).forEach((each, i) => {
      const route = map(each)
      duration(route.timeout, `spec.http[${i}].timeout`, report, true)
      duration(map(route.retries).perTryTimeout, `spec.http[${i}].retries.perTryTimeout`, report)
      duration(map(map(route.fault).delay).fixedDelay, `spec.http[${i}].fault.delay.fixedDelay`, report)
    })
  }
}
