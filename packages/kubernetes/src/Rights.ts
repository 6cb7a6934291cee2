/** What the user of a context may do, asked of the server itself; it needs no rights to be asked. */
import * as Effect from "effect/Effect"
import type { ApiError } from "./ApiError.ts"
import type { Client } from "./Client.ts"

export interface Right {
  readonly verb: string
  readonly group: string
  /** Plural: `services`. */
  readonly resource: string
  readonly namespace?: string
}

export const rightText = (r: Right): string =>
  `${r.verb} ${r.resource}${r.group === "" ? "" : `.${r.group}`}${r.namespace === undefined ? "" : ` in namespace ${r.namespace}`}`

/** Those of the rights that are missing. */
export const missing = (client: Client, rights: ReadonlyArray<Right>): Effect.Effect<ReadonlyArray<Right>, ApiError> =>
  Effect.map(
    Effect.forEach(
      rights,
      (right) =>
        Effect.map(
          client.request({
            method: "POST",
            path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            body: JSON.stringify({
              apiVersion: "authorization.k8s.io/v1",
              kind: "SelfSubjectAccessReview",
              spec: { resourceAttributes: right }
            }),
            budget: 5000
          }),
          ({ body }) => ((body as { status?: { allowed?: boolean } }).status?.allowed === true ? [] : [right])
        ),
      { concurrency: 4 }
    ),
    (denied) => denied.flat()
  )
