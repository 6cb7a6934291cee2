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

const listed = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`

/** `list and watch services; delete gateways.networking.istio.io in namespace istio-system` */
export const rightsText = (rights: ReadonlyArray<Right>): string => {
  const verbs = new Map<string, Array<string>>()
  for (const r of rights) {
    const what = `${r.resource}${r.group === "" ? "" : `.${r.group}`}`
    const where = r.namespace === undefined ? "" : ` in namespace ${r.namespace}`
    const key = `${what}${where}`
    verbs.set(key, [...(verbs.get(key) ?? []), r.verb])
  }
  // Resources that lack the same are named together.
  const resources = new Map<string, Array<string>>()
  for (const [what, lacking] of verbs) {
    const key = listed(lacking)
    resources.set(key, [...(resources.get(key) ?? []), what])
  }
  return [...resources].map(([lacking, what]) => `${lacking} ${listed(what)}`).join("; ")
}

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
