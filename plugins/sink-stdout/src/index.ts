/**
 * Prints each generation as a whole. There is nothing to compare with and nothing to own: a generation that differs
 * from the last printed one is printed again.
 */
import type { Desired } from "@coddiwomple/core/Desired"
import { Host } from "@coddiwomple/core/Host"
import type { Plan, Report } from "@coddiwomple/core/Plan"
import { executable } from "@coddiwomple/core/Plan"
import * as Sink from "@coddiwomple/core/Sink"
import * as Effect from "effect/Effect"
import { Config } from "./Config.ts"
import { bytes, countDocuments } from "./Stream.ts"

export default Sink.make({
  type: "stdout",
  summary: "Prints the objects as one stream on standard output",
  config: Config,
  accepts: ["object"],
  deletes: false,
  exclusive: () => ["standard output"],
  examples: [
    { summary: "A YAML stream for kubectl or a pipe", config: {} },
    { summary: "As the original tool printed it", config: { format: "classic" } },
    { summary: "One cluster", config: { clusters: ["east"] } }
  ],
  make: (config) =>
    Effect.gen(function* () {
      const host = yield* Host
      let printed = 0
      return {
        plan: (desired: Desired) =>
          Effect.sync((): Plan => {
            const changes = desired.changesSince(printed)
            const { clusters, documents } = countDocuments(desired, config)
            if (printed > 0 && !changes.all && changes.groups.size === 0) return { items: [], unchanged: documents }
            const id = `${documents} documents for ${clusters} clusters`
            return { items: [{ op: "create", target: "standard output", id }], unchanged: 0 }
          }),
        apply: (plan: Plan, desired: Desired) =>
          Effect.gen(function* () {
            for (const chunk of bytes(desired, config)) yield* host.stdout(chunk)
            printed = desired.generation
            const items = executable(plan).map(({ target, id }) => ({
              op: "create" as const,
              target,
              id,
              outcome: "applied" as const
            }))
            return { items } satisfies Report
          })
      }
    })
})
