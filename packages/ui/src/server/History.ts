/**
 * What happened, as lines for people: a ring of events, the last generations with their causes and results, and what each
 * node is doing. Fed by the engine's event stream; holds names and counts, never bodies or secrets.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Stamped } from "@coddiwomple/core/Event"
import type { Model } from "@coddiwomple/core/Model"
import { counts } from "@coddiwomple/core/Plan"
import type { Mutable } from "effect/Types"
import type { EventLine, Generation } from "../Contract.ts"

const ring = 50_000
const kept = 100
const window = 10_000

interface Pulse {
  state: string
  since: number
  last: number | undefined
  /** Milliseconds of the last renderings. */
  readonly times: Array<number>
  /** Events per slot of ten seconds, keyed by slot. */
  readonly slots: Map<number, number>
}

type Draft = Omit<EventLine, "seq" | "time">

export class History {
  seq = 0
  private readonly lines: Array<EventLine> = []
  private readonly generationList: Array<Mutable<Generation>> = []
  private readonly pulses = new Map<string, Pulse>()
  private readonly listeners = new Set<(line: EventLine) => void>()
  private causes: Array<string> = []

  /** Lines after this number, oldest first, at most `limit` of the newest. */
  after(seq: number, limit = 2000): ReadonlyArray<EventLine> {
    const first = this.lines[0]?.seq ?? 0
    return this.lines.slice(Math.max(0, seq + 1 - first, this.lines.length - limit))
  }

