/** An exported bundle as the page sees it: everything stands still, nothing can be planned anew or traced by guess. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Cluster, EventLine, Info, type Live, Missing, PlanDoc, Row, ServiceDetail, Status } from "../Contract.ts"
import { trace } from "./Tracing.ts"
import type { View } from "./View.ts"

const Form = Schema.Struct({
  format: Schema.Literal("cw-ui-bundle/v1"),
  made: Schema.Number,
  info: Info,
  clusters: Schema.Array(Cluster),
  rows: Schema.Array(Row),
  status: Status,
  events: Schema.Array(EventLine),
  services: Schema.Record(Schema.String, ServiceDetail),
  plan: PlanDoc
})

/** The view, or what is wrong with the text. */
export const BundleView = (text: string): View | string => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return "this is not JSON"
  }
  const decoded = Schema.decodeUnknownResult(Form)(value)
  if (decoded._tag === "Failure") return "this is not a bundle of cw ui"
  const bundle = decoded.success
  const info = (): Info => ({ ...bundle.info, mode: "offline bundle", allow: [], started: bundle.made })
  const missing = (what: string) => Effect.fail(new Missing({ what }))
  const service = (id: string) =>
    Object.hasOwn(bundle.services, id) ? Effect.succeed(bundle.services[id]!) : missing(`service ${id} in this bundle`)
  const snapshot: Live = {
    _tag: "Snapshot",
    epoch: 1,
    seq: 1,
    time: bundle.made,
    info: info(),
    clusters: bundle.clusters,
    rows: bundle.rows
  }
  return {
    info,
    clusters: () => bundle.clusters,
    rows: () => bundle.rows,
    status: Effect.succeed(bundle.status),
    watch: () => Stream.concat(Stream.make(snapshot, bundle.status), Stream.never),
    service,
    trace: (question) =>
      Effect.map(service(question.service), (found) =>
        trace(question, found, {
          sites: bundle.clusters.map(({ gateway: _gateway, dataplane, ...c }) => ({
            ...c,
            ...(dataplane === "ambient" || dataplane === "sidecar" ? { dataplane } : {})
          })),
          services: [found, ...Object.values(bundle.services).filter((s) => s.id !== found.id)],
          unreached: new Set(
            bundle.clusters.filter((c) => c.state === "stale" || c.state === "unreached").map((c) => c.name)
          ),
          compares: bundle.info.compares
        })
      ),
    events: () => Stream.concat(Stream.make(bundle.events), Stream.never),
    tap: (node) => Stream.fail(new Missing({ what: `tap of ${node}: this is an offline bundle` })),
    makePlan: () => Effect.succeed(bundle.plan),
    getPlan: (id) => (id === bundle.plan.id ? Effect.succeed(bundle.plan) : missing(`plan ${id} in this bundle`)),
    bundle: Effect.succeed(bundle)
  }
}
