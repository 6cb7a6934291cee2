/** Waiting for what a cluster does by itself: a definition is served, a deleted object is gone. */
import type { ApiError } from "@coddiwomple/kubernetes/ApiError"
import * as Apply from "@coddiwomple/kubernetes/Apply"
import type { Resource } from "@coddiwomple/kubernetes/Discovery"
import type { Raw } from "@coddiwomple/kubernetes/List"
import * as Effect from "effect/Effect"
import type { Wanted } from "./Bodies.ts"
import type { Target } from "./Targets.ts"

/** Asks at growing distances until it holds; false when time is up. */
const until = (limit: number, ask: Effect.Effect<boolean, ApiError>): Effect.Effect<boolean, ApiError> =>
  Effect.gen(function* () {
    const end = Date.now() + limit
    for (let pause = 50; ; pause = Math.min(2000, pause * 2)) {
      if (yield* ask) return true
      if (Date.now() + pause > end) return false
      yield* Effect.sleep(pause)
    }
  })

const established = (crd: Raw | undefined): boolean => {
  const conditions =
    (crd?.status as { conditions?: ReadonlyArray<{ type?: string; status?: string }> } | undefined)?.conditions ?? []
  return conditions.some((c) => c.type === "Established" && c.status === "True")
}

/** A definition that was applied is served under its path, and discovery knows it. */
export const served = (
  target: Target,
  resource: Resource,
  want: Wanted,
  limit: number
): Effect.Effect<boolean, ApiError> => {
  const { group, names } = want.body.spec as { readonly group: string; readonly names: { readonly kind: string } }
  const ask = Effect.gen(function* () {
    if (!established(yield* Apply.get(target.client, resource, undefined, want.id.name, 5000))) return false
    const found = yield* target.mapper.find(group, names.kind)
    if (found === undefined) target.mapper.forget()
    return found !== undefined
  })
  return until(limit, ask)
}

/** Finalizers that still hold a deleted object when time is up; undefined when it is gone. */
export const gone = (
  target: Target,
  resource: Resource,
  namespace: string | undefined,
  name: string,
  uid: string,
  limit: number
) =>
  Effect.gen(function* () {
    let last: Raw | undefined
    const over = yield* until(
      limit,
      Effect.map(Apply.get(target.client, resource, namespace, name, 5000), (live) => {
        last = live
        return live?.metadata.uid !== uid
      })
    )
    return over ? undefined : (last?.metadata.finalizers ?? [])
  })
