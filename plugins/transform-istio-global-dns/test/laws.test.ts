/** The laws that every transform keeps, for each profile. */
import { Given, laws, type TransformSubject } from "@coddiwomple/testing"
import { describe, it } from "vitest"
import plugin from "../src/index.ts"

/** Every kind of service, in clusters that differ in what they can say of themselves. */
const facts = Given.facts({
  clusters: [
    { name: "a", region: "north", addresses: ["192.0.2.1", "192.0.2.2"], labels: { tier: "one", zone: "x" } },
    {
      name: "b",
      region: "south",
      addresses: ["gateway.b.example.com"],
      configNamespace: "names",
      istioVersion: "1.27.1"
    },
    {
      name: "c",
      gateway: { namespace: "edge", selector: { app: "gw", istio: "edge" }, port: 15444 },
      trustDomain: "c.local"
    }
  ],
  services: {
    reviews: { in: ["c", "a"], ports: { http: [80, 9080], grpc: 81 }, prefixes: ["reviews", "reviews.v2"] },
    "ratings.shop": { in: ["b"], ports: { tcp: 5432 }, exportTo: ["shop", "."] },
    "db.shop": { in: ["a", "b"], ports: { mongo: 27017 }, address: "240.9.9.9", traffic: "local-only" },
    details: {
      in: {
        a: { host: "details.default.svc.cluster.local", weight: 3 },
        b: { host: "d.example.com", weight: 1, ports: { http: 8081 } }
      },
      traffic: "weighted",
      consumers: ["c"]
    },
    web: { in: ["a", "b", "c"], ports: { tls: 443 }, tiers: [["b"], ["c"]] }
  }
})
const small = Given.facts({ clusters: ["only"], services: { foo: { in: ["only"] } } })

const profile = (name: "mtls" | "classic"): TransformSubject => ({
  plugin,
  config: { profile: name, createNamespaces: true },
  models: [facts, small],
  rejects: [{ profile: "plain" }, { gateway: { port: 0 } }, { configNamespace: "Not_a_namespace" }]
})

describe.each(["mtls", "classic"] as const)("profile %s", (name) => {
  for (const law of laws(profile(name))) it(`${law.name}: ${law.title}`, law.run, law.timeout)
})
