import { Schema } from "effect"
import { Artifact, Check, Diagnostic } from "@coddiwomple/core"

/** Nothing is delivered that nobody owns. */
export default Check.make({
  type: "acme/owned",
  summary: "Refuses objects without a team",
  config: Schema.Struct({ label: Schema.NonEmptyString.annotate({ description: "The label that must be there" }) }),
  examples: [{ summary: "The label of teams.ts", config: { label: "acme.example/team" } }],
  make: ({ label }) =>
    Check.service((service, artifacts) => {
      const bare = artifacts.filter(
        (a) => a.form === "object" && Artifact.body(a).metadata.labels?.[label] === undefined
      )
      return bare.length === 0
        ? []
        : [
            Diagnostic.error(
              "CW622",
              `nobody owns service ${service.identity}: ${bare.length} objects without ${label}`,
              {
                service: service.identity,
                place: service.origin.place?.(),
                help: "give the service to a team, under `teams` of the node `teams`"
              }
            )
          ]
    })
})
