/**
 * Why a generation is not delivered. Whatever plugin code throws ends here, with the node and the service it was about.
 */
import * as Effect from "effect/Effect"
import { fleetGroup } from "./Desired.ts"
import * as Diagnostic from "./Diagnostic.ts"
import type { CheckNode, TransformNode } from "./Node.ts"
import { PluginError } from "./PluginError.ts"

export interface Refusal {
  readonly node: string
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
  /** May go better by itself: a program or a server did not answer. */
  readonly retryable?: boolean
}

/** Carries a refusal out of synchronous code. */
export class Thrown extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super("refused")
    this.refusal = refusal
  }
}

/** The findings a node gave, or one that says that it failed. */
export const failure = (
  node: TransformNode | CheckNode,
  message: string,
  service?: string,
  diagnostics?: ReadonlyArray<Diagnostic.Diagnostic>
): Refusal => ({
  node: node.id,
  diagnostics: diagnostics?.map((d) => ({ node: node.id, ...d })) ?? [
    Diagnostic.error(
      node.kind === "check" ? "CW623" : "CW620",
      `${node.kind} ${node.id} (${node.type}) failed${service === undefined || service === fleetGroup ? "" : ` on service ${service}`}: ${message}`,
      { node: node.id, service: service === fleetGroup ? undefined : service }
    )
  ]
})

/** The same for what an asynchronous node failed with. */
export const gaveUp =
  (node: TransformNode | CheckNode) =>
  ({ diagnostics, message, retryable }: PluginError): Refusal => ({
    ...failure(node, message, undefined, diagnostics),
    retryable
  })

/** Runs plugin code for one group; what it throws becomes a refusal that names the group. */
export const guarded = <A>(node: TransformNode | CheckNode, group: string, run: () => A): A => {
  try {
    return run()
  } catch (cause) {
    const diagnostics = cause instanceof PluginError ? cause.diagnostics : undefined
    throw new Thrown(failure(node, cause instanceof Error ? cause.message : String(cause), group, diagnostics))
  }
}

/** Synchronous work of a node as an effect that fails with a refusal. */
export const attempt = <A>(node: TransformNode | CheckNode, run: () => A): Effect.Effect<A, Refusal> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(run())
    } catch (cause) {
      return Effect.fail(
        cause instanceof Thrown ? cause.refusal : failure(node, cause instanceof Error ? cause.message : String(cause))
      )
    }
  })
