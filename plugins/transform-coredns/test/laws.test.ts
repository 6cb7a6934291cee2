/** The laws that every transform keeps, over clusters of every platform. */
import { Given, laws } from "@coddiwomple/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, it } from "vitest"
import plugin from "../src/index.ts"

const facts = Given.facts({
  clusters: [
    { name: "a", dns: { platform: "deployment" } },
    { name: "b", dns: { platform: "coredns-custom" } },
    { name: "c", dns: { platform: "gardener" } },
    { name: "d" },
    { name: "e", dns: { platform: "kube-dns" } }
  ],
  services: {
    reviews: { in: ["a", "b"] },
    "ratings.shop": { in: ["c"], consumers: ["a", "d"] },
    wild: { in: ["d"], prefixes: ["*.wild", "wild"] }
  }
})
const clusterIP = "10.96.0.53"

describe.each([
  {},
  { platform: "deployment", clusterIP },
  { platform: "gardener" },
  { platform: "kube-dns", clusterIP }
])("%j", (config) => {
  const subject = { plugin, config, platform: NodeServices.layer, models: [facts] }
  for (const law of laws(subject)) it(`${law.name}: ${law.title}`, law.run, law.timeout)
})
