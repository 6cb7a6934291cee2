/** Desired states for sinks, alone and in sequence, with a true history of what changed between them. */
import type { Artifact } from "@coddiwomple/core/Artifact"
import { canonical } from "@coddiwomple/core/Digest"
import { type Changes, Desired, fleetGroup } from "@coddiwomple/core/Desired"
import type { Held, Model } from "@coddiwomple/core/Model"
import * as HashMap from "effect/HashMap"
import * as Given from "./GivenModel.ts"

export interface DesiredOptions {
  /** Owner id; `test` by default. */
  readonly pipeline?: string
  /** Clusters `a` and `b` without services by default. */
  readonly model?: Model
  readonly generation?: number
  readonly held?: ReadonlyArray<Held>
  readonly history?: (since: number) => Changes
}

/** One accepted generation with these artifacts. */
export const desired = (artifacts: ReadonlyArray<Artifact>, options: DesiredOptions = {}): Desired => {
  const model = options.model ?? Given.model({ clusters: ["a", "b"] })
  const generation = options.generation ?? model.generation
  return new Desired({
    pipeline: options.pipeline ?? "test",
    model: { ...model, generation },
    groups: HashMap.fromIterable(grouped(artifacts)),
    held: new Map((options.held ?? []).map((h) => [h.identity, h])),
    history: options.history ?? ((since) => ({ all: since !== generation, groups: new Set() }))
  })
}

const grouped = (artifacts: ReadonlyArray<Artifact>): ReadonlyMap<string, ReadonlyArray<Artifact>> => {
  const groups = new Map<string, Array<Artifact>>()
  for (const artifact of artifacts) {
    const group = artifact.service ?? fleetGroup
    const list = groups.get(group)
    if (list === undefined) groups.set(group, [artifact])
    else list.push(artifact)
  }
  return groups
}

export interface Moment {
  readonly artifacts: ReadonlyArray<Artifact>
  readonly model?: Model
  readonly held?: ReadonlyArray<Held>
}

/** Generations 1, 2, 3…; each knows which groups changed since any earlier one. */
export const sequence = (
  moments: ReadonlyArray<Moment>,
  options: { readonly pipeline?: string } = {}
): ReadonlyArray<Desired> => {
  const shapes = moments.map(({ artifacts }) => {
    const groups = [...grouped(artifacts)]
    return new Map(
      groups.map(([name, list]) => [name, canonical(list.map((a) => ({ ...a, targets: [...a.targets] })))])
    )
  })
  return moments.map((moment, i) =>
    desired(moment.artifacts, {
      ...options,
      ...moment,
      generation: i + 1,
      history: (since) => {
        const [before, after] = [shapes[since - 1], shapes[i]!]
        if (before === undefined || since > i + 1) return { all: true, groups: new Set() }
        const names = [...new Set([...before.keys(), ...after.keys()])]
        return { all: false, groups: new Set(names.filter((name) => before.get(name) !== after.get(name))) }
      }
    })
  )
}

/**
 * What happens to every target in time: two services and something of the fleet appear, one service changes, it leaves
 * a cluster while a third comes, nothing happens, one leaves for good, one comes back. Six generations.
 */
export const story = (
  options: { readonly pipeline?: string; readonly forms?: ReadonlyArray<"object" | "file"> } = {}
): ReadonlyArray<Desired> => {
  const forms = options.forms ?? ["object"]
  const both: Given.ServiceTerse = { in: ["a", "b"] }
  const moments: ReadonlyArray<Readonly<Record<string, Given.ServiceTerse>>> = [
    { reviews: both, ratings: { in: ["b"] } },
    { reviews: { ...both, ports: { http: [80, 9080] } }, ratings: { in: ["b"] } },
    { reviews: { in: ["b"] }, ratings: { in: ["b"] }, details: { in: ["a"] } },
    { reviews: { in: ["b"] }, ratings: { in: ["b"] }, details: { in: ["a"] } },
    { reviews: { in: ["b"] }, details: { in: ["a"] } },
    { reviews: { in: ["b"] }, details: { in: ["a"] }, ratings: { in: ["b"] } }
  ]
  return sequence(
    moments.map((services) => {
      const model = Given.model({ clusters: ["a", "b"], services })
      const artifacts = [...HashMap.values(model.services)].flatMap((s) => {
        const terse: Given.ArtifactTerse = { service: s.identity, in: s.backends.map((b) => b.cluster) }
        const ports = s.ports.map((p) => `${p.name} ${p.port} ${p.backendPort}`).join("\n")
        return [
          ...(forms.includes("object")
            ? [Given.configMap(model.fleet, s.name, { address: s.address, ports }, terse)]
            : []),
          ...(forms.includes("file")
            ? [Given.file(model.fleet, `zones/${s.name}.txt`, `${s.address} ${s.hosts.join(" ")}\n${ports}\n`, terse)]
            : [])
        ]
      })
      const whole = forms.includes("object")
        ? Given.configMap(model.fleet, "fleet", { suffix: model.fleet.suffix })
        : Given.file(model.fleet, "fleet.txt", `${model.fleet.suffix}\n`)
      return { model, artifacts: [whole, ...artifacts] }
    }),
    options.pipeline === undefined ? {} : { pipeline: options.pipeline }
  )
}
