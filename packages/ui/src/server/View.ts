/** What the server shows, wherever it comes from: a running engine or an exported bundle. */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type {
  Cluster,
  EventLine,
  Info,
  Live,
  Missing,
  PlanDoc,
  Question,
  Route,
  Row,
  ServiceDetail,
  Status
} from "../Contract.ts"

export interface View {
  readonly info: () => Info
  readonly clusters: () => ReadonlyArray<Cluster>
  readonly rows: () => ReadonlyArray<Row>
  readonly status: Effect.Effect<Status>
  /** A snapshot, then what changes; a slow reader gets fewer, larger deltas. */
  readonly watch: (coalesce: number) => Stream.Stream<Live>
  readonly service: (id: string) => Effect.Effect<ServiceDetail, Missing>
  readonly trace: (question: Question) => Effect.Effect<Route, Missing>
  /** What happened after this number, then what happens. */
  readonly events: (after: number) => Stream.Stream<ReadonlyArray<EventLine>>
  /** What passes one node, sampled. */
  readonly tap: (node: string) => Stream.Stream<ReadonlyArray<EventLine>, Missing>
  readonly makePlan: (sinks: ReadonlyArray<string>) => Effect.Effect<PlanDoc, Missing>
  readonly getPlan: (id: string) => Effect.Effect<PlanDoc, Missing>
  /** All of it in one value, for `cw ui --from`. */
  readonly bundle: Effect.Effect<Bundle>
}

export interface Bundle {
  readonly format: "cw-ui-bundle/v1"
  readonly made: number
  readonly info: Info
  readonly clusters: ReadonlyArray<Cluster>
  readonly rows: ReadonlyArray<Row>
  readonly status: Status
  readonly events: ReadonlyArray<EventLine>
  readonly services: Readonly<Record<string, ServiceDetail>>
  readonly plan: PlanDoc
}
