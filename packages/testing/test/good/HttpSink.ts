/** The smallest sink over a network: a store of texts, each with its owner. */
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Desired } from "@coddiwomple/core/Desired"
import { executable, type Plan, type PlanItem } from "@coddiwomple/core/Plan"
import * as Sink from "@coddiwomple/core/Sink"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { call } from "./Http.ts"

type Stored = Readonly<Record<string, { readonly text: string; readonly owner: string }>>

export default Sink.make({
  type: "test/http",
  summary: "A store of texts",
  config: Schema.Struct({ url: Schema.NonEmptyString }),
  examples: [{ summary: "A store", config: { url: "http://127.0.0.1:1" } }],
  make: ({ url }) => {
    const wanted = (desired: Desired) =>
      new Map(
        [...desired.artifacts()].flatMap((a) =>
          [...ClusterSet.indices(a.targets)].map(
            (i) => [`${desired.model.fleet.clusters[i]!.name}${a.id.replaceAll("/", "-")}`, a.text] as const
          )
        )
      )
    return {
      plan: (desired: Desired) =>
        Effect.map(call("GET", `${url}/`), (found): Plan => {
          const stored = JSON.parse(found) as Stored
          const items: Array<PlanItem> = []
          for (const [id, text] of wanted(desired)) {
            const now = stored[id]
            if (now === undefined) items.push({ op: "create", target: url, id })
            else if (now.owner !== desired.pipeline)
              items.push({ op: "conflict", target: url, id, reason: `belongs to ${now.owner}` })
            else if (now.text !== text) items.push({ op: "update", target: url, id })
          }
          for (const [id, { owner }] of Object.entries(stored)) {
            if (owner === desired.pipeline && !wanted(desired).has(id)) items.push({ op: "delete", target: url, id })
          }
          return { items, unchanged: wanted(desired).size - items.filter((i) => i.op !== "delete").length }
        }),
      apply: (plan: Plan, desired: Desired) =>
        Effect.map(
          Effect.forEach(executable(plan), ({ op, target, id }) =>
            Effect.as(
              op === "delete"
                ? call("DELETE", `${url}/${id}`)
                : call(
                    "PUT",
                    `${url}/${id}`,
                    JSON.stringify({ text: wanted(desired).get(id), owner: desired.pipeline })
                  ),
              {
                op,
                target,
                id,
                outcome: "applied" as const
              }
            )
          ),
          (items) => ({ items })
        )
    }
  }
})
