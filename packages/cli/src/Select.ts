/**
 * One cluster or one service on standard output, by exact name. A name that nobody has is not an empty result but a
 * mistake: it is reported with what is known, and nothing is printed.
 */
import type { Desired } from "@coddiwomple/core/Desired"
import * as Plan from "@coddiwomple/core/Plan"
import type { SinkImpl, SinkPlugin } from "@coddiwomple/core/Sink"
import stdout from "@coddiwomple/sink-stdout"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"

export interface Selection {
  readonly cluster?: string | undefined
  readonly service?: string | undefined
}

export interface Unknown {
  readonly what: "cluster" | "service"
  readonly name: string
  readonly known: ReadonlyArray<string>
}

const unknown = ({ held, model }: Desired, { cluster, service }: Selection): Unknown | undefined => {
  if (cluster !== undefined && !model.fleet.byName.has(cluster)) {
    return { what: "cluster", name: cluster, known: [...model.fleet.byName.keys()] }
  }
  if (service !== undefined && !HashMap.has(model.services, service) && !held.has(service)) {
    return { what: "service", name: service, known: [...HashMap.keys(model.services), ...held.keys()] }
  }
  return undefined
}

/** The stdout sink, which first looks whether the names are known. */
export const checked = (selection: Selection, mistaken: (unknown: Unknown) => void): SinkPlugin => ({
  ...stdout,
  make: (config: never) =>
    Effect.map(
      stdout.make(config),
      (impl: SinkImpl): SinkImpl => ({
        ...impl,
        plan: (desired) => {
          const mistake = unknown(desired, selection)
          if (mistake === undefined) return impl.plan(desired)
          mistaken(mistake)
          return Effect.succeed(Plan.nothing)
        }
      })
    )
})

/** The part of the sink's configuration that says the same. */
export const config = ({ cluster, service }: Selection) => ({
  ...(cluster === undefined ? {} : { clusters: [cluster] }),
  ...(service === undefined ? {} : { services: [service] })
})

/** The same, but nothing is printed. */
export const silent = (sink: SinkPlugin): SinkPlugin => ({
  ...sink,
  traits: {},
  make: (config: never) =>
    Effect.map(
      sink.make(config),
      (impl: SinkImpl): SinkImpl => ({
        plan: (desired) => Effect.as(impl.plan(desired), Plan.nothing),
        apply: () => Effect.succeed({ items: [] })
      })
    )
})
