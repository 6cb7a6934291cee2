/** May objects of the mesh be changed in a cluster? Its API server is asked, nothing is tried; whoever cannot be asked is unknown. */
import type { Cluster } from "@coddiwomple/core/Model"
import { connect } from "@coddiwomple/kubernetes/Client"
import { missing } from "@coddiwomple/kubernetes/Rights"
import * as Effect from "effect/Effect"

const rights = ["serviceentries", "gateways", "destinationrules", "virtualservices"].flatMap((resource) =>
  ["create", "patch"].map((verb) => ({ verb, group: "networking.istio.io", resource }))
)

export const writable = ({ connection, name }: Cluster): Effect.Effect<"yes" | "no" | "unknown"> =>
  connection === undefined
    ? Effect.succeed("unknown")
    : Effect.flatMap(connect(name, connection), (client) => missing(client, rights)).pipe(
        Effect.map((lacking) => (lacking.length === 0 ? ("yes" as const) : ("no" as const))),
        Effect.timeout("10 seconds"),
        Effect.scoped,
        Effect.catchCause(() => Effect.succeed("unknown" as const))
      )
