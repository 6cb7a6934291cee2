/**
 * What every sink sees: one accepted generation of artifacts, grouped by service, with the model it came from.
 * Groups are shared between generations; `changesSince` names what moved, so that a sink's cost follows the change.
 */
import * as HashMap from "effect/HashMap"
import type { Artifact } from "./Artifact.ts"
import { type Held, type Model, type Service, standing } from "./Model.ts"

/** What differs from an earlier generation. `all` when that generation is unknown or the fleet changed. */
export interface Changes {
  readonly all: boolean
  /** Group names: service identities, and `""` for the fleet's own artifacts. */
  readonly groups: ReadonlySet<string>
}

/** Group of the artifacts that belong to no service. */
export const fleetGroup = ""

export class Desired {
  /** Owner id: the pipeline's metadata.name. */
  readonly pipeline: string
  readonly model: Model
  readonly groups: HashMap.HashMap<string, ReadonlyArray<Artifact>>
  /** Services held by the model, by a transform or by a claim. */
  readonly held: ReadonlyMap<string, Held>
  private readonly history: (since: number) => Changes
  private sorted: ReadonlyArray<string> | undefined

  constructor(fields: {
    readonly pipeline: string
    readonly model: Model
    readonly groups: HashMap.HashMap<string, ReadonlyArray<Artifact>>
    readonly held: ReadonlyMap<string, Held>
    readonly history: (since: number) => Changes
  }) {
    this.pipeline = fields.pipeline
    this.model = fields.model
    this.groups = fields.groups
    this.held = fields.held
    this.history = fields.history
  }

  get generation(): number {
    return this.model.generation
  }

  /** Services in name order (code points), held ones as far as they stand. Costs a walk of the fleet. */
  get services(): ReadonlyArray<Service> {
    return standing(this.model)
  }

  /** Names of all groups in stream order: the fleet's first, then services by name. */
  get groupNames(): ReadonlyArray<string> {
    this.sorted ??= [...HashMap.keys(this.groups)].sort()
    return this.sorted
  }

  group(name: string): ReadonlyArray<Artifact> {
    const found = HashMap.get(this.groups, name)
    return found._tag === "Some" ? found.value : []
  }

  /** All artifacts in stream order; inside a group as the transforms emitted them. */
  *artifacts(): Generator<Artifact> {
    for (const name of this.groupNames) yield* this.group(name)
  }

  changesSince(generation: number): Changes {
    return this.history(generation)
  }
}
