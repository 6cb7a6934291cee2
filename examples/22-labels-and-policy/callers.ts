import { Schema } from "effect"
import { Artifact, Transform } from "@coddiwomple/core"

/** An AuthorizationPolicy for each service, in every cluster that runs it. */
export default Transform.make({
  type: "acme/callers",
  summary: "Admits only the named namespaces to a service",
  config: Schema.Struct({
    callers: Schema.Record(Schema.String, Schema.NonEmptyArray(Schema.NonEmptyString)).annotate({
      description: "Namespaces that may call a service, by its identity; a service that is not named is open",
      examples: [{ "cart.shop": ["shop"] }]
    })
  }),
  examples: [{ summary: "The cart is for the shop", config: { callers: { "cart.shop": ["shop"] } } }],
  make: ({ callers }) =>
    Transform.service((service, fleet) => {
      const namespaces = callers[service.identity]
      if (namespaces === undefined) return []
      const policy = {
        apiVersion: "security.istio.io/v1",
        kind: "AuthorizationPolicy",
        metadata: { name: `callers-${service.name}`, namespace: service.namespace ?? "default" },
        spec: {
          selector: { matchLabels: { app: service.name } },
          action: "ALLOW",
          rules: [{ from: [{ source: { namespaces } }] }]
        }
      }
      const targets = fleet.set(service.backends.map((backend) => backend.index))
      return [Artifact.object(targets, policy, { service: service.identity })]
    })
})
