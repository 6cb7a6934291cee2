import { Schema } from "effect"
import { Artifact, Transform } from "@coddiwomple/core"

/** Labels every object of a service with the team that owns it. */
export default Transform.make({
  type: "acme/teams",
  summary: "Labels objects with the team that owns their service",
  config: Schema.Struct({
    teams: Schema.Record(Schema.String, Schema.Array(Schema.NonEmptyString)).annotate({
      description: "Services of each team, by identity",
      examples: [{ shop: ["web.shop", "cart.shop"] }]
    })
  }),
  examples: [{ summary: "One team", config: { teams: { shop: ["web.shop"] } } }],
  make: ({ teams }) => {
    const team = new Map(Object.entries(teams).flatMap(([name, services]) => services.map((s) => [s, name] as const)))
    return Transform.artifact((artifact) => {
      const name = artifact.service === undefined ? "platform" : team.get(artifact.service)
      if (name === undefined) return [artifact]
      return [
        Artifact.edit(artifact, (body) => ({
          ...body,
          metadata: { ...body.metadata, labels: { ...body.metadata.labels, "acme.example/team": name } }
        }))
      ]
    })
  }
})
