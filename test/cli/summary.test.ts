// The sentence under a plan and after a run: what could not be read is no "No changes".
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Plan } from "@coddiwomple/core/Plan"
import type { RunResult } from "@coddiwomple/core/Status"
import { assert, describe, it } from "vitest"
import { totals } from "../../packages/cli/src/PlanText.ts"
import { sentence } from "../../packages/cli/src/Verdict.ts"

const failed = new Map([["b", Diagnostic.error("CW425", "cluster b: no connection")]])
const conflict = { op: "conflict", intended: "update", target: "a", id: "/ConfigMap/x/y" } as const

const told = (plan: Plan): ReadonlyArray<string> => {
  const result: RunResult = {
    generation: 1,
    services: 2,
    clusters: 2,
    held: new Map(),
    partitions: [],
    sourceFailures: [],
    diagnostics: [],
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
})
