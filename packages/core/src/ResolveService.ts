/** What all sources say of one service, as a service of the model, or as the findings that hold it. */
import type { Mutable } from "effect/Types"
import * as Diagnostic from "./Diagnostic.ts"
import type { BackendFact, ServiceFact } from "./Fact.ts"
import type { Fleet, Held, Service } from "./Model.ts"
import { canonicalIp } from "./Names.ts"
import * as Resolve from "./Resolve.ts"

export interface Spoken {
  /** In winning order; undefined where nobody declares it. */
  readonly declared: ReadonlyArray<Resolve.Said<ServiceFact>> | undefined
  /** What is said of one cluster stands together, in winning order. */
  readonly backends: ReadonlyArray<Resolve.Said<BackendFact>>
  /** Findings of entries that could not become facts. */
  readonly bad: ReadonlyArray<Diagnostic.Diagnostic>
}

export interface Surroundings {
  readonly fleet: Fleet
  readonly suffix: string
  /** The virtual IP: the declared one, or one from the range; undefined when the range is used up. */
  readonly address: (service: string, declared: string | undefined) => string | undefined
  /** The other service that was given the declared address before. */
  readonly keeper?: string | undefined
}

export interface Resolved {
  /** Undefined when nobody speaks of it. */
  readonly result: Service | Held | undefined
  readonly warnings: ReadonlyArray<Diagnostic.Diagnostic>
}

export const resolveService = (id: string, spoken: Spoken, around: Surroundings): Resolved => {
  const { address, fleet, keeper, suffix } = around
  const findings: Resolve.Findings = [...spoken.bad]
  const winner = spoken.declared?.[0]
  if (spoken.declared === undefined || winner === undefined) return undeclared(id, spoken)
  const { fact } = winner
  if (!findings.some(Diagnostic.isError)) {
    Resolve.portProblems(fact, id, findings)
    Resolve.settingProblems(fact, id, fleet, findings)
    if (keeper !== undefined) findings.push(kept(id, fact, keeper))
    const fields = ["ports", "prefixes", "address", "traffic"] as const
    Resolve.disagreements("CW504", `service ${id}`, spoken.declared, fields, findings, id)
  }
  const hosts = Resolve.hosts(fact, suffix, id, findings)
  const backends = Resolve.backends(id, fact, spoken.backends, fleet, suffix, findings)
  const declared = fact.address === undefined ? undefined : canonicalIp(fact.address)
  const ip = address(id, declared)
  if (ip === undefined) {
    findings.push(Diagnostic.error("CW509", `service ${id}: no address is left in the range`, { service: id }))
  }
  if (ip === undefined) return { result: { identity: id, diagnostics: findings }, warnings: [] }
  const result = service(id, winner, hosts, ip, backends)
  if (!findings.some(Diagnostic.isError)) return { result, warnings: findings }
  // Which address it has meanwhile, nobody can say.
  const lost = findings.some(({ code }) => code === "CW508" || code === "CW514")
  const held = { identity: id, diagnostics: findings }
  return {
    result: lost ? { ...held, claims: { ...result, address: "" } } : { ...held, claims: result, standing: result },
    warnings: []
  }
}

const kept = (id: string, { address, origin }: ServiceFact, keeper: string) =>
  Diagnostic.error("CW514", `service ${id}: ${address} was given to service ${keeper} before, which keeps it`, {
    ...Resolve.at(origin, ["address"]),
    service: id,
    help: `declare another address, or give ${keeper} one of its own; where it is gone for good, remove its line from the lock file`
  })

const undeclared = (id: string, { backends, bad }: Spoken): Resolved => {
  if (bad.length > 0) return { result: { identity: id, diagnostics: bad }, warnings: [] }
  const first = backends[0]
  if (first === undefined) return { result: undefined, warnings: [] }
  const message = `service ${id} has a backend in ${first.fact.cluster} but no declaration`
  const finding = Diagnostic.error("CW511", message, { ...Resolve.at(first.fact.origin), service: id })
  return { result: { identity: id, diagnostics: [finding] }, warnings: [] }
}

// Members one by one: conditional spreads would cost more than all the rest of a cold start's model.
const service = (
  id: string,
  { source, fact }: Resolve.Said<ServiceFact>,
  hosts: ReadonlyArray<string>,
  address: string,
  backends: Service["backends"]
): Service => {
  const out: Mutable<Service> = {
    identity: id,
    name: fact.name,
    hosts,
    address,
    addressFrom: fact.address === undefined ? "range" : "declared",
    ports: fact.ports,
    backends,
    traffic: fact.traffic ?? "local-first",
    meshed: fact.meshed ?? true,
    source,
    origin: fact.origin
  }
  if (fact.namespace !== undefined) out.namespace = fact.namespace
  if (fact.tiers !== undefined) out.tiers = fact.tiers
  if (fact.consumers !== undefined) out.consumers = fact.consumers
  if (fact.exportTo !== undefined) out.exportTo = fact.exportTo
  return out
}
