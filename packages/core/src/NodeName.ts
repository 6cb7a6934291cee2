/** The name of the node that is being made: what a plugin may call its own records. */
import * as Context from "effect/Context"

export const NodeName = Context.Reference<string>("cw/core/NodeName", { defaultValue: () => "node" })
