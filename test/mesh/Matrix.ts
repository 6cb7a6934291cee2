// The call matrix: every consumer × host × port, then what happens when backends and gateways die and come back.
// A check is a sentence that holds or does not, with what was seen instead. Nothing here waits without an end.
import { setTimeout as sleep } from "node:timers/promises"
import type { Outcome } from "./Call.ts"
import { call } from "./Call.ts"
import type { Cluster, RunningBackend } from "./Cluster.ts"
import type { FleetService, Protocol } from "./Fleet.ts"
import type { Mesh } from "./Mesh.ts"
import { inboundPort } from "./Objects.ts"

export interface Check {
  readonly part:
    | "delivery"
    | "consumers"
    | "simulator"
    | "what-if"
    | "dns"
    | "identity"
    | "failover"
    | "gateway"
    | "loop"
  readonly what: string
  readonly ok: boolean
  /** Clusters that answered, or what went wrong. */
  readonly seen: string
}

/** One cell of the matrix. */
export interface Cell {
  readonly from: Cluster
  readonly service: FleetService
  readonly host: string
  readonly port: { readonly name: string; readonly port: number; readonly protocol: Protocol }
}

const suffix = "global"

const allCells = (mesh: Mesh): ReadonlyArray<Cell> =>
  mesh.clusters.flatMap((from) =>
    mesh.fleet.services.flatMap((service) =>
      service.hosts.flatMap((host) => service.ports.map((port) => ({ from, service, host: `${host}.${suffix}`, port })))
    )
  )

const mayCall = ({ from, service: { runs, more } }: Cell): boolean =>
  from.name in runs || (more?.traffic !== "local-only" && (more?.consumers?.includes(from.name) ?? true))

/** Every call that is meant to arrive. */
export const cells = (mesh: Mesh): ReadonlyArray<Cell> => allCells(mesh).filter(mayCall)

/** Where the answer must come from while everything lives. */
const expected = ({ from, service: { runs, more = {} } }: Cell): ReadonlyArray<string> => {
  const all = Object.keys(runs)
  if (more.traffic === "spread") return all
  if (more.traffic === "weighted") return all.filter((name) => runs[name]!.weight !== 0)
  if (from.name in runs) return [from.name]
  const tiers = (more.tiers ?? []).map((tier) => tier.filter((name) => name in runs))
  return tiers.find((tier) => tier.length > 0) ?? all
}

export const dial = async ({ from, host, port }: Cell): Promise<Outcome> => {
  const address = await from.resolve(host)
  if (address === undefined) return { error: `DNS of ${from.name} does not know ${host}` }
  return from.call({ to: { host: address, port: port.port }, host, protocol: port.protocol })
}

export const dialTimes = async (cell: Cell, times: number): Promise<ReadonlyArray<Outcome>> => {
  const outcomes: Array<Outcome> = []
  for (let i = 0; i < times; i++) outcomes.push(await dial(cell))
  return outcomes
}

/** Undefined when it is a right answer from one of these clusters. */
export const wrong = ({ service, port }: Cell, outcome: Outcome, from: ReadonlyArray<string>): string | undefined => {
  if (outcome.error !== undefined) return outcome.error
  const { said } = outcome
  if (said.service !== service.name || said.port !== port.name) return `answered by ${said.service} ${said.port}`
  return from.includes(said.cluster) ? undefined : `answered by cluster ${said.cluster}`
}

export const label = ({ from, host, port }: Cell): string => `${from.name} → ${host}:${port.port} ${port.protocol}`
const answering = (outcomes: ReadonlyArray<Outcome>): string =>
  [...new Set(outcomes.map((outcome) => outcome.said?.cluster ?? outcome.error))].sort().join(" ")

const judge = (
  part: Check["part"],
  what: string,
  cell: Cell,
  outcomes: ReadonlyArray<Outcome>,
  from: ReadonlyArray<string>
): Check => {
  const problems = outcomes.flatMap((outcome) => wrong(cell, outcome, from) ?? [])
  const seen = problems.length === 0 ? answering(outcomes) : `${problems.length} of ${outcomes.length}: ${problems[0]}`
  return { part, what, ok: problems.length === 0, seen }
}

/** Each cell several times: one right answer may be luck. */
export const delivery = async (mesh: Mesh): Promise<ReadonlyArray<Check>> => {
  const rows = await inGroups(cells(mesh), 6, async (cell) => {
    const outcomes = await dialTimes(cell, 5)
    const checks = [judge("delivery", label(cell), cell, outcomes, expected(cell))]
    const callers = outcomes.flatMap((outcome) => outcome.said?.caller ?? [])
    if (mesh.profile.endToEnd && cell.port.protocol !== "TCP") {
      const { clientId } = cell.from
      const ok = callers.length > 0 && callers.every((each) => each === clientId)
      const seen = [...new Set(callers)].join(" ") || "nobody"
      checks.push({ part: "identity", what: `${label(cell)}: the server sees ${clientId}`, ok, seen })
    }
    return checks
  })
  return rows.flat()
}

