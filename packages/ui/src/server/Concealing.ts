/**
 * A view of which nothing is said that must not be: every finding, reason, event and verdict on its way to a page or to
 * curl passes here. Bodies are what the clusters get and stay as they are, but for the values of Secrets. Names and ids
 * are left alone: the page finds things by them.
 */
import { emit } from "@coddiwomple/core/Emit"
import { read } from "@coddiwomple/core/Read"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type {
  Change,
  Cluster,
  EventLine,
  Finding,
  Live,
  NodeInfo,
  PlanDoc,
  Progress,
  Resource,
  Route,
  Row,
  ServiceDetail,
  Status
} from "../Contract.ts"
import type { Bundle, View } from "./View.ts"

export interface Conceal {
  /** A sentence without anything that came from outside. */
  readonly sentence: (text: string) => string
  /** A piece of a body without what is surely a secret. */
  readonly excerpt: (text: string) => string
}

const hidden = "(hidden)"

const isSecret = (text: string): boolean => /^["']?kind["']?: *["']?Secret["']?\s*$/m.test(text)

/** A body, without values where it is a Secret. */
const body = (text: string): string => {
  if (!isSecret(text)) return text
  try {
    const shown = read(text) as Record<string, object>
    for (const part of ["data", "stringData"])
      if (part in shown) shown[part] = Object.fromEntries(Object.keys(shown[part]!).map((key) => [key, hidden]))
    return emit(shown as never)
  } catch {
    return hidden
  }
}

export const progress =
  (conceal: Conceal) =>
  (of: Progress): Progress => ({
    ...of,
    text: conceal.sentence(of.text),
    findings: of.findings.map(finding(conceal))
  })

const finding =
  ({ sentence }: Conceal) =>
  (of: Finding): Finding => ({ ...of, message: sentence(of.message), help: sentence(of.help) })

/** For what gives a reason, or none. */
const reasoned =
  ({ sentence }: Conceal) =>
  <A extends { readonly reason?: string }>(of: A): A =>
    of.reason === undefined ? of : { ...of, reason: sentence(of.reason) }

const row =
  ({ sentence }: Conceal) =>
  (of: Row): Row =>
    of.k === undefined ? of : { ...of, k: sentence(of.k) }

const node =
  (conceal: Conceal) =>
  (of: NodeInfo): NodeInfo => ({
    ...reasoned(conceal)(of),
    ...(of.description === undefined ? {} : { description: conceal.sentence(of.description) }),
    ...(of.partitions === undefined ? {} : { partitions: of.partitions.map(reasoned(conceal)) })
  })

const status =
  (conceal: Conceal) =>
  (of: Status): Status => ({
    ...of,
    nodes: of.nodes.map(node(conceal)),
    findings: of.findings.map(finding(conceal))
  })

const change =
  (conceal: Conceal) =>
  (of: Change): Change => ({
    ...reasoned(conceal)(of),
    fields: of.fields.map(({ after, before, path }) => ({
      path,
      ...(before === undefined ? {} : { before: conceal.excerpt(before) }),
      ...(after === undefined ? {} : { after: conceal.excerpt(after) })
    })),
    ...(of.live === undefined ? {} : { live: body(of.live) }),
    ...(of.next === undefined ? {} : { next: body(of.next) })
  })

const resource = (of: Resource): Resource => (of.kind === "Secret" ? { ...of, text: body(of.text) } : of)

const service =
  (conceal: Conceal) =>
  (of: ServiceDetail): ServiceDetail => ({
    ...of,
    held: of.held.map(finding(conceal)),
    findings: of.findings.map(finding(conceal)),
    resources: of.resources.map(resource),
    changes: of.changes.map(change(conceal))
  })

const route =
  ({ excerpt, sentence }: Conceal) =>
  (of: Route): Route => {
    let text = excerpt(of.text)
    const problem = (one: Route["steps"][number]["problems"][number]) => {
      for (const said of [one.message, one.help]) text = text.replaceAll(excerpt(said), () => sentence(said))
      return { ...one, message: sentence(one.message), help: sentence(one.help) }
    }
    const steps = of.steps.map((step) => ({
      ...step,
      lines: step.lines.map(excerpt),
      problems: step.problems.map(problem)
    }))
    return { ...of, verdict: sentence(of.verdict), detail: sentence(of.detail), then: sentence(of.then), steps, text }
  }

const event =
  ({ sentence }: Conceal) =>
  (of: EventLine): EventLine => {
    if (of.kind !== "artifact") return { ...of, text: sentence(of.text) }
    const [head, ...rest] = of.text.split("\n")
    return { ...of, text: `${head}\n${body(rest.join("\n"))}` }
  }

const plan =
  (conceal: Conceal) =>
  (of: PlanDoc): PlanDoc => ({
    ...of,
    items: of.items.map(change(conceal)),
    leftOut: of.leftOut.map(({ target, why }) => ({ target, why: conceal.sentence(why) })),
    risks: of.risks.map((risk) => ({ ...risk, text: conceal.sentence(risk.text) }))
  })

const live =
  (conceal: Conceal) =>
  (of: Live): Live => {
    switch (of._tag) {
      case "Snapshot":
        return { ...of, clusters: of.clusters.map(reasoned(conceal)), rows: of.rows.map(row(conceal)) }
      case "Delta":
        return { ...of, rows: of.rows.map((each) => ({ ...each, row: row(conceal)(each.row) })) }
      case "Clusters":
        return { ...of, clusters: of.clusters.map(reasoned(conceal)) }
      case "Status":
        return status(conceal)(of)
    }
  }

const bundle =
  (conceal: Conceal) =>
  (of: Bundle): Bundle => ({
    ...of,
    clusters: of.clusters.map(reasoned(conceal)),
    rows: of.rows.map(row(conceal)),
    status: status(conceal)(of.status),
    events: of.events.map(event(conceal)),
    services: Object.fromEntries(Object.entries(of.services).map(([id, each]) => [id, service(conceal)(each)])),
    plan: plan(conceal)(of.plan)
  })

export const view = (of: View, conceal: Conceal): View => {
  const lines = (batch: ReadonlyArray<EventLine>) => batch.map(event(conceal))
  return {
    info: of.info,
    clusters: (): ReadonlyArray<Cluster> => of.clusters().map(reasoned(conceal)),
    rows: () => of.rows().map(row(conceal)),
    status: Effect.map(of.status, status(conceal)),
    watch: (coalesce) => Stream.map(of.watch(coalesce), live(conceal)),
    service: (id) => Effect.map(of.service(id), service(conceal)),
    trace: (question) => Effect.map(of.trace(question), route(conceal)),
    events: (after) => Stream.map(of.events(after), lines),
    tap: (id) => Stream.map(of.tap(id), lines),
    makePlan: (sinks) => Effect.map(of.makePlan(sinks), plan(conceal)),
    getPlan: (id) => Effect.map(of.getPlan(id), plan(conceal)),
    bundle: Effect.map(of.bundle, bundle(conceal))
  }
}
