/**
 * The way of a call, told from the simulator's answer: the same simulator as `cw trace`, asked twice, once with what is
 * generated and once with what is there. A step says whether the object behind it is as generated.
 */
import { parseId } from "@coddiwomple/core/Artifact"
import type { KubernetesObject } from "@coddiwomple/core/Artifact"
import { read } from "@coddiwomple/core/Read"
import type { Cause } from "@coddiwomple/istio/simulator/Place"
import type { Leg, Trace } from "@coddiwomple/istio/simulator/Route"
import { trace as simulate } from "@coddiwomple/istio/simulator/Trace"
import { fromObjects, type Site, type World } from "@coddiwomple/istio/simulator/World"
import type { Mutable } from "effect/Types"
import type { Change, Question, Route, RouteEndpoint, RouteStep, ServiceDetail } from "../Contract.ts"

type StepSource = (typeof RouteStep.Type)["source"]
type Resources = Pick<ServiceDetail, "resources" | "changes">

const parsed = new WeakMap<object, KubernetesObject | undefined>()

const objectOf = (holder: object, text: string): KubernetesObject | undefined => {
  if (!parsed.has(holder)) {
    try {
      parsed.set(holder, read(text) as KubernetesObject)
    } catch {
      parsed.set(holder, undefined)
    }
  }
  return parsed.get(holder)
}

/** The fleet's objects as generated, or as they are there as far as plans tell. */
const worldOf = (sites: ReadonlyArray<Site>, all: ReadonlyArray<Resources>, live: boolean): World => {
  const objects = new Map(sites.map((site) => [site.name, [] as Array<KubernetesObject>]))
  for (const { changes, resources } of all) {
    const differing = new Map(changes.map((c) => [`${c.target} ${c.resource ?? c.id}`, c]))
    for (const resource of resources) {
      if (parseId(resource.id) === undefined) continue
      for (const cluster of resource.clusters) {
        const change = live ? differing.get(`${cluster} ${resource.id}`) : undefined
        const text =
          change === undefined
            ? resource.text
            : change.op === "create" || change.intended === "create"
              ? undefined
              : (change.live ?? resource.text)
        if (text === undefined) continue
        const object = objectOf(change?.live === undefined ? resource : change, text)
        if (object !== undefined) objects.get(cluster)?.push(object)
      }
    }
  }
  return fromObjects(sites.map((site) => ({ site, objects: objects.get(site.name) ?? [] })))
}

const titles: Readonly<Record<string, string>> = {
  name: "Name",
  route: "Route",
  balance: "Order of endpoints",
  endpoint: "Endpoint",
  tls: "Encryption",
  gateway: "Gateway",
  backend: "Backend"
}

const idOf = (cause: Cause | undefined): string | undefined =>
  cause === undefined
    ? undefined
    : `${cause.item.kind} ${cause.item.namespace === "" ? "" : `${cause.item.namespace}/`}${cause.item.name}`

/** Is the object of a cause as generated there? */
const sourceOf = (
  cause: Cause | undefined,
  changes: ReadonlyArray<Change>,
  unknown: ReadonlySet<string>,
  compares: boolean
): StepSource => {
  if (cause === undefined || !compares) return "generated"
  if (unknown.has(cause.cluster)) return "unknown"
  const found = changes.find((c) => {
    const id = parseId(c.resource ?? c.id)
    return (
      c.target === cause.cluster &&
      id !== undefined &&
      id.kind === cause.item.kind &&
      id.name === cause.item.name &&
      id.namespace === cause.item.namespace
    )
  })
  if (found === undefined) return "as generated"
  return found.op === "create" || found.intended === "create" ? "not there" : "live differs"
}

const endpointOf = (
  leg: Leg,
  tier: number,
  trace: Trace,
  down: ReadonlySet<string>,
  unreached: ReadonlySet<string>
): RouteEndpointType => {
  const answer = trace.answers.find((a) => a.leg === leg)
  const state =
    leg.failure?.supposed === true || down.has(leg.cluster)
      ? "down"
      : leg.failure !== undefined
        ? "broken"
        : unreached.has(leg.cluster)
          ? "unknown"
          : answer !== undefined
            ? "used"
            : "waiting"
  const last = leg.arrivals[0]
  return {
    tier,
    cluster: leg.cluster,
    local: !leg.remote,
    address: `${leg.address}:${leg.port}`,
    via: leg.arrivals.map((a) => `${a.host}:${a.port}`),
    state,
    ...(answer === undefined ? {} : { share: answer.share }),
    ...(leg.failure !== undefined ? { note: leg.failure.reason } : last === undefined ? {} : {})
  }
}

type RouteEndpointType = typeof RouteEndpoint.Type

export interface Around {
  readonly sites: ReadonlyArray<Site>
  /** The service asked about first, then those that may stand in its way. */
  readonly services: ReadonlyArray<Resources>
  readonly unreached: ReadonlySet<string>
  readonly compares: boolean
}