  listen(listener: (line: EventLine) => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  /** Newest first. */
  generations(): ReadonlyArray<Generation> {
    return this.generationList.map((g) => ({ ...g })).reverse()
  }

  pulse(node: string, now: number) {
    const pulse = this.pulses.get(node)
    const slot = Math.floor(now / window)
    const rate = Array.from({ length: 30 }, (_, i) => pulse?.slots.get(slot - 29 + i) ?? 0)
    const sorted = [...(pulse?.times ?? [])].sort((a, b) => a - b)
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
    return { since: pulse?.since, last: pulse?.last, rate, p50: at(0.5), p99: at(0.99) }
  }

  /** One event of the engine; `model` is the newest. */
  accept(event: Stamped, model: Model | undefined): void {
    const { time } = event
    if ("node" in event) this.beat(event.node, time)
    switch (event.type) {
      case "source": {
        const synced = event.state === "synced"
        this.causes.push(synced ? `${event.node} read ${event.partition}` : `${event.partition} is ${event.state}`)
        const what = synced
          ? `read ${event.partition}: ${plural(event.facts, "fact")}`
          : `${event.partition} is ${event.state}`
        return this.add(time, {
          level: synced ? "info" : "warning",
          kind: "source",
          node: event.node,
          text: what,
          cluster: event.partition
        })
      }
      case "generation-started":
        this.generationList.push({
          generation: event.generation,
          time,
          cause: this.cause(event.generation),
          touched: event.touched,
          services: event.services,
          level: "running",
          result: "rendering"
        })
        if (this.generationList.length > kept) this.generationList.shift()
        this.causes = []
        return
      case "generation-rendered": {
        let total = 0
        for (const [node, millis] of Object.entries(event.timings)) {
          total += millis
          const pulse = this.beat(node, time)
          pulse.times.push(millis)
          if (pulse.times.length > 512) pulse.times.shift()
        }
        this.settle(
          event.generation,
          event.held > 0 ? "warning" : "ok",
          event.held > 0 ? `${plural(event.held, "service")} held` : "rendered",
          total
        )
        const touched =
          model === undefined || model.generation !== event.generation ? [] : [...model.touched].slice(0, 50)
        const of = this.generationList.find((g) => g.generation === event.generation)
        return this.add(time, {
          level: event.held > 0 ? "warning" : "info",
          kind: "generation",
          node: "model",
          generation: event.generation,
          services: touched,
          text: `generation ${event.generation}: ${plural(of?.touched ?? touched.length, "service")} rendered in ${total < 10 ? total.toFixed(1) : Math.round(total)} ms${event.held > 0 ? `, ${event.held} held` : ""}`
        })
      }
      case "generation-refused":
        this.settle(event.generation, "error", `refused by ${event.node}`)
        this.add(time, {
          level: "error",
          kind: "refused",
          node: event.node,
          generation: event.generation,
          text: `generation ${event.generation} is refused; the one before stays in force`
        })
        return this.findings(time, event.node, event.diagnostics)
      case "planned": {
        const n = counts(event.plan)
        const waiting = n.create + n.update + n.delete
        const said =
          event.plan.opaque === true
            ? "will run; it does not say what it changes"
            : waiting + n.held + n.conflict === 0
              ? `${plural(n.unchanged, "object")} as they should be`
              : words(n)
        this.settle(
          event.generation,
          n.conflict > 0 ? "error" : n.held > 0 ? "warning" : "ok",
          waiting === 0 && n.held === 0 ? "nothing to write" : words(n)
        )
        for (const [target, finding] of event.plan.failed ?? [])
          this.add(time, {
            level: "error",
            kind: "plan",
            node: event.node,
            cluster: target,
            text: finding.message.includes(target) ? finding.message : `${target}: ${finding.message}`
          })
        const services = [...new Set(event.plan.items.flatMap((item) => item.service ?? []))].slice(0, 50)
        return this.add(time, {
          level: n.conflict > 0 ? "error" : n.held > 0 ? "warning" : "info",
          kind: "plan",
          node: event.node,
          generation: event.generation,
          services,
          text: said
        })
      }
      case "applied": {
        const { items } = event.report
        const bad = items.filter((i) => i.outcome === "failed" || i.outcome === "unknown")
        this.settle(
          event.generation,
          bad.length > 0 ? "error" : "ok",
          `${items.length - bad.length} written${bad.length > 0 ? `, ${bad.length} failed` : ""}`
        )
        for (const i of items.slice(0, 200)) {
          this.add(time, {
            level: i.outcome === "applied" ? "info" : i.outcome === "skipped" ? "warning" : "error",
            kind: i.op,
            node: event.node,
            generation: event.generation,
            cluster: i.target,
            text: `${i.op} ${i.id}: ${i.outcome}${i.message === undefined ? "" : `, ${i.message}`}`,
            ...(i.service === undefined ? {} : { services: [i.service] })
          })
        }
        return
      }
      case "sink-failed":
        this.settle(event.generation, "error", `${event.node} failed`)
        return this.findings(time, event.node, event.diagnostics)
      case "node-state": {
        const pulse = this.beat(event.node, time)
        if (pulse.state === event.state) return
        pulse.state = event.state
        pulse.since = time
        return this.add(time, {
          level: event.state === "failed" ? "error" : event.state === "degraded" ? "warning" : "info",
          kind: "state",
          node: event.node,
          text: `${event.state}${event.reason === undefined ? "" : `: ${event.reason}`}`
        })
      }
      case "reloaded":
        this.causes.push("pipeline file saved")
        return this.add(time, {
          level: "info",
          kind: "reload",
          node: "pipeline",
          text: `reloaded: ${plural(event.changed.length, "node")} changed, ${event.removed.length} removed`
        })
      case "reload-failed":
        return this.findings(time, "pipeline", event.diagnostics)
      case "diagnostic":
        return this.findings(time, event.diagnostic.node ?? "pipeline", [event.diagnostic])
    }
  }

  add(time: number, draft: Draft): void {
    const line: EventLine = { ...draft, text: Diagnostic.printable(draft.text), seq: ++this.seq, time }
    this.lines.push(line)
    if (this.lines.length > ring + 1000) this.lines.splice(0, 1000)
    for (const listener of this.listeners) listener(line)
  }

  private findings(time: number, node: string, found: ReadonlyArray<Diagnostic.Diagnostic>): void {
    for (const d of found.slice(0, 50)) {
      this.add(time, {
        level: d.severity,
        kind: d.code,
        node: d.node ?? node,
        text: d.message,
        ...(d.service === undefined ? {} : { services: [d.service] })
      })
    }
  }

  private settle(generation: number, level: Generation["level"], result: string, render?: number): void {
    const found = this.generationList.find((g) => g.generation === generation)
    if (found === undefined) return
    const worse = found.level === "error" || (found.level === "warning" && level === "ok")
    if (!worse || found.level === level) Object.assign(found, { level, result })
    if (render !== undefined) found.render = render
  }

  private cause(generation: number): string {
    const [first, ...rest] = [...new Set(this.causes)]
    if (first === undefined) return generation === 1 ? "start" : "facts changed"
    return rest.length === 0 ? first : `${first} and ${plural(rest.length, "more")}`.replace("mores", "more")
  }

  private beat(node: string, time: number): Pulse {
    let pulse = this.pulses.get(node)
    if (pulse === undefined)
      this.pulses.set(node, (pulse = { state: "", since: time, last: undefined, times: [], slots: new Map() }))
    const slot = Math.floor(time / window)
    pulse.slots.set(slot, (pulse.slots.get(slot) ?? 0) + 1)
    if (pulse.slots.size > 60) for (const old of pulse.slots.keys()) if (old < slot - 30) pulse.slots.delete(old)
    pulse.last = time
    return pulse
  }
}

const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`

const words = (n: ReturnType<typeof counts>): string =>
  [
    [n.create, "to create"],
    [n.update, "to update"],
    [n.delete, "to delete"],
    [n.held, "held"],
    [n.conflict, "in conflict"]
  ]
    .filter(([count]) => (count as number) > 0)
    .map(([count, what]) => `${count} ${what}`)
    .join(", ")
