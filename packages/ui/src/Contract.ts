/**
 * What the page and the server say to each other. Reading and writing are two groups: without `--allow` the writing one
 * is not served at all. Nothing here can carry a credential; texts are data and are only ever shown as text.
 */
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcMiddleware from "effect/rpc/RpcMiddleware"

const text = Schema.String
const number = Schema.Number
const maybe = Schema.optionalKey
const list = <S extends Schema.Top>(item: S) => Schema.Array(item)

export const Finding = Schema.Struct({
  code: text,
  severity: Schema.Literals(["error", "warning", "info"]),
  message: text,
  help: text,
  place: maybe(text),
  service: maybe(text),
  node: maybe(text)
})
export type Finding = typeof Finding.Type

/** `declared`: known from a file, nobody connects to it. */
export const ClusterState = Schema.Literals(["declared", "connected", "stale", "unreached"])

export const Cluster = Schema.Struct({
  name: text,
  state: ClusterState,
  addresses: list(text),
  gateway: text,
  source: text,
  origin: text,
  region: maybe(text),
  istio: maybe(text),
  dataplane: maybe(text),
  context: maybe(text),
  kubeconfig: maybe(text),
  namespace: maybe(text),
  labels: maybe(Schema.Record(text, text)),
  /** Milliseconds since the epoch. */
  since: maybe(number),
  reason: maybe(text),
  /** Services with a backend here. */
  services: number,
  /** Objects a sink knows as ours. */
  owned: maybe(number),
  /** May this process change objects there? Asked of the API server, never tried. */
  writable: maybe(Schema.Literals(["yes", "no", "unknown"]))
})
export type Cluster = typeof Cluster.Type

/** One service. Short keys: ten thousand of them travel at once. */
export const Row = Schema.Struct({
  /** Identity. */
  i: text,
  /** Name and namespace. */
  n: text,
  s: text,
  /** One letter per cluster. */
  c: text,
  /** Hosts and ports, parted by spaces. */
  h: text,
  p: text,
  /** Last change, milliseconds since the epoch. */
  t: number,
  /** Why it is held. */
  k: maybe(text)
})
export type Row = typeof Row.Type

export const NodeInfo = Schema.Struct({
  id: text,
  kind: Schema.Literals(["source", "transform", "check", "sink"]),
  type: text,
  state: Schema.Literals(["starting", "ready", "degraded", "failed", "stopped"]),
  reason: maybe(text),
  since: maybe(number),
  /** Ids of what it reads; of a transform without any, the model. */
  reads: list(text),
  description: maybe(text),
  /** Configuration with secrets taken out. */
  config: maybe(text),
  place: maybe(text),
  /** Partitions: synced, stale, never synced. */
  partitions: maybe(list(Schema.Struct({ name: text, state: text, since: number, reason: maybe(text) }))),
  groups: maybe(number),
  p50: maybe(number),
  p99: maybe(number),
  /** Events per minute over the last five minutes, oldest first, one number per ten seconds. */
  rate: list(number),
  last: maybe(number),
  desired: maybe(number),
  applied: maybe(number),
  plan: maybe(
    Schema.Struct({ create: number, update: number, delete: number, held: number, conflict: number, unchanged: number })
  )
})
export type NodeInfo = typeof NodeInfo.Type

export const Generation = Schema.Struct({
  generation: number,
  time: number,
  cause: text,
  touched: number,
  services: number,
  render: maybe(number),
  level: Schema.Literals(["ok", "warning", "error", "running"]),
  result: text
})
export type Generation = typeof Generation.Type

export const Status = Schema.TaggedStruct("Status", {
  generation: number,
  services: number,
  held: number,
  nodes: list(NodeInfo),
  generations: list(Generation),
  /** What no service or cell shows: refusals, findings of the fleet. */
  findings: list(Finding),
  /** Objects waiting in the plans of all sinks. */
  pending: number
})
export type Status = typeof Status.Type

export const Info = Schema.Struct({
  pipeline: text,
  file: text,
  version: text,
  mode: Schema.Literals(["read-only", "apply allowed", "offline bundle"]),
  allow: list(text),
  profile: maybe(text),
  suffix: text,
  started: number,
  /** What is looked at, for empty screens. */
  inputs: list(text),
  /** True where some sink compares with what is there. */
  compares: Schema.Boolean
})
export type Info = typeof Info.Type

export const Snapshot = Schema.TaggedStruct("Snapshot", {
  epoch: number,
  seq: number,
  time: number,
  info: Info,
  clusters: list(Cluster),
  rows: list(Row)
})
export type Snapshot = typeof Snapshot.Type

export const Delta = Schema.TaggedStruct("Delta", {
  seq: number,
  time: number,
  /** Changes folded into this delta. */
  events: number,
  /** row, column, byte, and so on. */
  cells: list(number),
  rows: list(Schema.Struct({ at: number, row: Row })),
  removed: list(number)
})
export type Delta = typeof Delta.Type

export const ClustersChanged = Schema.TaggedStruct("Clusters", { clusters: list(Cluster) })

export const Live = Schema.Union([Snapshot, Delta, ClustersChanged, Status])
export type Live = typeof Live.Type

export const FieldChange = Schema.Struct({ path: text, before: maybe(text), after: maybe(text) })

export const Change = Schema.Struct({
  sink: text,
  op: Schema.Literals(["create", "update", "delete", "held", "conflict"]),
  target: text,
  id: text,
  /** The generated object behind it, where `id` is the path of a file. */
  resource: maybe(text),
  service: maybe(text),
  intended: maybe(text),
  reason: maybe(text),
  fields: list(FieldChange),
  added: maybe(number),
  removed: maybe(number),
  /** What is there now and what would be there, where it is known. */
  live: maybe(text),
  next: maybe(text)
})
export type Change = typeof Change.Type