export const trace = (question: Question, service: ServiceDetail, around: Around): Route => {
  const { cluster, host, port } = question
  const down = new Set(question.down.filter((d) => !d.includes("/")))
  const part = (prefix: string) =>
    new Set(question.down.filter((d) => d.startsWith(prefix)).map((d) => d.slice(prefix.length)))
  const call = {
    from: cluster,
    host,
    port,
    namespace: service.namespace === "" ? "default" : service.namespace,
    down,
    withoutBackend: part("backend/"),
    withoutGateway: part("gateway/")
  }
  const base = { cluster, host, port }
  if (!around.sites.some((s) => s.name === cluster)) return nothing(base, `there is no cluster ${cluster}`)
  const generated = simulate(worldOf(around.sites, around.services, false), call)
  const differs = around.compares && around.services.some((s) => s.changes.length > 0)
  const live = differs ? simulate(worldOf(around.sites, around.services, true), call) : undefined
  const changes = around.services.flatMap((s) => s.changes)
  const steps: Array<Mutable<typeof RouteStep.Type>> = []
  for (const step of generated.steps) {
    const cause = step.causes[0]
    const object = idOf(cause)
    const source = sourceOf(cause, changes, around.unreached, around.compares)
    const title = titles[step.stage] ?? step.stage
    const before = steps.at(-1)
    if (before !== undefined && before.title === title) before.lines = [...before.lines, step.text]
    else steps.push({ title, lines: [step.text], source, problems: [], ...(object === undefined ? {} : { object }) })
  }
  const told = [
    ...generated.findings.map((f) => ({ f, of: "" })),
    ...(live?.findings ?? [])
      .filter((f) => !generated.findings.some((g) => g.message === f.message))
      .map((f) => ({ f, of: "Live: " }))
  ]
  for (const { f, of } of told) {
    const object = idOf(f.causes[0])
    const step = steps.find((s) => s.object === object) ?? steps.at(-1)
    const problem = { code: f.kind, severity: f.severity, message: `${of}${f.message}`, help: f.help }
    if (step === undefined)
      steps.push({ title: "Name", lines: [`${host} in cluster ${cluster}`], source: "generated", problems: [problem] })
    else step.problems = [...step.problems, problem]
  }
  const endpoints = generated.tiers.flatMap((tier, i) =>
    tier.legs.map((leg) => endpointOf(leg, i, generated, down, around.unreached))
  )
  const verdict = verdictOf(generated)
  const liveVerdict = live === undefined ? undefined : verdictOf(live)
  const worst =
    liveVerdict !== undefined && order.indexOf(liveVerdict.level) > order.indexOf(verdict.level) ? liveVerdict : verdict
  const then =
    liveVerdict !== undefined && liveVerdict.head !== verdict.head
      ? `Live: ${liveVerdict.head} Generated: ${verdict.head}`
      : verdict.head
  const route = {
    ...base,
    level: worst.level,
    verdict:
      liveVerdict !== undefined && liveVerdict.head !== verdict.head ? `Live: ${liveVerdict.head}` : verdict.head,
    detail: verdict.detail,
    steps,
    endpoints,
    then
  }
  return { ...route, text: textOf(route) }
}

const order = ["ok", "warning", "error"] as const

const names = (list: ReadonlyArray<string>): string =>
  list.length <= 3 ? list.join(", ") : `${list.slice(0, 3).join(", ")} and ${list.length - 3} more`

const verdictOf = (
  trace: Trace
): { readonly level: Route["level"]; readonly head: string; readonly detail: string } => {
  const used = [...new Set(trace.answers.map((a) => a.leg.cluster))]
  const local = trace.answers.length > 0 && trace.answers.every((a) => !a.leg.remote)
  const others = [
    ...new Set(
      trace.tiers
        .flatMap((t) => t.legs)
        .filter((leg) => !used.includes(leg.cluster) && leg.failure === undefined)
        .map((leg) => leg.cluster)
    )
  ]
  const warn = trace.findings.some((f) => f.severity !== "info")
  if (trace.outcome === "undeliverable")
    return {
      level: "error",
      head: "Every call fails.",
      detail: trace.findings.find((f) => f.severity === "error")?.message ?? "Nobody answers."
    }
  const where = local ? "Answered in its own cluster." : `Answered by ${names(used)}.`
  const detail =
    others.length > 0
      ? `If that fails, calls move to ${names(others)}.`
      : used.length > 1
        ? "They share the calls; there is nobody else to turn to."
        : "There is nobody else to turn to."
  if (trace.outcome === "partly")
    return {
      level: "warning",
      head: `Some calls fail. ${where}`,
      detail: "Dead endpoints keep their share of the calls."
    }
  return { level: warn ? "warning" : "ok", head: where, detail }
}

const nothing = (base: Pick<Route, "cluster" | "host" | "port">, why: string): Route => ({
  ...base,
  level: "error",
  verdict: "Every call fails.",
  detail: why,
  steps: [],
  endpoints: [],
  then: "Every call fails.",
  text: why
})

const textOf = (route: Omit<Route, "text">): string =>
  [
    `A pod in ${route.cluster} calls ${route.host}:${route.port}`,
    `${route.verdict} ${route.detail}`,
    ...route.steps.flatMap((step, i) => [
      `${i + 1}. ${step.title}: ${step.lines.join("; ")}${step.object === undefined ? "" : ` [${step.object}, ${step.source}]`}`,
      ...step.problems.map((p) => `   ${p.severity}: ${p.message} (${p.help})`)
    ]),
    ...route.endpoints.map(
      (e) =>
        `   tier ${e.tier + 1}: ${e.cluster} ${e.address} -> ${e.via.join(", ") || "nothing"} (${e.state}${e.note === undefined ? "" : `: ${e.note}`})`
    )
  ].join("\n")
