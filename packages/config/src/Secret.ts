/** Which parts of a configuration are secret by its Schema, and what is left of a value without them. */
import * as UrlCredentials from "@coddiwomple/core/UrlCredentials"
import { elementOf, memberOf } from "./Fill.ts"
import type { Shape } from "./Shape.ts"
import { put } from "./Tree.ts"

/** Any form of a union that is secret makes the whole so. */
export const isSecret = (shape: Shape | undefined): boolean =>
  shape !== undefined &&
  (shape.secret ||
    (shape.type === "union" && shape.members.some(isSecret)) ||
    (shape.type === "again" && shape.get().secret))

/** Where any form of a union keeps a key secret, it is. */
export const keyShape = (wanted: Shape | undefined, chosen: Shape | undefined, key: string): Shape | undefined => {
  const members = wanted?.type === "union" ? wanted.members : []
  const secret = members.map((m) => memberOf(m, key)).find(isSecret)
  return secret ?? memberOf(chosen ?? wanted, key)
}

/** A configured value without its secret fields, and without the credentials in its URLs. */
export const withoutSecrets = (value: unknown, shape: Shape | undefined): unknown => {
  if (isSecret(shape)) return null
  if (typeof value === "string") return UrlCredentials.remove(value)
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map((item, i) => withoutSecrets(item, elementOf(shape, i)))
  const out = {}
  for (const [key, member] of Object.entries(value))
    put(out, key, withoutSecrets(member, keyShape(shape, undefined, key)))
  return out
}

/** The texts in the secret fields of a configured value. */
export function* secretsOf(value: unknown, shape: Shape | undefined): Generator<string> {
  if (typeof value === "string" && isSecret(shape)) yield value
  if (typeof value !== "object" || value === null) return
  for (const [key, member] of Object.entries(value))
    yield* secretsOf(member, Array.isArray(value) ? elementOf(shape, Number(key)) : keyShape(shape, undefined, key))
}
