/** The laws that every transform keeps, for each platform. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Given, laws, type Platform, type TransformSubject, Worlds } from "@coddiwomple/testing"
import { afterAll, describe, it } from "vitest"
import plugin from "../src/index.ts"

const world = Worlds.directory()
world.write("Corefile", ".:53 {\n    errors\n    reload\n}\n")
afterAll(world.dispose)

const facts = Given.facts({
  clusters: [
    "a",
    { name: "b", dns: { platform: "coredns-custom" } },
    { name: "c", dns: { platform: "gardener" } },
    { name: "d", dns: { platform: "self-managed" } },
    { name: "e", dns: { platform: "none" } },
    { name: "f", dns: { platform: "kube-dns" } },
    { name: "g", dns: { platform: "deployment" } }
  ],
  services: {
    reviews: { in: ["a", "b"], prefixes: ["reviews", "reviews.v2"] },
    "ratings.shop": { in: ["b"], consumers: ["c"] },
    wild: { in: ["a"], prefixes: ["*.wild", "own.wild"] },
    home: { in: ["d"], traffic: "local-only" },
    six: { in: ["a"], address: "fd00::10" }
  }
})

const subject: TransformSubject = {
  plugin,
  platform: NodeServices.layer as Platform,
  host: { directory: world.directory },
  config: { corefile: "Corefile", clusterIP: "10.96.0.53" },
  models: [facts, Given.facts({ clusters: ["only"] })],
  rejects: [{ platform: "bind" }, { ttl: 0 }, { ttl: 1.5 }, { corefile: "" }, { replicas: 0 }]
}

describe("coredns", () => {
  for (const law of laws(subject)) it(`${law.name}: ${law.title}`, law.run, law.timeout)
})
