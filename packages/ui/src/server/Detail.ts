/** One service as the page shows it: hosts, backends, what is generated for whom, and what differs from what is there. */
import { parseId } from "@coddiwomple/core/Artifact"
import type { Artifact } from "@coddiwomple/core/Artifact"
import { catalogue } from "@coddiwomple/core/Catalogue"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { emit } from "@coddiwomple/core/Emit"
import type { Service } from "@coddiwomple/core/Model"
import type { Plan, PlanItem } from "@coddiwomple/core/Plan"
import { read } from "@coddiwomple/core/Read"
import type { Rendering } from "@coddiwomple/core/Render"
import * as HashMap from "effect/HashMap"
import type { Change, Finding, Resource, ServiceDetail } from "../Contract.ts"

export const finding = (d: Diagnostic.Diagnostic): Finding => ({
  code: d.code,
  severity: d.severity,
  message: Diagnostic.printable(d.message),
  help: Diagnostic.printable(d.help ?? catalogue[d.code].cure),
  ...(d.place !== undefined
    ? { place: Diagnostic.placeText(d.place) }
    : d.object !== undefined
      ? { place: Diagnostic.objectText(d.object) }
      : {}),
  ...(d.service === undefined ? {} : { service: d.service }),
  ...(d.node === undefined ? {} : { node: d.node })
})

/** What all sinks get for a group, each body once. */
export const artifactsOf = (
  rendering: Rendering,
  sinks: ReadonlyArray<string>,
  group: string
): ReadonlyArray<Artifact> => {
  const seen = new Set<Artifact>()
  for (const sink of sinks) for (const artifact of rendering.desired(sink).group(group)) seen.add(artifact)
  return [...seen]
}

export const resource = (artifact: Artifact, rendering: Rendering): Resource => {
  const parts = parseId(artifact.id)
  const names = rendering.model.fleet.clusters
  return {
    id: artifact.id,
    kind: parts?.kind ?? "File",
    name: parts?.name ?? artifact.id.replace(/^file:/, ""),
    namespace: parts?.namespace ?? "",
    node: artifact.node ?? "",
    ownership: artifact.ownership,
    text: artifact.text,
    clusters: [...ClusterSet.indices(artifact.targets)].map((i) => names[i]!.name)
  }
}

const json = (value: unknown): string | undefined => (value === undefined ? undefined : JSON.stringify(value))

export const change = (sink: string, item: PlanItem): Change => ({
  sink,
  op: item.op,
  target: item.target,
  id: item.id,
  fields: (item.fields ?? []).slice(0, 200).map((f) => {
    const before = json(f.before)
    const after = json(f.after)
    return { path: f.path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }
  }),
  ...(item.service === undefined ? {} : { service: item.service }),
  ...(item.intended === undefined ? {} : { intended: item.intended }),
  ...(item.reason === undefined ? {} : { reason: Diagnostic.printable(item.reason) }),
  ...(item.added === undefined ? {} : { added: item.added }),
  ...(item.removed === undefined ? {} : { removed: item.removed })
})

/** Steps of `spec.ports[0].name` or `metadata.labels["a.b/c"]`. */
export const steps = (path: string): ReadonlyArray<string | number> =>
  [...path.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)].map((m) =>
    m[1] !== undefined ? Number(m[1]) : (m[2] ?? m[3]!)
  )

type Json = Record<string | number, unknown>

/** The body as it is there now: the generated one with the old values of the fields that differ. */
export const liveText = (text: string, item: PlanItem): string | undefined => {
  if (item.fields === undefined || item.fields.length === 0) return undefined
  try {
    const body = read(text) as unknown as Json
    for (const { path, before } of item.fields) {
      const way = steps(path)
      let at: Json = body
      for (const step of way.slice(0, -1)) at = (at[step] ??= {}) as Json
      const last = way.at(-1)!
      if (before !== undefined) at[last] = before
      else if (Array.isArray(at)) at.splice(Number(last), 1)
      else delete at[last]
    }
    return emit(body as never)
  } catch {
    return undefined
  }
}

/** The body behind an item: by its id, or, where a sink names files, by the kind and name in the file's name. */
const bodyOf = (artifacts: ReadonlyArray<Artifact>, id: string, column: number | undefined): Artifact | undefined => {
  const here = artifacts.filter((a) => column === undefined || ClusterSet.has(a.targets, column))
  const exact = here.find((a) => a.id === id)
  if (exact !== undefined) return exact
  const file = id.split("/").at(-1)!
  return here.find((a) => {
    const parts = parseId(a.id)
    return parts !== undefined && file === `${parts.kind.toLowerCase()}-${parts.name}.yaml`
  })
}

export interface Planned {
  readonly sink: string
  readonly plan: Plan
}

export const detail = (
  id: string,
  rendering: Rendering,
  sinks: ReadonlyArray<string>,
  plans: ReadonlyArray<Planned>
): ServiceDetail | undefined => {
  const found = HashMap.get(rendering.model.services, id)
  const service: Service | undefined = found._tag === "Some" ? found.value : undefined
  const held = rendering.held.get(id)
  const artifacts = artifactsOf(rendering, sinks, id)
  const index = rendering.model.fleet.byName
  const changes = plans.flatMap(({ sink, plan }) =>
    plan.items
      .filter((item) => item.service === id)
      .map((item): Change => {
        const column = index.get(item.target)?.index
        const body = item.op === "delete" || item.intended === "delete" ? undefined : bodyOf(artifacts, item.id, column)
        const next = body?.text
        const live = next === undefined ? undefined : liveText(next, item)
        return {
          ...change(sink, item),
          ...(body === undefined || body.id === item.id ? {} : { resource: body.id }),
          ...(next === undefined ? {} : { next }),
          ...(live === undefined ? {} : { live })
        }
      })
  )
  if (service === undefined && held === undefined && changes.length === 0) return undefined
  const dot = id.indexOf(".")
  return {
    id,
    name: service?.name ?? (dot < 0 ? id : id.slice(0, dot)),
    namespace: service?.namespace ?? (service !== undefined || dot < 0 ? "" : id.slice(dot + 1)),
    hosts: service?.hosts ?? [],
    address: service?.address ?? "",
    addressFrom: service?.addressFrom ?? "",
    ports: service?.ports ?? [],
    backends: (service?.backends ?? []).map((b) => ({
      cluster: b.cluster,
      host: b.host,
      origin: b.origin.label,
      ...(b.weight === undefined ? {} : { weight: b.weight }),
      ...(b.ports === undefined ? {} : { ports: b.ports })
    })),
    traffic: service?.traffic ?? "",
    tiers: service?.tiers ?? [],
    ...(service?.consumers === undefined ? {} : { consumers: service.consumers }),
    meshed: service?.meshed ?? true,
    origin: service === undefined ? "" : placeOf(service),
    held: (held?.diagnostics ?? []).map(finding),
    findings: [...rendering.model.diagnostics, ...rendering.diagnostics].filter((d) => d.service === id).map(finding),
    resources: artifacts.map((a) => resource(a, rendering)),
    changes,
    generation: rendering.model.generation,
    gone: service === undefined && held === undefined
  }
}

const placeOf = (service: Service): string => {
  const place = service.origin.place?.()
  return place === undefined ? service.origin.label : Diagnostic.placeText(place)
}
