/**
 * `uses: stdout`: one stream of objects per generation, whole and in order. In a watching run a generation in which
 * something changed is printed whole again; one in which nothing changed prints nothing.
 */
import type { Desired } from "@coddiwomple/core/Desired"
import { fleetGroup } from "@coddiwomple/core/Desired"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { Host } from "@coddiwomple/core/Host"
import type { Plan, Report } from "@coddiwomple/core/Plan"
import { permanent, type PluginError } from "@coddiwomple/core/PluginError"
import * as Sink from "@coddiwomple/core/Sink"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import { Config } from "./Config.ts"
import * as Formats from "./Formats.ts"
import { type Format, Printer, type Selection } from "./Printer.ts"

const target = "stdout"

export default Sink.make({
  type: "stdout",
  summary: "Prints the objects of every service and cluster on standard output",
  config: Config,
  examples: [
    { summary: "Everything, as YAML", config: {} },
    {
      summary: "What one cluster needs, as the original tool printed it",
      config: { format: "classic", clusters: ["east"] }
    },
    { summary: "One JSON object per line", config: { format: "json" } }
  ],
  accepts: ["object"],
  deletes: false,
  exclusive: () => [target],
  make: (config) =>
    Effect.gen(function* () {
      const host = yield* Host
      const printer = new Printer(yield* formatOf(config))
      /** The generation that was printed last, to its end. */
      let printed: number | undefined

      const plan = (desired: Desired): Effect.Effect<Plan> =>
        Effect.sync(() => {
          const unknown = unknownName(desired, config)
          if (unknown !== undefined)
            return { items: [], unchanged: 0, diagnostics: [unknown], failed: new Map([[target, unknown]]) }
          const changes = printed === undefined ? undefined : desired.changesSince(printed)
          if (changes !== undefined && !changes.all && changes.groups.size === 0)
            return { items: [], unchanged: 1, opaque: true }
          return {
            items: [{ op: "update", target, id: `generation ${desired.generation}` }],
            unchanged: 0,
            opaque: true
          }
        })

      const apply = (plan: Plan, desired: Desired): Effect.Effect<Report, PluginError> =>
        Effect.gen(function* () {
          if (plan.items.every((item) => item.op !== "update")) return { items: [] }
          const pieces = printer.print(desired, selection(desired, config))
          while (true) {
            const piece = yield* Effect.try({ try: () => pieces.next(), catch: unprintable })
            if (piece.done === true) break
            yield* host.stdout(piece.value)
          }
          printed = desired.generation
          return { items: plan.items.map(({ id }) => ({ op: "update", target, id, outcome: "applied" })) }
        })

      return { plan, apply }
    })
})

/** Objects that did not come from cw's own printer need a YAML parser, which takes its time to load. */
const formatOf = ({ format }: Config): Effect.Effect<Format> => {
  if (format !== "json") return Effect.succeed(format === "yaml" ? Formats.yaml : Formats.classic)
  return Effect.map(
    Effect.promise(() => import("yaml")),
    ({ parse }) => Formats.json(parse)
  )
}

const unprintable = (cause: unknown) =>
  permanent(
    `an object cannot be printed: ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}`,
    cause
  )

const asked = (names: ReadonlyArray<string> | undefined): ReadonlyArray<string> | undefined =>
  names?.length === 0 ? undefined : names

const selection = (desired: Desired, config: Config): Selection => {
  const { fleet } = desired.model
  const clusters = asked(config.clusters)
  const services = asked(config.services)
  return {
    clusters: fleet.clusters.filter((c) => clusters === undefined || clusters.includes(c.name)).map((c) => c.index),
    groups:
      services === undefined
        ? desired.groupNames
        : desired.groupNames.filter((name) => name !== fleetGroup && services.includes(name))
  }
}

/** A name that nobody has is a mistake, not an empty selection. */
const unknownName = ({ held, model }: Desired, config: Config): Diagnostic.Diagnostic | undefined => {
  for (const name of config.clusters ?? []) {
    if (!model.fleet.byName.has(name)) return unknown("clusters", name, model.fleet.byName.keys())
  }
  for (const name of config.services ?? []) {
    if (!HashMap.has(model.services, name) && !held.has(name)) {
      return unknown("services", name, [...HashMap.keys(model.services), ...held.keys()])
    }
  }
  return undefined
}

const unknown = (field: "clusters" | "services", name: string, known: Iterable<string>): Diagnostic.Diagnostic => {
  const help = Suggest.help(name, known)
  return Diagnostic.error("CW105", `unknown ${field.slice(0, -1)} ${JSON.stringify(name)}`, {
    field: `with.${field}`,
    ...(help === undefined ? {} : { help })
  })
}