/** Who is not meant to call a service does not reach it. */
export const unreached = (mesh: Mesh): Promise<ReadonlyArray<Check>> =>
  inGroups(
    allCells(mesh).filter((cell) => !mayCall(cell)),
    8,
    async (cell): Promise<Check> => {
      const outcome = await dial(cell)
      const what = `${label(cell)}: not meant to be called`
      return { part: "consumers", what, ok: outcome.error !== undefined, seen: outcome.error ?? answering([outcome]) }
    }
  )

/** Every host has an address in every cluster that may call it; names that nobody has do not exist. */
export const names = async (mesh: Mesh): Promise<ReadonlyArray<Check>> =>
  (
    await Promise.all(
      mesh.clusters.map(async (cluster): Promise<ReadonlyArray<Check>> => {
        const unknown = await cluster.dns.query(`nobody.default.${suffix}`)
        const absent: Check = {
          part: "dns",
          what: `${cluster.name}: nobody.default.${suffix} does not exist`,
          ok: unknown.rcode === "NXDOMAIN",
          seen: unknown.rcode
        }
        const hosts = [...new Set(cells(mesh).flatMap(({ from, host }) => (from === cluster ? [host] : [])))]
        const found = await Promise.all(hosts.map((host) => cluster.resolve(host)))
        const missing = hosts.filter((_, i) => found[i] === undefined)
        const seen = missing.length === 0 ? `${hosts.length} of ${hosts.length}` : `missing: ${missing.join(" ")}`
        const all = { part: "dns", what: `${cluster.name}: all hosts resolve`, ok: missing.length === 0, seen } as const
        return [all, absent]
      })
    )
  ).flat()

/** Whoever comes without a certificate of the mesh is refused by every backend's sidecar. */
export const plaintextRefused = (mesh: Mesh): Promise<ReadonlyArray<Check>> =>
  Promise.all(
    mesh.clusters.flatMap(({ name, backends }) =>
      backends.map(async ({ placed }): Promise<Check> => {
        const { name: _, protocol, port } = placed.ports[0]!
        const sidecar = { host: placed.pod, port: inboundPort }
        const to = { host: placed.program, port }
        const outcome = await call({ sidecar, to, host: placed.dns, protocol })
        const what = `${name}: ${placed.service.name} refuses plaintext`
        return { part: "identity", what, ok: outcome.error !== undefined, seen: outcome.error ?? "answered" }
      })
    )
  )

const backendsOf = (mesh: Mesh, service: FleetService): ReadonlyArray<RunningBackend> =>
  mesh.clusters.flatMap(({ backends }) => backends.filter((each) => each.placed.service === service))

/** Until the answer is right so often in a row that it is no luck (of four endpoints, one may be dead and not yet left out), or the time is up; the calls that went wrong on the way. */
const settle = async (cell: Cell, from: ReadonlyArray<string>, seconds: number): Promise<number> => {
  const end = Date.now() + seconds * 1000
  let lost = 0
  let right = 0
  while (Date.now() < end && right < 24) {
    if (wrong(cell, await dial(cell), from) === undefined) right++
    else {
      right = 0
      lost++
      await sleep(30)
    }
  }
  return lost
}

/** The local backend dies: the others answer after a few lost calls; when it is back, it answers again. */
export const failover = async (mesh: Mesh): Promise<ReadonlyArray<Check>> => {
  const candidates = cells(mesh).filter(
    ({ from, service, host }) =>
      from.name in service.runs && Object.keys(service.runs).length > 1 && host === `${service.hosts[0]}.${suffix}`
  )
  const checks: Array<Check> = []
  // One consumer at a time: who dies in one cluster must live in the others.
  for (const from of mesh.clusters) {
    const own = candidates.filter((cell) => cell.from === from)
    const dying = new Set(own.map((cell) => from.backends.find((each) => each.placed.service === cell.service)!))
    await Promise.all([...dying].map((each) => each.down()))
    await Promise.all(
      own.map(async (cell) => {
        const others = Object.keys(cell.service.runs).filter((name) => name !== from.name)
        const lost = await settle(cell, others, 20)
        const judged = judge(
          "failover",
          `${label(cell)}: local dead, others answer`,
          cell,
          await dialTimes(cell, 6),
          others
        )
        checks.push(lost > 12 ? { ...judged, ok: false, seen: `${lost} calls lost` } : judged)
      })
    )
    await Promise.all([...dying].map((each) => each.up()))
    await Promise.all(
      own.map(async (cell) => {
        await settle(cell, [from.name], 30)
        checks.push(
          judge("failover", `${label(cell)}: local back, answers again`, cell, await dialTimes(cell, 4), [from.name])
        )
      })
    )
  }
  return checks
}

