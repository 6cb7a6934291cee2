import type { Model } from "@coddiwomple/core/Model"
import { describe, it } from "vitest"
import { Given, judge, type LawName, laws, type TransformSubject } from "../src/index.ts"
import { breaks } from "./breaks.ts"
import counts from "./broken/T1-Counts.ts"
import dates from "./broken/T1-Dates.ts"
import keyOrder from "./broken/T1-KeyOrder.ts"
import remembers from "./broken/T1-Remembers.ts"
import retargets from "./broken/T2-Retargets.ts"
import sorts from "./broken/T2-Sorts.ts"
import escapes from "./broken/T3-Escapes.ts"
import otherId from "./broken/T3-OtherId.ts"
import otherForm from "./broken/T3-OtherForm.ts"
import twice from "./broken/T3-Twice.ts"
import yamlOneOne from "./broken/T3-YamlOneOne.ts"
import { ofArtifact, ofModel, ofService, ofSet } from "./good/HostsTransform.ts"

const facts = Given.facts({
  clusters: [{ name: "a", labels: { tier: "one", zone: "north" } }, "b"],
  services: {
    reviews: { in: ["b", "a"] },
    "ratings.shop": { in: ["b"] },
    details: { ports: { http: [80, 9080], "tcp-db": 5432 } }
  }
})
const upstream = (model: Model) => [
  Given.configMap(model.fleet, "fleet", { suffix: model.fleet.suffix }),
  Given.configMap(
    model.fleet,
    "reviews",
    { mode: "on" },
    { in: [model.fleet.clusters.at(-1)!.name], service: "reviews" }
  )
]
const subject = (plugin: TransformSubject["plugin"]): TransformSubject => ({
  plugin,
  models: [facts, Given.model({ clusters: ["a"], services: { reviews: {} } })],
  artifacts: upstream
})

describe.each([
  ["service", ofService],
  ["model", ofModel],
  ["artifact", ofArtifact],
  ["set", ofSet]
] as const)("a good transform of the shape %s", (_shape, plugin) => {
  for (const law of laws(subject(plugin))) it(`${law.name}: ${law.title}`, law.run, law.timeout)
})

describe("broken transforms", () => {
  it.each([
    ["T1", counts, /the output is another one the second time: \/ConfigMap\/default\/details of service details/],
    ["T1", dates, /the output is another one at another time/],
    [
      "T1",
      keyOrder,
      /when keys and entries of the input are in another order[\s\S]*- .*tier zone[\s\S]*\+ .*zone tier/
    ],
    [
      "T1",
      remembers,
      /the output is another one the second time: file:addresses\.txt of the model[\s\S]*\+ # unchanged/
    ],
    ["T2", sorts, /the transform tries to change its input[\s\S]*read only/i],
    ["T2", retargets, /the transform changed the artifacts upstream/],
    [
      "T3",
      otherId,
      /\/ConfigMap\/mesh\/details of service details has another id than its text says[\s\S]*text: \/ConfigMap\/default\/details/
    ],
    [
      "T3",
      twice,
      /\/ConfigMap\/default\/all is made twice for cluster a[\s\S]*by service details[\s\S]*by service reviews/
    ],
    [
      "T3",
      yamlOneOne,
      /means something else in YAML 1\.1, which Kubernetes reads: quote it[\s\S]*- .*"mode": "on"[\s\S]*\+ .*"mode": true/
    ],
    ["T3", otherForm, /file:clusters\.txt of the model is of a form that the plugin does not name: file/],
    ["T3", escapes, /file:\.\.\/details\.txt of service details has an unsafe path/]
  ] as const)("%s", async (law: LawName, plugin, message) => {
    await breaks(judge(law, subject(plugin)), law, message)
  })

  it("a law that cannot be judged is not kept", async () => {
    await breaks(
      judge("T3", { plugin: ofService, models: [Given.model({ clusters: ["a"] })] }),
      "T3",
      /the transform made nothing of these models/
    )
  })
})
