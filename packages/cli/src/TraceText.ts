/** A traced call in words, and as one line of JSON: each step with the line of YAML that causes it. */
import { type Diagnostic, printable } from "@coddiwomple/core/Diagnostic"
import type { Examined } from "@coddiwomple/istio/simulator/Failover"
import { diagnostic, type Finding } from "@coddiwomple/istio/simulator/Finding"
import { type Cause, type Shown, shown } from "@coddiwomple/istio/simulator/Place"
import type { Call, Edge, Leg, Step, Tier, Trace } from "@coddiwomple/istio/simulator/Route"
import type { Paint } from "./Terminal.ts"

const place = (s: Shown): string =>
  `${s.kind} ${s.namespace}/${s.name}${s.line === undefined ? ` ${s.path}` : ` line ${s.line}: ${s.source}`}`

const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`

const edges: Readonly<Record<Edge, string>> = {
  mtls: "mTLS",
  tls: "TLS",
  "application-tls": "the application's own TLS",
  plaintext: "PLAINTEXT"
}

const list = (names: ReadonlyArray<string>): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`

/** Who answers, in shares; reasons where nobody does. */
const verdict = (trace: Trace): string => {
  const shares = new Map<string, number>()
  for (const { leg, share } of trace.answers) shares.set(leg.cluster, (shares.get(leg.cluster) ?? 0) + share)
  const who = [...shares].sort((a, b) => b[1] - a[1])
  if (who.length === 1 && trace.outcome === "delivered") return `cluster ${who[0]![0]} answers`
  if (who.length > 0) {
    const parts = list(who.map(([cluster, share]) => `${cluster} (${percent(share)})`))
    return trace.outcome === "partly"
      ? `only ${parts} of the calls are answered, the others fail`
      : `clusters ${parts} answer`
  }
  const reasons = new Set(
    trace.tiers.flatMap((t) => t.legs.flatMap((l) => (l.failure === undefined ? [] : [l.failure.reason])))
  )
  return `nobody answers${reasons.size === 0 ? "" : `: ${[...reasons].join("; ")}`}`
}

const supposed = ({ down, withoutBackend, withoutGateway }: Call): string =>
  [
    ...[...(down ?? [])].map((c) => `cluster ${c} down`),
    ...[...(withoutBackend ?? [])].map((c) => `backend in ${c} down`),
    ...[...(withoutGateway ?? [])].map((c) => `gateway of ${c} down`)
  ]
    .map((text) => `, ${text}`)
    .join("")

export const text = ({ trace, without }: Examined, paint: Paint): string => {
  const { call } = trace
  const good = trace.outcome === "delivered"
  const lines = [
    paint(
      "bold",
      `${call.host}:${call.port} from cluster ${call.from}${call.namespace === undefined ? "" : `, namespace ${call.namespace}`}${supposed(call)}`
    ),
    `  ${paint(good ? "added" : "error", `${trace.outcome}: ${verdict(trace)}`)}`,
    ""
  ]
  for (const step of trace.steps) lines.push(...stepLines(step, "  ", call.from, paint))
  trace.tiers.forEach((tier, i) => lines.push("", ...tierLines(trace, tier, i, paint)))
  const others = without.filter((w) => !call.down?.has(w.cluster))
  if (others.length > 0) {
    lines.push("")
    for (const { cluster, trace: other } of others) lines.push(`  when ${cluster} is down: ${verdict(other)}`)
  }
  return `${printable(lines.join("\n"))}\n`
}

const stepLines = (step: Step, indent: string, here: string, paint: Paint): ReadonlyArray<string> => [
  `${indent}${step.text}`,
  ...step.causes.map((cause) => {
    const told = place(shown(cause))
    return `${indent}    ${paint("dim", cause.cluster === here ? told : `${cause.cluster}: ${told}`)}`
  })
]

const tierLines = (trace: Trace, tier: Tier, i: number, paint: Paint): ReadonlyArray<string> => {
  const many = trace.tiers.length > 1
  const when = i === 0 ? "first" : `when ${i === 1 ? "tier 1" : `tiers 1 to ${i}`} ${i === 1 ? "fails" : "fail"}`
  const answers = trace.active === i ? ", answers now" : tier.alive ? "" : ", fails"
  const lines = [paint("bold", many ? `  tier ${i + 1}, ${when}${answers}` : "  endpoints")]
  for (const leg of tier.legs) lines.push(...legLines(trace, leg, tier.legs.length > 1, paint))
  return lines
}

const legLines = (trace: Trace, leg: Leg, several: boolean, paint: Paint): ReadonlyArray<string> => {
  const share = several ? `${percent(leg.share)} ` : ""
  const mark = leg.failure === undefined ? paint("added", "ok") : paint("error", "fails")
  const where = leg.remote
    ? `${edges[leg.edge]} to cluster ${leg.cluster}`
    : `cluster ${leg.cluster}, ${edges[leg.edge]}`
  const lines = [`    ${share}${where}: ${mark}`]
  for (const step of leg.steps) lines.push(...stepLines(step, "      ", trace.call.from, paint))
  if (leg.failure !== undefined) lines.push(`      ${paint("error", leg.failure.reason)}`)
  if (leg.failure?.felt === "nothing")
    lines.push("      the gateway accepts the connection first, so callers do not leave this endpoint out")
  return lines
}

/** Plaintext comes of the profile that was asked for: it is told, and the call counts as delivered. */
export const said = (finding: Finding): Diagnostic =>
  diagnostic(finding.kind === "plaintext" ? { ...finding, severity: "warning" } : finding)

const causes = (all: ReadonlyArray<Cause>) => all.map(shown)

const stepJson = (step: Step) => ({ ...step, causes: causes(step.causes) })

const legJson = (leg: Leg) => ({
  ...leg,
  cause: shown(leg.cause),
  steps: leg.steps.map(stepJson),
  arrivals: leg.arrivals.map((a) => ({ ...a, cause: shown(a.cause) }))
})

export const json = (service: string, { findings, trace, without }: Examined) => ({
  type: "trace",
  service,
  from: trace.call.from,
  host: trace.call.host,
  port: trace.call.port,
  ...(trace.call.namespace === undefined ? {} : { namespace: trace.call.namespace }),
  down: [...(trace.call.down ?? [])],
  backend_down: [...(trace.call.withoutBackend ?? [])],
  gateway_down: [...(trace.call.withoutGateway ?? [])],
  outcome: trace.outcome,
  verdict: verdict(trace),
  answers: trace.answers.map(({ leg, share }) => ({
    cluster: leg.cluster,
    address: leg.address,
    port: leg.port,
    share
  })),
  steps: trace.steps.map(stepJson),
  tiers: trace.tiers.map((tier) => ({ alive: tier.alive, legs: tier.legs.map(legJson) })),
  without: without.map((w) => ({ cluster: w.cluster, outcome: w.trace.outcome, verdict: verdict(w.trace) })),
  findings: findings.map((f) => ({ ...said(f), kind: f.kind, causes: causes(f.causes) }))
})
