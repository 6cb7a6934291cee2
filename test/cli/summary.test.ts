// The sentence under a plan and after a run: what could not be read is no "No changes".
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Plan } from "@coddiwomple/core/Plan"
import type { RunResult } from "@coddiwomple/core/Status"
import { assert, describe, it } from "vitest"
import { totals } from "../../packages/cli/src/PlanText.ts"
import { sentence, shortfalls } from "../../packages/cli/src/Verdict.ts"

const failed = new Map([["b", Diagnostic.error("CW425", "cluster b: no connection")]])
const conflict = { op: "conflict", intended: "update", target: "a", id: "/ConfigMap/x/y" } as const

const whole = { partitions: [], held: new Map(), sourceFailures: [], diagnostics: [] }

const told = (plan: Plan): ReadonlyArray<string> => {
  const result: RunResult = {
    generation: 1,
    services: 2,
    clusters: 2,
    ...whole,
    sinks: [{ sink: "out", plan, report: { items: [] }, diagnostics: [] }]
  }
  return [totals([{ sink: "out", plan }]), sentence("shop", result, false)]
}

describe("the sentence at the end", () => {
  it("tells clusters that failed, and conflicts", () => {
    assert.deepStrictEqual(told({ items: [], unchanged: 3 }), [
      "No changes: 3 unchanged.",
      "shop: 2 services in 2 clusters, 0 applied, 3 unchanged."
    ])
    assert.deepStrictEqual(told({ items: [], unchanged: 3, failed }), [
      "Changes: 0 to create, 0 to update, 0 to delete, 3 unchanged, 1 cluster failed.",
      "shop: 2 services in 2 clusters, 0 applied, 3 unchanged, 1 cluster failed."
    ])
    assert.deepStrictEqual(told({ items: [conflict], unchanged: 0 }), [
      "Changes: 0 to create, 0 to update, 0 to delete, 1 in conflict, 0 unchanged.",
      "shop: 2 services in 2 clusters, 0 applied, 1 in conflict."
    ])
  })

  it("tells sources and sinks that failed and services that are held, also where nothing changes", () => {
    const result: RunResult = {
      ...whole,
      generation: 1,
      services: 2,
      clusters: 2,
      held: new Map([["web", [Diagnostic.error("CW502", "service web has no backends")]]]),
      sourceFailures: [
        Diagnostic.error("CW405", "source cmdb failed: no", { node: "cmdb" }),
        Diagnostic.warning("CW403", "odd", { node: "json" })
      ],
      sinks: [
        { sink: "out", plan: { items: [], unchanged: 3 }, report: { items: [] }, diagnostics: [] },
        { sink: "repo", diagnostics: [] },
        { sink: "hook", plan: { items: [], unchanged: 0 }, diagnostics: [] }
      ]
    }
    const short = "source cmdb failed, sinks repo, hook failed, 1 service held."
    assert.strictEqual(
      sentence("shop", result, false),
      `shop: 2 services in 2 clusters, 0 applied, 3 unchanged, ${short}`
    )
    assert.strictEqual(
      totals([{ sink: "out", plan: { items: [], unchanged: 3 } }], shortfalls(result, true)),
      `No changes: 3 unchanged, ${short.replace("sinks repo, hook", "sink repo")}`
    )
  })
})