/** A gateway dies: who has another provider is served by it, who has none fails at once; and all is well again later. */
export const gatewayDeath = async (mesh: Mesh, victim: string): Promise<ReadonlyArray<Check>> => {
  const dead = mesh.cluster(victim)
  const through = cells(mesh).filter(
    ({ from, service, host }) =>
      !(from.name in service.runs) && victim in service.runs && host === `${service.hosts[0]}.${suffix}`
  )
  await dead.closeGateway()
  const checks = await Promise.all(
    through.map(async (cell): Promise<Check> => {
      const others = Object.keys(cell.service.runs).filter((name) => name !== victim)
      if (others.length > 0) {
        await settle(cell, others, 20)
        const what = `${label(cell)}: gateway of ${victim} dead, others answer`
        return judge("gateway", what, cell, await dialTimes(cell, 6), others)
      }
      const started = Date.now()
      const outcome = await dial(cell)
      const ms = Date.now() - started
      const what = `${label(cell)}: gateway of ${victim} dead, nobody else: fails at once`
      return {
        part: "gateway",
        what,
        ok: outcome.error !== undefined && ms < 3000,
        seen: `${outcome.error ?? "answered"} after ${ms} ms`
      }
    })
  )
  await dead.openGateway()
  const back = await Promise.all(
    through.map(async (cell) => {
      const all = Object.keys(cell.service.runs)
      await settle(cell, all, 30)
      const what = `${label(cell)}: gateway of ${victim} back, ${victim} answers`
      return judge("gateway", what, cell, [await dialUntil(cell, victim)], [victim])
    })
  )
  return [...checks, ...back]
}

/** Where several serve, the one that is meant comes sooner or later. */
const dialUntil = async (cell: Cell, cluster: string, seconds = 25): Promise<Outcome> => {
  const end = Date.now() + seconds * 1000
  let outcome = await dial(cell)
  while (outcome.said?.cluster !== cluster && Date.now() < end) {
    await sleep(50)
    outcome = await dial(cell)
  }
  return outcome
}

/** Nobody runs the service any more: calls fail, and no gateway hands them on to another. */
export const noLoop = async (
  mesh: Mesh,
  only?: ReadonlyArray<string>,
  // More than it takes until an endpoint is left out: a gateway that knows others would turn to them then.
  calls = 8
): Promise<ReadonlyArray<Check>> => {
  const checks: Array<Check> = []
  const services = mesh.fleet.services.filter((service) => only?.includes(service.name) ?? true)
  const every = services.flatMap((service) => backendsOf(mesh, service))
  await Promise.all(every.map((each) => each.down()))
  try {
    for (const service of services) {
      const own = cells(mesh).filter(
        (cell) => cell.service === service && cell.host === `${service.hosts[0]}.${suffix}`
      )
      const before = await connections(mesh)
      const outcomes = (await Promise.all(own.map((cell) => dialTimes(cell, calls)))).flat()
      const after = await connections(mesh)
      // Envoy tries an HTTP call three times, each on another endpoint.
      const bound = 3 * outcomes.length
      const made = after === undefined || before === undefined ? Infinity : after - before
      const answered = outcomes.filter((outcome) => outcome.said !== undefined).length
      checks.push({
        part: "loop",
        what: `${service.name}: nobody alive, ${outcomes.length} calls fail with at most ${bound} gateway connections`,
        ok: answered === 0 && made <= bound,
        seen: answered > 0 ? `${answered} answered` : made === Infinity ? "a gateway died" : `${made} connections`
      })
    }
  } finally {
    await Promise.all(every.map((each) => each.up()))
  }
  return checks
}

/** Undefined when a gateway is gone. */
const connections = async (mesh: Mesh): Promise<number | undefined> => {
  const counts = await Promise.all(mesh.clusters.map((each) => each.gatewayConnections().catch(() => undefined)))
  return counts.some((count) => count === undefined) ? undefined : counts.reduce<number>((sum, n) => sum + (n ?? 0), 0)
}

/** After everything died and came back: waits until every cell answers as in health. */
export const recovered = async (mesh: Mesh, seconds = 40): Promise<void> => {
  await inGroups(cells(mesh), 8, (cell) => settle(cell, expected(cell), seconds))
}

export const inGroups = async <A, B>(
  items: ReadonlyArray<A>,
  size: number,
  f: (item: A) => Promise<B>
): Promise<Array<B>> => {
  const results: Array<B> = []
  const waiting = [...items.entries()]
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) results[next[0]] = await f(next[1])
  }
  await Promise.all(Array.from({ length: size }, work))
  return results
}