export const Resource = Schema.Struct({
  id: text,
  kind: text,
  name: text,
  namespace: text,
  node: text,
  ownership: text,
  text,
  clusters: list(text)
})
export type Resource = typeof Resource.Type

export const Backend = Schema.Struct({
  cluster: text,
  host: text,
  weight: maybe(number),
  ports: maybe(Schema.Record(text, number)),
  origin: text
})

export const ServiceDetail = Schema.Struct({
  id: text,
  name: text,
  namespace: text,
  hosts: list(text),
  address: text,
  addressFrom: text,
  ports: list(Schema.Struct({ name: text, protocol: text, port: number, backendPort: number })),
  backends: list(Backend),
  traffic: text,
  tiers: list(list(text)),
  consumers: maybe(list(text)),
  meshed: Schema.Boolean,
  origin: text,
  held: list(Finding),
  findings: list(Finding),
  resources: list(Resource),
  changes: list(Change),
  generation: number,
  gone: Schema.Boolean
})
export type ServiceDetail = typeof ServiceDetail.Type

export const RouteProblem = Schema.Struct({
  code: text,
  severity: Schema.Literals(["error", "warning", "info"]),
  message: text,
  help: text
})
export const RouteStep = Schema.Struct({
  title: text,
  lines: list(text),
  /** The object that decides here. */
  object: maybe(text),
  /** Is what lives in the cluster as generated? */
  source: Schema.Literals(["generated", "live differs", "as generated", "not there", "unknown"]),
  problems: list(RouteProblem)
})
export const RouteEndpoint = Schema.Struct({
  tier: number,
  cluster: text,
  local: Schema.Boolean,
  address: text,
  via: list(text),
  share: maybe(number),
  state: Schema.Literals(["used", "waiting", "down", "unknown", "broken"]),
  note: maybe(text)
})
export const Route = Schema.Struct({
  cluster: text,
  host: text,
  port: number,
  level: Schema.Literals(["ok", "warning", "error"]),
  verdict: text,
  detail: text,
  steps: list(RouteStep),
  endpoints: list(RouteEndpoint),
  then: text,
  /** The same for a chat or a ticket. */
  text
})
export type Route = typeof Route.Type

export const EventLine = Schema.Struct({
  seq: number,
  time: number,
  level: Schema.Literals(["info", "warning", "error"]),
  kind: text,
  node: text,
  text,
  cluster: maybe(text),
  services: maybe(list(text)),
  generation: maybe(number)
})
export type EventLine = typeof EventLine.Type

export const PlanDoc = Schema.Struct({
  id: text,
  pipeline: text,
  made: number,
  expires: number,
  generation: number,
  stale: Schema.Boolean,
  items: list(Change),
  /** More items than are sent. */
  more: number,
  unchanged: number,
  counts: Schema.Struct({ create: number, update: number, delete: number, held: number, conflict: number }),
  /** Where something is written, per sink. */
  sinks: list(
    Schema.Struct({ id: text, type: text, targets: list(text), opaque: Schema.Boolean, allowed: Schema.Boolean })
  ),
  leftOut: list(Schema.Struct({ target: text, why: text })),
  risks: list(Schema.Struct({ level: Schema.Literals(["warning", "error"]), head: text, text })),
  /** What to type. */
  confirm: text,
  command: text
})
export type PlanDoc = typeof PlanDoc.Type

/** A line of a plan. */
export const PlanLine = Schema.Struct({ sink: text, target: text, id: text })
export type PlanLine = typeof PlanLine.Type

export const Progress = Schema.Struct({
  time: number,
  state: Schema.Literals(["checking", "writing", "done", "refused", "failed"]),
  sink: maybe(text),
  text,
  applied: number,
  failed: number,
  total: number,
  findings: list(Finding)
})
export type Progress = typeof Progress.Type

export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {}) {}
export class Missing extends Schema.TaggedError<Missing>()("Missing", { what: text }) {}
export class Refused extends Schema.TaggedError<Refused>()("Refused", { why: text }) {}

/** Every call carries the bearer of this process in its headers. */
export class Auth extends RpcMiddleware.Service<Auth>()("cw/ui/Auth", {
  error: Unauthorized,
  requiredForClient: true
}) {}

export const Question = Schema.Struct({
  service: text,
  cluster: text,
  host: text,
  port: number,
  /** Clusters taken to be down, gateways taken to be out of reach, backends taken to be gone. */
  down: list(text)
})
export type Question = typeof Question.Type

export const Reading = RpcGroup.make(
  Rpc.make("Watch", { payload: { coalesce: number }, success: Live, stream: true }),
  Rpc.make("Service", { payload: { id: text }, success: ServiceDetail, error: Missing }),
  Rpc.make("Trace", { payload: Question, success: Route, error: Missing }),
  Rpc.make("Events", { payload: { after: number }, success: list(EventLine), stream: true }),
  Rpc.make("Tap", { payload: { node: text }, success: list(EventLine), error: Missing, stream: true }),
  Rpc.make("MakePlan", { payload: { sinks: list(text) }, success: PlanDoc, error: Missing }),
  Rpc.make("GetPlan", { payload: { id: text }, success: PlanDoc, error: Missing })
).middleware(Auth)

export const Writing = RpcGroup.make(
  Rpc.make("Apply", {
    // What is left out is held: neither written nor deleted.
    payload: { plan: text, confirm: text, leaveOut: Schema.optional(list(PlanLine)) },
    success: Progress,
    error: Refused,
    stream: true
  })
).middleware(Auth)
